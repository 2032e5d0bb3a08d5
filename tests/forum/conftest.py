"""Fixtures of the forum's tests."""

from collections.abc import AsyncIterator

import pytest

from chassis.identity import Role
from deploy.embedded import Nats, free_port
from tests.calls import Caller, Keys, RunningService
from tests.conftest import run_service


@pytest.fixture
async def lone_forum(_forum_url: str, nats_server: Nats, keys: Keys) -> AsyncIterator[RunningService]:
    """The forum service while the exchange service is away."""
    more = {"FORUM_EXCHANGE_ADDRESS": f"127.0.0.1:{free_port()}", "FORUM_SIGNING_KEY": keys.private["forum"]}
    async with run_service("forum", _forum_url, nats_server, keys, **more) as running:
        yield running


@pytest.fixture
def coordinator(lone_forum: RunningService) -> Caller:
    """The international office's coordinator."""
    return lone_forum.as_(Role.COORDINATOR, name="Internationales Büro", department="Internationales Büro")
