"""The pages of forums: how one is set up, what each reader is offered, and what is refused."""

import re

import pytest

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, crumbs_of, execute, text_of
from tests.gateway.conftest import Browse, Gateway, Rest, credentials
from tests.gateway.forums import draft, fill_in, group_of, recommend, seat
from tests.gateway.samples import a_city, a_visit, created


def title(page: str) -> str:
    found = re.search(r"<title>(.*?)</title>", page)
    assert found
    return found[1]


def test_each_part_of_a_forum_has_a_title_of_its_own(browse: Browse, forum: str) -> None:
    browser = browse(Role.COORDINATOR)
    titles = [title(browser.get(f"/{forum}{part}").text) for part in ("", "/panel", "/subject")]
    assert [one.partition(" – ")[0] for one in titles] == [
        "Conclusions and recommendations",
        "Panel",
        "What is under review",
    ]
    assert all("Leitbild" in one for one in titles)


def test_a_long_page_of_a_forum_leads_to_each_of_its_conclusions_and_recommendations(
    browse: Browse, rest: Rest, forum: str
) -> None:
    browser = browse(Role.COORDINATOR)
    first = draft(rest, forum)
    assert "On this page" not in browser.get(f"/{forum}").text, "one conclusion needs no contents"
    parts = [first, recommend(rest, first), draft(rest, forum)]
    page = browser.get(f"/{forum}").text
    contents = re.search(r'<nav class="contents".*?</nav>', page, re.DOTALL)
    assert contents
    places = re.findall(r'href="#([^"]+)"', contents[0])
    assert sorted(places) == sorted("-".join(part.split("/")[2:]) for part in parts)
    assert all(f'id="{place}"' in page for place in places)


def test_a_coordinator_sets_up_a_forum(browse: Browse, rest: Rest) -> None:
    browser = browse(Role.COORDINATOR)
    assert "/forums/new" in browser.get("/forums").text
    forum = fill_in(browser, "/forums/new", title="Klimaplan", purpose="Ist er schlüssig?", panel_city_cap="2")
    assert forum.status_code == 303
    here = forum.headers["Location"]
    stored = rest.get(f"/v1{here}").json
    assert (stored["title"], stored["city"], stored["panelCityCap"]) == ("Klimaplan", "cities/mannheim", 2)

    assert f"{here}/edit" in browser.get(here).text
    saved = fill_in(browser, f"{here}/edit", title="Klimaschutzplan", start_date="2027-05-03")
    assert saved.status_code == 303
    assert rest.get(f"/v1{here}").json["title"] == "Klimaschutzplan"

    node = fill_in(browser, f"{here}/subjectNodes/new", kind="KIND_STRATEGIC_GOAL", title="Klimaschutz", code="1")
    goal = "forums/" + node.headers["Location"].removeprefix("/forums/").replace(
        "/subject#subjectNodes-", "/subjectNodes/"
    )
    below = fill_in(browser, f"{here}/subjectNodes/new", kind="KIND_MEASURE", title="Solardächer", parent=goal)
    assert below.status_code == 303
    page = browser.get(f"{here}/subject").text
    assert "Solardächer" in page

    group = fill_in(browser, f"{here}/workingGroups/new", title="Energie", nodes=[goal])
    assert group.status_code == 303
    second = fill_in(browser, f"{here}/workingGroups/new", title="Wärme", nodes=[goal])
    assert second.status_code == 409
    assert "Another working group reviews some of this already." in second.text


def test_a_visit_without_days_is_offered_by_its_title_alone(browse: Browse, rest: Rest) -> None:
    undated = a_visit(rest, title="Visit without days", startDate=None, endDate=None)
    page = browse(Role.COORDINATOR).get("/forums/new").text
    assert re.search(rf'<option value="{undated["name"]}"[^>]*>\s*Visit without days\s*</option>', page)


def test_a_stale_form_of_a_forum_overwrites_nobody(browse: Browse, rest: Rest, forum: str) -> None:
    browser = browse(Role.COORDINATOR)
    form = PageForm(browser.get(f"/{forum}/edit").text)
    created(rest.patch(f"/v1/{forum}", {"title": "Theirs"}))
    refused = browser.post(f"/{forum}/edit", data={**form.fields, "forum.title": "Mine"})
    assert refused.status_code == 409
    assert "Theirs" in refused.text
    assert PageForm(refused.text).fields["forum.title"] == "Mine"


@pytest.mark.parametrize("role", [Role.MEMBER, Role.EXPERT, Role.ADMINISTRATOR])
def test_only_the_international_office_is_offered_to_set_up_a_forum(
    role: Role, gateway: Gateway, browse: Browse, rest: Rest, forum: str
) -> None:
    group_of(rest, forum, "Bildung", seat(gateway, rest, forum))
    browser = browse(role)
    pages = [browser.get(path).text for path in ("/forums", f"/{forum}", f"/{forum}/panel", f"/{forum}/subject")]
    for page in pages:
        main = page.partition("<main")[2]
        assert "/new" not in main.replace("/conclusions/new", "")
        assert "/edit" not in main
    assert ("Actions" in pages[2]) is (role is Role.EXPERT)  # who may leave
    form = PageForm(browser.get("/forums/new").text)
    assert browser.post("/forums/new", data={**form.fields, "forum.title": "Mine"}).status_code == 403


PANELIST = {
    "function": "Head of strategy",
    "affiliation": "Universität Speyer",
    "kind": "KIND_ACADEMIC",
    "origin": "ORIGIN_NATIONAL",
}


def test_an_invitation_says_whether_the_expert_is_eligible(browse: Browse, forum: str) -> None:
    browser = browse(Role.COORDINATOR)
    new = f"/{forum}/panelists/new"
    refused = fill_in(browser, new, **PANELIST, residence_city="cities/mannheim")
    assert refused.status_code == 400
    assert "has not declared political neutrality; lives in the city under review" in refused.text
    assert PageForm(refused.text).fields["panelist.function"] == "Head of strategy"

    invited = fill_in(browser, new, **PANELIST, politically_neutral="on")
    assert invited.status_code == 303
    page = browser.get(f"/{forum}/panel").text
    assert "Head of strategy is invited. Not eligible at the moment: has not declared conflicts" in page

    sure = fill_in(browser, new, **PANELIST, politically_neutral="on", conflict_of_interest="none")
    assert sure.status_code == 303
    assert "Head of strategy is invited. Eligible by every part of the rule." in browser.get(f"/{forum}/panel").text


def test_a_partnership_that_is_not_active_yet_is_said_not_to_count(browse: Browse, rest: Rest, forum: str) -> None:
    city = a_city(rest, "galati-forum")["name"]
    created(rest.post("/v1/partnerships", {"city": city, "kind": "KIND_PARTNERSHIP"}))
    candidate = {**PANELIST, "origin": "ORIGIN_PARTNER_CITY", "city": city, "politically_neutral": "on"}
    refused = fill_in(browse(Role.COORDINATOR), f"/{forum}/panelists/new", **candidate)
    assert refused.status_code == 400
    assert "(an initiated one does not count yet)" in text_of(refused)


def test_an_owner_that_nothing_here_names_is_noticed(browse: Browse, rest: Rest, forum: str) -> None:
    office = browse(Role.COORDINATOR)
    recommendation = recommend(rest, draft(rest, forum))
    form = f"/{recommendation}/edit"
    known = created(rest.post("/v1/people", {"function": "Head", "department": "Dezernatscontrolling"}))["department"]
    for owner, noticed in (("Dezernatscontroling", True), ("", False), (known.upper(), False)):
        saved = fill_in(office, form, owner_department=owner)
        assert saved.status_code == 303
        assert ("has the department “Dezernatscontroling”" in text_of(office.get(saved.location))) is noticed


def test_who_may_list_accounts_chooses_that_of_the_expert(gateway: Gateway, forum: str) -> None:
    expert = gateway.as_(Role.EXPERT).get("/v1/accounts/me").json["name"]
    member = gateway.as_(Role.MEMBER).get("/v1/accounts/me").json["name"]
    new = f"/{forum}/panelists/new"
    assert "E-mail address with which the expert signs in" in browser(gateway, Role.COORDINATOR).get(new).text
    change = "UPDATE accounts SET roles = %s WHERE email = %s"
    email = credentials(Role.COORDINATOR)["email"]
    execute(gateway, change, [Role.COORDINATOR, Role.ADMINISTRATOR], email)
    try:
        page = browser(gateway, Role.COORDINATOR).get(new).text
    finally:
        execute(gateway, change, [Role.COORDINATOR], email)
    assert f'<option value="{expert}"' in page
    assert f'<option value="{member}"' not in page


def test_a_changed_panelist_is_checked_anew(gateway: Gateway, browse: Browse, rest: Rest, forum: str) -> None:
    place = seat(gateway, rest, forum)
    at = f"/{forum}/panelists/{place.rpartition('/')[2]}"
    browser = browse(Role.COORDINATOR)
    assert f"{at}/edit" in browser.get(f"/{forum}/panel").text
    assert fill_in(browser, f"{at}/edit", residence_city="cities/mannheim").status_code == 303
    page = browser.get(f"/{forum}/panel").text
    assert "Not eligible at the moment: lives in the city under review." in page


def test_an_expert_leaves_the_panel_before_the_entry_is_deleted(
    gateway: Gateway, browse: Browse, rest: Rest, forum: str
) -> None:
    place = seat(gateway, rest, forum)
    at = f"/{forum}/panelists/{place.rpartition('/')[2]}"
    browser = browse(Role.COORDINATOR)
    assert f"{at}/remove" not in browser.get(f"/{forum}/panel").text
    assert browser.post(f"{at}/withdraw", data=PageForm(browser.get(f"{at}/withdraw").text).fields).status_code == 303
    assert f"{at}/remove" in browser.get(f"/{forum}/panel").text
    assert browser.post(f"{at}/remove", data=PageForm(browser.get(f"{at}/remove").text).fields).status_code == 303
    assert rest.get(f"/v1/{place}").status_code == 404


def test_a_working_group_and_a_node_are_deleted_on_request(browse: Browse, rest: Rest, forum: str) -> None:
    node = created(rest.post(f"/v1/{forum}/subjectNodes", {"kind": "KIND_MEASURE", "title": "Solardächer"}))["name"]
    group = group_of(rest, forum, "Energie")
    browser = browse(Role.COORDINATOR)
    for name in (group, node):
        path = f"/{name}/remove"
        assert browser.post(path, data=PageForm(browser.get(path).text).fields).status_code == 303
        assert rest.get(f"/v1/{name}").status_code == 404


@pytest.mark.parametrize(
    ("language", "refusal"), [("en", "Something else refers to it"), ("de", "Wird noch verwendet")]
)
def test_what_refers_to_a_node_or_a_group_is_linked_and_nothing_is_deleted(
    browse: Browse, rest: Rest, forum: str, language: str, refusal: str
) -> None:
    node = created(rest.post(f"/v1/{forum}/subjectNodes", {"kind": "KIND_MEASURE", "title": "Solardächer"}))["name"]
    group = group_of(rest, forum, "Energie")
    created(rest.patch(f"/v1/{group}", {"nodes": [node]}))
    conclusion, browser = draft(rest, forum, group), browse(Role.COORDINATOR)
    for name, place, title in ((node, "panel", "Energie"), (group, "", "Präambel")):
        form = PageForm(browser.get(f"/{name}/remove").text).fields
        refused = browser.post(f"/{name}/remove", data=form, headers={"Accept-Language": language})
        assert refused.status_code == 400
        assert refusal in text_of(refused)
        referrer = group if place else conclusion
        at = f"/{forum}/{place}".rstrip("/") + "#" + "-".join(referrer.split("/")[2:])
        assert f'href="{at}" target="_blank" rel="noopener">{title}</a>' in refused.text
        assert rest.get(f"/v1/{name}").status_code == 200


def test_what_asks_back_in_a_forum_says_where_it_stands(
    gateway: Gateway, browse: Browse, rest: Rest, forum: str
) -> None:
    node = created(rest.post(f"/v1/{forum}/subjectNodes", {"kind": "KIND_MEASURE", "title": "Solardächer"}))["name"]
    group, place = group_of(rest, forum, "Energie"), seat(gateway, rest, forum)
    browser = browse(Role.COORDINATOR)
    for path in (f"{group}/remove", f"{node}/remove", f"{place}/withdraw", f"{place}/remove"):
        assert crumbs_of(browser.get(f"/{path}")) == ["/forums", f"/{forum}"]


def test_an_expert_is_offered_its_own_group_and_the_drafts_of_it(
    gateway: Gateway, browse: Browse, rest: Rest, forum: str
) -> None:
    own = group_of(rest, forum, "Bildung", seat(gateway, rest, forum))
    other = group_of(rest, forum, "Kultur")
    mine, theirs, shared = draft(rest, forum, own), draft(rest, forum, other), draft(rest, forum, own, other)
    browser = browse(Role.EXPERT)
    page = browser.get(f"/{forum}").text
    for conclusion, offered in ((mine, True), (theirs, False), (shared, True)):
        assert (f"/{conclusion}/edit" in page) is offered
        assert (f"new?conclusion={conclusion}" in page) is offered
    new = browser.get(f"/{forum}/conclusions/new").text
    assert own in new
    assert other not in new
    offered = browser.get(f"/{forum}/recommendations/new").text
    assert mine in offered
    assert theirs not in offered

    assert fill_in(browser, f"/{shared}/edit", title="Anders").status_code == 303
    assert set(rest.get(f"/v1/{shared}").json["workingGroups"]) == {own, other}
    preset = fill_in(browser, f"/{forum}/conclusions/new", title="Eigenes", text="Fazit")
    assert preset.status_code == 303
    nobody = fill_in(browser, f"/{forum}/conclusions/new", title="Ohne", text="Gruppe", working_groups="")
    assert nobody.status_code == 400
    forged = fill_in(browser, f"/{forum}/conclusions/new", title="Fremd", text="Gruppe", working_groups=[other])
    assert forged.status_code == 403
    assert "only for working groups that you belong to" in forged.text


def test_an_expert_in_no_group_is_not_offered_to_draft(
    gateway: Gateway, browse: Browse, rest: Rest, forum: str
) -> None:
    seat(gateway, rest, forum)
    browser = browse(Role.EXPERT)
    assert "/conclusions/new" not in browser.get(f"/{forum}").text
    assert "No draft to recommend with" in browser.get(f"/{forum}/recommendations/new").text


def test_a_list_without_forums_says_what_holds_for_the_reader(gateway: Gateway, browse: Browse) -> None:
    for place in gateway.as_(Role.EXPERT).get("/v1/forums").json.get("forums", []):
        panel = gateway.as_(Role.COORDINATOR).get(f"/v1/{place['name']}/panelists").json["panelists"]
        for panelist in panel:
            gateway.as_(Role.COORDINATOR).post(f"/v1/{panelist['name']}:withdraw")
    page = browse(Role.EXPERT).get("/forums").text
    assert "No forum has invited you yet" in page
    assert "No forums yet" not in page


@pytest.mark.usefixtures("known_vocabulary")
def test_the_topics_of_what_is_under_review_are_written_in_words_and_kept(
    browse: Browse, rest: Rest, forum: str
) -> None:
    browser, german = browse(Role.COORDINATOR), {"Accept-Language": "de"}
    here = f"/{forum}"
    made = fill_in(browser, f"{here}/subjectNodes/new", kind="KIND_MEASURE", title="Dächer", topics="Climate, Dachgrün")
    assert made.status_code == 303
    (node,) = [node for node in rest.get(f"/v1/{forum}/subjectNodes").json["subjectNodes"] if node["title"] == "Dächer"]
    assert node["topics"] == ["climate", "dachgrün"]
    assert "Climate, Dachgrün" in text_of(browser.get(f"{here}/subject"))
    edit = f"/{node['name']}/edit"
    assert PageForm(browser.get(edit, headers=german).text).fields["subject_node.topics"] == "Klima, Dachgrün"
    assert fill_in(browser, edit, topics="Dachgrün").status_code == 303
    assert rest.get(f"/v1/{node['name']}").json["topics"] == ["dachgrün"]
