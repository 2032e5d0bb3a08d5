"""Every reason that can be raised is explained to people, in each language, and listed for programs."""

import re
from collections.abc import Iterator
from datetime import UTC

import pytest
from flask import Flask
from flask_babel import Babel, gettext

from chassis import errors
from chassis.errors import FailedPrecondition, InvalidFields, PermissionDenied, Violation
from gateway.errors import documentation
from gateway.errors.explanations import EXPLAINERS, explain, explain_field
from gateway.errors.http_status import REASON_BY_STATUS, get_http_reason
from gateway.errors.reasons import FIELDS, REFUSALS
from gateway.i18n import languages
from gateway.rest.openapi.document import build_document
from tests.reasons import read_contract, read_source

PLACEHOLDER = re.compile(r"%\((\w+)\)s")
REASONS = read_source()
OF_HTTP = {*REASON_BY_STATUS.values(), get_http_reason(400), get_http_reason(500)}


@pytest.fixture
def german() -> Iterator[None]:
    app = Flask(__name__)
    app.config.update(BABEL_TRANSLATION_DIRECTORIES=str(languages.TRANSLATIONS))
    Babel(app, locale_selector=lambda: "de")
    with app.test_request_context():
        yield


def test_every_reason_of_a_refusal_has_a_text() -> None:
    assert len(REASONS.errors) > 80
    for reason, codes in REASONS.errors.items():
        for code in codes:
            assert reason in REFUSALS[code] or (code == "INVALID_ARGUMENT" and reason in FIELDS), f"{code} {reason}"


def test_every_reason_of_a_bad_field_has_a_text() -> None:
    reasons = REASONS.violations | read_contract()
    assert len(reasons) > 80
    assert reasons - FIELDS.keys() == set()


def test_what_http_itself_refuses_has_a_text() -> None:
    texts = {reason for reasons in REFUSALS.values() for reason in reasons}
    assert texts >= OF_HTTP


def test_no_text_is_left_of_a_reason_that_nobody_raises() -> None:
    for code, reasons in REFUSALS.items():
        for reason in reasons:
            assert code in REASONS.errors.get(reason, ()) or reason in OF_HTTP, f"{code} {reason}"
    assert FIELDS.keys() - REASONS.violations - read_contract() == set()
    assert EXPLAINERS.keys() <= REASONS.errors.keys()


@pytest.mark.usefixtures("german")
def test_every_text_has_its_german_with_the_same_particulars() -> None:
    for text in {*FIELDS.values(), *(text for reasons in REFUSALS.values() for text in reasons.values())}:
        assert gettext(text) != text
        assert set(PLACEHOLDER.findall(gettext(text))) == set(PLACEHOLDER.findall(text)), text


def test_a_text_asks_for_particulars_that_come_with_its_reason() -> None:
    texts = FIELDS | {reason: text for reasons in REFUSALS.values() for reason, text in reasons.items()}
    known = {reason: names for reason, names in REASONS.metadata.items() if reason in texts}
    assert known["YEAR_OUT_OF_RANGE"] == {"low", "high"}
    for reason, names in known.items():
        assert names >= set(PLACEHOLDER.findall(texts[reason])), reason


@pytest.mark.usefixtures("german")
def test_a_service_is_understood_by_reason_and_particulars_whatever_it_says() -> None:
    for said in ("The visit is over.", "Anything else."):
        explanation = explain(FailedPrecondition(said, reason="VISIT_OVER", metadata={"state": "CLOSED"}), UTC)
        assert explanation.text == "Dieser Besuch ist vorbei und kann nicht mehr geändert werden."
        too_long = Violation("visit.title", "string.max_len", said, {"max_len": "120"})
        assert explain_field(too_long) == "Bitte schreiben Sie höchstens 120 Zeichen."


@pytest.mark.usefixtures("german")
def test_a_reason_of_a_newer_service_is_told_in_general_words() -> None:
    unknown = explain(PermissionDenied("Not on Sundays.", reason="SUNDAY"), UTC)
    assert unknown.title == "Dazu sind Sie nicht berechtigt"
    assert "Sunday" not in unknown.text
    assert explain_field(Violation("visit.title", "ON_SUNDAY", "is a Sunday")) == "Das Format stimmt nicht."


@pytest.mark.usefixtures("german")
def test_what_is_wrong_with_several_fields_is_told_in_lines() -> None:
    error = InvalidFields([Violation("a", "required", "is required"), Violation("b", "NO_SUCH_DAY", "is none")])
    assert explain(error, UTC).text.splitlines() == ["Bitte füllen Sie dieses Feld aus.", "Diesen Tag gibt es nicht."]


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize(("seconds", "wait"), [("30", "in einer Minute"), ("90", "in 2 Minuten")])
def test_the_wait_after_too_many_attempts_is_told_in_minutes(seconds: str, wait: str) -> None:
    refusal = errors.ResourceExhausted("Slow down.", reason="TOO_MANY_ATTEMPTS", metadata={"retry_after": seconds})
    assert explain(refusal, UTC).text == f"Zu viele Versuche. Bitte versuchen Sie es {wait} noch einmal."


@pytest.mark.usefixtures("german")
def test_a_particular_that_did_not_come_breaks_no_page() -> None:
    for code, reasons in REFUSALS.items():
        for reason in reasons:
            assert explain(errors.from_code(code, "", reason=reason), UTC).title
    for reason in FIELDS:
        assert explain_field(Violation("field", reason, ""))


def test_the_page_about_errors_lists_every_reason() -> None:
    page = documentation.PAGE.read_text()
    assert page == documentation.render_documentation(), "run python -m gateway.errors.documentation"
    for reason in {*REASONS.errors, *REASONS.violations, *read_contract()}:
        assert f"| `{reason}` |" in page


def test_the_description_of_the_api_lists_every_reason() -> None:
    described = build_document([], "/api")["components"]
    by_answer = {reason for answer in described["responses"].values() for reason in answer["x-reasons"]}
    violation = described["schemas"]["BadRequest"]["properties"]["fieldViolations"]["items"]["properties"]
    assert by_answer | {*FIELDS} >= REASONS.errors.keys()
    assert violation["reason"]["x-extensible-enum"] == list(FIELDS)
