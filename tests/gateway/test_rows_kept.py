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


def test_the_table_keeps_the_times_between_which_an_item_has_to_take_place(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    bounds = {"earliestStartTime": "2030-05-14T10:00:00Z", "latestEndTime": "2030-05-14T14:00:00Z"}
    add_item(rest, visit, "Open", **bounds)
    add_item(rest, visit, "Timed", **bounds)
    add_item(rest, visit, "Placed", startTime="2030-05-14T11:00:00Z", fixed=True, **bounds)
    add_item(rest, visit, "Wide", earliestStartTime=bounds["earliestStartTime"])
    add_item(rest, visit, "Untouched", startTime="2030-05-14T06:00:00Z", fixed=True, **bounds)
    sheet = Sheet(client, visit)
    assert (sheet["day", sheet.find("Open")], sheet["day", sheet.find("Wide")]) == ("2030-05-14", "")
    sheet.type_row(sheet.find("Open"), day="2030-05-15")
    sheet.type_row(sheet.find("Timed"), day="2030-05-16", time="13:00")
    sheet.type_row(sheet.find("Placed"), time="")
    sheet.type_row(sheet.find("Wide"), day="2030-05-15")
    sheet.type_row(sheet.find("Untouched"), time="8:30")
    sheet.save()
    items = items_of(rest, visit)

    def bounds_of(title: str) -> tuple[str, str]:
        return items[title]["earliestStartTime"][8:16], items[title]["latestEndTime"][8:16]

    assert bounds_of("Open") == ("15T10:00", "15T14:00")
    assert (bounds_of("Timed"), items["Timed"]["startTime"]) == (("16T10:00", "16T14:00"), "2030-05-16T11:00:00Z")
    assert (bounds_of("Placed"), "startTime" in items["Placed"]) == (("14T10:00", "14T14:00"), False)
    assert bounds_of("Wide") == ("15T10:00", "15T22:00")
    assert bounds_of("Untouched") == ("14T10:00", "14T14:00")
    assert items["Untouched"]["startTime"] == "2030-05-14T06:30:00Z"
    assert (items["Placed"]["fixed"], items["Untouched"]["fixed"]) == (False, True), "without a time nothing is fixed"
    sheet = Sheet(client, visit)
    sheet["day", sheet.find("Open")] = ""
    sheet.save()
    assert "earliestStartTime" not in items_of(rest, visit)["Open"]


def test_a_time_whose_day_is_emptied_is_asked_about_and_not_lost(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    add_item(rest, visit, "Welcome", startTime="2030-05-14T07:00:00Z")
    sheet = Sheet(client, visit)
    sheet["day", 0] = ""
    answer = sheet.send()
    assert (answer.status_code, "Day, row 1: Please choose the day as well." in text_of(answer)) == (400, True)
    assert items_of(rest, visit)["Welcome"]["startTime"] == "2030-05-14T07:00:00Z"


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
