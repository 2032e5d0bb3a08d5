"""JSON in and out, held against the library's own mapping with messages that Hypothesis makes."""

import json
from typing import Any

import pytest
from austausch.accounts.v1 import accounts_pb2
from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import knowledge_pb2, topics_pb2
from google.api import distribution_pb2
from google.protobuf import json_format, struct_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.context import attribute_context_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Violation
from gateway.rest import json_reader
from gateway.rest.fields import is_map, is_repeated
from gateway.rest.json_writer import get_writer

CONTRACT = [
    message
    for module in (accounts_pb2, exchange_pb2, forum_pb2, knowledge_pb2, topics_pb2)
    for message in module.DESCRIPTOR.message_types_by_name.values()
]
# What our own contract does not use today: maps, oneofs, 64-bit numbers, doubles, durations.
OTHERS = [
    attribute_context_pb2.AttributeContext.DESCRIPTOR,
    distribution_pb2.Distribution.DESCRIPTOR,
    struct_pb2.Struct.DESCRIPTOR,
]
TYPES = st.sampled_from([*CONTRACT, *OTHERS])

scalar = FieldDescriptor
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
KINDS: dict[int, st.SearchStrategy[Any]] = {
    scalar.CPPTYPE_STRING: TEXT,
    scalar.CPPTYPE_BOOL: st.booleans(),
    scalar.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    scalar.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    scalar.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    scalar.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    scalar.CPPTYPE_DOUBLE: st.floats(allow_nan=False),
    scalar.CPPTYPE_FLOAT: st.floats(allow_nan=False, width=32),
}


def values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    """Return a strategy for one value of a field."""
    if field.message_type is not None:
        return messages(field.message_type, depth - 1)
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if field.type == scalar.TYPE_BYTES:
        return st.binary(max_size=8)
    return KINDS[field.cpp_type]


@st.composite
def messages(draw: st.DrawFn, kind: Descriptor, depth: int = 3) -> Message:
    """Return a strategy for messages of a type."""
    message = GetMessageClass(kind)()
    if kind.full_name == "google.protobuf.Timestamp":
        message.seconds = draw(st.integers(-62135596800, 253402300799))
        message.nanos = draw(st.sampled_from([0, 1, 5000, 120_000_000, 123_456_000, 999_999_999]))
        return message
    if kind.full_name == "google.protobuf.Duration":
        message.seconds = draw(st.integers(0, 10**6))
        message.nanos = draw(st.sampled_from([0, 1, 500_000_000]))
        return message
    if kind.full_name == "google.protobuf.FieldMask":
        message.paths.extend(draw(st.lists(st.sampled_from(["title", "start_date", "a_b.c_d"]), max_size=3)))
        return message
    if kind.full_name == "google.protobuf.Struct":
        message.update(draw(st.dictionaries(TEXT, TEXT | st.booleans() | st.none(), max_size=3)))
        return message
    for field in kind.fields:
        if field.message_type is not None and (depth == 0 or field.message_type.full_name == "google.protobuf.Any"):
            continue
        if draw(st.booleans()):
            fill(message, field, draw, depth)
    return message


def fill(message: Message, field: FieldDescriptor, draw: st.DrawFn, depth: int) -> None:
    """Draw the value of one field of a message."""
    held = getattr(message, field.name)
    if is_map(field):
        value_field = field.message_type.fields_by_name["value"]
        for key in draw(st.lists(values(field.message_type.fields_by_name["key"], depth), max_size=2)):
            if value_field.message_type is not None:
                held[key].CopyFrom(draw(values(value_field, depth)))
            else:
                held[key] = draw(values(value_field, depth))
    elif is_repeated(field):
        held.extend(draw(st.lists(values(field, depth), max_size=2)))
    elif field.message_type is not None:
        held.CopyFrom(draw(values(field, depth)))
    else:
        setattr(message, field.name, draw(values(field, depth)))


@settings(max_examples=200, deadline=None)
@given(TYPES.flatmap(messages))
def test_a_message_is_written_as_the_library_writes_it(message: Message) -> None:
    expected = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)

    assert json.loads(get_writer(message.DESCRIPTOR)(message)) == expected


@settings(max_examples=200, deadline=None)
@given(TYPES.flatmap(messages))
def test_what_is_written_is_read_back(message: Message) -> None:
    read, violations = type(message)(), []

    json_reader.read_message(read, json.loads(get_writer(message.DESCRIPTOR)(message)), violations)

    assert violations == []
    assert read == message


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(TYPES.flatmap(lambda kind: st.tuples(st.just(kind), body_like(kind))))
def test_whatever_is_sent_is_read_or_its_field_is_named(drawn: tuple[Descriptor, Any]) -> None:
    kind, body = drawn
    message, violations = GetMessageClass(kind)(), []

    json_reader.read_message(message, body, violations)

    assert all(wrong.field and wrong.reason and wrong.description for wrong in violations)
    message.SerializeToString()


def body_like(kind: Descriptor) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON that names the fields of a message, with any values."""
    names = [field.json_name for field in kind.fields] or ["nothing"]
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=5), JSON_VALUES, max_size=4) | JSON_VALUES


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ({"title": 3}, "title", "NOT_A_TEXT"),
        ({"title": "a\0b"}, "title", "NUL_CHARACTER"),
        ({"title": "\ud800"}, "title", "NOT_WELL_FORMED"),
        ({"startDate": "2030-01-01"}, "startDate", "NOT_AN_OBJECT"),
        ({"startDate": {"year": "next"}}, "startDate.year", "NOT_A_WHOLE_NUMBER"),
        ({"startDate": {"year": 2**31}}, "startDate.year", "NUMBER_OUT_OF_RANGE"),
        ({"startDate": {"year": True}}, "startDate.year", "NOT_A_WHOLE_NUMBER"),
        ({"createTime": "yesterday"}, "createTime", "NOT_AN_INSTANT"),
        ({"createTime": 1}, "createTime", "NOT_AN_INSTANT"),
        ({"createTime": "9999-99-99T99:99:99Z"}, "createTime", "NOT_AN_INSTANT"),
        ({"direction": "SIDEWAYS"}, "direction", "CHOICE_UNKNOWN"),
        ({"direction": []}, "direction", "CHOICE_UNKNOWN"),
        ({"editable": "true"}, "editable", "NOT_A_BOOLEAN"),
        ({"allowedTransitions": "plan"}, "allowedTransitions", "NOT_A_LIST"),
        ({"allowedTransitions": ["plan", 1]}, "allowedTransitions[1]", "NOT_A_TEXT"),
        ({"allowedTransitions": ["plan", None]}, "allowedTransitions[1]", "NOT_A_TEXT"),
        ({"debrief": {"entries": [{}, {"title": {}}]}}, "debrief.entries[1].title", "NOT_A_TEXT"),
        ({"debrief": {"entries": {}}}, "debrief.entries", "NOT_A_LIST"),
        ({"start_date": {}, "startDate": {}}, "startDate", "FIELD_REPEATED"),
        ({"colour": "red"}, "colour", "FIELD_UNKNOWN"),
        ([], "body", "NOT_AN_OBJECT"),
    ],
)
def test_the_path_and_the_reason_of_what_is_wrong_are_told(body: Any, path: str, reason: str) -> None:
    violations: list[Violation] = []

    json_reader.read_message(exchange_pb2.Visit(), body, violations)

    assert [(violation.field, violation.reason) for violation in violations] == [(path, reason)]


def test_a_repeated_element_that_is_null_is_refused_and_a_field_that_is_null_is_left_out() -> None:
    violations: list[Violation] = []
    visit = exchange_pb2.Visit()

    json_reader.read_message(visit, {"title": None, "startDate": None}, violations)

    assert violations == []
    assert visit == exchange_pb2.Visit()


@pytest.mark.parametrize(("body", "said"), [
    ({"startDate": "2026-10-12"}, "must be an object {year, month, day}"),
    ({"direction": "SIDEWAYS"}, "must be one of DIRECTION_INCOMING, DIRECTION_OUTGOING"),
])  # fmt: skip
def test_what_a_field_must_be_is_told_in_full(body: Any, said: str) -> None:
    violations: list[Violation] = []

    json_reader.read_message(exchange_pb2.Visit(), body, violations)

    assert [violation.description for violation in violations] == [said]


def test_a_day_given_as_one_parameter_is_told_its_parts() -> None:
    violations: list[Violation] = []
    request = exchange_pb2.ListVisitsRequest()

    json_reader.read_query(request, [("fromDate", ["2026-10-12"])], violations, request.DESCRIPTOR.fields)

    said = "must be given as fromDate.year, fromDate.month, fromDate.day"
    assert violations == [Violation("fromDate", "NOT_ONE_PARAMETER", said)]
