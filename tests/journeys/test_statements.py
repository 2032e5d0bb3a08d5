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
    "/partnerships/new",
    "/exchanges",
    "/exchanges/new",
    "/visits",
    "/visits?view=month",
    "/visits?view=month&from=2040-01-01",
    "/visits?rows=rooms",
    "/visits?view=list",
    "/visits/new",
    "/forums",
    "/forums/new",
    FORUM,
    f"{FORUM}/edit",
    f"{FORUM}/panel",
    f"{FORUM}/panelists/new",
    f"{FORUM}/panelists/national/edit",
    f"{FORUM}/workingGroups/new",
    f"{FORUM}/workingGroups/kultur/edit",
    f"{FORUM}/subject",
    f"{FORUM}/subjectNodes/new",
    f"{FORUM}/subjectNodes/massnahmen-kultur/edit",
    f"{FORUM}/conclusions/new",
    f"{FORUM}/conclusions/steuerung/adopt",
    f"{FORUM}/recommendations/new",
    f"{FORUM}/recommendations/vorbild-sein/edit",
    f"{FORUM}/recommendations/vorbild-sein/answer",
    "/learnings",
    "/learnings/new",
    "/search?query=controllers",
    "/cities",
    "/cities/swansea",
    "/cities/swansea/edit",
    "/venues",
    "/venues/stadthaus-n-1",
    "/venues/new",
    "/rooms",
    "/rooms/new",
    "/people",
    "/people/new",
]


@pytest.fixture(scope="module")
def coordinator(stack: Stack) -> Client:
    return Client(stack.url)


@pytest.fixture(scope="module")
def log(stack: Stack) -> Iterator[StatementLog]:
    with StatementLog(stack.data) as log:
        yield log


def statements_of(page: str, reader: Client, log: StatementLog) -> list[str]:
    return log.of(lambda: load.once(reader.url, page, headers=reader.cookie))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_five_statements_at_most(page: str, coordinator: Client, log: StatementLog) -> None:
    statements = statements_of(page, coordinator, log)
    assert 0 < len(statements) <= MOST, [each[:400] for each in statements]


@pytest.mark.parametrize("part", ["", "/report", "/programme.ics"])
def test_a_page_of_a_visit_needs_five_statements_at_most(part: str, coordinator: Client, log: StatementLog) -> None:
    visit = coordinator.get("/api/v1/visits", pageSize=1, state="STATE_AGREED")["visits"][0]["name"]
    statements = statements_of(f"/{visit}{part}", coordinator, log)
    assert 0 < len(statements) <= MOST, [each[:400] for each in statements]


@pytest.mark.parametrize(
    "page",
    [
        "/accounts",
        "/accounts?query=mannheim",
        "/accounts/new",
        "/accounts/member",
        "/accounts/member/edit",
        "/installations",
    ],
)
def test_a_page_of_accounts_needs_five_statements_at_most(page: str, stack: Stack, log: StatementLog) -> None:
    statements = statements_of(page, Client(stack.url, "admin@mannheim.example"), log)
    assert 0 < len(statements) <= MOST, [each[:400] for each in statements]
