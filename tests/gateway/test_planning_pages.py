"""Planning a programme through the pages: start, watch, stop, accept, and give up what stands in the way."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    """The browser of the international office."""
    return browser(gateway, Role.COORDINATOR)


def an_item(rest: Rest, visit: dict[str, Any], title: str, **fields: Any) -> dict[str, Any]:
    """Return a new item without a time."""
    return created(rest.post(f"/v1/{visit['name']}/agendaItems", {"title": title, "durationMinutes": 60, **fields}))


def watch(client: FlaskClient, answer: TestResponse) -> TestResponse:
    """Follow the answer to the page of a run, and return that once the run has ended."""
    assert answer.status_code == 303, answer.text
    until = time.monotonic() + 60
    while "hx-trigger" in (page := client.get(answer.location, headers=ENGLISH)).text and time.monotonic() < until:
        time.sleep(0.2)
    assert page.status_code == 200, page.text
    return page


def plan(client: FlaskClient, visit: dict[str, Any], **fields: Any) -> TestResponse:
    return watch(client, send(client, f"/{visit['name']}/scheduleRuns/new", **fields))


def press(client: FlaskClient, page: TestResponse, address: str) -> TestResponse:
    """Press the button of a page that posts to an address that ends so."""
    action = next(
        part.split('"')[0] for part in page.text.split('action="')[1:] if part.split('"')[0].endswith(address)
    )
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    return client.post(action, data={"csrf_token": token})


def relaxing(page: TestResponse, label: str) -> str:
    """Return how the address ends to which the button with a label posts."""
    before = page.text.split(f">{label}<")[0]
    return "/relax/" + before.rpartition("/relax/")[2].split('"')[0]


def items_of(rest: Rest, visit: dict[str, Any]) -> list[dict[str, Any]]:
    return list(rest.get(f"/v1/{visit['name']}/agendaItems").json["agendaItems"])


def test_a_programme_is_planned_looked_at_and_accepted(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    assert "/scheduleRuns/new" not in client.get(f"/{visit['name']}").text
    an_item(rest, visit, "Arrival")
    assert "/scheduleRuns/new" in client.get(f"/{visit['name']}").text
    page = plan(client, visit)
    assert "1 item gets a time" in text_of(page)
    assert "startTime" not in items_of(rest, visit)[0]
    answer = press(client, page, "/apply")
    assert (answer.status_code, answer.location) == (303, f"/{visit['name']}/timetable")
    assert "startTime" in items_of(rest, visit)[0]
    again = press(client, page, "/apply")
    assert "Not possible in this state" in text_of(client.get(again.location, headers=ENGLISH))


def test_a_plan_that_changes_nothing_is_not_offered_to_be_accepted(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    an_item(rest, visit, "Arrival")
    first = plan(client, visit)
    assert "/apply" in first.text
    press(client, first, "/apply")
    again = plan(client, visit)
    assert "1 item stays. There is no better plan." in text_of(again)
    assert "/apply" not in again.text
    german = client.get(again.request.path, headers={"Accept-Language": "de"})
    assert "Einen besseren Plan gibt es nicht." in text_of(german)


def test_the_part_of_the_page_that_changes_is_asked_for_alone(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    an_item(rest, visit, "Arrival")
    started = send(client, f"/{visit['name']}/scheduleRuns/new")
    watch(client, started)
    part = client.get(started.location, headers={**ENGLISH, "HX-Request": "true"}).text
    assert "<html" not in part
    assert "Arrival" in part


def test_why_it_cannot_be_done_is_said_and_given_up_by_a_button(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    whole_visit = {"startTime": "2030-05-13T00:00:00Z", "endTime": "2030-05-18T00:00:00Z"}
    person = created(rest.post("/v1/people", {"function": "Head of Water", "absences": [whole_visit]}))
    an_item(rest, visit, "Waterworks", people=[person["name"]])
    page = plan(client, visit)
    said = text_of(page)
    assert "Cannot be done" in said
    assert "Head of Water has to be at “Waterworks”: 60 mins." in said
    assert "Head of Water is away or taken: Mon, 13 May 2030" in said
    assert f'/{person["name"]}/edit"' in page.text
    relaxed = watch(client, press(client, page, relaxing(page, "Do without this person")))
    assert "1 item gets a time" in text_of(relaxed)
    (item,) = items_of(rest, visit)
    assert (item["people"], item["optionalPeople"]) == ([], [person["name"]])


def test_days_that_are_too_short_are_made_longer_by_a_button(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 14})
    an_item(rest, visit, "Excursion", durationMinutes=600)
    page = plan(client, visit, **{"schedule_run__breaks.0.start_time": "", "schedule_run__breaks.0.end_time": ""})
    assert "“Excursion”: 10 hrs between 09:00 and 18:00." in text_of(page)
    longer = watch(client, press(client, page, relaxing(page, "Plan longer days")))
    assert "1 item gets a time" in text_of(longer)


def test_hours_are_told_of_all_days(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 15})
    an_item(rest, visit, "Excursion", durationMinutes=610)
    page = plan(client, visit)
    assert "“Excursion”: 10 hrs 10 mins on 2 days between 09:00 and 18:00." in text_of(page)


def test_what_is_given_up_for_a_trial_holds_once_its_plan_is_accepted(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 14})
    an_item(rest, visit, "Excursion", durationMinutes=600)

    def list_hours() -> tuple[str, str]:
        fields = PageForm(client.get(f"/{visit['name']}/scheduleRuns/new").text).fields
        return fields["schedule_run.day_start_time"], fields["schedule_run.day_end_time"]

    without_break = {"schedule_run__breaks.0.start_time": "", "schedule_run__breaks.0.end_time": ""}
    page = plan(client, visit, schedule_run__day_start_time="08:45", **without_break)
    longer = watch(client, press(client, page, relaxing(page, "Plan longer days")))
    assert list_hours() == ("08:45", "18:00")
    press(client, longer, "/apply")
    assert list_hours() == ("07:00", "22:00")
    plan(client, visit, schedule_run__day_start_time="06:30", **without_break)
    assert list_hours() == ("07:00", "22:00")


def test_a_programme_that_changed_is_not_overwritten_and_the_page_says_what_changed(
    client: FlaskClient, rest: Rest
) -> None:
    visit = a_visit(rest)
    item = an_item(rest, visit, "Arrival")
    page = plan(client, visit)
    created(rest.patch(f"/v1/{item['name']}", {"title": "Departure"}))
    answer = press(client, page, "/apply")
    assert "“Departure” was changed." in text_of(client.get(answer.location, headers=ENGLISH))
    assert "startTime" not in items_of(rest, visit)[0]


def test_planning_again_begins_with_what_was_asked_before(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    an_item(rest, visit, "Arrival")
    asked = {"schedule_run__day_start_time": "08:15", "schedule_run__from_scratch": "on"}
    page = plan(client, visit, **asked, **{"schedule_run__breaks.0.label": "Prayer"})
    again = page.text.split("/scheduleRuns/new?like=")[1].split('"')[0]
    fields = PageForm(client.get(f"/{visit['name']}/scheduleRuns/new?like={again}").text).fields
    assert (fields["schedule_run.day_start_time"], fields["schedule_run.breaks.0.label"]) == ("08:15", "Prayer")
    assert fields.getlist("schedule_run.from_scratch")[-1] == "on"


def test_wrong_hours_are_marked_and_nothing_starts(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    an_item(rest, visit, "Arrival")
    answer = send(client, f"/{visit['name']}/scheduleRuns/new", schedule_run__day_end_time="08:00")
    assert (answer.status_code, "field-schedule_run-day_end_time" in answer.text) == (400, True)
    assert not rest.get(f"/v1/{visit['name']}/scheduleRuns").json["scheduleRuns"]


def test_a_visit_without_items_says_what_to_do_first(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    page = client.get(f"/{visit['name']}/scheduleRuns/new", headers=ENGLISH)
    assert "Add items first" in text_of(page)
    assert f'href="/{visit["name"]}/agendaItems/new"' in page.text


def test_who_may_not_plan_is_told(gateway: Gateway, rest: Rest) -> None:
    visit = a_visit(rest)
    partner = browser(gateway, Role.PARTNER)
    assert partner.get(f"/{visit['name']}/scheduleRuns/new").status_code == 403
    member = browser(gateway, Role.MEMBER)
    other = a_visit(rest, hostDepartment="Kultur")
    an_item(rest, other, "Arrival")
    assert send(member, f"/{other['name']}/scheduleRuns/new").status_code == 403


def test_what_several_items_ask_for_is_given_up_for_one_of_them(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 14})
    created(rest.post("/v1/people", {"function": "Interpreter of Welsh", "languagePairs": ["cy-de"]}))
    for title in ("One", "Two"):
        an_item(rest, visit, title, durationMinutes=300, interpretationLanguages=["cy", "de"])
    no_break = {"schedule_run__breaks.0.start_time": "", "schedule_run__breaks.0.end_time": ""}
    page = plan(client, visit, **no_break)
    assert "one person can: Interpreter of Welsh." in text_of(page)
    answer = press(client, page, relaxing(page, "Do without interpretation: One"))
    said = text_of(client.get(answer.location, headers=ENGLISH))
    assert "Given up: Welsh–German is to be interpreted at “One” and “Two”" in said
    watch(client, answer)
    left = {item["title"]: item["interpretationLanguages"] for item in items_of(rest, visit)}
    assert left == {"One": [], "Two": ["cy", "de"]}


def test_a_whole_delegation_is_not_called_by_one_of_its_members(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 14})
    for function in ("Mayor", "Driver"):
        created(rest.post(f"/v1/{visit['name']}/delegates", {"function": function}))
    morning = {"startTime": "2030-05-14T07:00:00Z", "endTime": "2030-05-14T11:00:00Z", "fixed": True}
    body = {"title": "Reception", "wholeDelegation": True, **morning}
    created(rest.post(f"/v1/{visit['name']}/agendaItems", body))
    for title in ("Harbour", "Island"):
        an_item(rest, visit, title, durationMinutes=240, wholeDelegation=True)
    said = text_of(plan(client, visit))
    assert "The whole delegation has to be at “Harbour” and “Island”: 8 hrs." in said
    assert "“Reception” takes the whole delegation: Tue, 14 May 2030, 09:00–13:00." in said
    assert "Mayor has to be" not in said
    assert "Driver has to be" not in said


def test_an_order_is_not_given_up_for_a_time(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 14})
    first = an_item(rest, visit, "First")
    late = {"earliestStartTime": "2030-05-14T15:00:00Z", "after": [{"agendaItem": first["name"]}]}
    an_item(rest, visit, "Late", durationMinutes=120, **late)
    page = plan(client, visit)
    watch(client, press(client, page, relaxing(page, "Let it begin earlier")))
    stored = next(item for item in items_of(rest, visit) if item["title"] == "Late")
    assert ("earliestStartTime" in stored, len(stored["after"])) == (False, 1)


def test_only_the_order_that_stands_in_the_way_is_given_up(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 14})
    late = {"startTime": "2030-05-14T15:00:00Z", "endTime": "2030-05-14T16:00:00Z", "fixed": True}
    fixed = created(rest.post(f"/v1/{visit['name']}/agendaItems", {"title": "Reception", **late}))
    other = an_item(rest, visit, "Harbour")
    after = [{"agendaItem": fixed["name"]}, {"agendaItem": other["name"], "gapMinutes": 30}]
    an_item(rest, visit, "Dinner", after=after)
    page = plan(client, visit)
    said = "“Reception” comes before “Dinner”. “Reception” stays where it is: Tue, 14 May 2030, 17:00–18:00."
    assert said in text_of(page)
    assert f'href="/{fixed["name"]}/edit"' in page.text
    again = watch(client, press(client, page, relaxing(page, "Give up this order")))
    assert "2 items get a time" in text_of(again)
    stored = next(item for item in items_of(rest, visit) if item["title"] == "Dinner")
    assert [(each["agendaItem"], each["gapMinutes"]) for each in stored["after"]] == [(other["name"], 30)]


def test_a_break_is_given_up_on_its_day_and_no_other_is(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 15})
    times = {"earliestStartTime": "2030-05-14T10:45:00Z", "latestEndTime": "2030-05-14T11:00:00Z"}
    an_item(rest, visit, "Call", durationMinutes=15, **times)
    breaks = (("Lunch", "12:30", "13:30"), ("Prayer", "12:30", "12:45"))
    fields = {
        f"schedule_run__breaks.{index}.{name}": text
        for index, texts in enumerate(breaks)
        for name, text in zip(("label", "start_time", "end_time"), texts, strict=True)
    }
    page = plan(client, visit, **fields)
    assert "Break (Lunch): Tue, 14 May 2030, 12:30–13:30." in text_of(page)
    relaxed = press(client, page, relaxing(page, "Do without this break"))
    kept = rest.get(f"/v1{relaxed.location}").json["breaks"]
    given_up = [{"year": 2030, "month": 5, "day": 14}]
    assert [(each["label"], each["exceptDates"]) for each in kept] == [("Lunch", given_up), ("Prayer", [])]
    again = watch(client, relaxed).text.split("/scheduleRuns/new?like=")[1].split('"')[0]
    address = f"/{visit['name']}/scheduleRuns/new?like={again}"
    assert "Not on these days" in text_of(client.get(address, headers=ENGLISH))
    planned = send(client, address).location
    assert rest.get(f"/v1{planned}").json["breaks"] == kept


def test_longer_days_are_offered_once(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 14})
    an_item(rest, visit, "Marathon", durationMinutes=1000)
    page = plan(client, visit)
    longer = watch(client, press(client, page, relaxing(page, "Plan longer days")))
    assert "Plan longer days" not in text_of(longer)


def test_what_stays_and_lacks_something_is_said_with_the_plan(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    an_item(rest, visit, "Tour")
    person = created(rest.post("/v1/people", {"function": "Head of Water"}))
    times = {"startTime": "2030-05-14T08:00:00Z", "endTime": "2030-05-14T09:00:00Z"}
    fixed = {"title": "Speech", "fixed": True, "people": [person["name"]], **times}
    item = created(rest.post(f"/v1/{visit['name']}/agendaItems", fixed))
    created(rest.patch(f"/v1/{person['name']}", {"absences": [times]}, updateMask="absences"))
    page = plan(client, visit)
    assert "1 item gets a time, 1 item lacks something." in text_of(page)
    assert "Tue, 14 May 2030, 10:00 – stays, but: Head of Water is away" in text_of(page)
    assert f'href="/{item["name"]}/edit"' in page.text


def test_the_plan_names_what_it_does_not_touch(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    an_item(rest, visit, "Tour")
    dinner = {"startTime": "2030-05-14T17:00:00Z", "endTime": "2030-05-14T20:00:00Z"}
    created(rest.post(f"/v1/{visit['name']}/agendaItems", {"title": "Dinner", **dinner}))
    said = text_of(plan(client, visit))
    assert "What stays as it is These are fixed, or lie outside the hours that are planned: Dinner, Tue, 14 May" in said


@pytest.mark.parametrize("number", ["2147483648", "99999999999999999999", "1e3"])
def test_numbers_that_no_field_holds_are_refused_by_name(client: FlaskClient, rest: Rest, number: str) -> None:
    visit = a_visit(rest)
    answer = send(client, f"/{visit['name']}/agendaItems/new", agenda_item__title="x", agenda_item__seats=number)
    assert (answer.status_code, "field-agenda_item-seats" in answer.text) == (400, True)


def test_a_time_that_is_fixed_is_told_in_the_readers_language_and_given_up(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    created(rest.post("/v1/people", {"function": "Interpreter of Icelandic", "languagePairs": ["de-is"]}))
    times = {"startTime": "2030-05-14T08:00:00Z", "endTime": "2030-05-14T09:00:00Z"}
    for title in ("One", "Two"):
        fixed = {"title": title, "fixed": True, "interpretationLanguages": ["is", "de"], **times}
        created(rest.post(f"/v1/{visit['name']}/agendaItems", fixed))
    page = plan(client, visit)
    assert "“One” is fixed: Tue, 14 May 2030, 10:00–11:00." in text_of(page)
    german = client.get(page.request.path, headers={"Accept-Language": "de"})
    assert "„One“ steht fest: Di., 14. Mai 2030, 10:00–11:00." in text_of(german)
    before = page.text.split("“One” is fixed")[1]
    address = "/relax/" + before.split("/relax/")[1].split('"')[0]
    assert "Plan found" in text_of(watch(client, press(client, page, address)))
    assert [item["fixed"] for item in items_of(rest, visit) if item["title"] == "One"] == [False]


def test_days_on_which_the_host_does_not_work_are_left_out_until_somebody_wants_them(
    client: FlaskClient, rest: Rest
) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 20})
    an_item(rest, visit, "Arrival")
    address = f"/{visit['name']}/scheduleRuns/new"
    page = client.get(address, headers=ENGLISH)
    assert "Sat, 18 May 2030. Nobody works in Mannheim" in text_of(page)
    assert PageForm(page.text).fields.getlist("schedule_run.except_dates") == ["", "2030-05-18", "2030-05-19"]
    run = watch(client, send(client, address))
    again = run.text.split("/scheduleRuns/new?like=")[1].split('"')[0]
    assert [each["day"] for each in rest.get(f"/v1{run.request.path}").json["exceptDates"]] == [18, 19]
    wanted = send(client, f"{address}?like={again}", schedule_run__except_dates=["", "2030-05-19"])
    assert [each["day"] for each in rest.get(f"/v1{wanted.location}").json["exceptDates"]] == [19]


def test_a_visit_at_the_weekend_is_planned(client: FlaskClient, rest: Rest) -> None:
    weekend = {"startDate": {"year": 2030, "month": 5, "day": 18}, "endDate": {"year": 2030, "month": 5, "day": 19}}
    visit = a_visit(rest, **weekend)
    an_item(rest, visit, "Arrival")
    assert "1 item gets a time" in text_of(plan(client, visit))
    none_left = send(
        client,
        f"/{visit['name']}/scheduleRuns/new",
        schedule_run__except_dates=["", "2030-05-18", "2030-05-19"],
    )
    assert none_left.status_code == 400
    assert 'href="#field-schedule_run-except_dates"' in none_left.text


def test_days_that_are_left_out_are_planned_where_longer_days_do_not_help(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 15})
    for title in ("Harbour", "Island"):
        an_item(rest, visit, title, durationMinutes=720, people=[])
    person = created(rest.post("/v1/people", {"function": "Captain"}))
    for item in items_of(rest, visit):
        created(rest.patch(f"/v1/{item['name']}", {"people": [person["name"]]}, updateMask="people"))
    hours = {"schedule_run__day_start_time": "07:00", "schedule_run__day_end_time": "22:00"}
    no_break = {"schedule_run__breaks.0.start_time": "", "schedule_run__breaks.0.end_time": ""}
    page = plan(client, visit, **hours, **no_break, schedule_run__except_dates=["", "2030-05-15"])
    planned = watch(client, press(client, page, relaxing(page, "Plan every day")))
    assert "2 items get a time" in text_of(planned)


def test_a_room_that_another_item_takes_is_named(client: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest, endDate={"year": 2030, "month": 5, "day": 14})
    room = created(rest.post("/v1/rooms", {"displayName": "Ratssaal, einmalig"}))["name"]
    day = {"startTime": "2030-05-14T07:00:00Z", "endTime": "2030-05-14T15:00:00Z", "fixed": True}
    created(rest.post(f"/v1/{visit['name']}/agendaItems", {"title": "Reception", "room": room, **day}))
    an_item(rest, visit, "Hearing", durationMinutes=240, room=room)
    assert "“Reception” takes Ratssaal, einmalig: Tue, 14 May 2030, 09:00–17:00." in text_of(plan(client, visit))
