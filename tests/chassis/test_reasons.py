"""Every refusal has a machine-readable reason, written where it is raised."""

import re

from tests.reasons import read_contract, read_reasons, read_source

UPPER_SNAKE_CASE = re.compile(r"[A-Z][A-Z0-9_]{1,61}[A-Z0-9]")
RULE_ID = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")
# The same fact can be an expert's fault and a defect of the request: whoever may not write, and whoever is not invited.
OF_TWO_CODES = {"INELIGIBLE"}


def test_every_reason_stands_where_it_is_raised() -> None:
    reasons = read_source()
    assert not reasons.computed
    assert len(reasons.errors) > 60
    assert {
        "RESOURCE_NOT_FOUND", "ROLE_MISSING", "INVALID_FIELD", "ETAG_MISMATCH", "ILLEGAL_TRANSITION", "DOUBLE_BOOKING",
        "INELIGIBLE", "NOT_ON_PANEL", "VISIT_OVER", "CODE_TAKEN", "INDEX_NOT_READY", "SERVICE_AWAY", "DEFECT",
    } <= reasons.errors.keys()  # fmt: skip
    assert {"required", "NUL_CHARACTER", "COORDINATE_OUT_OF_RANGE", "FIELD_UNKNOWN", "NOT_A_LIST"} <= reasons.violations


def test_a_reason_belongs_to_one_code() -> None:
    for reason, codes in read_source().errors.items():
        assert len(codes) == 1 or reason in OF_TWO_CODES, f"{reason}: {codes}"


def test_reasons_look_like_reasons() -> None:
    reasons = read_source()
    for reason in reasons.errors:
        assert UPPER_SNAKE_CASE.fullmatch(reason), reason
    for reason in reasons.violations | read_contract():
        assert UPPER_SNAKE_CASE.fullmatch(reason) or RULE_ID.fullmatch(reason), reason


def test_the_rules_of_the_contract_are_among_the_reasons() -> None:
    assert {
        "required", "string.max_len", "string.pattern", "string.uuid", "enum.defined_only", "enum.not_in", "int32.gte",
        "int32.gte_lte", "repeated.max_items", "repeated.unique", "date.complete", "interpretation_languages.pair",
        "CITY_MALFORMED", "LANGUAGE_MALFORMED", "EMAIL_MALFORMED",
    } <= read_contract()  # fmt: skip


def test_a_reason_that_is_missing_or_computed_is_found() -> None:
    source = """
def refuse(why):
    raise PermissionDenied("You may not.")
    raise errors.FailedPrecondition("Not now.", reason=why)
    violations.append(Violation("field", f"{why}_WRONG", "is wrong"))
    raise AlreadyExists("There is one.", reason="TAKEN")
"""
    reasons = read_reasons({"services/any.py": source})
    assert reasons.computed == ["services/any.py:3", "services/any.py:4", "services/any.py:5"]
    assert reasons.errors == {"TAKEN": {"ALREADY_EXISTS"}}


def test_an_error_that_gives_itself_its_reason_is_found() -> None:
    source = """
class Late(FailedPrecondition):
    def __init__(self, day):
        super().__init__(f"It was due on {day}.", reason="LATE")

def check():
    raise Late(today())
"""
    assert read_reasons({"services/any.py": source}).errors == {"LATE": {"FAILED_PRECONDITION"}}
