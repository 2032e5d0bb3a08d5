"""The tables in which a delegation and a programme are edited as a whole, as browsers without scripts use them."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    """The browser of the international office."""
    return browser(gateway, Role.COORDINATOR)


class Sheet:
    """A table as a browser holds it: opened, typed into, saved. `sheet["title", 0]` is a cell."""

    def __init__(self, client: FlaskClient, visit: str, kind: str = "agendaItems") -> None:
        self.client, self.path = client, f"/{visit}/{kind}/rows"
        self.rows = {"agendaItems": "agenda_items", "delegates": "delegates"}[kind]
        self.show(client.get(self.path, headers=ENGLISH))

    def show(self, answer: TestResponse) -> TestResponse:
        self.answer = answer
        if answer.status_code != 303:
            self.fields = PageForm(answer.text).fields
        return answer

    def __getitem__(self, cell: tuple[str, int]) -> str:
        column, row = cell
        return (self.fields.getlist(f"{self.rows}.{row}.{column}") or [""])[-1]

    def __setitem__(self, cell: tuple[str, int], text: str) -> None:
        column, row = cell
        self.fields.setlist(f"{self.rows}.{row}.{column}", [text])

    def type_row(self, row: int, **cells: str) -> None:
        for column, text in cells.items():
            self[column, row] = text

    def find(self, title: str, column: str = "title") -> int:
        """Return the number of the row in which a column holds a text."""
        return next(row for row in range(100) if self[column, row] == title)

    def send(self, **fields: str) -> TestResponse:
        """Press the button that saves, or the one that `do` names."""
        for name, text in fields.items():
            self.fields[name] = text
        answer = self.client.post(self.path, data=self.fields, headers=ENGLISH)
        self.fields.poplist("do")
        return self.show(answer)

    def save(self) -> str:
        """Save what has to be in order, and return what the next page says."""
        answer = self.send()
        assert answer.status_code == 303, text_of(answer)
        return text_of(self.client.get(answer.location, headers=ENGLISH))


def items_of(rest: Rest, visit: str) -> dict[str, Any]:
    """Return the programme of a visit by title."""
    listed = rest.get(f"/v1/{visit}/agendaItems", pageSize="1000").json["agendaItems"]
    return {item["title"]: item for item in listed}


def add_item(rest: Rest, visit: str, title: str, **fields: Any) -> dict[str, Any]:
    return created(rest.post(f"/v1/{visit}/agendaItems", {"title": title, "durationMinutes": 60, **fields}))


def before(item: dict[str, Any]) -> set[str]:
    """Return the names of the items directly before one."""
    return {each["agendaItem"] for each in item.get("after", [])}


def test_a_programme_is_entered_in_rows_with_everything_that_items_say(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    room = created(rest.post("/v1/rooms", {"displayName": "Ratssaal"}))["name"]
    person = created(rest.post("/v1/people", {"function": "Interpreter", "languagePairs": ["de-en"]}))["name"]
    harbour = created(rest.post("/v1/venues", {"displayName": "Harbour office", "city": "cities/mannheim"}))["name"]
    sheet = Sheet(client, visit)
    pair = {"interpretation_languages": "German, English", "interpreter": person}
    sheet.type_row(0, title="Welcome", duration_minutes="45", day="2030-05-14", time="9", room=room, who="all", **pair)
    sheet.type_row(1, title="Tour", duration_minutes="90", venue=harbour, who="GROUP_POLITICS,GROUP_STAFF")
    sheet.type_row(
        3,
        title="Dinner",
        duration_minutes="120",
        day="2030-05-15",
        time="19.30",
        place="Harbour",
        fixed="on",
        room="any",
    )
    assert "3 rows are added." in sheet.save()
    items = items_of(rest, visit)
    welcome, tour, dinner = items["Welcome"], items["Tour"], items["Dinner"]
    assert (welcome["startTime"], welcome["endTime"]) == ("2030-05-14T07:00:00Z", "2030-05-14T07:45:00Z")
    assert (tour["venue"], welcome["venueDisplayName"]) == (harbour, "")
    assert (welcome["room"], welcome["interpreter"], welcome["wholeDelegation"]) == (room, person, True)
    assert welcome["interpretationLanguages"] == ["de", "en"]
    assert (tour["groups"], "startTime" in tour) == (["GROUP_POLITICS", "GROUP_STAFF"], False)
    assert (dinner["needsRoom"], welcome["needsRoom"]) == (True, False)
    assert (dinner["startTime"], dinner["place"], dinner["fixed"]) == ("2030-05-15T17:30:00Z", "Harbour", True)


def test_only_what_was_changed_is_sent_and_what_is_ticked_is_removed(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    kept = add_item(rest, visit, "Kept", startTime="2030-05-14T07:00:30Z", notes="Flags", openEnd=True)
    add_item(rest, visit, "Moved", startTime="2030-05-14T09:00:00Z", equipment=["beamer"])
    add_item(rest, visit, "Gone")
    sheet = Sheet(client, visit)
    moved, gone = sheet.find("Moved"), sheet.find("Gone")
    sheet.type_row(moved, title="Moved there", time="14:15")
    sheet["delete", gone] = "on"
    assert "One row" not in (said := sheet.save())
    assert "1 row is changed. 1 row is removed." in said
    items = items_of(rest, visit)
    assert items.keys() == {"Kept", "Moved there"}
    assert items["Kept"] == kept
    now = items["Moved there"]
    assert (now["startTime"], now["durationMinutes"], now["equipment"]) == ("2030-05-14T12:15:00Z", 60, ["beamer"])
    assert "Nothing was changed." in Sheet(client, visit).save()


def test_a_day_without_a_time_keeps_an_item_within_that_day(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    sheet = Sheet(client, visit)
    sheet.type_row(0, title="Tour", duration_minutes="60", day="2030-05-15")
    sheet.save()
    tour = items_of(rest, visit)["Tour"]
    bounds = (tour["earliestStartTime"], tour["latestEndTime"])
    assert (bounds, "startTime" in tour) == (("2030-05-14T22:00:00Z", "2030-05-15T22:00:00Z"), False)
    sheet = Sheet(client, visit)
    assert (sheet["day", 0], sheet["time", 0]) == ("2030-05-15", "")
    sheet.type_row(0, day="2030-05-16", time="0930")
    sheet.save()
    tour = items_of(rest, visit)["Tour"]
    assert (tour["startTime"], "earliestStartTime" in tour) == ("2030-05-16T07:30:00Z", False)


def test_what_is_wrong_is_told_at_its_cell_and_everything_typed_stays(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    add_item(rest, visit, "Stored")
    sheet = Sheet(client, visit)
    sheet.type_row(0, title="", place="Port")
    sheet.type_row(2, title="Tour", duration_minutes="soon", day="2030-05-14", time="25:00")
    sheet.type_row(3, title="Walk", duration_minutes="30", time="9:00", interpretation_languages="Dothrakisch, German")
    sheet.type_row(4, title="Talk")
    answer = sheet.send()
    assert answer.status_code == 400
    for cell, said in (
        ("Minutes, row 3", "Please give a whole number."),
        ("Begins at, row 3", "Please give a time of day, for example: 9:30."),
        ("Begins at, row 4", "Please choose the day as well."),
        ("Title, row 1", "Please fill this in."),
        ("Minutes, row 5", "Please fill this in."),
    ):
        assert f"{cell}: {said}" in text_of(answer)
    assert (sheet["duration_minutes", 2], sheet["time", 2], sheet["place", 0]) == ("soon", "25:00", "Port")
    sheet.type_row(2, duration_minutes="60", time="10")
    sheet["day", 3] = "2030-05-14"
    sheet["title", 0], sheet["duration_minutes", 4] = "Stored too", "30"
    answer = sheet.send()
    assert "Interpretation between, row 4: This language is not known." in text_of(answer)
    assert 'id="field-agenda_items-3-interpretation_languages"' in answer.text
    assert items_of(rest, visit).keys() == {"Stored"}
    sheet["interpretation_languages", 3] = "English, German"
    sheet.save()
    assert items_of(rest, visit).keys() == {"Stored too", "Tour", "Walk", "Talk"}


def test_a_clash_is_told_at_the_row_that_it_is_about(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    room = created(rest.post("/v1/rooms", {"displayName": "Ratssaal"}))["name"]
    add_item(rest, visit, "Welcome", startTime="2030-05-14T07:00:00Z", room=room)
    second = add_item(rest, visit, "Council", startTime="2030-05-14T09:00:00Z")
    sheet = Sheet(client, visit)
    sheet.type_row(sheet.find("Council"), room=room, time="9:30", title="In council")
    answer = sheet.send()
    assert answer.status_code == 409
    assert "Room, row 2: Taken at that time: Ratssaal." in text_of(answer)
    assert sheet["title", 1] == "In council"
    assert items_of(rest, visit)["Council"] == second
    # Two items may change places, which neither could alone.
    sheet["time", 1] = "9:00"
    sheet["time", 0] = "11:00"
    sheet.save()
    starts = {title: item["startTime"] for title, item in items_of(rest, visit).items()}
    assert starts == {"Welcome": "2030-05-14T09:00:00Z", "In council": "2030-05-14T07:00:00Z"}


def test_two_editors_are_merged_by_cell_and_asked_about_the_same_one(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    item = add_item(rest, visit, "Tour", notes="Flags")
    sheet = Sheet(client, visit)
    created(rest.patch(f"/v1/{item['name']}", {"place": "Port", "notes": "Gifts"}, updateMask="place,notes"))
    sheet.type_row(0, duration_minutes="90", notes="Flags and gifts")
    answer = sheet.send()
    assert answer.status_code == 400
    assert "Notes for the hosts, row 1: Coordinator changed this as well." in text_of(answer)
    assert text_of(answer).count("Take this instead: “Gifts”") == 1
    assert (sheet["place", 0], sheet["notes", 0]) == ("Port", "Flags and gifts")
    taken = dict(sheet.fields.lists()) | {"take": ["agenda_items.0.notes"]}
    mine = sheet.save()
    assert "1 row is changed." in mine
    now = items_of(rest, visit)["Tour"]
    assert (now["durationMinutes"], now["place"], now["notes"]) == (90, "Port", "Flags and gifts")
    # Had the box been ticked: what the other wrote.
    created(rest.patch(f"/v1/{item['name']}", {"notes": "Gifts"}, updateMask="notes"))
    again = client.post(sheet.path, data=taken)
    assert (again.status_code, items_of(rest, visit)["Tour"]["notes"]) == (303, "Gifts")


def test_a_question_survives_the_switch_of_the_language(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    item = add_item(rest, visit, "Tour", interpretationLanguages=["de", "en"])
    sheet = Sheet(client, visit)
    created(rest.patch(f"/v1/{item['name']}", {"title": "Port"}, updateMask="title"))
    sheet.type_row(0, title="Harbour", interpretation_languages="German, Welsh")
    assert sheet.send().status_code == 400
    sheet.fields["switch_language"] = "de"
    german = text_of(sheet.show(client.post(sheet.path, data=sheet.fields)))
    assert "Stattdessen übernehmen: „Port“" in german
    assert (sheet["title", 0], sheet["interpretation_languages", 0]) == ("Harbour", "Deutsch, Walisisch")
    assert client.post(sheet.path, data=sheet.fields).status_code == 303
    assert items_of(rest, visit)["Harbour"]["interpretationLanguages"] == ["de", "cy"]


def test_what_somebody_removed_or_changed_meanwhile_is_neither_lost_nor_lost_sight_of(
    client: FlaskClient, rest: Rest
) -> None:
    visit = a_visit(rest)["name"]
    removed, changed = add_item(rest, visit, "Removed"), add_item(rest, visit, "Changed")
    add_item(rest, visit, "Untouched")
    sheet = Sheet(client, visit)
    rest.delete(f"/v1/{removed['name']}")
    rest.delete(f"/v1/{items_of(rest, visit)['Untouched']['name']}")
    created(rest.patch(f"/v1/{changed['name']}", {"place": "Port"}, updateMask="place"))
    gone, other = sheet.find("Removed"), sheet.find("Changed")
    sheet["title", gone] = "Typed"
    sheet["delete", other] = "on"
    said = text_of(sheet.send())
    assert "Somebody removed this meanwhile." in said
    assert "Coordinator changed this meanwhile." in said
    assert (sheet["title", gone], sheet["place", other]) == ("Typed", "Port")
    said = sheet.save()
    assert "1 row is added. 1 row is removed." in said
    assert items_of(rest, visit).keys() == {"Typed"}


def test_the_order_is_said_in_words_and_holds_for_new_rows(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    titles = ["Welcome", "Tour", "Walk", "Talk", "Debrief"]
    sheet = Sheet(client, visit)
    for row, title in enumerate(titles):
        sheet.type_row(row, title=title, duration_minutes="30")
    sheet["order", 0], sheet["order", 3], sheet["order", 4] = "first", "above", "last"
    sheet.save()
    items = items_of(rest, visit)
    assert before(items["Tour"]) == before(items["Walk"]) == {items["Welcome"]["name"]}
    assert before(items["Talk"]) == {items["Walk"]["name"]}
    assert before(items["Debrief"]) == {items["Tour"]["name"], items["Talk"]["name"]}, "the rest is implied"
    sheet = Sheet(client, visit)
    assert [sheet["order", sheet.find(title)] for title in titles] == ["first", "", "", "above", "last"]
    sheet.type_row(len(titles), title="Lunch", duration_minutes="60")
    sheet.save()
    items = items_of(rest, visit)
    assert before(items["Lunch"]) == {items["Welcome"]["name"]}
    assert before(items["Debrief"]) == {items[title]["name"] for title in ("Tour", "Talk", "Lunch")}
    sheet = Sheet(client, visit)
    sheet["order", sheet.find("Welcome")] = ""
    sheet["order", sheet.find("Debrief")] = ""
    sheet["delete", sheet.find("Walk")] = "on"
    sheet.save()
    items = items_of(rest, visit)
    assert {title for title, item in items.items() if before(item)} == {"Talk"}
    assert before(items["Talk"]) == {items["Tour"]["name"]}, "the row above is another now"


def test_an_order_that_another_has_changed_is_asked_about(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    first, second, third = [add_item(rest, visit, title) for title in "ABC"]
    sheet = Sheet(client, visit)
    after = [{"agendaItem": first["name"]}]
    created(rest.patch(f"/v1/{third['name']}", {"after": after}, updateMask="after"))
    sheet["order", sheet.find("C")] = "above"
    assert "Order, row 3: Coordinator changed this as well." in text_of(sheet.send())
    sheet.save()
    assert before(items_of(rest, visit)["C"]) == {second["name"]}


def test_an_order_that_cannot_be_is_refused_at_its_cell(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    sheet = Sheet(client, visit)
    sheet.type_row(0, title="A", duration_minutes="30", order="above")
    assert "Order, row 1: There is no item above this one." in text_of(sheet.send())
    first = add_item(rest, visit, "First")
    add_item(rest, visit, "Second", after=[{"agendaItem": first["name"]}])
    sheet = Sheet(client, visit)
    sheet["order", sheet.find("First")] = "above"
    sheet["title", sheet.find("Second")] = "0"
    answer = sheet.send()
    assert answer.status_code == 400


@pytest.mark.parametrize("in_a_table", [True, False])
def test_after_all_others_names_as_few_as_possible_and_says_when_there_are_too_many(
    client: FlaskClient, rest: Rest, in_a_table: bool
) -> None:
    visit = a_visit(rest)["name"]
    last = add_item(rest, visit, "Last")
    chain = add_item(rest, visit, "Chain 0")
    for number in range(1, 24):
        chain = add_item(rest, visit, f"Chain {number}", after=[{"agendaItem": chain["name"]}])

    def put_last() -> TestResponse:
        if in_a_table:
            sheet = Sheet(client, visit)
            sheet["order", sheet.find("Last")] = "last"
            return sheet.send()
        form = PageForm(client.get(f"/{last['name']}/edit", headers=ENGLISH).text).fields
        return client.post(f"/{last['name']}/edit", data={**form, "after_all": "on"}, headers=ENGLISH)

    assert put_last().status_code == 303
    assert before(items_of(rest, visit)["Last"]) == {chain["name"]}
    created(rest.patch(f"/v1/{last['name']}", {"after": []}, updateMask="after"))
    for number in range(20):
        add_item(rest, visit, f"Loose {number}")
    refused = put_last()
    assert refused.status_code == 400
    assert "It would come directly after 21 items, and 20 are possible." in text_of(refused)
    assert not before(items_of(rest, visit)["Last"])


def test_ticked_rows_are_filled_at_once_with_and_without_a_look_at_them(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    for title in "ABC":
        add_item(rest, visit, title)
    sheet = Sheet(client, visit)
    sheet.fields["fill.place"] = "Port"
    refused = sheet.send(do="fill")
    assert (refused.status_code, "Please tick the rows that this is for." in text_of(refused)) == (400, True)
    sheet["ticked", 0] = sheet["ticked", 2] = "on"
    looked = sheet.send(do="fill")
    assert looked.status_code == 200
    assert [sheet["place", row] for row in range(3)] == ["Port", "", "Port"]
    assert not sheet.fields["fill.place"]
    assert not items_of(rest, visit)["A"]["place"]
    sheet.fields["fill.duration_minutes"] = "15"
    sheet.fields["fill.ticked"] = "on"
    sheet.save()
    items = items_of(rest, visit)
    assert [items[title]["place"] for title in "ABC"] == ["Port", "", "Port"]
    assert {item["durationMinutes"] for item in items.values()} == {15}


def test_more_rows_are_offered_and_what_was_typed_stays(client: FlaskClient, rest: Rest) -> None:
    sheet = Sheet(client, a_visit(rest)["name"])
    sheet["title", 11] = "Last"
    more = sheet.send(do="add_rows")
    assert (more.status_code, sheet["title", 11], sheet["title", 21]) == (200, "Last", "")
    assert "agenda_items.22.title" not in sheet.fields


def test_a_long_programme_has_pages_and_keeps_what_is_on_the_others(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    new = [{"title": f"Item {number}", "durationMinutes": 10} for number in range(90)]
    created(rest.post(f"/v1/{visit}/agendaItems:batchCreate", {"agendaItems": new}))
    sheet = Sheet(client, visit)
    assert "page_token=80" in sheet.answer.text
    sheet.path += "?page_token=80"
    sheet.show(client.get(sheet.path, headers=ENGLISH))
    assert sheet["title", 0] == "Item 80"
    sheet["title", 0] = "Renamed"
    sheet.save()
    assert len(items_of(rest, visit)) == 90
    assert "Renamed" in items_of(rest, visit)


def test_a_delegation_is_edited_in_rows_and_the_mark_of_the_head_passes_on(gateway: Gateway, rest: Rest) -> None:
    visit = a_visit(rest)
    for function, head in (("Mayor", True), ("Deputy", False), ("Driver", False)):
        created(rest.post(f"/v1/{visit['name']}/delegates", {"function": function, "head": head, "rank": 1}))
    sheet = Sheet(browser(gateway, Role.COORDINATOR), visit["name"], "delegates")
    mayor, deputy, driver = [sheet.find(each, "function") for each in ("Mayor", "Deputy", "Driver")]
    sheet["head", mayor], sheet["head", deputy], sheet["delete", driver] = "", "on", "on"
    sheet.type_row(deputy, display_name="Anna Berg", languages="English, Welsh", rank="2", email="anna@city.example")
    sheet.type_row(3, function="Engineer", group="GROUP_STAFF", dietary_needs="vegan", access_needs="Lift")
    assert "2 rows are changed. 1 row is added. 1 row is removed." in sheet.save()
    listed = rest.get(f"/v1/{visit['name']}/delegates").json["delegates"]
    delegates = {each["function"]: each for each in listed}
    assert {function: each["head"] for function, each in delegates.items()} == {
        "Mayor": False,
        "Deputy": True,
        "Engineer": False,
    }
    assert (delegates["Deputy"]["languages"], delegates["Deputy"]["rank"]) == (["en", "cy"], 2)
    assert (delegates["Engineer"]["group"], delegates["Engineer"]["accessNeeds"]) == ("GROUP_STAFF", "Lift")
    sheet = Sheet(browser(gateway, Role.COORDINATOR), visit["name"], "delegates")
    sheet["head", sheet.find("Mayor", "function")] = "on"
    assert "Head of delegation, row 1: Anna Berg heads the delegation now." in text_of(sheet.send())


def test_a_person_who_travels_elsewhere_is_told_at_their_row(client: FlaskClient, rest: Rest) -> None:
    first = a_visit(rest)
    second = created(rest.post("/v1/visits", {key: first[key] for key in
        ("title", "exchange", "direction", "startDate", "endDate", "hostDepartment")}))  # fmt: skip
    created(rest.post(f"/v1/{first['name']}/delegates", {"function": "Mayor", "displayName": "Cerys Hughes"}))
    sheet = Sheet(client, second["name"], "delegates")
    sheet.type_row(0, function="Engineer")
    sheet.type_row(1, function="Mayor", display_name="Cerys Hughes")
    answer = sheet.send()
    assert "Name, row 2: In another delegation on these days" in text_of(answer)
    assert sheet["function", 0] == "Engineer"


def test_whom_somebody_accompanies_is_chosen_in_rows_and_in_the_form_and_shown(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    mayor = created(rest.post(f"/v1/{visit['name']}/delegates", {"function": "Mayor", "displayName": "Siân Bevan"}))
    sheet = Sheet(client, visit["name"], "delegates")
    sheet.type_row(1, function="Spouse", companion_of=mayor["name"])
    sheet.save()
    spouse = rest.get(f"/v1/{visit['name']}/delegates").json["delegates"][1]
    assert spouse["companionOf"] == mayor["name"]
    assert "accompanies Siân Bevan – Mayor" in text_of(client.get(f"/{visit['name']}", headers=ENGLISH))
    page = client.get(f"/{spouse['name']}/edit", headers=ENGLISH)
    form = PageForm(page.text)
    assert f'value="{spouse["name"]}"' not in page.text
    form.fields["delegate.companion_of"] = ""
    assert client.post(f"/{spouse['name']}/edit", data=form.fields).status_code == 303
    assert not rest.get(f"/v1/{spouse['name']}").json.get("companionOf")
