"""Two replicas of a service behind one gateway: both work, and either may die."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chassis.identity import Role
from deploy.embedded import Nats
from gateway import create_app
from tests.calls import Keys
from tests.conftest import FreshDatabase
from tests.gateway.conftest import Gateway, Rest, create_accounts, settings_for
from tests.gateway.killing import SECONDS, Exchange, Work
from tests.gateway.samples import a_city


@pytest.fixture
def replicas(
    fresh_database: FreshDatabase, nats_server: Nats, keys: Keys, tmp_path: Path
) -> Iterator[tuple[Exchange, Exchange]]:
    """Two of the exchange service, running on one database."""
    url = fresh_database("services.exchange")
    made = [Exchange(url, nats_server, keys, tmp_path / f"exchange-{number}.log") for number in range(2)]
    for each in made:
        each.start()
    yield made[0], made[1]
    for each in made:
        each.stop(signal.SIGKILL)


@pytest.fixture
def rest(
    replicas: tuple[Exchange, Exchange], fresh_database: FreshDatabase, keys: Keys
) -> Iterator[Callable[[], Rest]]:
    """Make programs of a coordinator that call a gateway before both."""
    address = ",".join(each.address for each in replicas)
    addresses = dict.fromkeys(("exchange", "forum", "knowledge"), address)
    settings = settings_for(fresh_database("gateway.accounts"), keys, addresses)
    app = create_app(settings)
    gateway = Gateway(app, app.extensions["accounts"], settings)
    create_accounts(gateway.database)
    a_city(gateway.as_(Role.COORDINATOR), "swansea")
    yield lambda: gateway.as_(Role.COORDINATOR)
    app.extensions["rpc"].close()
    gateway.database.dispose()


def test_both_replicas_get_calls(replicas: tuple[Exchange, Exchange], rest: Callable[[], Rest]) -> None:
    before = [each.count_calls() for each in replicas]
    until = time.monotonic() + SECONDS
    # A replica gets calls from when the gateway is connected with it.
    while any(each.count_calls() == count for each, count in zip(replicas, before, strict=True)):
        assert time.monotonic() < until
        rest().get("/v1/cities/swansea")
    before = [each.count_calls() for each in replicas]
    for _ in range(40):
        assert rest().get("/v1/cities/swansea").status_code == 200
    calls = [each.count_calls() - count for each, count in zip(replicas, before, strict=True)]
    assert min(calls) >= 15, calls


def test_no_read_fails_while_one_of_two_replicas_is_killed_again_and_again(
    replicas: tuple[Exchange, Exchange], rest: Callable[[], Rest]
) -> None:
    codes: Counter[int] = Counter()

    def read(program: Rest, _number: int) -> None:
        codes[program.get("/v1/cities/swansea").status_code] += 1

    with Work(rest, read) as work:
        for killed in (*replicas, *replicas):
            work.wait_for_more()
            killed.stop(signal.SIGKILL)
            work.wait_for_more()
            killed.start()
        work.wait_for_more()
    assert set(codes) == {200}, codes


def test_a_replica_that_hangs_is_left_out_until_it_goes_on(
    replicas: tuple[Exchange, Exchange], rest: Callable[[], Rest]
) -> None:
    program = rest()
    replicas[0].send(signal.SIGSTOP)
    try:
        # Who is sent there first waits until that is noticed, and is then answered by the other one.
        answers = [program.get("/v1/cities/swansea").status_code for _ in range(8)]
        assert answers[2:] == [200] * 6, answers
    finally:
        replicas[0].send(signal.SIGCONT)
