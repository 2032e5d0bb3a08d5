"""Two windows on one entry: each saves what was changed in it, and only what both changed is asked about."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, text_of
from tests.gateway.conftest import Gateway, Rest, credentials
from tests.gateway.samples import NATIONAL_EXPERT, a_city, a_visit, an_exchange, created

_number = count(1)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages wait for what topics are called, however busy the machine is: they could do without."""
    monkeypatch.setattr("gateway.vocabulary.topics.ASK_SECONDS", 30.0)


def a_forum(rest: Rest) -> str:
    a_city(rest, "mannheim", countryCode="DE", timeZone="Europe/Berlin")
    return name_of(rest.post("/v1/forums", {"title": "Leitbild", "city": "cities/mannheim", "language": "de"}))


def name_of(answer: TestResponse) -> str:
    return str(created(answer)["name"])


def a_conclusion(rest: Rest) -> str:
    body = {"title": "Präambel", "text": "Sie ist nötig.", "language": "de"}
    return name_of(rest.post(f"/v1/{a_forum(rest)}/conclusions", body))


def a_recommendation(rest: Rest) -> str:
    conclusion = a_conclusion(rest)
    body = {"conclusion": conclusion, "title": "Voranstellen", "text": "Dem Leitbild.", "language": "de"}
    return name_of(rest.post(f"/v1/{conclusion.partition('/conclusions/')[0]}/recommendations", body))


def a_learning(rest: Rest, **fields: Any) -> str:
    body = {"title": "Short ways", "language": "en", "observation": "All in one house.", **fields}
    return name_of(rest.post("/v1/learnings", body))


def an_item(rest: Rest) -> str:
    times = {"startTime": "2030-05-14T08:00:00Z", "endTime": "2030-05-14T09:00:00Z"}
    return name_of(rest.post(f"/v1/{a_visit(rest)['name']}/agendaItems", {"title": "Welcome", **times}))


def an_account(rest: Rest) -> str:
    number = next(_number)
    body = {"email": f"two{number}@city.example", "displayName": "Press office", "roles": ["ROLE_MEMBER"]}
    return name_of(rest.post("/v1/accounts", body))


# What is edited → (how one is made, (a field, what one window writes into it), (another field, what the other writes)).
Edit = tuple[str, str | list[str]]
EDITS: dict[str, tuple[Callable[[Rest], str], Edit, Edit]] = {
    "visit": (lambda rest: a_visit(rest)["name"], ("title", "Engineers"), ("purpose", "To learn.")),
    "delegate": (
        lambda rest: name_of(rest.post(f"/v1/{a_visit(rest)['name']}/delegates", {"function": "Head of unit"})),
        ("function", "Head of controlling"),
        ("languages", "English, Welsh"),
    ),
    "agenda_item": (an_item, ("title", "Lunch"), ("interpretation_languages", "German, English")),
    "city": (
        lambda rest: a_city(rest, f"both-{next(_number)}")["name"],
        ("working_week", ["", "MONDAY", "SUNDAY"]),
        ("local_name", "Dinas"),
    ),
    "partnership": (
        lambda rest: an_exchange(rest)["partnership"],
        ("theme", "Water"),
        ("start_date", "1957-05-04"),
    ),
    "room": (
        lambda rest: name_of(rest.post("/v1/rooms", {"displayName": "Ratssaal", "seats": 48})),
        ("seats", ""),
        ("step_free", ["", "on"]),
    ),
    "person": (
        lambda rest: name_of(rest.post("/v1/people", {"function": "Interpreter"})),
        ("display_name", "Eva Ernst"),
        ("languages", "German, Polish"),
    ),
    "exchange": (lambda rest: an_exchange(rest)["name"], ("topics", "Water, Budget"), ("objectives", "Shorter ways.")),
    "forum": (a_forum, ("subject", "The strategy"), ("panel_city_cap", "2")),
    "subject_node": (
        lambda rest: name_of(rest.post(f"/v1/{a_forum(rest)}/subjectNodes", {"kind": "KIND_MEASURE", "title": "A"})),
        ("kind", "KIND_INDICATOR"),
        ("sdg_targets", "6.3, 11.b"),
    ),
    "working_group": (
        lambda rest: name_of(rest.post(f"/v1/{a_forum(rest)}/workingGroups", {"title": "Energy"})),
        ("title", "Climate"),
        ("title", "Climate"),
    ),
    "panelist": (
        lambda rest: name_of(rest.post(f"/v1/{a_forum(rest)}/panelists", NATIONAL_EXPERT)),
        ("function", "Professor"),
        ("affiliation", "Universität Mannheim"),
    ),
    "conclusion": (a_conclusion, ("text", "Sie fehlt.\r\n\r\nSehr."), ("dissent", "Nicht allen.")),
    "recommendation": (a_recommendation, ("title", "Vorn"), ("due_date", "2090-05-04")),
    "learning": (a_learning, ("topics", "Water"), ("visibility", "VISIBILITY_PARTNERS")),
    "account": (an_account, ("roles", ["", "ROLE_MEMBER", "ROLE_EXPERT"]), ("department", "Press")),
}


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def windows(gateway: Gateway) -> tuple[FlaskClient, FlaskClient]:
    """Two browsers of the international office."""
    return browser(gateway, Role.COORDINATOR), browser(gateway, Role.COORDINATOR)


@pytest.fixture
def member(gateway: Gateway) -> FlaskClient:
    return browser(gateway, Role.MEMBER)


def form_of(client: FlaskClient, name: str) -> PageForm:
    page = client.get(f"/{name}/edit")
    assert page.status_code == 200, page.text
    return PageForm(page.text)


def save(client: FlaskClient, name: str, form: PageForm, kind: str, *edits: Edit) -> TestResponse:
    """Send a form that was opened before, with some fields changed."""
    for field, value in edits:
        form.fields.setlist(f"{kind}.{field}", value if isinstance(value, list) else [value])
    return client.post(f"/{name}/edit", data=form.fields)


def held(form: PageForm, kind: str, field: str) -> list[str]:
    """Return what a form holds in a field, without the empty text that stands for no tick."""
    return [text for text in form.fields.getlist(f"{kind}.{field}") if text]


@pytest.mark.parametrize("kind", EDITS)
def test_what_two_windows_change_apart_is_saved_together(kind: str, gateway: Gateway) -> None:
    role = Role.ADMINISTRATOR if kind == "account" else Role.COORDINATOR
    make, one, other = EDITS[kind]
    name, client = make(gateway.as_(role)), browser(gateway, role)
    first, second = form_of(client, name), form_of(client, name)
    assert save(client, name, first, kind, one).status_code == 303
    saved = save(client, name, second, kind, other)
    assert saved.status_code == 303, text_of(saved)
    now = form_of(client, name)
    for field, value in (one, other):
        expected = [text.replace("\r\n", "\n") for text in ([value] if isinstance(value, str) else value) if text]
        assert held(now, kind, field) == expected, field


def test_saving_what_was_only_read_changes_nothing(office: Rest, windows: tuple[FlaskClient, FlaskClient]) -> None:
    visit = a_visit(office, purpose="First line\nsecond line")["name"]
    form = form_of(windows[0], visit)
    before = office.get(f"/v1/{visit}").json
    assert save(windows[0], visit, form, "visit").status_code == 303
    assert office.get(f"/v1/{visit}").json == before


def test_who_saves_is_told_kindly_that_somebody_changed_something_else(
    gateway: Gateway, office: Rest, windows: tuple[FlaskClient, FlaskClient]
) -> None:
    room = name_of(office.post("/v1/rooms", {"displayName": "Ratssaal"}))
    form = form_of(windows[0], room)
    created(gateway.as_(Role.COORDINATOR).patch(f"/v1/{room}", {"seats": 12}, updateMask="seats"))
    saved = save(windows[0], room, form, "room", ("address", "E5"))
    told = text_of(windows[0].get(saved.location))
    assert "You changed something else here in another window meanwhile; both are saved." in told


def test_only_the_field_that_both_changed_is_asked_about_and_shows_both(
    gateway: Gateway, office: Rest, member: FlaskClient, windows: tuple[FlaskClient, FlaskClient]
) -> None:
    visit = a_visit(office)["name"]
    form = form_of(windows[0], visit)
    theirs = save(member, visit, form_of(member, visit), "visit", ("purpose", "Ours"), ("title", "Controllers again"))
    assert theirs.status_code == 303
    asked = save(windows[0], visit, form, "visit", ("purpose", "Mine"), ("host_department", "Kultur"))
    assert asked.status_code == 409
    said = text_of(asked)
    assert f"{credentials(Role.MEMBER)['email'].partition('@')[0].capitalize()} changed this" in said
    assert said.count("Take this instead:") == 1
    assert "Take this instead: “Ours”" in said
    again = PageForm(asked.text)
    assert held(again, "visit", "purpose") == ["Mine"]
    assert held(again, "visit", "title") == ["Controllers again"], "what only the other changed is there already"
    assert save(windows[0], visit, again, "visit").status_code == 303
    stored = office.get(f"/v1/{visit}").json
    assert (stored["purpose"], stored["title"]) == ("Mine", "Controllers again")
    assert stored["hostDepartment"] == "Kultur"


def test_one_takes_what_the_other_wrote_with_a_tick(office: Rest, windows: tuple[FlaskClient, FlaskClient]) -> None:
    visit = a_visit(office)["name"]
    first, second = form_of(windows[0], visit), form_of(windows[1], visit)
    save(windows[0], visit, first, "visit", ("purpose", "Theirs"))
    asked = PageForm(save(windows[1], visit, second, "visit", ("purpose", "Mine"), ("title", "Engineers")).text)
    asked.fields["take"] = "visit.purpose"
    assert save(windows[1], visit, asked, "visit").status_code == 303
    stored = office.get(f"/v1/{visit}").json
    assert (stored["purpose"], stored["title"]) == ("Theirs", "Engineers")


def test_the_other_window_may_be_ones_own(office: Rest, windows: tuple[FlaskClient, FlaskClient]) -> None:
    visit = a_visit(office)["name"]
    first, second = form_of(windows[0], visit), form_of(windows[0], visit)
    save(windows[0], visit, first, "visit", ("purpose", "This morning"))
    asked = save(windows[0], visit, second, "visit", ("purpose", "This evening"))
    assert "You changed this in another window" in text_of(asked)


def test_the_same_change_in_both_windows_is_no_question(office: Rest, windows: tuple[FlaskClient, FlaskClient]) -> None:
    visit = a_visit(office)["name"]
    first, second = form_of(windows[0], visit), form_of(windows[1], visit)
    for client, form in zip(windows, (first, second), strict=True):
        assert save(client, visit, form, "visit", ("purpose", "The same")).status_code == 303


def test_lists_and_choices_that_both_changed_are_shown_in_words(
    office: Rest, windows: tuple[FlaskClient, FlaskClient]
) -> None:
    learning = a_learning(office, topics=["budget"])
    first, second = form_of(windows[0], learning), form_of(windows[1], learning)
    save(windows[0], learning, first, "learning", ("topics", "Water, Climate"), ("visibility", "VISIBILITY_PARTNERS"))
    edits: list[Edit] = [("topics", "Culture"), ("visibility", "VISIBILITY_PUBLIC")]
    asked = text_of(save(windows[1], learning, second, "learning", *edits))
    assert "Take this instead: “Water, Climate”" in asked
    assert "Take this instead: “Shared with partner cities”" in asked


def test_what_the_other_emptied_is_shown_as_empty(office: Rest, windows: tuple[FlaskClient, FlaskClient]) -> None:
    visit = a_visit(office, purpose="To learn.")["name"]
    first, second = form_of(windows[0], visit), form_of(windows[1], visit)
    save(windows[0], visit, first, "visit", ("purpose", ""))
    asked = save(windows[1], visit, second, "visit", ("purpose", "To learn more."))
    assert "Take this instead: nothing (the field is empty)" in text_of(asked)


def test_people_that_both_ticked_differently_are_asked_about_by_function(
    office: Rest, windows: tuple[FlaskClient, FlaskClient]
) -> None:
    item = an_item(office)
    people = [name_of(office.post("/v1/people", {"function": f"Guide {at}"})) for at in ("north", "south")]
    first, second = form_of(windows[0], item), form_of(windows[1], item)
    save(windows[0], item, first, "agenda_item", ("people", ["", people[0]]))
    asked = save(windows[1], item, second, "agenda_item", ("people", ["", people[1]]))
    assert asked.status_code == 409
    assert "Take this instead: “Guide north”" in text_of(asked)


def test_a_question_survives_the_switch_of_the_language(office: Rest, windows: tuple[FlaskClient, FlaskClient]) -> None:
    learning = a_learning(office, topics=["budget"])
    first, second = form_of(windows[0], learning), form_of(windows[1], learning)
    save(windows[0], learning, first, "learning", ("topics", "Water"))
    asked = PageForm(save(windows[1], learning, second, "learning", ("topics", "Culture")).text)
    asked.fields["switch_language"] = "de"
    german = windows[1].post(f"/{learning}/edit", data=asked.fields)
    assert "Stattdessen übernehmen: „Wasser“" in text_of(german)
    saved = save(windows[1], learning, PageForm(german.text), "learning")
    assert saved.status_code == 303
    assert office.get(f"/v1/{learning}").json["topics"] == ["culture"]


def test_a_form_without_what_it_was_loaded_with_overwrites_nothing_unasked(
    office: Rest, windows: tuple[FlaskClient, FlaskClient]
) -> None:
    visit = a_visit(office)["name"]
    for loaded in ("", "no JSON {", '{"title": 7}'):
        form = form_of(windows[0], visit)
        form.fields["loaded"] = loaded
        asked = save(windows[0], visit, form, "visit", ("purpose", f"Mine {loaded}"))
        assert asked.status_code == 409
        assert save(windows[0], visit, PageForm(asked.text), "visit").status_code == 303


def test_a_step_after_somebody_changed_the_entry_is_taken_at_the_second_try(
    office: Rest, windows: tuple[FlaskClient, FlaskClient]
) -> None:
    visit = a_visit(office)["name"]
    form = PageForm(windows[0].get(f"/{visit}/cancel").text)
    form.fields["reason"] = "Nobody can travel."
    created(office.patch(f"/v1/{visit}", {"purpose": "Another"}, updateMask="purpose"))
    refused = windows[0].post(f"/{visit}/cancel", data=form.fields)
    assert refused.status_code == 409
    again = PageForm(refused.text)
    assert again.fields["reason"] == "Nobody can travel."
    assert windows[0].post(f"/{visit}/cancel", data=again.fields).status_code == 303
