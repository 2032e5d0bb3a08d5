"""The pages of venues, and where else pages show them: rooms, programme, timetable, and what stands in a plan's way."""

from itertools import count
from typing import Any

from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_city, a_visit, created
from tests.gateway.test_planning_pages import an_item, plan, press, relaxing, watch
from tests.gateway.test_timetable_page import frame_of

DAY = "2030-05-14"
TOWN_HALL, NEARBY, FAR = (49.4874, 8.4660), (49.4874, 8.4722), (49.5507, 8.4660)
_number = count(1)


def a_venue(rest: Rest, at: tuple[float, float] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a new venue, with a name that no other has."""
    body: dict[str, Any] = {"displayName": f"Venue {next(_number)}", **fields}
    if at:
        body["location"] = {"latitude": at[0], "longitude": at[1]}
    return created(rest.post("/v1/venues", body))


def placed(rest: Rest, visit: dict[str, Any], title: str, start: str, end: str, **fields: Any) -> dict[str, Any]:
    """Return a new item for the whole delegation on the first day; times are UTC."""
    times = {"startTime": f"{DAY}T{start}:00Z", "endTime": f"{DAY}T{end}:00Z"}
    body = {"title": title, "wholeDelegation": True, **times, **fields}
    return created(rest.post(f"/v1/{visit['name']}/agendaItems", body))


def times_of(page: str) -> dict[str, tuple[str, str]]:
    """Return of the form of a venue, by weekday, the paths of the fields of its first time."""
    fields = PageForm(page).fields
    found: dict[str, tuple[str, str]] = {}
    for path, weekday in fields.items():
        if path.endswith(".weekday"):
            entry = path.removesuffix(".weekday")
            found.setdefault(weekday, (f"{entry}.start_time", f"{entry}.end_time"))
    return found


def test_a_venue_is_entered_with_its_hours_and_changed(office: FlaskClient, rest: Rest) -> None:
    page = office.get("/venues/new").text
    form = PageForm(page).fields
    assert form["venue.city"] == "cities/mannheim"
    title = f"Town hall {next(_number)}"
    form["venue.display_name"], form["venue.address"] = title, "E 5"
    form["venue.location.latitude"], form["venue.location.longitude"] = "49.4899", "8.4628"
    form.setlist("venue.step_free", ["", "on"])
    for weekday in ("MONDAY", "FRIDAY"):
        form[times_of(page)[weekday][0]], form[times_of(page)[weekday][1]] = "08:00", "00:00"
    answer = office.post("/venues/new", data=form)
    assert answer.status_code == 303
    shown = text_of(office.get(answer.location))
    assert "Monday 08:00–24:00 Tuesday closed" in shown
    assert "49.4899° N, 8.4628° E" in shown
    assert title in text_of(office.get("/venues"))
    venue = rest.get(f"/v1{answer.location}").json
    assert (venue["city"], venue["address"], venue["stepFree"]) == ("cities/mannheim", "E 5", True)

    edit = office.get(f"{answer.location}/edit").text
    form = PageForm(edit).fields
    monday, friday = times_of(edit)["MONDAY"], times_of(edit)["FRIDAY"]
    assert (form[monday[0]], form[monday[1]]) == ("08:00", "00:00")
    form[monday[0]] = form[monday[1]] = ""
    form[friday[1]] = "12:30"
    assert office.post(f"{answer.location}/edit", data=form).status_code == 303
    assert rest.get(f"/v1{answer.location}").json["openingHours"] == [
        {"weekday": "FRIDAY", "startTime": "08:00", "endTime": "12:30"}
    ]


def test_what_is_wrong_is_said_with_the_day_that_it_is_about(office: FlaskClient) -> None:
    page = office.get("/venues/new").text
    form = PageForm(page).fields
    form["venue.display_name"] = "Library"
    start, end = times_of(page)["WEDNESDAY"]
    form[start], form[end] = "17:00", "08:00"
    form["venue.location.latitude"] = "49"
    assert "Longitude: Please fill this in." in text_of(office.post("/venues/new", data=form))
    form["venue.location.latitude"] = ""
    answer = office.post("/venues/new", data=form)
    assert answer.status_code == 400
    assert "Opening hours: Wednesday: Until:" in text_of(answer)
    form = PageForm(answer.text).fields
    start, end = times_of(answer.text)["WEDNESDAY"]
    assert (form[start], form[end]) == ("17:00", "08:00")
    form[end] = ""
    assert "Opening hours: Wednesday: Until: Please fill this in." in text_of(office.post("/venues/new", data=form))


def test_ways_are_shown_as_estimates_until_somebody_enters_them(office: FlaskClient, rest: Rest) -> None:
    swansea = a_city(rest, "swansea")["name"]
    hall, near = [a_venue(rest, at, city=swansea) for at in (TOWN_HALL, NEARBY)]
    assert f"{near['displayName']} about 8 mins on foot, estimated" in text_of(office.get(f"/{hall['name']}"))
    form = PageForm(office.get(f"/{hall['name']}/edit").text).fields
    entry = next(path.removesuffix(".venue") for path, name in form.items() if name == near["name"])
    form[f"{entry}.minutes"] = "12"
    assert office.post(f"/{hall['name']}/edit", data=form).status_code == 303
    assert f"{hall['displayName']} 12 mins" in text_of(office.get(f"/{near['name']}"))
    form = PageForm(office.get(f"/{near['name']}/edit").text).fields
    entry = next(path.removesuffix(".venue") for path, name in form.items() if name == hall["name"])
    assert form[f"{entry}.minutes"] == "12"
    form[f"{entry}.minutes"] = "a while"
    assert "Please give a whole number." in text_of(office.post(f"/{near['name']}/edit", data=form))
    form[f"{entry}.minutes"] = ""
    assert office.post(f"/{near['name']}/edit", data=form).status_code == 303
    assert "about 8 mins on foot, estimated" in text_of(office.get(f"/{hall['name']}"))


def test_a_room_is_put_into_a_venue_and_shown_there(office: FlaskClient, rest: Rest) -> None:
    venue = a_venue(rest)
    name = f"Hall {next(_number)}"
    shown = office.get(f"/rooms/new?venue={venue['name']}")
    assert PageForm(shown.text).fields["room.venue"] == venue["name"]
    assert send(office, f"/rooms/new?venue={venue['name']}", room__display_name=name).status_code == 303
    assert name in text_of(office.get(f"/{venue['name']}"))
    assert f'href="/{venue["name"]}"' in office.get("/rooms").text
    refused = send(office, f"/{venue['name']}/delete")
    assert refused.status_code == 400
    assert name in text_of(refused)


def test_a_venue_that_nothing_names_is_deleted(office: FlaskClient, rest: Rest) -> None:
    venue = a_venue(rest)
    assert send(office, f"/{venue['name']}/delete").location == "/venues"
    assert rest.get(f"/v1/{venue['name']}").status_code == 404


def test_departments_read_venues_and_only_the_office_enters_them(gateway: Gateway, rest: Rest) -> None:
    venue = a_venue(rest)
    member = browser(gateway, Role.MEMBER)
    assert venue["displayName"] in text_of(member.get("/venues"))
    page = member.get(f"/{venue['name']}")
    assert page.status_code == 200
    assert "/edit" not in page.text
    assert member.get("/venues/new").status_code == 403
    assert member.get(f"/{venue['name']}/edit").status_code == 403
    assert browser(gateway, Role.PARTNER).get("/venues").status_code == 403


def test_an_item_is_given_a_venue_and_further_rooms(office: FlaskClient, rest: Rest) -> None:
    visit, venue = a_visit(rest), a_venue(rest)
    hall, foyer = [
        created(rest.post("/v1/rooms", {"displayName": f"Room {next(_number)}", "venue": venue["name"]})) for _ in "ab"
    ]
    answer = send(
        office,
        f"/{visit['name']}/agendaItems/new",
        agenda_item__title="Reception",
        agenda_item__duration_minutes="60",
        agenda_item__room=hall["name"],
        agenda_item__additional_rooms=["", foyer["name"]],
    )
    assert answer.status_code == 303
    where = f"{hall['displayName']}, {foyer['displayName']}; {venue['displayName']}"
    assert where in text_of(office.get(f"/{visit['name']}"))
    assert where in text_of(office.get(f"/{visit['name']}/timetable"))
    (item,) = rest.get(f"/v1/{visit['name']}/agendaItems").json["agendaItems"]
    moved = send(office, f"/{item['name']}/edit", agenda_item__room="")
    assert moved.status_code == 303
    item = rest.get(f"/v1/{item['name']}").json
    assert (item["room"], item["venue"]) == ("", venue["name"])
    other = a_venue(rest)
    wrong = send(office, f"/{item['name']}/edit", agenda_item__room=hall["name"], agenda_item__venue=other["name"])
    assert f"Venue: {hall['displayName']} is not there." in text_of(wrong)


def test_a_visit_abroad_is_offered_rooms_and_venues_of_its_host(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, direction="DIRECTION_OUTGOING")
    there = a_venue(rest, city=visit["hostCity"])
    here = a_venue(rest)
    rooms = [
        created(rest.post("/v1/rooms", {"displayName": f"Room {next(_number)}", "venue": each["name"]}))
        for each in (there, here)
    ]
    page = office.get(f"/{visit['name']}/agendaItems/new").text
    assert f'value="{there["name"]}"' in page
    assert f'value="{rooms[0]["name"]}"' in page
    assert f'value="{here["name"]}"' not in page
    assert f'value="{rooms[1]["name"]}"' not in page


def test_the_programme_says_how_long_a_way_takes_and_warns_where_time_is_short(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    hall, near, far = [a_venue(rest, at) for at in (TOWN_HALL, NEARBY, FAR)]
    placed(rest, visit, "Welcome", "07:00", "08:00", venue=hall["name"])
    placed(rest, visit, "Library", "08:05", "09:00", venue=near["name"])
    placed(rest, visit, "Plant", "10:00", "11:00", venue=far["name"])
    placed(rest, visit, "Dinner", "11:00", "12:00", venue=hall["name"])
    for page in (f"/{visit['name']}", f"/{visit['name']}/timetable"):
        text = text_of(office.get(page))
        assert f"From {hall['displayName']}: about 8 mins on foot, estimated Only 5 mins for the way" in text
        assert f"From {near['displayName']}: about 31 mins by vehicle, estimated Whole delegation" in text
        assert f"From {far['displayName']}: about 31 mins by vehicle, estimated No time for the way" in text


def test_the_timetable_knows_when_the_venue_of_a_room_is_closed_and_what_an_item_books(
    office: FlaskClient, rest: Rest
) -> None:
    visit = a_visit(rest)
    venue = a_venue(
        rest,
        openingHours=[
            {"weekday": "TUESDAY", "startTime": "09:00", "endTime": "12:00"},
            {"weekday": "TUESDAY", "startTime": "13:00", "endTime": "00:00"},
        ],
    )
    hall, foyer = [
        created(rest.post("/v1/rooms", {"displayName": f"Room {next(_number)}", "venue": venue["name"]})) for _ in "ab"
    ]
    placed(rest, visit, "Reception", "08:00", "09:00", room=hall["name"], additionalRooms=[foyer["name"]])
    frame = frame_of(office.get(f"/{visit['name']}/timetable"))
    closed = [(each["start"], each["end"]) for each in frame["closed"] if each["resource"] == hall["name"]]
    assert closed == [
        (f"{DAY}T00:00", f"{DAY}T09:00"),
        (f"{DAY}T12:00", f"{DAY}T13:00"),
        ("2030-05-15T00:00", "2030-05-16T00:00"),
        ("2030-05-16T00:00", "2030-05-17T00:00"),
    ]
    (item,) = office.get(f"/{visit['name']}/timetable.json").json["items"]
    assert (item["room"], item["venue"], item["venue_title"]) == (hall["name"], venue["name"], venue["displayName"])
    assert item["further_rooms"] == [{"name": foyer["name"], "title": foyer["displayName"]}]
    other = frame_of(office.get(f"/{a_visit(rest)['name']}/timetable"))
    assert {hall["name"], foyer["name"]} <= {each["resource"] for each in other["elsewhere"]}


def test_an_item_outside_opening_hours_is_saved_with_a_warning_that_stays_on_the_pages(
    office: FlaskClient, rest: Rest
) -> None:
    visit = a_visit(rest)
    venue = a_venue(rest, openingHours=[{"weekday": "TUESDAY", "startTime": "09:00", "endTime": "12:00"}])
    sent = {"title": "Reception", "start_time": f"{DAY}T11:00", "end_time": f"{DAY}T13:00", "venue": venue["name"]}
    answer = send(
        office, f"/{visit['name']}/agendaItems/new", **{f"agenda_item__{field}": text for field, text in sent.items()}
    )
    assert answer.status_code == 303
    told = f"{venue['displayName']} is closed from 12:00 to 13:00"
    page = text_of(office.get(f"/{visit['name']}"))
    assert page.count(told) == 2, "as a message of what was saved, and at the item"
    assert text_of(office.get(f"/{visit['name']}")).count(told) == 1
    assert told in text_of(office.get(f"/{visit['name']}/timetable"))
    (item,) = rest.get(f"/v1/{visit['name']}/agendaItems").json["agendaItems"]
    closures = rest.get(f"/v1/{visit['name']}/programme").json["closures"]
    assert closures == [
        {
            "agendaItem": item["name"],
            "venue": venue["name"],
            "venueDisplayName": venue["displayName"],
            "startTime": "2030-05-14T10:00:00Z",
            "endTime": "2030-05-14T11:00:00Z",
        }
    ]
    frame = frame_of(office.get(f"/{visit['name']}/timetable"))
    assert f"{DAY}T12:00" in [each["start"] for each in frame["closed"] if each["resource"] == venue["name"]]
    assert send(office, f"/{item['name']}/edit", agenda_item__end_time=f"{DAY}T12:00").status_code == 303
    assert told not in text_of(office.get(f"/{visit['name']}"))


def test_opening_hours_and_ways_in_the_way_are_said_in_the_readers_language(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    venue = a_venue(rest, openingHours=[{"weekday": "TUESDAY", "startTime": "12:00", "endTime": "13:00"}])
    an_item(rest, visit, "Tour", durationMinutes=90, venue=venue["name"])
    page = plan(office, visit)
    said = text_of(page)
    assert f"{venue['displayName']} is open on these days: Tue, 14 May 2030, 12:00–13:00." in said
    assert f"“Tour” takes place here: {venue['displayName']}." in said
    assert f'href="/{venue["name"]}/edit"' in page.text
    german = text_of(office.get(page.request.path, headers={"Accept-Language": "de"}))
    assert f"{venue['displayName']} ist an diesen Tagen geöffnet: Di., 14. Mai 2030, 12:00–13:00." in german
    relaxed = watch(office, press(office, page, relaxing(page, "Leave the venue open")))
    assert "1 item gets a time" in text_of(relaxed)
    (item,) = rest.get(f"/v1/{visit['name']}/agendaItems").json["agendaItems"]
    assert item["venue"] == ""


def test_a_way_and_further_rooms_in_the_way_are_said_too(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    created(rest.post(f"/v1/{visit['name']}/delegates", {"function": "Head of controlling"}))
    latest = {"latestEndTime": f"{DAY}T09:15:00Z", "wholeDelegation": True}
    venues = [a_venue(rest, at) for at in (TOWN_HALL, FAR)]
    for venue in venues:
        an_item(rest, visit, "Tour", venue=venue["name"], **latest)
    said = text_of(plan(office, visit))
    assert "takes about 31 mins, estimated." in said
    assert all(venue["displayName"] in said for venue in venues)

    visit = a_visit(rest)
    foyer = created(rest.post("/v1/rooms", {"displayName": f"Foyer {next(_number)}"}))
    latest = {"latestEndTime": f"{DAY}T08:30:00Z"}
    for _ in range(2):
        an_item(rest, visit, "Reception", additionalRooms=[foyer["name"]], **latest)
    page = plan(office, visit)
    assert f"“Reception” takes these rooms as well: {foyer['displayName']}." in text_of(page)
    relaxed = watch(office, press(office, page, relaxing(page, "Do without these rooms")))
    assert "2 items get a time" in text_of(relaxed)


def test_the_search_box_finds_venues(office: FlaskClient, rest: Rest) -> None:
    venue = a_venue(rest, displayName="Wasserwerk Rheinau")
    assert f'href="/{venue["name"]}"' in office.get("/search/found?query=rheinau").text


def test_a_venue_in_a_city_of_very_many_can_be_changed(office: FlaskClient, rest: Rest) -> None:
    a_city(rest, "houses")
    venues = [a_venue(rest, city="cities/houses")["name"] for _number in range(102)]
    page = office.get(f"/{venues[0]}/edit").text

    form = PageForm(page).fields
    form["venue.display_name"] = "Town hall of the city of houses"
    answer = office.post(f"/{venues[0]}/edit", data=form)

    assert answer.status_code == 303, answer.text
    assert rest.get(f"/v1/{venues[0]}").json["displayName"] == "Town hall of the city of houses"
