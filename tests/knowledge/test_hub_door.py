"""The door of a hub: who publishes there and does not prove who they are is kept out for a while."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest
from austausch.knowledge.v1 import hub_pb2 as pb
from werkzeug.test import TestResponse

from chassis.identity import new_private_key
from gateway import create_app
from gateway.accounts import throttle
from services.knowledge.signatures import load_private_key, sign
from tests.calls import Keys, RunningService
from tests.conftest import FreshDatabase
from tests.gateway.conftest import settings_for
from tests.knowledge.installations import HUB, Publishing, publication

LIMIT = 3
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"

Post = Callable[..., Awaitable[TestResponse]]


@pytest.fixture
def accounts_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("gateway.accounts")


@pytest.fixture
def post(hub: RunningService, accounts_url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """Publish through the gateway: ``await post(request, ELSEWHERE)``."""
    monkeypatch.setattr(throttle, "ATTEMPTS_PER_PUBLISHING_ADDRESS", LIMIT)
    addresses = dict.fromkeys(("exchange", "forum", "knowledge"), hub.address)
    app = create_app(settings_for(accounts_url, keys, addresses))

    async def send(request: pb.PublishLearningsRequest, address: str = HERE) -> TestResponse:
        body = {"content": request.content, "signature": request.signature, "requestId": str(uuid.uuid4())}
        path = f"/api/v1/{request.name}:publish"
        return await asyncio.to_thread(
            lambda: app.test_client().post(path, json=body, environ_base={"REMOTE_ADDR": address})
        )

    yield send
    app.extensions["rpc"].close()
    app.extensions["accounts"].dispose()


async def test_an_address_from_which_too_much_proved_nothing_is_kept_out_for_a_while(
    hub: RunningService, swansea: Publishing, post: Post, accounts_url: str
) -> None:
    stranger, thief = Publishing(hub, "stranger"), load_private_key(new_private_key())
    unproven = [stranger.sign(publication()), swansea.sign(publication(), key=thief), stranger.sign(publication())]

    assert [(await post(each)).status_code for each in unproven] == [401] * LIMIT
    late = await post(swansea.sign(publication()))
    elsewhere = await post(swansea.sign(publication()), ELSEWHERE)

    assert (late.status_code, late.json["error"]["details"][0]["reason"]) == (429, "TOO_MANY_ATTEMPTS")
    assert 0 < int(late.headers["Retry-After"]) <= throttle.WINDOW.total_seconds() + 1
    assert elsewhere.status_code == 200
    with psycopg.connect(accounts_url) as connection:
        connection.execute("UPDATE sign_in_attempts SET window_start = window_start - interval '15 minutes'")
    assert (await post(stranger.sign(publication()))).status_code == 401, "counted from one again"
    assert (await post(swansea.sign(publication()))).status_code == 200


async def test_who_proves_who_they_are_is_never_kept_out(swansea: Publishing, post: Post) -> None:
    def malform() -> pb.PublishLearningsRequest:
        signature = sign("[]", swansea.name, HUB, swansea.key)
        return pb.PublishLearningsRequest(name=swansea.name, content="[]", signature=signature)

    malformed = [await post(malform()) for _ in range(LIMIT + 1)]
    taken = [await post(swansea.sign(publication(version=number))) for number in range(1, LIMIT + 2)]

    assert [answer.json["error"]["details"][0]["reason"] for answer in malformed] == ["CONTENT_MALFORMED"] * (LIMIT + 1)
    assert [answer.status_code for answer in taken] == [200] * (LIMIT + 1)
