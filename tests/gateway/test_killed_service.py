"""What a client of the gateway sees while a service dies and comes back: every write once, or a clear no."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chassis.identity import Role
from deploy.embedded import Nats
from gateway import create_app
from tests.calls import Keys
from tests.conftest import FreshDatabase
from tests.gateway.conftest import Gateway, Rest, create_accounts, settings_for
from tests.gateway.killing import Exchange, Work
from tests.gateway.samples import an_exchange, visit_of

KILLS = 10
# Where the service is not back within the deadline of a call.
AWAY = (503, 504)


@pytest.fixture
def exchange(fresh_database: FreshDatabase, nats_server: Nats, keys: Keys, tmp_path: Path) -> Iterator[Exchange]:
    """The exchange service, running."""
    service = Exchange(fresh_database("services.exchange"), nats_server, keys, tmp_path / "exchange.log")
    service.start()
    yield service
    service.stop(signal.SIGKILL)


@pytest.fixture
def rest(exchange: Exchange, fresh_database: FreshDatabase, keys: Keys) -> Iterator[Callable[[], Rest]]:
    """Make programs of a coordinator that call a gateway before this service."""
    addresses = dict.fromkeys(("exchange", "forum", "knowledge"), exchange.address)
    settings = settings_for(fresh_database("gateway.accounts"), keys, addresses)
    app = create_app(settings)
    gateway = Gateway(app, app.extensions["accounts"], settings)
    create_accounts(gateway.database)
    yield lambda: gateway.as_(Role.COORDINATOR)
    app.extensions["rpc"].close()
    gateway.database.dispose()


def all_visits(rest: Rest) -> list[dict[str, Any]]:
    """Return every visit, page by page."""
    visits: list[dict[str, Any]] = []
    token = ""
    while True:
        answer = rest.get("/v1/visits", pageSize=1000, pageToken=token).json
        visits += answer["visits"]
        token = answer.get("nextPageToken", "")
        if not token:
            return visits


def test_what_is_written_while_a_service_is_killed_ten_times_is_written_once(
    exchange: Exchange, rest: Callable[[], Rest]
) -> None:
    parent = an_exchange(rest())
    codes: Counter[tuple[str, int]] = Counter()
    created: dict[str, str] = {}
    agreed: set[str] = set()

    def create_and_agree(program: Rest, number: int) -> None:
        title = f"Visit {number}"
        answer = program.post("/v1/visits", visit_of(parent, title=title))
        codes["create", answer.status_code] += 1
        if answer.status_code != 200:
            return
        visit = answer.json
        created[visit["name"]] = title
        answer = program.post(f"/v1/{visit['name']}:agree", {"etag": visit["etag"]})
        codes["agree", answer.status_code] += 1
        if answer.status_code == 200:
            agreed.add(visit["name"])

    with Work(rest, create_and_agree) as work:
        for _ in range(KILLS):
            work.wait_for_more()
            exchange.stop(signal.SIGKILL)
            exchange.start()
        work.wait_for_more()

    visits = all_visits(rest())
    titles = Counter(visit["title"] for visit in visits)
    states = {visit["name"]: visit["state"] for visit in visits}
    assert {title: number for title, number in titles.items() if number > 1} == {}
    assert set(created.values()) <= set(titles)
    assert {states[name] for name in agreed} == {"STATE_AGREED"}
    assert {code for _, code in codes} <= {200, *AWAY}, codes


def test_a_save_that_was_cut_off_is_not_said_to_be_somebody_elses(exchange: Exchange, rest: Callable[[], Rest]) -> None:
    parent = an_exchange(rest())
    codes: Counter[int] = Counter()

    def save(program: Rest, number: int) -> None:
        created = program.post("/v1/visits", visit_of(parent))
        if created.status_code == 200:
            name, etag = created.json["name"], created.json["etag"]
            body = {"title": f"Saved {number}", "etag": etag}
            codes[program.patch(f"/v1/{name}", body, updateMask="title").status_code] += 1

    with Work(rest, save) as work:
        for _ in range(2):
            work.wait_for_more()
            exchange.stop(signal.SIGKILL)
            exchange.start()
        work.wait_for_more()
    assert set(codes) <= {200, *AWAY}, codes


def test_who_calls_while_a_service_drains_is_answered(exchange: Exchange, rest: Callable[[], Rest]) -> None:
    an_exchange(rest())
    codes: Counter[int] = Counter()

    def read(program: Rest, _number: int) -> None:
        codes[program.get("/v1/cities/swansea").status_code] += 1

    with Work(rest, read) as work:
        for _ in range(2):
            work.wait_for_more()
            exchange.stop(signal.SIGTERM)
            exchange.start()
        work.wait_for_more()
    assert set(codes) <= {200, *AWAY}, codes
