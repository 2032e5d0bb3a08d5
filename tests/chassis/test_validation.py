"""The field rules of the contract, and which fields an update changes."""

import time
from typing import Any

import protovalidate
import pytest
from austausch.accounts.v1 import accounts_pb2
from austausch.common.v1 import pattern_pb2
from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1.exchange_pb2 import (
    City,
    CreateCityRequest,
    CreateExchangeRequest,
    Debrief,
    DebriefEntry,
    Exchange,
    GetCityRequest,
    ReportVisitRequest,
    UpdateCityRequest,
)
from austausch.forum.v1 import forum_pb2
from austausch.forum.v1.forum_pb2 import CreateForumRequest, Forum
from austausch.knowledge.v1 import knowledge_pb2, topics_pb2
from austausch.knowledge.v1.knowledge_pb2 import (
    CreateLearningRequest,
    Learning,
    ListLearningsRequest,
    SearchLearningsRequest,
)
from buf.validate import validate_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from chassis.field_mask import updated_paths
from chassis.validation import validate
from tests.reasons import read_contract

GOOD = City(name="cities/swansea", display_name="Swansea", country_code="GB", time_zone="Europe/London")
KNOWN_REASONS = read_contract() | {"NUL_CHARACTER"}
FORMS = pattern_pb2.Form.DESCRIPTOR.values_by_number
CHANGEABLE = {"display_name", "country_code", "languages"}


def city(**changes: object) -> City:
    """Return a good city with changes."""
    made = City()
    made.CopyFrom(GOOD)
    made.MergeFrom(City(**changes))  # type: ignore[arg-type]
    return made


def violations(request: object) -> dict[str, str]:
    """Return the reason of what is wrong with a request, by field."""
    with pytest.raises(InvalidArgument) as raised:
        validate(request)  # type: ignore[arg-type]
    assert raised.value.reason == "INVALID_FIELD"
    return {violation.field: violation.reason for violation in raised.value.violations}


def test_a_request_that_keeps_the_rules_passes() -> None:
    validate(GetCityRequest(name="cities/swansea"))
    validate(CreateCityRequest(city=GOOD, city_id="swansea"))


def test_every_bad_field_is_named_at_once_with_its_reason() -> None:
    found = violations(CreateCityRequest(city=City(country_code="gb", working_week=[1, 1]), city_id="Ä b"))
    assert found["city.display_name"] == "required"
    assert found["city.country_code"] == "COUNTRY_MALFORMED"
    assert found["city.working_week"] == "repeated.unique"
    assert found["city_id"] == "ID_MALFORMED"


def test_a_required_message_that_is_missing_is_named() -> None:
    assert violations(CreateCityRequest(city_id="swansea")) == {"city": "required"}


def test_an_item_of_a_list_is_named_by_its_place() -> None:
    found = violations(CreateCityRequest(city=city(languages=["de", "no language"]), city_id="swansea"))
    assert found == {"city.languages[1]": "LANGUAGE_MALFORMED"}


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (
            ReportVisitRequest(debrief=Debrief(entries=[DebriefEntry(language="Deutsch")])),
            "debrief.entries[0].language",
        ),
        (CreateForumRequest(forum=Forum(language="Deutsch")), "forum.language"),
        (ListLearningsRequest(language="Deutsch"), "language"),
        (SearchLearningsRequest(query="Wasser", languages=["Deutsch"]), "languages[0]"),
    ],
)
def test_what_a_pattern_asks_for_is_the_reason_wherever_it_is_broken(request_: object, path: str) -> None:
    assert violations(request_)[path] == "LANGUAGE_MALFORMED"


@pytest.mark.parametrize(
    ("request_", "path", "reason"),
    [
        (CreateLearningRequest(learning=Learning(topics=["Water"])), "learning.topics[0]", "TOPIC_MALFORMED"),
        (
            ReportVisitRequest(debrief=Debrief(entries=[DebriefEntry(topics=["a b"])])),
            "debrief.entries[0].topics[0]",
            "TOPIC_MALFORMED",
        ),
        (ListLearningsRequest(topic="Water"), "topic", "TOPIC_MALFORMED"),
        (
            CreateLearningRequest(learning=Learning(sdg_targets=["18"])),
            "learning.sdg_targets[0]",
            "SDG_TARGET_MALFORMED",
        ),
        (CreateForumRequest(forum=Forum(city="Swansea")), "forum.city", "CITY_MALFORMED"),
    ],
)
def test_a_form_that_people_can_get_wrong_has_a_reason_of_its_own(request_: object, path: str, reason: str) -> None:
    assert violations(request_)[path] == reason


@pytest.mark.parametrize("contract", [accounts_pb2, exchange_pb2, forum_pb2, knowledge_pb2, topics_pb2])
def test_every_example_that_the_contract_gives_of_a_pattern_fits_it(contract: Any) -> None:
    for kind in contract.DESCRIPTOR.message_types_by_name.values():
        for field in kind.fields:
            form = field.GetOptions().Extensions[pattern_pb2.form]
            rules = field.GetOptions().Extensions[validate_pb2.field]
            pattern = rules.string.pattern or rules.repeated.items.string.pattern
            own_name = field.name in ("name", "parent")
            assert bool(form) == bool(pattern and not own_name), field.full_name
            if form:
                example = FORMS[form].GetOptions().Extensions[pattern_pb2.example]
                made = GetMessageClass(kind)(**{field.name: [example] if field.is_repeated else example})
                wrong = [one.field_value for one in protovalidate.collect_violations(made)]
                assert example not in wrong, field.full_name


def test_an_update_is_held_to_the_rules_of_what_it_changes() -> None:
    partial = City(name="cities/swansea", display_name="Abertawe")
    validate(UpdateCityRequest(city=partial))
    validate(UpdateCityRequest(city=partial, update_mask=FieldMask(paths=["display_name"])))
    found = violations(UpdateCityRequest(city=partial, update_mask=FieldMask(paths=["display_name", "country_code"])))
    assert list(found) == ["city.country_code"]
    everything = violations(UpdateCityRequest(city=partial, update_mask=FieldMask(paths=["*"])))
    assert {"city.country_code", "city.time_zone"} <= everything.keys()
    assert list(violations(UpdateCityRequest(city=city(country_code="gb")))) == ["city.country_code"]


def test_a_field_that_is_cleared_by_an_update_is_held_to_its_rules() -> None:
    mask = FieldMask(paths=["display_name"])
    found = violations(UpdateCityRequest(city=City(name="cities/swansea"), update_mask=mask))
    assert found == {"city.display_name": "required"}


@pytest.mark.parametrize("role", ["ROLE_SERVICE", 99])
def test_a_value_that_an_enum_has_and_a_field_does_not_is_told_those_that_it_takes(role: Any) -> None:
    account = accounts_pb2.Account(email="a@city.example", display_name="A", roles=["ROLE_MEMBER", role])
    with pytest.raises(InvalidArgument) as raised:
        validate(accounts_pb2.CreateAccountRequest(account=account))

    [violation] = raised.value.violations
    names = ["ROLE_ADMINISTRATOR", "ROLE_COORDINATOR", "ROLE_MEMBER", "ROLE_PARTNER", "ROLE_EXPERT"]
    assert violation.field == "account.roles[1]"
    assert violation.description == f"must be one of {', '.join(names)}"
    assert violation.metadata == {"allowed": ",".join(names)}


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (CreateCityRequest(city=city(local_name="Abert\0awe"), city_id="swansea"), "city.local_name"),
        (CreateCityRequest(city=city(holiday_calendar="\0"), city_id="swansea"), "city.holiday_calendar"),
        (UpdateCityRequest(city=city(local_name="\0"), update_mask=FieldMask(paths=["local_name"])), "city.local_name"),
        (UpdateCityRequest(city=GOOD, update_mask=FieldMask(paths=["\0"])), "update_mask.paths"),
    ],
)
def test_nul_is_refused_wherever_it_stands(request_: object, path: str) -> None:
    assert violations(request_)[path] == "NUL_CHARACTER"


def test_nul_in_the_item_of_a_list_is_refused() -> None:
    found = violations(CreateCityRequest(city=city(languages=["de", "e\0n"]), city_id="swansea"))
    assert "city.languages" in found


@given(
    name=st.text(st.characters(exclude_categories=["Cs"])),
    words=st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
    numbers=st.lists(st.integers(-(2**31), 2**31 - 1)),
)
def test_whatever_is_sent_passes_or_is_refused_for_a_known_reason(
    name: str, words: list[str], numbers: list[int]
) -> None:
    some = City(name=name, display_name=name, languages=words, working_week=numbers, time_zone=name)
    reasons: set[str] = set()
    for request in (CreateCityRequest(city=some, city_id=name), UpdateCityRequest(city=some),
                    UpdateCityRequest(city=some, update_mask=FieldMask(paths=words))):  # fmt: skip
        try:
            validate(request)
        except InvalidArgument as refusal:
            reasons |= {violation.reason for violation in refusal.violations}
    assert reasons <= KNOWN_REASONS


def test_without_a_mask_what_is_set_is_changed() -> None:
    assert updated_paths(FieldMask(), city(languages=["en"]), CHANGEABLE) == CHANGEABLE
    assert updated_paths(FieldMask(), City(display_name="x", etag="1"), CHANGEABLE) == {"display_name"}


def test_a_star_changes_everything_that_may_change() -> None:
    assert updated_paths(FieldMask(paths=["*"]), City(), CHANGEABLE) == CHANGEABLE


def test_a_mask_clears_what_it_names_and_the_resource_does_not_have() -> None:
    assert updated_paths(FieldMask(paths=["languages"]), City(), CHANGEABLE) == {"languages"}


@pytest.mark.parametrize("path", ["name", "etag", "create_time", "nothing", "display_name.x", "", "displayName"])
def test_a_mask_that_names_what_may_not_change_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        updated_paths(FieldMask(paths=["display_name", path]), GOOD, CHANGEABLE)
    (violation,) = raised.value.violations
    assert (violation.field, violation.reason) == ("update_mask", "FIELD_NOT_CHANGEABLE")
    assert violation.metadata == {"path": path, "allowed": "country_code,display_name,languages"}


@pytest.mark.parametrize(
    ("request_", "reason", "metadata"),
    [
        (CreateCityRequest(city=city(display_name="x" * 121)), "string.max_len", {"max_len": "120"}),
        (CreateForumRequest(forum=Forum(panel_city_cap=1001)), "int32.gte_lte", {"gte": "0", "lte": "1000"}),
        (CreateCityRequest(city=city(languages=["no language"])), "LANGUAGE_MALFORMED", {"example": "en-GB"}),
        (CreateCityRequest(city=city(working_week=[1, 1])), "repeated.unique", {}),
        (ListLearningsRequest(page_size=-1), "int32.gte", {"gte": "0"}),
    ],
)
def test_a_violation_tells_the_limits_of_its_rule(request_: Any, reason: str, metadata: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument) as raised:
        validate(request_)
    (violation,) = [violation for violation in raised.value.violations if violation.reason == reason]
    assert violation.metadata == metadata


def test_every_form_of_the_contract_says_what_it_is_and_gives_an_example() -> None:
    for form in pattern_pb2.Form.DESCRIPTOR.values[1:]:
        said = form.GetOptions().Extensions
        assert said[pattern_pb2.noun], form.name
        assert said[pattern_pb2.example], form.name


def test_a_list_of_tens_of_thousands_is_refused_without_a_look_at_each_entry() -> None:
    entries = [DebriefEntry(title="x", topics=["Not a topic"] * 20_000) for _number in range(3)]
    for request, field in (
        (CreateExchangeRequest(exchange=Exchange(title="x", topics=["Not a topic"] * 50_000)), "exchange.topics"),
        (ReportVisitRequest(name="visits/x", debrief=Debrief(entries=entries)), "debrief.entries[0].topics"),
        (ReportVisitRequest(name="visits/x", debrief=Debrief(entries=[DebriefEntry()] * 50_000)), "debrief.entries"),
    ):
        begun = time.process_time()
        with pytest.raises(InvalidArgument) as refusal:
            validate(request)
        assert time.process_time() - begun < 1
        violation = refusal.value.violations[0]
        assert (violation.field, violation.reason) == (field, "repeated.max_items")
        assert violation.metadata == {"max_items": "50" if field == "debrief.entries" else "20"}
        assert len(refusal.value.violations) <= 3


@pytest.mark.parametrize("blank", [" ", "\t\n", "\u00a0\u2003"])
def test_a_text_of_blanks_is_an_empty_one(blank: str) -> None:
    found = violations(CreateCityRequest(city_id="swansea", city=city(display_name=blank)))
    assert found == {"city.display_name": "required"}
    items = [exchange_pb2.AgendaItem(title=title, duration_minutes=30) for title in ("Talk", blank)]
    found = violations(exchange_pb2.BatchCreateAgendaItemsRequest(parent="visits/one", agenda_items=items))
    assert found == {"agenda_items[1].title": "required"}


def test_an_update_may_leave_blanks_in_what_it_does_not_change() -> None:
    request = UpdateCityRequest(city=city(display_name=" "), update_mask=FieldMask(paths=["time_zone"]))
    validate(request)
