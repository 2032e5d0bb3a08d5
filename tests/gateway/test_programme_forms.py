"""The forms with which a programme is planned: items without a time, who takes part, what they need, who is away."""

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import browser, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created

ENGLISH = {"Accept-Language": "en"}
NO_TIME = {"agenda_item__start_time": "", "agenda_item__end_time": ""}


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    """The browser of the international office."""
    return browser(gateway, Role.COORDINATOR)


def items_of(rest: Rest, visit: dict[str, str]) -> list[dict[str, object]]:
    """Return the programme of a visit."""
    return list(rest.get(f"/v1/{visit['name']}/agendaItems").json["agendaItems"])


def test_an_item_is_entered_without_a_time_and_shown_below_the_days(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    new = f"/{visit['name']}/agendaItems/new"
    answer = send(client, new, agenda_item__title="Tour", **NO_TIME)
    assert (answer.status_code, "field-agenda_item-duration_minutes" in answer.text) == (400, True)
    assert not items_of(rest, visit)
    answer = send(client, new, agenda_item__title="Tour", agenda_item__duration_minutes="75", **NO_TIME)
    assert answer.status_code == 303
    (item,) = items_of(rest, visit)
    assert (item["durationMinutes"], "startTime" in item) == (75, False)
    page = text_of(client.get(f"/{visit['name']}", headers={"Accept-Language": "en"}))
    assert "Still without a time" in page
    assert "75 min" in page
    placed = send(client, f"/{item['name']}/edit", agenda_item__start_time="2030-05-15T10:00")
    assert placed.status_code == 303
    (item,) = items_of(rest, visit)
    assert (item["startTime"], item["endTime"]) == ("2030-05-15T08:00:00Z", "2030-05-15T09:15:00Z")


def test_the_whole_delegation_is_one_tick(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    created(rest.post(f"/v1/{visit['name']}/delegates", {"function": "Mayor", "group": "GROUP_POLITICS"}))
    fields = {"agenda_item__title": "Welcome", "agenda_item__whole_delegation": "on"}
    first = {"agenda_item__start_time": "2030-05-15T09:00", "agenda_item__end_time": "2030-05-15T10:00"}
    assert send(client, f"/{visit['name']}/agendaItems/new", **fields, **first).status_code == 303
    fields = {"agenda_item__title": "Council", "agenda_item__groups": ["", "GROUP_POLITICS"]}
    later = {"agenda_item__start_time": "2030-05-15T10:00", "agenda_item__end_time": "2030-05-15T11:00"}
    assert send(client, f"/{visit['name']}/agendaItems/new", **fields, **later).status_code == 303
    whole, group = items_of(rest, visit)
    assert (whole["wholeDelegation"], group["groups"]) == (True, ["GROUP_POLITICS"])
    page = text_of(client.get(f"/{visit['name']}", headers={"Accept-Language": "en"}))
    assert "Whole delegation" in page
    assert "Mayor Politics" in page


def test_who_receives_and_who_speaks_is_ticked_and_told(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    mayor, rector = [created(rest.post("/v1/people", {"function": name}))["name"] for name in ("Lord Mayor", "Rector")]
    guest = created(rest.post(f"/v1/{visit['name']}/delegates", {"function": "Engineer"}))["name"]
    sent = {
        "agenda_item__title": "Welcome",
        "agenda_item__start_time": "2030-05-15T09:00",
        "agenda_item__end_time": "2030-05-15T10:00",
        "agenda_item__receiving_people": ["", mayor],
        "agenda_item__speaking_people": ["", mayor, rector, guest],
        "agenda_item__optional_people": ["", rector],
        "agenda_item__optional_groups": ["", "GROUP_COMPANIONS"],
    }
    assert send(client, f"/{visit['name']}/agendaItems/new", **sent).status_code == 303
    (item,) = items_of(rest, visit)
    assert (item["people"], item["optionalPeople"]) == ([mayor, guest], [rector])
    assert (item["receivingPeople"], item["speakingPeople"]) == ([mayor], [mayor, rector, guest])
    told = "Lord Mayor (receives, speaks), Engineer (speaks), Companions (optional), Rector (speaks, optional)"
    for page in ("", "/timetable"):
        assert told in text_of(client.get(f"/{visit['name']}{page}", headers={"Accept-Language": "en"}))
    (shown,) = client.get(f"/{visit['name']}/timetable.json", headers=ENGLISH).json["items"]
    assert ", ".join(shown["people"]) == told
    # Who is no longer ticked among those who have to be there speaks no more.
    assert send(client, f"/{item['name']}/edit", agenda_item__people=["", mayor]).status_code == 303
    assert items_of(rest, visit)[0]["speakingPeople"] == [mayor, rector]


def test_what_an_item_needs_is_typed_in_words_and_kept(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    first = created(rest.post(f"/v1/{visit['name']}/agendaItems", {"title": "Arrival", "durationMinutes": 30}))
    person = created(rest.post("/v1/people", {"function": "Interpreter Arabic", "languagePairs": ["ar-de"]}))
    sent = {
        "agenda_item__title": "Tour",
        "agenda_item__duration_minutes": "60",
        "agenda_item__interpretation_languages": "de, ar",
        "agenda_item__interpreter": person["name"],
        "agenda_item__equipment": "beamer, flip chart",
        "agenda_item__seats": "20",
        "agenda_item__fixed": "on",
        "agenda_item__earliest_start_time": "2030-05-14T09:00",
        "agenda_item__after.0.agenda_item": first["name"],
        "agenda_item__after.0.gap_minutes": "15",
        "agenda_item__transport": "TRANSPORT_FERRY",
        "agenda_item__rain_place": "Kunsthalle",
    }
    assert send(client, f"/{visit['name']}/agendaItems/new", **sent, **NO_TIME).status_code == 303
    item = next(each for each in items_of(rest, visit) if each["title"] == "Tour")
    assert (item["interpreter"], item["equipment"], item["seats"]) == (person["name"], ["beamer", "flip chart"], 20)
    assert (item["fixed"], item["earliestStartTime"]) == (True, "2030-05-14T07:00:00Z")
    assert item["after"] == [{"agendaItem": first["name"], "gapMinutes": 15}]
    assert (item["transport"], item["rainPlace"]) == ("TRANSPORT_FERRY", "Kunsthalle")
    # Saved as it is, it stays as it is; what is emptied goes.
    assert send(client, f"/{item['name']}/edit").status_code == 303
    assert items_of(rest, visit)[1]["etag"] == item["etag"]
    emptied = {"agenda_item__after.0.agenda_item": "", "agenda_item__after.0.gap_minutes": ""}
    assert send(client, f"/{item['name']}/edit", **emptied).status_code == 303
    assert not next(each for each in items_of(rest, visit) if each["title"] == "Tour")["after"]


def test_absences_and_pairs_of_languages_are_entered_and_removed(client: FlaskClient, rest: Rest) -> None:
    sent = {
        "person__function": "Interpreter for the port",
        "person__language_pairs": "Arabic–German, en-de",
        "person__absences.0.start_time": "2030-05-14T00:00",
        "person__absences.0.end_time": "2030-05-15T00:00",
    }
    assert send(client, "/people/new", **sent).status_code == 303
    people = rest.get("/v1/people", pageSize="1000").json["people"]
    (person,) = (each for each in people if each["function"] == sent["person__function"])
    assert person["languagePairs"] == ["ar-de", "en-de"]
    assert person["absences"] == [{"startTime": "2030-05-13T22:00:00Z", "endTime": "2030-05-14T22:00:00Z"}]
    page = client.get(f"/{person['name']}/edit", headers={"Accept-Language": "en"}).text
    assert "Arabic–German, English–German" in page
    visit = a_visit(rest)
    booked = {"agenda_item__title": "Tour", "agenda_item__people": ["", person["name"]]}
    booked |= {"agenda_item__start_time": "2030-05-14T09:00", "agenda_item__duration_minutes": "60"}
    answer = send(client, f"/{visit['name']}/agendaItems/new", **booked)
    assert (answer.status_code, "Away at that time: Interpreter for the port" in text_of(answer)) == (400, True)
    emptied = {"person__absences.0.start_time": "", "person__absences.0.end_time": ""}
    assert send(client, f"/{person['name']}/edit", **emptied).status_code == 303
    assert not rest.get(f"/v1/{person['name']}").json["absences"]
    assert send(client, f"/{visit['name']}/agendaItems/new", **booked).status_code == 303


def test_who_will_be_away_is_shown_what_books_them_then(client: FlaskClient, rest: Rest) -> None:
    person = created(rest.post("/v1/people", {"function": "Interpreter"}))
    visit = a_visit(rest, title="Controllers’ visit")
    tour, _dinner = [
        created(
            rest.post(
                f"/v1/{visit['name']}/agendaItems",
                {"title": title, "startTime": f"2030-05-14T{hour}:00:00Z", "durationMinutes": 60}
                | {"people": [person["name"]]},
            )
        )
        for title, hour in (("Tour", "07"), ("Dinner", "17"))
    ]
    absence = {
        "person__absences.0.start_time": "2030-05-14T00:00",
        "person__absences.0.end_time": "2030-05-14T12:00",
    }
    answer = send(client, f"/{person['name']}/edit", **absence)
    assert (answer.status_code, answer.location) == (303, f"/{person['name']}/edit")
    page = client.get(answer.location, headers={"Accept-Language": "en"})
    assert "1 item books this person, who is away then" in text_of(page)
    assert f'href="/{visit["name"]}#agendaItems-{tour["name"].rpartition("/")[2]}"' in page.text
    assert ("Tour" in page.text, "Dinner" in page.text) == (True, False)
    gone = {"person__absences.0.start_time": "", "person__absences.0.end_time": ""}
    assert send(client, f"/{person['name']}/edit", **gone).location == "/people"


def test_postponing_asks_for_the_new_days_and_says_what_lost_its_time(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    for day in ("14", "16"):
        item = {"title": "Tour", "startTime": f"2030-05-{day}T08:00:00Z", "endTime": f"2030-05-{day}T09:00:00Z"}
        created(rest.post(f"/v1/{visit['name']}/agendaItems", item))
    fields = {"reason": "Ill", "start_date": "2030-06-04"}
    answer = send(client, f"/{visit['name']}/postpone", **fields)
    assert (answer.status_code, "field-end_date" in answer.text) == (400, True)
    assert send(client, f"/{visit['name']}/postpone", **fields, end_date="2030-06-05").status_code == 303
    page = text_of(client.get(f"/{visit['name']}", headers={"Accept-Language": "en"}))
    assert "One item of the programme has no time any more" in page
    placed = [item for item in items_of(rest, visit) if "startTime" in item]
    assert [item["startTime"] for item in placed] == ["2030-06-04T08:00:00Z"]


def test_an_item_comes_after_all_others_by_one_tick(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    items = f"/v1/{visit['name']}/agendaItems"
    first, second, last = [created(rest.post(items, {"title": title, "durationMinutes": 30})) for title in "ABC"]
    assert send(client, f"/{last['name']}/edit", after_all="on").status_code == 303
    stored = next(each for each in items_of(rest, visit) if each["title"] == "C")
    assert {each["agendaItem"] for each in stored["after"]} == {first["name"], second["name"]}
    refused = send(client, f"/{first['name']}/edit", after_all="on")
    assert (refused.status_code, "“C” comes after this item" in text_of(refused)) == (400, True)
