"""Ideas without dates, through the pages: entered, in sight everywhere, given their dates, agreed on."""

from typing import Any

from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import PageForm, send, text_of
from tests.gateway.conftest import Browse, Rest
from tests.gateway.samples import a_visit, an_exchange, created, visit_of

ENGLISH = {"Accept-Language": "en"}
OPEN: dict[str, Any] = {"startDate": None, "endDate": None}


def an_idea(rest: Rest, **fields: Any) -> dict[str, Any]:
    """Return an idea whose dates are open."""
    body = {name: value for name, value in visit_of(an_exchange(rest), **OPEN, **fields).items() if value is not None}
    return created(rest.post("/v1/visits", body))


def page_of(office: FlaskClient, path: str) -> str:
    answer = office.get(path, headers=ENGLISH)
    assert answer.status_code == 200, answer.text
    return text_of(answer)


def test_an_idea_is_entered_without_dates_and_finds_its_way_to_being_agreed_on(office: FlaskClient, rest: Rest) -> None:
    exchange = an_exchange(rest)
    entered = send(
        office, f"/visits/new?exchange={exchange['name']}", visit__title="An idea of the mayor", visit__start_date="",
        visit__end_date="", visit__host_department="",
    )  # fmt: skip
    assert entered.status_code == 303
    visit = entered.location
    page = office.get(visit, headers=ENGLISH)
    assert "Dates and host department are still open" in text_of(page)
    assert f'action="{visit}/agree"' not in page.text and f'href="{visit}/timetable"' not in page.text
    assert f'href="{visit}/edit#field-visit-start_date"' in page.text
    # Half a time is none.
    half = send(office, f"{visit}/edit", visit__start_date="2030-05-14")
    assert half.status_code == 400
    assert "Last day: Please fill this in." in text_of(half)
    question = f"/visits/dates?visit=visits/{visit.rpartition('/')[2]}"
    assert question.replace("&", "&amp;") in page.text
    found = office.get(
        f"{question}&ask=on&working_days=3&earliest_date=2030-05-06&latest_date=2030-05-10", headers=ENGLISH
    )
    assert "Take these days" in text_of(found)
    token = found.text.split('name="csrf_token" value="')[1].split('"')[0]
    taken = found.text.split(f'action="{visit}/dates"')[1].split("</form>")[0]
    fields = {
        name: taken.split(f'name="{name}" value="')[1].split('"')[0]
        for name in ("visit.etag", "visit.start_date", "visit.end_date")
    }
    answer = office.post(f"{visit}/dates", data={"csrf_token": token, **fields})
    assert (answer.status_code, answer.location) == (303, visit)
    page = office.get(visit, headers=ENGLISH)
    assert "The visit has its dates now." in text_of(page)
    assert "The host department is still open" in text_of(page)
    stale = office.post(f"{visit}/dates", data={"csrf_token": token, **fields})
    assert stale.status_code == 303
    assert "in another window" in page_of(office, visit)
    assert send(office, f"{visit}/edit", visit__host_department="Controlling").status_code == 303
    page = office.get(visit, headers=ENGLISH)
    assert "still open" not in text_of(page) and f'action="{visit}/agree"' in page.text
    assert f'href="{visit}/timetable"' in page.text


def test_a_step_that_needs_more_says_what_it_needs(office: FlaskClient, rest: Rest) -> None:
    idea = an_idea(rest)
    page = office.get(f"/{idea['name']}")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    office.post(f"/{idea['name']}/agree", data={"csrf_token": token, "etag": idea["etag"]})
    assert "this has to be known: First day, Last day." in page_of(office, f"/{idea['name']}")


def test_an_idea_without_dates_is_in_sight_everywhere(office: FlaskClient, rest: Rest) -> None:
    idea, dated = an_idea(rest), a_visit(rest)
    for path in ("/visits", "/visits?view=month&from=2040-01-01", "/visits?rows=departments", "/"):
        assert idea["title"] in page_of(office, path).partition("Ideas without dates")[2], path
    listed = page_of(office, "/visits?view=list&dates=open")
    assert idea["title"] in listed and dated["title"] not in listed
    assert "Still open" in listed.partition(idea["title"])[2]
    assert idea["title"] not in page_of(office, "/visits?rows=rooms")
    assert idea["title"] in page_of(office, f"/{idea['exchange']}")
    rest.post(f"/v1/{idea['name']}:cancel", {"reason": "No interest"})
    assert idea["title"] not in page_of(office, "/visits")
    assert idea["title"] in page_of(office, "/visits?view=list&dates=open")
    assert idea["title"] in page_of(office, "/visits?state=STATE_CANCELLED")


def test_every_page_of_an_idea_without_dates_opens(office: FlaskClient, rest: Rest) -> None:
    idea = an_idea(rest)
    created(rest.post(f"/v1/{idea['name']}/agendaItems", {"title": "Tour", "durationMinutes": 60}))
    created(rest.post(f"/v1/{idea['name']}/delegates", {"function": "Mayor"}))
    for page in (
        "", "/edit", "/delete", "/cancel", "/postpone", "/report", "/delegates/new", "/delegates/rows", "/lessons",
        "/agendaItems/new", "/agendaItems/rows", "/programme/copy", "/programme/keep", "/scheduleRuns/new", "/confirm",
        "/start", "/close", "/timetable.json",
    ):  # fmt: skip
        assert office.get(f"/{idea['name']}{page}").status_code == 200, page
    timetable = office.get(f"/{idea['name']}/timetable")
    assert (timetable.status_code, timetable.location) == (303, f"/{idea['name']}#programme")


def test_what_needs_dates_says_so_on_its_page(office: FlaskClient, rest: Rest) -> None:
    idea = an_idea(rest)
    created(rest.post(f"/v1/{idea['name']}/agendaItems", {"title": "Tour", "durationMinutes": 60}))
    planned = send(office, f"/{idea['name']}/scheduleRuns/new")
    assert "The dates of this visit are still open." in text_of(planned)
    item = send(
        office, f"/{idea['name']}/agendaItems/new", agenda_item__title="Talk",
        agenda_item__start_time="2030-05-14T09:00", agenda_item__end_time="2030-05-14T10:00",
    )  # fmt: skip
    assert item.status_code == 400
    assert "Until then an item has no time, only a duration." in text_of(item)
    postponed = send(office, f"/{idea['name']}/postpone", reason="Ill")
    assert "The dates of this visit are still open." in text_of(postponed)
    assert f'href="/{idea["name"]}/postpone"' not in office.get(f"/{idea['name']}").text


def test_dates_become_open_again_on_the_form_of_an_idea_only(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    assert send(office, f"/{visit['name']}/edit", visit__start_date="", visit__end_date="").status_code == 303
    assert "startDate" not in rest.get(f"/v1/{visit['name']}").json
    agreed = a_visit(rest)
    created(rest.post(f"/v1/{agreed['name']}:agree"))
    dateless = send(office, f"/{agreed['name']}/edit", visit__start_date="", visit__end_date="")
    assert dateless.status_code == 400
    assert "First day: Please fill this in. Last day: Please fill this in." in text_of(dateless)
    hostless = send(office, f"/{agreed['name']}/edit", visit__host_department="")
    assert hostless.status_code == 400
    assert "Host department: Please fill this in." in text_of(hostless)


def test_who_may_not_change_an_idea_is_offered_no_dates_for_it(browse: Browse, rest: Rest) -> None:
    idea = an_idea(rest, hostDepartment="Water works")
    page = browse(Role.MEMBER).get(f"/{idea['name']}", headers=ENGLISH)
    assert "The dates are still open" in text_of(page)
    assert "#field-visit-start_date" not in page.text and "/visits/dates?visit=" not in page.text
    assert browse(Role.PARTNER).get(f"/{idea['name']}").status_code == 200


def test_a_postponed_visit_gets_its_new_days_by_being_postponed_again(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    assert send(office, f"/{visit['name']}/postpone", reason="Ill").status_code == 303
    assert f'href="/{visit["name"]}/postpone"' in office.get(f"/{visit['name']}").text
    days = {"start_date": "2030-06-04", "end_date": "2030-06-06"}
    assert send(office, f"/{visit['name']}/postpone", reason="Well again", **days).status_code == 303
    page = office.get(f"/{visit['name']}", headers=ENGLISH)
    assert "4 Jun 2030" in text_of(page)
    assert f'action="/{visit["name"]}/agree"' in page.text


def test_items_of_an_idea_are_entered_in_rows_without_days_and_times(office: FlaskClient, rest: Rest) -> None:
    idea = an_idea(rest)
    page = office.get(f"/{idea['name']}/agendaItems/rows", headers=ENGLISH)
    assert "Minutes" in text_of(page) and "Begins at" not in text_of(page)
    form = PageForm(page.text).fields
    form["agenda_items.0.title"], form["agenda_items.0.duration_minutes"] = "Tour of the port", "60"
    assert office.post(f"/{idea['name']}/agendaItems/rows", data=form).status_code == 303
    (item,) = rest.get(f"/v1/{idea['name']}/agendaItems").json["agendaItems"]
    assert (item["title"], item["durationMinutes"], "startTime" in item) == ("Tour of the port", 60, False)
