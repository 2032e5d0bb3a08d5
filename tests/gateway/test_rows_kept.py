"""What a table of rows must not lose: times of day, texts that no column offers, rows for which there is no place."""

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import browser, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created
from tests.gateway.test_rows import Sheet, add_item, items_of


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    """The browser of the international office."""
    return browser(gateway, Role.COORDINATOR)


def test_what_a_column_does_not_offer_is_refused_at_its_cell_and_stays_there(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    created(rest.post("/v1/rooms", {"displayName": "Ratssaal"}))
    sheet = Sheet(client, visit)
    sheet.type_row(0, title="Walk", duration_minutes="30", room="Festsaal", day="32.13.2030")
    sheet.type_row(0, fixed="perhaps", order="later")
    said = text_of(sheet.send())
    for column in ("Room", "Fixed", "Order"):
        assert f"{column}, row 1: Please choose one of the entries." in said
    assert "Day, row 1: Please give a date" in said
    assert (sheet["room", 0], sheet["fixed", 0], sheet["day", 0]) == ("Festsaal", "perhaps", "32.13.2030")
    assert sheet["order", 0] == "later"
    assert not items_of(rest, visit)


@pytest.mark.parametrize(("kind", "column"), [("agendaItems", "title"), ("delegates", "function")])
def test_a_full_page_says_that_it_is_full_and_what_to_do(
    client: FlaskClient, rest: Rest, kind: str, column: str
) -> None:
    sheet = Sheet(client, a_visit(rest)["name"], kind)
    full = "One page holds 100 rows. Save these, then open the table again for more."
    assert full not in text_of(sheet.answer)
    sheet[column, 89] = "Last"
    answer = sheet.send(do="add_rows")
    assert (sheet[column, 89], f"{sheet.rows}.99.{column}" in sheet.fields) == ("Last", True)
    assert (full in text_of(answer), "More rows" in text_of(answer)) == (True, False)
