"""The timetable of a visit: its page, what it asks for while it is open, and the moves made on it."""

import json
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import browser, form_token, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created

DAY = "2030-05-14"


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    """The international office, through REST."""
    return gateway.as_(Role.COORDINATOR)


def an_item(office: Rest, visit: dict[str, Any], title: str, hour: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a new item of an hour, from a full hour in Mannheim on the first day; without a time for 0."""
    times: dict[str, Any] = {"durationMinutes": 60}
    if hour:
        times = {"startTime": f"{DAY}T{hour - 2:02}:00:00Z", "endTime": f"{DAY}T{hour - 1:02}:00:00Z"}
    return created(office.post(f"/v1/{visit['name']}/agendaItems", {"title": title, **times, **fields}))


def a_room(office: Rest, name: str = "Ratssaal") -> dict[str, Any]:
    return created(office.post("/v1/rooms", {"displayName": name}))


def a_person(office: Rest, function: str, **fields: Any) -> dict[str, Any]:
    return created(office.post("/v1/people", {"function": function, **fields}))


def frame_of(page: TestResponse) -> Any:
    """Return what stays as it is while the page is open."""
    found = re.search(r'<script type="application/json" id="timetable-frame">(.*?)</script>', page.text, re.DOTALL)
    assert found
    return json.loads(found[1])


def move(
    gateway: Gateway, item: dict[str, Any], start: str, end: str, *, role: Role = Role.COORDINATOR, **fields: str
) -> TestResponse:
    """Move an item as the page does: times are the host's, on the first day."""
    client = browser(gateway, role)
    body = {
        "agenda_item.etag": item["etag"],
        "agenda_item.start_time": start and f"{DAY}T{start}",
        "agenda_item.end_time": end and f"{DAY}T{end}",
        "agenda_item.room": item.get("room", ""),
        **{f"agenda_item.{name}": text for name, text in fields.items()},
    }
    headers = {"X-CSRFToken": form_token(client, "/account")}
    return client.post(f"/{item['name']}/move", data=body, headers=headers)


def test_without_scripts_the_page_is_the_programme_by_day_on_both_clocks(gateway: Gateway, office: Rest) -> None:
    visit, room = a_visit(office), a_room(office)
    item = an_item(office, visit, "Welcome", 9, room=room["name"])
    an_item(office, visit, "City walk")
    page = browser(gateway, Role.COORDINATOR).get(f"/{visit['name']}/timetable")
    text = text_of(page)
    assert "Tue, 14 May 2030" in text
    assert "09:00–10:00 08:00–09:00 Welcome Ratssaal" in text
    assert "Still without a time" in text
    assert f'href="/{item["name"]}/edit"' in page.text
    assert f'href="/{visit["name"]}/timetable"' in browser(gateway, Role.COORDINATOR).get(f"/{visit['name']}").text


def test_what_is_fixed_is_marked_in_the_programme_and_in_the_list_that_is_printed(
    gateway: Gateway, office: Rest
) -> None:
    visit = a_visit(office)
    an_item(office, visit, "Ceremony", 9, fixed=True)
    an_item(office, visit, "Tour", 11)
    reader = browser(gateway, Role.COORDINATOR)
    programme, printed = (text_of(reader.get(f"/{visit['name']}{part}")) for part in ("", "/timetable"))
    assert "09:00–10:00 fixed Ceremony" in programme
    assert "11:00–12:00 Tour" in programme
    assert "09:00–10:00 fixed 08:00–09:00 Ceremony" in printed
    german = reader.get(f"/{visit['name']}", headers={"Accept-Language": "de"})
    assert "09:00–10:00 fest Ceremony" in text_of(german)


def test_what_stays_while_the_page_is_open_comes_with_it(gateway: Gateway, office: Rest) -> None:
    absence = {"startTime": f"{DAY}T06:00:00Z", "endTime": f"{DAY}T16:00:00Z"}
    visit, room = a_visit(office), a_room(office)
    away = a_person(office, "Mayor", absences=[absence])
    other = an_item(office, a_visit(office), "Elsewhere", 11, room=room["name"])
    frame = frame_of(browser(gateway, Role.COORDINATOR).get(f"/{visit['name']}/timetable"))
    assert [day["date"] for day in frame["days"]] == [DAY, "2030-05-15", "2030-05-16"]
    assert (frame["host"]["zone"], frame["guest"]["zone"]) == ("Europe/Berlin", "Europe/London")
    assert {"name": room["name"], "title": "Ratssaal", "venue": ""} in frame["rooms"]
    held = {entry["resource"]: (entry["start"], entry["end"], entry["title"]) for entry in frame["elsewhere"]}
    start, end, title = held[room["name"]]
    assert (start, end) == (f"{DAY}T11:00", f"{DAY}T12:00")
    assert title.endswith(other["title"])
    assert held[away["name"]] == (f"{DAY}T08:00", f"{DAY}T18:00", "Away")


def test_the_hours_are_those_of_the_last_planning_and_of_the_venues(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    path = f"/{visit['name']}/timetable"
    usual = frame_of(browser(gateway, Role.COORDINATOR).get(path))
    assert (usual["hours"], usual["shown"]) == (["09:00", "18:00"], ["07:00", "22:00"])
    assert [(each["start"], each["end"]) for each in usual["breaks"]] == [("12:30", "13:30")]
    hours = [{"weekday": "TUESDAY", "startTime": "05:30", "endTime": "00:00"}]
    venue = created(office.post("/v1/venues", {"displayName": "Market hall", "openingHours": hours}))
    an_item(office, visit, "Market", 6, venue=venue["name"])
    created(office.post(f"/v1/{visit['name']}/agendaItems", {"title": "Tour", "durationMinutes": 30}))
    prayer = {"label": "Prayer", "startTime": "13:00", "endTime": "13:20"}
    run = {"dayStartTime": "08:30", "dayEndTime": "21:00", "breaks": [prayer], "timeLimitSeconds": 1}
    created(office.post(f"/v1/{visit['name']}/scheduleRuns", run))
    frame = frame_of(browser(gateway, Role.COORDINATOR).get(path))
    assert (frame["hours"], frame["shown"]) == (["08:30", "21:00"], ["05:30", "24:00"])
    assert frame["breaks"] == [{"title": "Prayer", "start": "13:00", "end": "13:20"}]
    partner = frame_of(browser(gateway, Role.PARTNER).get(path))
    assert partner["hours"] == ["09:00", "18:00"]


def test_days_off_are_noted(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office, endDate={"year": 2030, "month": 5, "day": 19})
    frame = frame_of(browser(gateway, Role.COORDINATOR).get(f"/{visit['name']}/timetable"))
    friday, saturday = (next(day for day in frame["days"] if day["date"] == f"2030-05-{day_}") for day_ in (17, 18))
    assert not friday["off"]
    assert saturday["off"]
    assert {"Nobody works in Mannheim", "Nobody works in Swansea"} <= set(saturday["notes"])


def test_the_items_say_where_they_are_and_what_they_hold(gateway: Gateway, office: Rest) -> None:
    visit, room = a_visit(office), a_room(office)
    body = {"function": "Head of controlling", "group": "GROUP_STAFF"}
    delegate = created(office.post(f"/v1/{visit['name']}/delegates", body))
    an_item(office, visit, "Welcome", 9, room=room["name"], groups=["GROUP_STAFF"])
    an_item(office, visit, "City walk", wholeDelegation=True)
    answer = browser(gateway, Role.COORDINATOR).get(f"/{visit['name']}/timetable.json").json
    placed, unplaced = sorted(answer["items"], key=lambda item: item["title"], reverse=True)
    assert (placed["start"], placed["end"], placed["room"]) == (f"{DAY}T09:00", f"{DAY}T10:00", room["name"])
    assert placed["books"] == [delegate["name"]]
    assert placed["groups"] == ["GROUP_STAFF"]
    assert (unplaced["start"], unplaced["end"], unplaced["minutes"]) == ("", "", 60)
    assert unplaced["people"] == ["Whole delegation"]


def test_who_asks_again_gets_nothing_until_something_changes(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    item = an_item(office, visit, "Welcome", 9)
    client, path = browser(gateway, Role.COORDINATOR), f"/{visit['name']}/timetable.json"
    etag = client.get(path).headers["ETag"]
    unchanged = client.get(path, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    created(office.patch(f"/v1/{item['name']}", {"title": "Reception"}, updateMask="title"))
    changed = client.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.json["items"][0]["title"] == "Reception"
    assert changed.headers["Cache-Control"] == "private, no-cache"


def test_a_move_is_saved_and_answered(gateway: Gateway, office: Rest) -> None:
    visit, room = a_visit(office), a_room(office)
    item = an_item(office, visit, "Welcome", 9)
    answer = move(gateway, item, "10:15", "11:45", room=room["name"])
    assert answer.status_code == 200
    assert (answer.json["start"], answer.json["end"]) == (f"{DAY}T10:15", f"{DAY}T11:45")
    stored = created(office.get(f"/v1/{item['name']}"))
    assert (stored["startTime"], stored["endTime"]) == (f"{DAY}T08:15:00Z", f"{DAY}T09:45:00Z")
    assert (stored["room"], stored["etag"]) == (room["name"], answer.json["etag"])


def test_an_item_is_placed_and_taken_out_again(gateway: Gateway, office: Rest) -> None:
    item = an_item(office, a_visit(office), "City walk")
    placed = move(gateway, item, "10:00", "11:00")
    assert placed.json["start"] == f"{DAY}T10:00"
    taken_out = move(gateway, {**item, "etag": placed.json["etag"]}, "", "")
    assert taken_out.status_code == 200
    assert (taken_out.json["start"], taken_out.json["minutes"]) == ("", 60)


def test_a_clash_is_refused_with_its_reason_and_free_times(gateway: Gateway, office: Rest) -> None:
    visit, person = a_visit(office), a_person(office, "Interpreter")
    an_item(office, visit, "Welcome", 9, people=[person["name"]])
    item = an_item(office, visit, "Workshop", 14, people=[person["name"]])
    answer = move(gateway, item, "09:30", "10:30")
    assert answer.status_code == 409
    assert answer.json["title"] == "Already taken at that time"
    assert "Interpreter is taken by" in answer.json["text"]
    starts = [free["start"] for free in answer.json["alternatives"]]
    assert starts[:2] == [f"{DAY}T10:00", f"{DAY}T11:00"]
    assert len(starts) == 3
    assert created(office.get(f"/v1/{item['name']}"))["startTime"] == item["startTime"]
    for free in answer.json["alternatives"]:
        moved = move(gateway, created(office.get(f"/v1/{item['name']}")), free["start"][11:], free["end"][11:])
        assert moved.status_code == 200


def test_where_an_item_is_already_is_no_alternative(gateway: Gateway, office: Rest) -> None:
    visit, person = a_visit(office), a_person(office, "Interpreter")
    an_item(office, visit, "Welcome", 15, people=[person["name"]])
    item = an_item(office, visit, "Workshop", 16, people=[person["name"]])
    answer = move(gateway, item, "15:30", "16:30")
    starts = [free["start"][11:] for free in answer.json["alternatives"]]
    assert len(starts) == 3
    assert "16:00" not in starts
    assert "16:15" in starts


def test_the_room_that_an_item_has_is_no_alternative_to_another(gateway: Gateway, office: Rest) -> None:
    visit, taken, own = a_visit(office), a_room(office), a_room(office, "Trausaal")
    an_item(office, a_visit(office), "Elsewhere", 17, room=taken["name"])
    item = an_item(office, visit, "Workshop", 17, room=own["name"])
    alternatives = move(gateway, item, "17:00", "18:00", room=taken["name"]).json["alternatives"]
    assert (f"{DAY}T17:00", own["name"]) not in [(free["start"], free["room"]) for free in alternatives]


def test_a_clash_of_several_is_said_once_with_whom_it_concerns(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    delegates = [
        created(office.post(f"/v1/{visit['name']}/delegates", {"function": function}))["name"]
        for function in ("Head of budget", "Head of planning")
    ]
    an_item(office, visit, "Welcome", 9, people=delegates)
    item = an_item(office, visit, "Workshop", 14, people=delegates)
    said = move(gateway, item, "09:30", "10:30").json["text"]
    assert said.count("Welcome”") == 1
    assert sorted(said.partition(" are taken by ")[0].split(", ")) == ["Head of budget", "Head of planning"]


def test_where_only_the_room_is_taken_another_one_is_offered_first(gateway: Gateway, office: Rest) -> None:
    visit, taken, free = a_visit(office), a_room(office), a_room(office, "Trausaal")
    an_item(office, a_visit(office), "Elsewhere", 9, room=taken["name"])
    item = an_item(office, visit, "Workshop", 14)
    answer = move(gateway, item, "09:30", "10:30", room=taken["name"])
    first, *others = answer.json["alternatives"]
    assert first["room"] not in ("", taken["name"])
    assert first["start"] == f"{DAY}T09:30"
    assert {other["room"] for other in others} == {taken["name"]}
    assert move(gateway, item, "09:30", "10:30", room=free["name"]).status_code == 200


def test_only_rooms_that_suit_are_offered_and_those_without_a_count_of_seats_last(
    gateway: Gateway, office: Rest
) -> None:
    closed_now = [{"weekday": 2, "startTime": "14:00", "endTime": "18:00"}]
    venue = created(office.post("/v1/venues", {"displayName": "Depot", "openingHours": closed_now}))
    needs = {"seats": 15, "equipment": ["projector"], "stepFree": True}

    def make_room(name: str, **fields: Any) -> dict[str, Any]:
        has = {"equipment": ["Projector"], "stepFree": True, "seats": 20}
        return created(office.post("/v1/rooms", {"displayName": name, **has, **fields}))

    taken = make_room("Taken")
    for index, lack in enumerate(({"equipment": []}, {"stepFree": False}, {"seats": 10}, {"venue": venue["name"]})):
        make_room(f"A{index}", **lack)
    uncounted = make_room("B", seats=0)
    an_item(office, a_visit(office), "Elsewhere", 9, room=taken["name"])
    item = an_item(office, a_visit(office), "Workshop", 14, **needs)
    first = move(gateway, item, "09:00", "10:00", room=taken["name"]).json["alternatives"][0]
    assert (first["room"], first["label"].split(",")[0]) == (uncounted["name"], "B (seats not known)")
    suitable = make_room("C")
    first = move(gateway, item, "09:00", "10:00", room=taken["name"]).json["alternatives"][0]
    assert (first["room"], first["label"].split(",")[0]) == (suitable["name"], "C")


def test_who_is_away_is_said_and_not_proposed(gateway: Gateway, office: Rest) -> None:
    absence = {"startTime": f"{DAY}T07:00:00Z", "endTime": f"{DAY}T09:00:00Z"}
    person = a_person(office, "Interpreter", absences=[absence])
    item = an_item(office, a_visit(office), "Workshop", 14, people=[person["name"]])
    answer = move(gateway, item, "10:00", "11:00")
    assert answer.status_code == 400
    assert answer.json["alternatives"][0]["start"] == f"{DAY}T11:00"


def test_who_saw_an_older_version_overwrites_nothing(gateway: Gateway, office: Rest) -> None:
    item = an_item(office, a_visit(office), "Welcome", 9)
    created(gateway.as_(Role.MEMBER).patch(f"/v1/{item['name']}", {"notes": "With flowers"}, updateMask="notes"))
    answer = move(gateway, item, "10:00", "11:00")
    assert answer.status_code == 409
    assert answer.json["title"] == "Changed meanwhile"
    assert "Member changed this" in answer.json["text"]
    assert answer.json["alternatives"] == []
    assert created(office.get(f"/v1/{item['name']}"))["startTime"] == item["startTime"]


def test_a_move_out_of_the_visit_is_refused(gateway: Gateway, office: Rest) -> None:
    item = an_item(office, a_visit(office), "Welcome", 9)
    answer = move(gateway, item, "10:00", "11:00", start_time="2030-05-20T10:00", end_time="2030-05-20T11:00")
    assert answer.status_code == 400
    assert answer.json["text"]


def test_a_partner_reads_the_timetable_and_moves_nothing(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    item = an_item(office, visit, "Welcome", 9)
    partner = browser(gateway, Role.PARTNER)
    page = partner.get(f"/{visit['name']}/timetable")
    assert "09:00–10:00" in text_of(page)
    assert "/edit" not in page.text
    assert frame_of(page)["editable"] is False
    assert frame_of(page)["elsewhere"] == []
    assert partner.get(f"/{visit['name']}/timetable.json").json["items"][0]["title"] == "Welcome"
    assert move(gateway, item, "10:00", "11:00", role=Role.PARTNER).status_code == 403
    assert created(office.get(f"/v1/{item['name']}"))["startTime"] == item["startTime"]


@pytest.mark.parametrize(("role", "status"), [(Role.MEMBER, 200), (Role.ADMINISTRATOR, 200), (Role.EXPERT, 403)])
def test_who_may_see_the_timetable(role: Role, status: int, gateway: Gateway, office: Rest) -> None:
    visit, client = a_visit(office), browser(gateway, role)
    assert client.get(f"/{visit['name']}/timetable").status_code == status
    assert client.get(f"/{visit['name']}/timetable.json").status_code == status


def test_a_visit_that_is_over_is_moved_by_nobody(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    item = an_item(office, visit, "Welcome", 9)
    created(office.post(f"/v1/{visit['name']}:cancel", {"reason": "Ill"}))
    page = browser(gateway, Role.COORDINATOR).get(f"/{visit['name']}/timetable")
    assert frame_of(page)["editable"] is False
    assert "timetable-undo" not in page.text
    assert move(gateway, item, "10:00", "11:00").status_code == 400


def test_a_visit_without_new_days_shows_what_it_has(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    an_item(office, visit, "Welcome", 9)
    for verb in ("agree", "plan"):
        created(office.post(f"/v1/{visit['name']}:{verb}"))
    created(office.post(f"/v1/{visit['name']}:postpone", {"reason": "Ill"}))
    page = browser(gateway, Role.COORDINATOR).get(f"/{visit['name']}/timetable")
    assert page.status_code == 200
    assert "Welcome" in text_of(page)


def test_a_move_without_the_token_of_the_page_is_not_made(gateway: Gateway, office: Rest) -> None:
    item = an_item(office, a_visit(office), "Welcome", 9)
    body = {"agenda_item.start_time": f"{DAY}T10:00", "agenda_item.end_time": f"{DAY}T11:00"}
    answer = browser(gateway, Role.COORDINATOR).post(f"/{item['name']}/move", data=body)
    assert answer.status_code >= 400
    assert created(office.get(f"/v1/{item['name']}"))["startTime"] == item["startTime"]


def test_the_list_alone_is_answered_to_the_page_itself(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    an_item(office, visit, "Welcome", 9)
    part = browser(gateway, Role.COORDINATOR).get(f"/{visit['name']}/timetable", headers={"HX-Request": "true"})
    assert "Welcome" in part.text
    assert "<html" not in part.text


def test_a_move_without_an_end_lasts_as_long_as_the_item(gateway: Gateway, rest: Rest) -> None:
    visit, client = a_visit(rest), browser(gateway, Role.COORDINATOR)
    person = created(rest.post("/v1/people", {"function": "Host"}))["name"]
    taken = {"startTime": "2030-05-14T08:00:00Z", "endTime": "2030-05-14T09:00:00Z"}
    items = f"/v1/{visit['name']}/agendaItems"
    created(rest.post(items, {"title": "Taken", "people": [person], **taken}))
    item = created(rest.post(items, {"title": "Waits", "people": [person], "durationMinutes": 60}))
    token = client.get(f"/{visit['name']}/timetable").text.split('data-token="')[1].split('"')[0]
    moved = client.post(
        f"/{item['name']}/move", data={"csrf_token": token, "agenda_item.start_time": "2030-05-14T10:00"}
    )
    assert (moved.status_code, len(moved.json["alternatives"])) == (409, 3)


def test_what_a_move_does_not_say_stays_and_its_alternatives_last_as_long_as_it_says(
    gateway: Gateway, office: Rest
) -> None:
    visit, room, person = a_visit(office), a_room(office), a_person(office, "Mayor")
    a_room(office, "Trausaal")
    an_item(office, a_visit(office), "Elsewhere", 9, room=room["name"])
    an_item(office, visit, "Lunch", 12, people=[person["name"]])
    item = an_item(office, visit, "Workshop", 9, people=[person["name"]])
    client = browser(gateway, Role.COORDINATOR)
    headers = {"X-CSRFToken": form_token(client, "/account")}

    def change(**fields: Any) -> Any:
        body = {f"agenda_item.{name}": text for name, text in fields.items()}
        return client.post(f"/{item['name']}/move", data=body, headers=headers).json

    elsewhere = change(room=room["name"])["alternatives"][0]
    assert (elsewhere["start"], elsewhere["end"]) == (f"{DAY}T09:00", f"{DAY}T10:00")
    longer = change(duration_minutes=240)["alternatives"][0]
    assert (longer["start"], longer["end"]) == (f"{DAY}T13:30", f"{DAY}T17:30")
    saved = change(duration_minutes=90)
    assert (saved["start"], saved["end"], saved["minutes"]) == (f"{DAY}T09:00", f"{DAY}T10:30", 90)
