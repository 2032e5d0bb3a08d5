"""What an error tells beside its text, on its way through a call."""

import re

from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

from chassis.error_metadata import flatten_indexed, read_indexed
from chassis.errors import EtagMismatch, InvalidArgument, InvalidFields, Violation
from chassis.model import now
from chassis.status import to_status

# What google.rpc.ErrorInfo allows as a key of its metadata.
KEY = re.compile(r"[a-z][a-zA-Z0-9-_]{0,63}")
# Peers refuse trailers of more than 8 KB.
LONGEST = 8_000


def details(error: Exception) -> tuple[error_details_pb2.ErrorInfo, error_details_pb2.BadRequest]:
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in to_status(error).details:  # type: ignore[arg-type]
        if not detail.Unpack(info):
            detail.Unpack(bad)
    return info, bad


def test_a_violation_travels_with_its_reason_and_its_particulars() -> None:
    first = Violation("title", "string.max_len", "is too long", {"max_len": "80"})
    second = Violation("days", "NUMBER_OUT_OF_RANGE", "is out of range", {"low": "1", "high": "9"})
    info, bad = details(InvalidFields([first, second]))
    assert info.reason == "INVALID_FIELD"
    assert [violation.reason for violation in bad.field_violations] == ["string.max_len", "NUMBER_OUT_OF_RANGE"]
    assert dict(info.metadata) == {
        "violations_0_max_len": "80",
        "violations_1_low": "1",
        "violations_1_high": "9",
    }


def test_a_single_bad_field_gives_its_reason_to_the_whole() -> None:
    info, bad = details(InvalidArgument("days", "is 0", reason="TOO_SHORT", metadata={"low": "1"}))
    assert info.reason == bad.field_violations[0].reason == "TOO_SHORT"
    assert dict(info.metadata) == {"violations_0_low": "1"}


def test_of_many_violations_as_many_are_told_as_trailers_hold() -> None:
    many = [Violation("ü" * 500, "SOME_REASON", "ü" * 500, {"example": "ü" * 500}) for _ in range(300)]
    status = to_status(InvalidFields(many))
    assert status.ByteSize() < LONGEST
    info, bad = details(InvalidFields(many))
    assert len(bad.field_violations) == len(read_indexed(info.metadata, "violations")) > 0


def test_instants_are_told_in_utc() -> None:
    info, _bad = details(EtagMismatch("Office", now()))
    assert info.metadata["update_time"].endswith("Z")


words = st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True)


@given(st.lists(st.dictionaries(words, st.text(), min_size=1, max_size=4), max_size=12))
def test_the_particulars_of_several_things_are_read_as_they_were(items: list[dict[str, str]]) -> None:
    flat = flatten_indexed("clashes", items) | {"clashes": "12", "clashes_all": "12"}
    assert list(read_indexed(flat, "clashes").values()) == items
    assert all(KEY.fullmatch(key) for key in flat)
