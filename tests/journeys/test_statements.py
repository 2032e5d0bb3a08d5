"""What a page costs the database."""

from collections.abc import Iterator

import pytest

from tests.bench import load
from tests.bench.client import Client
from tests.bench.statements import StatementLog
from tests.stack import Stack

FORUM = "/forums/leitbild-mannheim-2030"
MOST = 5
PAGES = [
    "/",
    "/partnerships",
    "/exchanges",
    "/visits",
    "/forums",
    FORUM,
    f"{FORUM}/panel",
    f"{FORUM}/subject",
    "/learnings",
    "/search?query=controllers",
]


@pytest.fixture(scope="module")
def coordinator(stack: Stack) -> Client:
    return Client(stack.url)


@pytest.fixture(scope="module")
def log(stack: Stack) -> Iterator[StatementLog]:
    with StatementLog(stack.data) as log:
        yield log


def statements_of(page: str, coordinator: Client, log: StatementLog) -> list[str]:
    return log.of(lambda: load.once(coordinator.url + page, headers=coordinator.cookie))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_five_statements_at_most(page: str, coordinator: Client, log: StatementLog) -> None:
    statements = statements_of(page, coordinator, log)
    assert 0 < len(statements) <= MOST, statements


def test_the_page_of_a_visit_needs_five_statements_at_most(coordinator: Client, log: StatementLog) -> None:
    visit = coordinator.get("/api/v1/visits", pageSize=1)["visits"][0]["name"]
    statements = statements_of(f"/{visit}", coordinator, log)
    assert 0 < len(statements) <= MOST, statements
