"""What a person typed into a form outlives a switch of the language, and a session or form that is no longer valid."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from chassis.identity import Role
from tests.gateway.browsing import COORDINATOR, PageForm, form_token, sign_in
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, an_exchange, created

PATH = "/visits/new"
TITLE = 'Controllers "from" <Swansea> & more'
PURPOSE = "One line\nand another"


@pytest.fixture
def rest(gateway: Gateway) -> Rest:
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def browser(gateway: Gateway) -> Iterator[FlaskClient]:
    """The browser of a coordinator who has signed in."""
    with gateway.app.test_client() as client:
        sign_in(client)
        yield client


def typed(browser: FlaskClient, rest: Rest) -> MultiDict[str, str]:
    """Return the fields of a new visit's form after somebody filled it."""
    exchange = an_exchange(rest)["name"]
    fields = PageForm(browser.get(f"{PATH}?exchange={exchange}").text).fields
    fill(fields, {"visit.title": TITLE, "visit.purpose": PURPOSE, "visit.host_department": "Controlling"})
    fill(fields, {"visit.start_date": "2027-06-07", "visit.end_date": "2027-06-09"})
    return fields


def fill(fields: MultiDict[str, str], texts: dict[str, str]) -> None:
    """Type texts into fields of a form."""
    for name, text in texts.items():
        fields[name] = text


def without_token(fields: MultiDict[str, str]) -> dict[str, list[str]]:
    return {name: texts for name, texts in fields.to_dict(flat=False).items() if name != "csrf_token"}


def visits(rest: Rest) -> int:
    count: int = rest.get("/v1/visits").json["totalSize"]
    return count


def end_session(browser: FlaskClient) -> None:
    """Let the time of the session pass: its browser forgets it."""
    browser.delete_cookie("austausch_session")


def test_a_switch_of_the_language_keeps_the_form_and_sends_nothing(browser: FlaskClient, rest: Rest) -> None:
    fields, before = typed(browser, rest), visits(rest)

    answer = browser.post(PATH, data=MultiDict([*fields.items(multi=True), ("switch_language", "de")]))

    assert answer.status_code == 200
    assert '<html lang="de"' in answer.text
    assert without_token(PageForm(answer.text).fields) == without_token(fields)
    assert visits(rest) == before
    assert '<html lang="de"' in browser.get("/").text


def test_the_switch_of_the_language_is_a_button_of_the_form_and_not_its_first(browser: FlaskClient) -> None:
    page = browser.get(PATH).text

    # Enter in a field presses the first button of its form.
    first, second = page.index('form="page-form" hidden'), page.index('name="switch_language"')
    assert first < second
    assert 'id="page-form"' in page
    assert 'name="switch_language"' not in browser.get("/").text


def test_a_switch_of_the_language_where_a_page_asks_back_takes_no_step(browser: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    for verb in ("agree", "plan", "confirm"):
        created(rest.post(f"/v1/{visit}:{verb}"))
    asked = browser.get(f"/{visit}/start").text
    assert 'name="switch_language"' in asked

    answer = browser.post(f"/{visit}/start", data={**PageForm(asked).fields, "switch_language": "de"})

    assert rest.get(f"/v1/{visit}").json["state"] == "STATE_CONFIRMED"
    assert (answer.status_code, answer.location) == (303, f"/{visit}/start")
    assert '<html lang="de"' in browser.get(answer.location).text


def test_a_switch_of_the_language_in_a_question_keeps_what_is_asked(browser: FlaskClient) -> None:
    assert 'name="switch_language"' in browser.get("/visits/dates").text

    answer = browser.get("/visits/dates?ask=on&working_days=4&department=B%C3%A4der&switch_language=de")

    assert (answer.status_code, answer.location) == (303, "/visits/dates?ask=on&working_days=4&department=B%C3%A4der")
    page = browser.get(answer.location).text
    assert '<html lang="de"' in page
    assert PageForm(page).fields["department"] == "Bäder"


@pytest.mark.usefixtures("known_vocabulary")
def test_what_is_written_in_words_is_kept_in_the_words_of_the_new_language(browser: FlaskClient) -> None:
    fields = PageForm(browser.get("/learnings/new").text).fields
    fields["learning.topics"] = "Budget, Wastewater, Flags & Etiquette"

    answer = browser.post("/learnings/new", data=MultiDict([*fields.items(multi=True), ("switch_language", "de")]))

    assert PageForm(answer.text).fields["learning.topics"] == "Haushalt, Abwasser, Flags & Etiquette"


def test_a_form_sent_after_the_session_ended_comes_back_filled_after_signing_in(
    browser: FlaskClient, rest: Rest
) -> None:
    fields, before = typed(browser, rest), visits(rest)
    end_session(browser)

    asked = browser.post(PATH, data=fields)
    assert asked.status_code == 401
    form = PageForm(asked.text)
    assert form.action == ""
    assert 'href="/sign-in' not in asked.text  # which would lose the form
    fill(form.fields, {"sign_in.email": COORDINATOR["email"], "sign_in.password": COORDINATOR["password"]})
    back = browser.post(PATH, data=form.fields)

    assert back.status_code == 200
    assert "nothing is saved yet" in back.text
    shown = PageForm(back.text).fields
    assert without_token(shown) == without_token(fields)
    assert COORDINATOR["password"] not in back.text
    assert visits(rest) == before
    assert browser.post(PATH, data=shown).status_code == 303
    assert visits(rest) == before + 1


def test_a_wrong_password_and_a_switch_of_the_language_lose_nothing_while_signing_in(
    browser: FlaskClient, rest: Rest
) -> None:
    fields = typed(browser, rest)
    end_session(browser)
    form = PageForm(browser.post(PATH, data=fields).text).fields

    fill(form, {"sign_in.email": COORDINATOR["email"], "sign_in.password": "wrong"})
    refused = browser.post(PATH, data=form)
    assert refused.status_code == 401
    assert "E-mail address or password is wrong." in refused.text
    again = PageForm(refused.text).fields
    assert again["sign_in.email"] == COORDINATOR["email"]
    again["switch_language"] = "de"
    german = browser.post(PATH, data=again)
    assert german.status_code == 401
    assert '<html lang="de"' in german.text

    form = PageForm(german.text).fields
    fill(form, {"sign_in.password": COORDINATOR["password"]})
    assert without_token(PageForm(browser.post(PATH, data=form).text).fields) == without_token(fields)


def test_a_form_whose_token_is_no_longer_valid_is_shown_again_and_not_carried_out(
    browser: FlaskClient, rest: Rest
) -> None:
    fields, before = typed(browser, rest), visits(rest)
    fields["csrf_token"] = "of another session"

    answer = browser.post(PATH, data=fields)

    assert answer.status_code == 200
    assert "nothing is saved yet" in answer.text
    shown = PageForm(answer.text).fields
    assert without_token(shown) == without_token(fields)
    assert visits(rest) == before
    assert browser.post(PATH, data=shown).status_code == 303


def test_nobody_who_has_closed_the_browser_loses_a_form(browser: FlaskClient, rest: Rest) -> None:
    fields = typed(browser, rest)
    for cookie in ("austausch_session", "austausch_form"):
        browser.delete_cookie(cookie)

    form = PageForm(browser.post(PATH, data=fields).text).fields
    fill(form, {"sign_in.email": COORDINATOR["email"], "sign_in.password": COORDINATOR["password"]})

    assert without_token(PageForm(browser.post(PATH, data=form).text).fields) == without_token(fields)


def test_nobody_is_signed_in_by_a_form_of_another_site(browser: FlaskClient, rest: Rest) -> None:
    fields = typed(browser, rest)
    end_session(browser)
    sent = {"sign_in.email": COORDINATOR["email"], "sign_in.password": COORDINATOR["password"]}
    fill(fields, {**sent, "csrf_token": "made up"})

    answer = browser.post(PATH, data=fields)

    assert answer.status_code == 401
    assert browser.get_cookie("austausch_session") is None


def test_an_error_while_a_form_is_shown_again_is_told_as_what_it_is(browser: FlaskClient) -> None:
    answer = browser.post("/visits/0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d/edit", data={"visit.title": "x"})

    assert answer.status_code == 404


def test_passwords_are_never_carried(browser: FlaskClient) -> None:
    token = form_token(browser, PATH)
    end_session(browser)

    answer = browser.post(PATH, data={"csrf_token": token, "visit.title": "kept", "password": "secret words"})

    assert "kept" in answer.text
    assert "secret words" not in answer.text


def test_a_button_pressed_after_the_session_ended_leads_back_to_its_page(browser: FlaskClient) -> None:
    token = form_token(browser, PATH)
    end_session(browser)
    page = "/visits/0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d"

    def pressed_on(referrer: str) -> str:
        headers = {"Referer": referrer}
        return browser.post(f"{page}/agree", data={"csrf_token": token}, headers=headers).headers["Location"]

    assert pressed_on(f"http://localhost{page}?tab=x") == f"/sign-in?next={page}?tab%3Dx"
    assert pressed_on("https://evil.example/visits") == "/sign-in?next=/"
    assert pressed_on("") == "/sign-in?next=/"


def test_who_pressed_a_button_after_the_session_ended_is_told_that_nothing_was_changed(browser: FlaskClient) -> None:
    told = "Nothing was changed. Press the button again."
    token = form_token(browser, PATH)
    end_session(browser)
    headers = {"Referer": "http://localhost/visits"}
    asked = browser.post("/visits/x/agree", data={"csrf_token": token}, headers=headers, follow_redirects=True)
    assert "Your session has ended." in asked.text

    back = sign_in(browser, next=PageForm(asked.text).fields["next"])

    assert back.location == "/visits"
    assert told in browser.get(back.location).text
    assert told not in browser.get(back.location).text  # once

    end_session(browser)
    browser.post("/visits/x/agree", data={"csrf_token": form_token(browser, "/sign-in")}, headers=headers)
    browser.get("/visits")  # something else instead
    assert told not in browser.get(sign_in(browser).location).text
