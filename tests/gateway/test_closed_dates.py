"""Days on which venues are closed, on their pages, in timetables, in programmes and in plans."""

from flask.testing import FlaskClient

from tests.gateway.browsing import PageForm, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created
from tests.gateway.test_planning_pages import plan
from tests.gateway.test_timetable_page import an_item, frame_of, move
from tests.gateway.test_venue_pages import DAY, a_venue, placed

CLOSED = "venue.closed_dates"
FIRST_DAY = {"year": 2030, "month": 5, "day": 14}


def test_days_are_entered_shown_and_removed_with_their_venue(office: FlaskClient, rest: Rest) -> None:
    # First of all in the list, whatever venues other tests have entered.
    name = a_venue(rest, displayName="000 Archive")["name"]
    assert "Always open." in text_of(office.get(f"/{name}"))
    form = PageForm(office.get(f"/{name}/edit").text).fields
    form[f"{CLOSED}.0.start_date"], form[f"{CLOSED}.0.end_date"] = "2090-12-24", "2091-01-01"
    form[f"{CLOSED}.0.note"] = "Between the years"
    assert office.post(f"/{name}/edit", data=form).status_code == 303
    form = PageForm(office.get(f"/{name}/edit").text).fields
    form[f"{CLOSED}.1.start_date"] = "2020-05-04"
    assert office.post(f"/{name}/edit", data=form).status_code == 303
    day = {"year": 2020, "month": 5, "day": 4}
    assert rest.get(f"/v1/{name}").json["closedDates"] == [
        {"startDate": day, "endDate": day, "note": ""},
        {
            "startDate": {"year": 2090, "month": 12, "day": 24},
            "endDate": {"year": 2091, "month": 1, "day": 1},
            "note": "Between the years",
        },
    ]
    shown = text_of(office.get(f"/{name}"))
    to_come = "Sun, 24 Dec 2090 – Mon, 1 Jan 2091"
    assert f"Always open but on these days: Mon, 4 May 2020 {to_come}: Between the years" in shown
    listed = text_of(office.get("/venues"))
    assert to_come in listed
    assert "4 May 2020" not in listed
    form = PageForm(office.get(f"/{name}/edit").text).fields
    for path in [path for path in form if path.startswith(f"{CLOSED}.")]:
        form[path] = ""
    assert office.post(f"/{name}/edit", data=form).status_code == 303
    assert rest.get(f"/v1/{name}").json["closedDates"] == []


def test_a_venue_is_entered_with_days_on_which_it_is_closed(office: FlaskClient, rest: Rest) -> None:
    answer = send(
        office,
        "/venues/new",
        **{"venue.display_name": "Depot", f"{CLOSED}.0.start_date": DAY, f"{CLOSED}.0.note": "Works"},
    )
    assert answer.status_code == 303
    assert "Tue, 14 May 2030: Works" in text_of(office.get(answer.location))


def test_what_is_wrong_with_days_is_said_beside_them(office: FlaskClient) -> None:
    form = PageForm(office.get("/venues/new").text).fields
    form["venue.display_name"] = "Library"
    form[f"{CLOSED}.0.start_date"], form[f"{CLOSED}.0.end_date"] = "2030-05-14", "2030-05-13"
    answer = office.post("/venues/new", data=form)
    assert answer.status_code == 400
    assert "Closed on single days: Last day: The last day is before the first." in text_of(answer)
    form = PageForm(answer.text).fields
    form[f"{CLOSED}.0.start_date"] = ""
    assert "Closed on single days: First day: Please fill this in." in text_of(office.post("/venues/new", data=form))


def test_the_timetable_and_the_programme_know_the_days(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    hours = [{"weekday": weekday, "startTime": "09:00", "endTime": "00:00"} for weekday in ("TUESDAY", "WEDNESDAY")]
    venue = a_venue(rest, openingHours=hours, closedDates=[{"startDate": FIRST_DAY}])
    always = a_venue(rest, closedDates=[{"startDate": FIRST_DAY}])
    room = created(rest.post("/v1/rooms", {"displayName": "Hall", "venue": venue["name"]}))
    placed(rest, visit, "Reception", "08:00", "09:00", room=room["name"])
    page = office.get(f"/{visit['name']}/timetable")
    assert f"{venue['displayName']} is closed from 10:00 to 11:00" in text_of(page)
    closed = [(each["resource"], each["start"], each["end"]) for each in frame_of(page)["closed"]]
    day = (f"{DAY}T00:00", "2030-05-15T00:00")
    assert [each[1:] for each in closed if each[0] == room["name"]] == [
        day,
        ("2030-05-15T00:00", "2030-05-15T09:00"),
        ("2030-05-16T00:00", "2030-05-17T00:00"),
    ]
    assert [each[1:] for each in closed if each[0] == always["name"]] == [day]


def test_a_closed_day_in_the_way_of_a_plan_is_said(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate=FIRST_DAY)
    venue = a_venue(rest, closedDates=[{"startDate": FIRST_DAY}])
    an_item(rest, visit, "Tour", durationMinutes=90, venue=venue["name"])
    assert f"{venue['displayName']} is closed on all these days." in text_of(plan(office, visit))


def test_neither_a_taken_room_nor_one_of_a_closed_venue_is_offered_instead_of_it(gateway: Gateway, rest: Rest) -> None:
    visit, closed = a_visit(rest), a_venue(rest, closedDates=[{"startDate": FIRST_DAY}])
    # They are offered by name.
    never, taken, _free = [
        created(rest.post("/v1/rooms", {"displayName": name, "venue": venue}))
        for name, venue in (("A closed room", closed["name"]), ("A taken room", ""), ("A wide room", ""))
    ]
    an_item(rest, a_visit(rest), "Elsewhere", 9, room=taken["name"])
    item = an_item(rest, visit, "Workshop", 14)
    first, *_others = move(gateway, item, "09:30", "10:30", room=taken["name"]).json["alternatives"]
    assert first["start"] == f"{DAY}T09:30"
    assert first["room"] not in ("", taken["name"], never["name"])
