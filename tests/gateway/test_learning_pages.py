"""The pages of learnings: what the form offers to whom, and what it refuses."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest

from chassis.identity import Role
from tests.gateway.browsing import PageForm, execute, send, text_of
from tests.gateway.conftest import Browse, Gateway, Rest, credentials
from tests.gateway.samples import a_city, a_visit, created

NEW = "/learnings/new"


def options(page: str, name: str) -> list[str]:
    """Return the values that a select of a page offers."""
    start = page.index(f'name="{name}"')
    return [part.split('"')[0] for part in page[start : page.index("</select>", start)].split('<option value="')[1:]]


def test_staff_of_a_partner_city_choose_one_of_their_visits(gateway: Gateway, browse: Browse) -> None:
    visit = begun(gateway.as_(Role.COORDINATOR))
    browser = browse(Role.PARTNER)
    page = browser.get(NEW).text
    assert visit in options(page, "learning.source")
    assert "No visit<" not in page
    form = PageForm(page)
    form.fields["learning.title"] = form.fields["learning.observation"] = "Short ways"
    refused = browser.post(NEW, data={**form.fields, "learning.source": ""})
    assert refused.status_code == 400
    assert "Comes from the visit: Please fill this in." in refused.text
    recorded = browser.post(NEW, data={**form.fields, "learning.source": visit})
    assert recorded.status_code == 303
    told = text_of(browser.get(recorded.headers["Location"]))
    assert "You and the departments of Mannheim can find it now." in told


def begun(rest: Rest) -> str:
    """Return the name of a new visit that has begun."""
    visit = a_visit(rest)["name"]
    for verb in ("agree", "plan", "confirm", "start"):
        created(rest.post(f"/v1/{visit}:{verb}"))
    return str(visit)


def test_only_visits_that_have_begun_are_offered_as_source(gateway: Gateway, browse: Browse) -> None:
    rest = gateway.as_(Role.COORDINATOR)
    idea, running, called_off = a_visit(rest)["name"], begun(rest), a_visit(rest)["name"]
    created(rest.post(f"/v1/{called_off}:cancel", {"reason": "Flood"}))
    offered = options(browse(Role.MEMBER).get(NEW).text, "learning.source")
    assert running in offered
    assert not {idea, called_off} & set(offered)


def test_without_a_visit_staff_of_a_partner_city_are_told_so(gateway: Gateway, browse: Browse) -> None:
    with of_another_city(gateway):
        page = browse(Role.PARTNER).get(NEW).text
    assert "No visit of your city yet" in page
    assert "learning.title" not in page


@pytest.mark.usefixtures("known_vocabulary")
def test_a_new_topic_is_told_of_suggested_and_offered_as_a_filter(gateway: Gateway, browse: Browse) -> None:
    browser = browse(Role.MEMBER)
    form = PageForm(browser.get(NEW).text)
    form.fields["learning.title"] = form.fields["learning.observation"] = "Blühstreifen"
    form.fields["learning.topics"] = "Budget, Wildwiesen"
    recorded = browser.post(NEW, data=form.fields)
    assert recorded.status_code == 303
    page = text_of(browser.get(recorded.headers["Location"]))
    assert "New among the topics: Wildwiesen." in page
    assert "Budget, Wildwiesen" in page

    until = time.monotonic() + 60
    while '<option value="wildwiesen"' not in browser.get("/learnings").text:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "Blühstreifen" in browser.get("/learnings", query_string={"topic": "wildwiesen"}).text
    suggested = browser.get(NEW).text.partition("<datalist")[2].partition("</datalist>")[0]
    assert {"Wildwiesen", "Wastewater"} <= set(re.findall(r'value="([^"]+)"', suggested))
    again = browser.post(NEW, data={**PageForm(browser.get(NEW).text).fields, **form.fields, "request_id": ""})
    assert "New among the topics" not in text_of(browser.get(again.headers["Location"]))


@contextmanager
def of_another_city(gateway: Gateway) -> Iterator[None]:
    """Let the partner's account be that of a city without visits."""
    change = "UPDATE accounts SET city = %s WHERE email = %s"
    email = credentials(Role.PARTNER)["email"]
    execute(gateway, change, "cities/haifa", email)
    try:
        yield
    finally:
        execute(gateway, change, "cities/swansea", email)


def test_members_record_learnings_of_no_visit(browse: Browse) -> None:
    browser = browse(Role.MEMBER)
    form = PageForm(browser.get(NEW).text)
    form.fields["learning.title"] = form.fields["learning.observation"] = "Short ways"
    assert browser.post(NEW, data={**form.fields, "learning.source": ""}).status_code == 303


@pytest.mark.parametrize("language", ["xx-nonsense", "tlh", "de-nonsense", "Klingonisch"])
def test_an_unknown_language_is_refused_by_its_field(browse: Browse, language: str) -> None:
    browser = browse(Role.MEMBER)
    form = PageForm(browser.get(NEW).text)
    form.fields["learning.title"] = form.fields["learning.observation"] = "Short ways"
    refused = browser.post(NEW, data={**form.fields, "learning.language": language})
    assert refused.status_code == 400
    assert "Language of the text: This is no language that is known here. Please choose one from the list." in (
        refused.text
    )


def test_the_form_offers_languages_by_name_those_of_the_cities_first(browse: Browse) -> None:
    browser = browse(Role.MEMBER)
    page = browser.get(NEW, headers={"Accept-Language": "de"}).text
    tags = options(page, "learning.language")
    assert tags[1] == "de"
    assert len(tags) == len(set(tags))
    assert tags.index("cy") < tags.index("hr") < tags.index("pt")
    assert {"ca", "zh-Hant", "el"} <= set(tags)
    assert ">Kroatisch</option>" in page


def test_the_languages_of_a_city_that_is_entered_come_first_in_every_choice_of_one(
    gateway: Gateway, browse: Browse
) -> None:
    browser, german = browse(Role.COORDINATOR), {"Accept-Language": "de"}
    assert "is" not in options(browser.get("/learnings").text, "written_in")
    made = send(
        browser,
        "/cities/new",
        city__display_name="Reykjavik",
        city__country_code="IS",
        city__time_zone="Reykjavik",
        city__languages="Icelandic, Danish",
    )
    assert made.status_code == 303
    page = browser.get(NEW, headers=german).text
    (here, first), (others, rest) = re.findall(r'<optgroup label="([^"]+)">(.*?)</optgroup>', page, re.DOTALL)
    assert (here, others) == ("Sprachen der beteiligten Städte", "Andere Sprachen")
    names = re.findall(r">([^<]+)</option>", first)
    assert {"Dänisch", "Isländisch", "Ukrainisch", "Walisisch"} <= set(names)
    assert names[0] == "Deutsch", "the reader's own"
    assert names[1:] == sorted(names[1:], key=lambda name: name.replace("Ä", "A").replace("ä", "a").replace("ü", "u"))
    assert ">Isländisch<" not in rest
    assert {"is", "da"} <= set(options(browser.get("/learnings").text, "written_in"))


def test_a_forum_can_work_in_any_language_in_which_a_learning_can_be_written(browse: Browse) -> None:
    browser = browse(Role.COORDINATOR)
    offered = options(browser.get(NEW).text, "learning.language")
    assert "es" in offered
    assert options(browser.get("/forums/new").text, "forum.language") == offered


def test_a_language_that_is_not_offered_is_kept(gateway: Gateway, browse: Browse) -> None:
    body = {"title": "Caminhos curtos", "language": "pt-BR", "observation": "É assim."}
    name = created(gateway.as_(Role.COORDINATOR).post("/v1/learnings", body))["name"]
    browser = browse(Role.COORDINATOR)
    assert PageForm(browser.get(f"/{name}/edit").text).fields["learning.language"] == "pt-BR"


@pytest.mark.parametrize(("role", "offered"), [(Role.COORDINATOR, True), (Role.MEMBER, False)])
def test_only_the_international_office_is_offered_to_publish(browse: Browse, role: Role, offered: bool) -> None:
    page = browse(role).get(NEW).text
    assert ("VISIBILITY_PUBLIC" in options(page, "learning.visibility")) is offered


def test_who_may_change_a_lesson_may_correct_its_remedial_action(gateway: Gateway, browse: Browse) -> None:
    rest = gateway.as_(Role.COORDINATOR)
    body = {"title": "Kurze Wege", "language": "de", "observation": "Sie helfen."}
    name = created(rest.post("/v1/learnings", body))["name"]
    created(rest.post(f"/v1/{name}:analyze"))
    created(rest.post(f"/v1/{name}:identify", {"remedialAction": "Handbuch", "owner": "Controlling"}))
    browser = browse(Role.COORDINATOR)
    form = PageForm(browser.get(f"/{name}/edit").text)
    assert form.fields["learning.owner"] == "Controlling"
    saved = browser.post(f"/{name}/edit", data={**form.fields, "learning.remedial_action": "Handbuch ändern"})
    assert saved.status_code == 303
    assert rest.get(f"/v1/{name}").json["remedialAction"] == "Handbuch ändern"


def test_the_page_does_not_offer_to_change_what_a_forum_adopted(gateway: Gateway, browse: Browse) -> None:
    name = adopted(gateway.as_(Role.COORDINATOR))
    browser = browse(Role.COORDINATOR)
    form = PageForm(browser.get(f"/{name}/edit").text)
    assert not {"learning.title", "learning.language", "learning.observation"} & set(form.fields)
    saved = browser.post(f"/{name}/edit", data={**form.fields, "learning.topics": "Strategie"})
    assert saved.status_code == 303
    refused = browser.post(f"/{name}/edit", data={**form.fields, "learning.title": "Mine"})
    assert refused.status_code == 400
    assert "It is adopted; its text never changes again." in refused.text


def test_who_may_see_no_forum_reads_where_a_learning_comes_from_without_a_link(
    gateway: Gateway, browse: Browse
) -> None:
    rest = gateway.as_(Role.COORDINATOR)
    name = adopted(rest)
    created(rest.patch(f"/v1/{name}", {"visibility": "VISIBILITY_PARTNERS"}, updateMask="visibility"))
    for role, linked in ((Role.PARTNER, False), (Role.MEMBER, True)):
        page = browse(role).get(f"/{name}").text
        assert "Leitbild" in page
        assert ('href="/forums/' in page) is linked


def adopted(rest: Rest) -> str:
    """Return the name of the learning that an adopted conclusion became."""
    city = a_city(rest, "mannheim", countryCode="DE", timeZone="Europe/Berlin")["name"]
    forum = created(rest.post("/v1/forums", {"title": "Leitbild", "city": city, "language": "de"}))["name"]
    draft = {"title": "Präambel", "text": "Eine Präambel fehlt.", "language": "de"}
    conclusion = created(rest.post(f"/v1/{forum}/conclusions", draft))["name"]
    created(rest.post(f"/v1/{conclusion}:adopt"))
    until = time.monotonic() + 60
    while not (found := rest.get("/v1/learnings", source=conclusion).json.get("learnings")):
        assert time.monotonic() < until
        time.sleep(0.05)
    return str(found[0]["name"])


def test_languages_that_nobody_lives_in_are_not_offered(gateway: Gateway, browse: Browse) -> None:
    offered = options(browse(Role.COORDINATOR).get(NEW).text, "learning.language")
    assert {"de", "en", "ar", "zh", "cy", "is", "sw"} <= set(offered)
    assert not {"tlh", "eo", "ia", "vo", "jbo", "tok", "la", "cu", "sa", "cop"} & set(offered)


def test_a_text_in_a_language_that_is_not_offered_keeps_it(gateway: Gateway, browse: Browse) -> None:
    body = {"title": "Sapienti sat", "language": "la", "observation": "Satis est."}
    learning = created(gateway.as_(Role.COORDINATOR).post("/v1/learnings", body))["name"]
    form = PageForm(browse(Role.COORDINATOR).get(f"/{learning}/edit").text)
    assert form.fields["learning.language"] == "la"


def a_learning(rest: Rest, **fields: str) -> str:
    body = {"title": "Kurze Wege", "language": "de", "observation": "Sie helfen.", **fields}
    return str(created(rest.post("/v1/learnings", body))["name"])


def test_a_department_records_on_the_page_of_a_learning_that_it_applied_it(gateway: Gateway, browse: Browse) -> None:
    learning, browser = a_learning(gateway.as_(Role.COORDINATOR)), browse(Role.MEMBER)
    before = browser.get(f"/{learning}")
    assert "Nobody has applied it yet" in text_of(before)
    assert PageForm(before.text).fields["application.department"] == "Controlling"
    refused = send(browser, f"/{learning}", application__outcome="OUTCOME_HELPED")
    assert refused.status_code == 400
    assert "What came of it: Please fill this in." in refused.text
    assert "<details" in refused.text
    assert re.search(r"<details[^>]* open>", refused.text), "what was typed is in sight"
    done = send(
        browser,
        f"/{learning}",
        application__result="We moved in.",
        application__outcome="OUTCOME_HELPED",
        application__applied_date="2026-05-04",
    )
    assert done.status_code == 303
    assert done.location.startswith(f"/{learning}#applications-")
    page = text_of(browser.get(f"/{learning}"))
    assert "It is recorded that Controlling applied it." in page
    assert re.search(r"Controlling It helped We moved in. Applied on [^.]*4[^.]*2026. Recorded by ", page), page[-900:]
    german = text_of(browser.get(f"/{learning}", headers={"Accept-Language": "de"}))
    assert "Angewendet von" in german
    assert "Hat geholfen" in german


def test_a_department_that_nothing_here_names_is_noticed_where_a_learning_was_applied(
    gateway: Gateway, browse: Browse
) -> None:
    learning, browser = a_learning(gateway.as_(Role.COORDINATOR)), browse(Role.MEMBER)
    for department, noticed in (("Controling", True), ("controlling", False)):
        fields = {"application__department": department, "application__result": "We moved in."}
        done = send(browser, f"/{learning}", **fields)
        assert ("has the department “Controling”" in text_of(browser.get(done.location))) is noticed


def test_a_result_of_a_day_to_come_is_refused_beside_the_day(gateway: Gateway, browse: Browse) -> None:
    learning, browser = a_learning(gateway.as_(Role.COORDINATOR)), browse(Role.MEMBER)
    fields = {"result": "We moved in.", "outcome": "OUTCOME_HELPED", "applied_date": "2099-01-01"}
    refused = send(browser, f"/{learning}", **{f"application__{name}": text for name, text in fields.items()})
    assert refused.status_code == 400
    assert "Applied on: This day is still to come." in text_of(refused)


def test_who_edits_a_learning_meanwhile_is_not_disturbed_by_an_application(gateway: Gateway, browse: Browse) -> None:
    learning, browser = a_learning(gateway.as_(Role.COORDINATOR)), browse(Role.COORDINATOR)
    form = PageForm(browser.get(f"/{learning}/edit").text)
    created(gateway.as_(Role.MEMBER).post(f"/v1/{learning}/applications", {"result": "We moved in."}))
    saved = browser.post(f"/{learning}/edit", data={**form.fields, "learning.discussion": "Because."})
    assert saved.status_code == 303
    assert "changed something else here" not in text_of(browser.get(f"/{learning}"))


def test_only_its_author_and_the_international_office_are_offered_to_delete_an_application(
    gateway: Gateway, browse: Browse
) -> None:
    learning = a_learning(gateway.as_(Role.COORDINATOR), visibility="VISIBILITY_PARTNERS")
    for rest in (gateway.as_(Role.MEMBER), gateway.as_(Role.COORDINATOR)):
        created(rest.post(f"/v1/{learning}/applications", {"result": "We moved in.", "department": "Controlling"}))
    offered = {
        role: re.findall(r'href="([^"]+/applications/[^"]+/delete)"', browse(role).get(f"/{learning}").text)
        for role in (Role.COORDINATOR, Role.MEMBER, Role.PARTNER)
    }
    assert [len(paths) for paths in offered.values()] == [2, 1, 0]
    assert "application.result" not in browse(Role.PARTNER).get(f"/{learning}").text
    (path,) = offered[Role.MEMBER]
    (others,) = set(offered[Role.COORDINATOR]) - {path}
    browser = browse(Role.MEMBER)
    assert "Delete the entry that Controlling applied it?" in text_of(browser.get(path))
    refused = send(browser, others)
    assert refused.status_code == 403
    assert "Who recorded this, or the international office, can delete it." in text_of(refused)
    done = send(browser, path)
    assert (done.status_code, done.location) == (303, f"/{learning}")
    assert browser.get(path).status_code == 404
    assert gateway.as_(Role.MEMBER).get(f"/v1/{learning}").json["applicationCount"] == 1


def test_long_lists_of_applications_come_in_pages(gateway: Gateway, browse: Browse) -> None:
    rest = gateway.as_(Role.COORDINATOR)
    learning = a_learning(rest)
    for number in range(26):
        body = {"result": f"Result {number}.", "department": "Controlling"}
        created(rest.post(f"/v1/{learning}/applications", body))
    browser = browse(Role.MEMBER)
    first = browser.get(f"/{learning}")
    assert "26 entries" in text_of(first)
    assert "Result 0." not in first.text
    (following,) = re.findall(r'href="([^"]+)"[^>]*>(?:(?!</a>).)*Next page', first.text, re.DOTALL)
    last = browser.get(unescape(following))
    assert "Result 0." in last.text
    assert "Result 25." not in last.text
