"""The field rules of the contract, and which fields an update changes."""

import contextlib
from typing import Any

import protovalidate
import pytest
from austausch.accounts.v1 import accounts_pb2
from austausch.common.v1 import pattern_pb2
from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1.exchange_pb2 import (
    City,
    CreateCityRequest,
    Debrief,
    DebriefEntry,
    GetCityRequest,
    ReportVisitRequest,
    UpdateCityRequest,
)
from austausch.forum.v1 import forum_pb2
from austausch.forum.v1.forum_pb2 import CreateForumRequest, Forum
from austausch.knowledge.v1 import knowledge_pb2
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

GOOD = City(name="cities/swansea", display_name="Swansea", country_code="GB", time_zone="Europe/London")
TOPIC = "must be a topic such as water-supply"
CHANGEABLE = {"display_name", "country_code", "languages"}


def city(**changes: object) -> City:
    """Return a good city with changes."""
    made = City()
    made.CopyFrom(GOOD)
    made.MergeFrom(City(**changes))  # type: ignore[arg-type]
    return made


def violations(request: object) -> dict[str, str]:
    """Return what is wrong with a request, by field."""
    with pytest.raises(InvalidArgument) as raised:
        validate(request)  # type: ignore[arg-type]
    assert raised.value.reason == "INVALID_FIELD"
    return dict(raised.value.violations)


def test_a_request_that_keeps_the_rules_passes() -> None:
    validate(GetCityRequest(name="cities/swansea"))
    validate(CreateCityRequest(city=GOOD, city_id="swansea"))


def test_every_bad_field_is_named_at_once_in_words_for_people() -> None:
    found = violations(CreateCityRequest(city=City(country_code="gb", working_week=[1, 1]), city_id="Ä b"))
    assert found["city.display_name"] == "is required"
    assert found["city.country_code"] == "must be an ISO 3166-1 country code such as DE"
    assert found["city.working_week"] == "names something twice"
    assert found["city_id"] == "must be an id such as swansea"


def test_a_required_message_that_is_missing_is_named() -> None:
    assert violations(CreateCityRequest(city_id="swansea")) == {"city": "is required"}


def test_an_item_of_a_list_is_named_by_its_place() -> None:
    found = violations(CreateCityRequest(city=city(languages=["de", "no language"]), city_id="swansea"))
    assert found == {"city.languages[1]": "must be a BCP 47 language tag such as de or en-GB"}


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
def test_what_a_pattern_asks_for_is_said_as_the_contract_says_it(request_: object, path: str) -> None:
    assert violations(request_)[path] == "must be a BCP 47 language tag such as de or en-GB"


@pytest.mark.parametrize(
    ("request_", "path", "said"),
    [
        (CreateLearningRequest(learning=Learning(topics=["Water"])), "learning.topics[0]", TOPIC),
        (
            ReportVisitRequest(debrief=Debrief(entries=[DebriefEntry(topics=["a b"])])),
            "debrief.entries[0].topics[0]",
            TOPIC,
        ),
        (ListLearningsRequest(topic="Water"), "topic", TOPIC),
        (
            CreateLearningRequest(learning=Learning(sdg_targets=["18"])),
            "learning.sdg_targets[0]",
            "must be an SDG target such as 6.3 or 13.b",
        ),
        (CreateForumRequest(forum=Forum(city="Swansea")), "forum.city", "must be a city such as cities/swansea"),
    ],
)
def test_a_form_that_people_can_get_wrong_is_said_with_an_example(request_: object, path: str, said: str) -> None:
    assert violations(request_)[path] == said


@pytest.mark.parametrize("contract", [accounts_pb2, exchange_pb2, forum_pb2, knowledge_pb2])
def test_every_example_that_the_contract_gives_of_a_pattern_fits_it(contract: Any) -> None:
    for kind in contract.DESCRIPTOR.message_types_by_name.values():
        for field in kind.fields:
            said = field.GetOptions().Extensions[pattern_pb2.pattern_message]
            rules = field.GetOptions().Extensions[validate_pb2.field]
            pattern = rules.string.pattern or rules.repeated.items.string.pattern
            own_name = field.name in ("name", "parent")
            assert bool(said) == bool(pattern and not own_name), field.full_name
            if said:
                example = said.partition(" such as ")[2].split(" or ")[0]
                made = GetMessageClass(kind)(**{field.name: [example] if field.is_repeated else example})
                wrong = [one.field_value for one in protovalidate.collect_violations(made)]
                assert example not in wrong, said


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
    assert found == {"city.display_name": "is required"}


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
    assert violations(request_)[path] == "contains a NUL character"


def test_nul_in_the_item_of_a_list_is_refused() -> None:
    found = violations(CreateCityRequest(city=city(languages=["de", "e\0n"]), city_id="swansea"))
    assert "city.languages" in found


@given(
    name=st.text(st.characters(exclude_categories=["Cs"])),
    words=st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
    numbers=st.lists(st.integers(-(2**31), 2**31 - 1)),
)
def test_whatever_is_sent_passes_or_is_an_invalid_argument(name: str, words: list[str], numbers: list[int]) -> None:
    some = City(name=name, display_name=name, languages=words, working_week=numbers, time_zone=name)
    for request in (CreateCityRequest(city=some, city_id=name), UpdateCityRequest(city=some),
                    UpdateCityRequest(city=some, update_mask=FieldMask(paths=words))):  # fmt: skip
        with contextlib.suppress(InvalidArgument):
            validate(request)


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
    ((field, description),) = raised.value.violations
    assert field == "update_mask"
    assert description == f"{path} can't be changed; what can: country_code, display_name, languages"
