"""The pages of recommendations: adopted, answered, corrected, returned, and what each reader is offered."""

import re

import pytest

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, send, text_of
from tests.gateway.conftest import Browse, Gateway, Rest
from tests.gateway.forums import draft, fill_in, group_of, recommend
from tests.gateway.samples import created


def test_a_coordinator_changes_owner_and_day_of_an_adopted_recommendation(
    browse: Browse, rest: Rest, forum: str
) -> None:
    conclusion = draft(rest, forum)
    name = recommend(rest, conclusion)
    browser = browse(Role.COORDINATOR)
    assert "recommendation.title" in PageForm(browser.get(f"/{name}/edit").text).fields
    created(rest.post(f"/v1/{conclusion}:adopt"))
    assert f"/{name}/edit" in browser.get(f"/{forum}").text
    form = PageForm(browser.get(f"/{name}/edit").text)
    assert "recommendation.title" not in form.fields

    saved = fill_in(browser, f"/{name}/edit", owner_department="Controlling", due_date="2027-06-30")
    assert saved.status_code == 303
    stored = rest.get(f"/v1/{name}").json
    assert (stored["ownerDepartment"], stored["dueDate"]) == ("Controlling", {"year": 2027, "month": 6, "day": 30})
    stale = browser.post(f"/{name}/edit", data={**form.fields, "recommendation.owner_department": "Kultur"})
    assert stale.status_code == 409
    assert "Controlling" in stale.text
    token = {"recommendation.owner_department": "Kultur"}
    assert browser.post(f"/{name}/edit", data=token).headers.get("Location") is None
    assert rest.get(f"/v1/{name}").json["ownerDepartment"] == "Controlling"


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MEMBER])
def test_a_day_that_has_passed_is_refused_by_its_field(role: Role, browse: Browse, rest: Rest, forum: str) -> None:
    name = recommend(rest, draft(rest, forum), ownerDepartment="Controlling")
    browser = browse(role)
    refused = fill_in(browser, f"/{name}/edit", due_date="2020-06-30")
    assert refused.status_code == 400
    assert "Due: This day has passed. Please choose one that is still to come." in refused.text
    created(rest.patch(f"/v1/{name}", {"dueDate": {"year": 2020, "month": 6, "day": 30}}))
    assert fill_in(browser, f"/{name}/edit").status_code == 303  # as it is


def test_the_form_for_the_day_alone_is_called_so(gateway: Gateway, rest: Rest, forum: str) -> None:
    name = recommend(rest, draft(rest, forum), ownerDepartment="Controlling")
    for role, called in ((Role.MEMBER, "Change the due date"), (Role.COORDINATOR, "Change recommendation")):
        client = browser(gateway, role)
        assert f'<h1 class="kern-heading-x-large">{called}</h1>' in client.get(f"/{name}/edit").text
        assert called in client.get(f"/{forum}").text


def test_who_accepts_what_nobody_owns_names_the_owner(browse: Browse, rest: Rest, forum: str) -> None:
    conclusion = draft(rest, forum)
    accepted, rejected, owned = (recommend(rest, conclusion, ownerDepartment=owner) for owner in ("", "", "Kultur"))
    created(rest.post(f"/v1/{conclusion}:adopt"))
    browser = browse(Role.COORDINATOR)
    said = {"verdict": "VERDICT_PARTLY", "reason": "Gut."}
    refused = send(browser, f"/{accepted}/answer", **said)
    assert refused.status_code == 400
    assert "Owner: Please fill this in." in refused.text
    assert rest.get(f"/v1/{accepted}").json["state"] == "STATE_ADOPTED"
    assert send(browser, f"/{accepted}/answer", **said, owner_department="Controlling").status_code == 303
    stored = rest.get(f"/v1/{accepted}").json
    assert (stored["state"], stored["ownerDepartment"]) == ("STATE_ANSWERED", "Controlling")
    assert send(browser, f"/{rejected}/answer", verdict="VERDICT_REJECTED", reason="Nein.").status_code == 303
    assert send(browser, f"/{owned}/answer", **said).status_code == 303
    assert rest.get(f"/v1/{owned}").json["ownerDepartment"] == "Kultur"


def test_an_answer_is_corrected_and_what_is_not_done_comes_back(browse: Browse, rest: Rest, forum: str) -> None:
    conclusion = draft(rest, forum)
    name = recommend(rest, conclusion, ownerDepartment="Controlling")
    created(rest.post(f"/v1/{conclusion}:adopt"))
    browser = browse(Role.MEMBER)
    assert send(browser, f"/{name}/answer", verdict="VERDICT_REJECTED", reason="Kein Geld").status_code == 303
    assert f"/{name}/correct" in browser.get(f"/{forum}").text
    begun = PageForm(browser.get(f"/{name}/correct").text).fields
    assert (begun["verdict"], begun["reason"]) == ("VERDICT_REJECTED", "Kein Geld")
    assert send(browser, f"/{name}/correct", verdict="VERDICT_ACCEPTED", reason="Doch").status_code == 303
    assert rest.get(f"/v1/{name}").json["answer"]["reason"] == "Doch"
    created(rest.post(f"/v1/{name}:plan", {"dueDate": {"year": 2035, "month": 6, "day": 30}}))
    created(rest.post(f"/v1/{name}:start"))
    created(rest.post(f"/v1/{name}:implement", {"evidence": "Protokoll"}))
    assert send(browser, f"/{name}/return").status_code == 400
    assert send(browser, f"/{name}/return", reason="Seite 3 fehlt").status_code == 303
    stored = rest.get(f"/v1/{name}").json
    assert (stored["state"], stored["lastReturn"]["reason"]) == ("STATE_IN_PROGRESS", "Seite 3 fehlt")
    assert "Reported as not done: Seite 3 fehlt" in text_of(browser.get("/"))


def test_the_page_says_what_was_not_done_and_how_the_city_answered_before(
    browse: Browse, rest: Rest, forum: str
) -> None:
    conclusion = draft(rest, forum)
    name = recommend(rest, conclusion, ownerDepartment="Controlling")
    created(rest.post(f"/v1/{conclusion}:adopt"))
    browser = browse(Role.MEMBER)
    created(rest.post(f"/v1/{name}:answer", {"verdict": "VERDICT_REJECTED", "reason": "Kein Geld"}))
    assert "<details" not in browser.get(f"/{forum}").text, "nothing was corrected"
    created(rest.post(f"/v1/{name}:correct", {"verdict": "VERDICT_ACCEPTED", "reason": "Doch"}))
    page = browser.get(f"/{forum}").text
    (earlier,) = re.findall(r"<details.*?</details>", page, re.DOTALL)
    for part in ("One earlier answer", "Rejected", "by Coordinator on ", "Kein Geld"):
        assert part in earlier
    assert "Doch" not in earlier

    created(rest.post(f"/v1/{name}:plan", {"dueDate": {"year": 2035, "month": 6, "day": 30}}))
    created(rest.post(f"/v1/{name}:start"))
    created(rest.post(f"/v1/{name}:implement", {"evidence": "Protokoll"}))
    assert "Not done at first" not in browser.get(f"/{forum}").text
    created(rest.post(f"/v1/{name}:return", {"reason": "Seite 3 fehlt"}))
    for path in (f"/{forum}", f"/{name}/implement"):  # in progress again: what is to be done comes first
        page = browser.get(path).text
        warning = page[page.index("kern-alert--warning") :]
        said = ["Reported as not done", "Seite 3 fehlt", "by Coordinator on "]
        assert sorted(said, key=warning.index) == said

    created(rest.post(f"/v1/{name}:implement", {"evidence": "Protokoll mit Seite 3"}))
    page = browser.get(f"/{forum}")
    assert "kern-alert--warning" not in page.text
    assert "Not done at first Seite 3 fehlt by Coordinator on " in text_of(page)


def test_a_department_that_answers_is_not_asked_for_the_owner(browse: Browse, rest: Rest, forum: str) -> None:
    conclusion = draft(rest, forum)
    name = recommend(rest, conclusion, ownerDepartment="Controlling")
    created(rest.post(f"/v1/{conclusion}:adopt"))
    browser = browse(Role.MEMBER)
    page = browser.get(f"/{name}/answer").text
    assert "owner_department" not in PageForm(page).fields
    assert f'href="/{forum}">Leitbild' in page
    assert send(browser, f"/{name}/answer", verdict="VERDICT_ACCEPTED", reason="Gut.").status_code == 303


def test_before_an_adoption_the_page_says_what_is_missing(browse: Browse, rest: Rest, forum: str) -> None:
    browser = browse(Role.COORDINATOR)
    conclusion = draft(rest, forum)
    page = text_of(browser.get(f"/{conclusion}/adopt"))
    assert "No working group is named" in page
    assert "No goal, measure or indicator is named" in page
    assert "No recommendation follows from it." in page
    recommend(rest, conclusion)
    page = text_of(browser.get(f"/{conclusion}/adopt"))
    assert "No recommendation follows from it." not in page
    assert "No department is the owner of the recommendation “Voranstellen”." in page

    node = created(rest.post(f"/v1/{forum}/subjectNodes", {"kind": "KIND_MEASURE", "title": "Solardächer"}))["name"]
    body = {"title": "Ganz", "text": "Vollständig.", "language": "de", "nodes": [node]}
    whole = {**body, "workingGroups": [group_of(rest, forum, "Energie")]}
    name = created(rest.post(f"/v1/{forum}/conclusions", whole))["name"]
    recommend(rest, name, ownerDepartment="Controlling")
    page = text_of(browser.get(f"/{name}/adopt"))
    assert "Still missing" not in page
    assert "What becomes final" in page
    assert send(browser, f"/{name}/adopt").status_code == 303


@pytest.mark.parametrize(("owner", "offered"), [("Controlling", True), ("Kultur", False)])
def test_a_department_changes_the_day_of_what_it_owns_and_nothing_else(
    owner: str, offered: bool, browse: Browse, rest: Rest, forum: str
) -> None:
    name = recommend(rest, draft(rest, forum), ownerDepartment=owner)
    browser = browse(Role.MEMBER)
    assert (f"/{name}/edit" in browser.get(f"/{forum}").text) is offered
    form = PageForm(browser.get(f"/{name}/edit").text)
    assert {field for field in form.fields if field.startswith("recommendation.")} == {"recommendation.due_date"}
    saved = fill_in(browser, f"/{name}/edit", due_date="2027-06-30")
    assert saved.status_code == (303 if offered else 403)
