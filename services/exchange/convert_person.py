"""People of the host: rows ↔ messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from sqlalchemy.dialects.postgresql import Range

from chassis.convert import Reader, read_columns, read_instant, resource_fields
from chassis.errors import InvalidArgument
from chassis.identity import Identity
from services.exchange import rights
from services.exchange.convert import optional_timestamp
from services.exchange.model import Person
from services.exchange.spans import join_ranges

PERSON_FIELDS = frozenset(
    {"function", "display_name", "department", "email", "languages", "language_pairs", "absences"}
)


def person_columns(message: pb.Person, fields: Iterable[str] = PERSON_FIELDS) -> dict[str, Any]:
    """
    Return fields of a person as the columns take them; raises as `read_columns`.

    Raises:
        InvalidArgument: An absence is over before it begins (reason END_NOT_AFTER_START), or a pair of languages names
            one twice (LANGUAGE_PAIR_OF_ONE).
    """
    readers: dict[str, Reader] = {"language_pairs": _read_language_pairs, "absences": _read_absences}
    return read_columns(message, Person, fields, readers)


def _read_language_pairs(pairs: Iterable[str], path: str) -> list[str]:
    for index, pair in enumerate(pairs):
        first, _, second = pair.partition("-")
        if first == second:
            words = f"{pair} names one language twice"
            raise InvalidArgument(f"{path}[{index}]", words, reason="LANGUAGE_PAIR_OF_ONE", metadata={"pair": pair})
    return list(pairs)


def _read_absences(absences: Iterable[pb.Person.Absence], path: str) -> list[Range[datetime]]:
    spans: list[Range[datetime]] = []
    for index, absence in enumerate(absences):
        at = f"{path}[{index}]"
        start = read_instant(absence.start_time, f"{at}.start_time")
        end = read_instant(absence.end_time, f"{at}.end_time")
        if end <= start:
            raise InvalidArgument(f"{at}.end_time", "is not after the start", reason="END_NOT_AFTER_START")
        spans.append(Range(start, end, bounds="[)"))
    return join_ranges(spans)


def person_message(person: Person, caller: Identity) -> pb.Person:
    """Return a person as the caller sees them."""
    return pb.Person(
        function=person.function,
        display_name=person.display_name,
        department=person.department,
        email=person.email,
        languages=person.languages,
        language_pairs=person.language_pairs,
        absences=[
            pb.Person.Absence(start_time=optional_timestamp(span.lower), end_time=optional_timestamp(span.upper))
            for span in person.absences
        ],
        calendars_editable=rights.may_keep_calendars(caller, person),
        **resource_fields(person),
    )
