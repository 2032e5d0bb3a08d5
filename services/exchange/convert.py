"""
Model ↔ message, side by side.

Towards the model there is one table per resource: the field's name in the message → how its value is read. The table
also says which fields a caller may set. Towards the message there is one function per resource.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.latlng_pb2 import LatLng

from chassis.convert import (
    Member,
    composed,
    date_message,
    full_date,
    history,
    member,
    numbers,
    timestamp,
    utc_instant,
)
from chassis.errors import FieldRequired, InvalidArgument
from chassis.identity import Identity
from chassis.model import Resource
from services.exchange import rights
from services.exchange.model import (
    AgendaItem,
    City,
    Delegate,
    Direction,
    Exchange,
    ExchangeKind,
    Location,
    Partnership,
    PartnershipKind,
    PartnershipState,
    Person,
    Room,
    Visit,
    VisitState,
)

# NATS carries a megabyte at most, and the event VisitReported repeats the debrief.
LARGEST_DEBRIEF_BYTES = 500_000

# Takes the field's value and its path in the request; raises InvalidArgument.
Reader = Callable[[Any, str], Any]


def columns(message: Message, resource: str, fields: Mapping[str, Reader], paths: Iterable[str]) -> dict[str, Any]:
    """
    Return the model's attributes for some fields of a message.

    Args:
        message: The resource as sent.
        resource: What the request calls it, e.g. ``visit``: the start of the paths in errors.
        fields: The resource's table, e.g. `VISIT`.
        paths: Names of the fields to read.

    Raises:
        InvalidArgument: A value is none that the field can have.
    """
    values = {}
    for path in paths:
        unset = message.DESCRIPTOR.fields_by_name[path].has_presence and not message.HasField(path)
        values[path] = fields[path](None if unset else getattr(message, path), f"{resource}.{path}")
    return values


def assign(row: Resource, values: Mapping[str, Any]) -> None:
    """Set attributes of a row."""
    for attribute, value in values.items():
        setattr(row, attribute, value)


# ------------------------------------------------------------------------------------------------- single values


def as_sent(value: Any, _path: str) -> Any:
    """Read a value that both sides write alike."""
    return value


def several(values: Iterable[Any], _path: str) -> list[Any]:
    """Read a repeated field."""
    return list(values)


def optional_day(value: Date | None, path: str) -> date | None:
    """Read a full date; None where it is unset."""
    return None if value is None else full_date(value, path)


def day(value: Date | None, path: str) -> date:
    """Read a full date that has to be there."""
    if value is None:
        raise FieldRequired(path)
    return full_date(value, path)


def instant(value: Timestamp | None, path: str) -> datetime:
    """Read a timestamp that has to be there."""
    if value is None:
        raise FieldRequired(path)
    return utc_instant(value, path)


def location(value: LatLng | None, _path: str) -> Location | None:
    """Read a point; None where it is unset."""
    return None if value is None else Location(value.latitude, value.longitude)


def one_of(enum: EnumDescriptor, kind: type[Member]) -> Reader:
    """Return what reads a number of a protobuf enum, e.g. ``KIND_PROJECT``, as the model's member ``PROJECT``."""
    return lambda number, _path: member(enum, number, kind)


def _common(row: Resource) -> dict[str, Any]:
    """Return the fields that every resource has."""
    return {"name": row.name, **history(row)}


# ----------------------------------------------------------------------------------------------------- resources

CITY: Mapping[str, Reader] = {
    "display_name": as_sent,
    "local_name": as_sent,
    "country_code": as_sent,
    "subdivision_code": as_sent,
    "time_zone": as_sent,
    "working_week": several,
    "languages": several,
    "location": location,
    "holiday_calendar": as_sent,
}


def city_message(city: City) -> pb.City:
    """Return a city as a message."""
    place = city.location
    return pb.City(
        display_name=city.display_name,
        local_name=city.local_name,
        country_code=city.country_code,
        subdivision_code=city.subdivision_code,
        time_zone=city.time_zone,
        working_week=city.working_week,
        languages=city.languages,
        location=LatLng(latitude=place.latitude, longitude=place.longitude) if place else None,
        holiday_calendar=city.holiday_calendar,
        **_common(city),
    )


partnership_kind = one_of(pb.Partnership.Kind.DESCRIPTOR, PartnershipKind)
partnership_state = one_of(pb.Partnership.State.DESCRIPTOR, PartnershipState)
PARTNERSHIP_KINDS = numbers(pb.Partnership.Kind.DESCRIPTOR, PartnershipKind)
PARTNERSHIP_STATES = numbers(pb.Partnership.State.DESCRIPTOR, PartnershipState)

# The other city can't change, so the servicer reads it.
PARTNERSHIP: Mapping[str, Reader] = {
    "kind": partnership_kind,
    "start_date": optional_day,
    "end_date": optional_day,
    "theme": as_sent,
}


def partnership_message(partnership: Partnership, caller: Identity | None = None) -> pb.Partnership:
    """Return a partnership as the caller sees it; without a caller, for an event, it offers no transitions."""
    return pb.Partnership(
        city=f"cities/{partnership.city_id}",
        city_display_name=partnership.city_display_name,
        kind=PARTNERSHIP_KINDS[partnership.kind],
        state=PARTNERSHIP_STATES[partnership.state],
        start_date=date_message(partnership.start_date),
        end_date=date_message(partnership.end_date),
        theme=partnership.theme,
        allowed_transitions=rights.partnership_verbs(caller, partnership) if caller else [],
        **_common(partnership),
    )


exchange_kind = one_of(pb.Exchange.Kind.DESCRIPTOR, ExchangeKind)
EXCHANGE_KINDS = numbers(pb.Exchange.Kind.DESCRIPTOR, ExchangeKind)

# The partnership can't change, so the servicer reads it.
EXCHANGE: Mapping[str, Reader] = {
    "title": as_sent,
    "kind": exchange_kind,
    "department": as_sent,
    "topics": lambda topics, _path: composed(topics),
    "objectives": as_sent,
    "sdg_targets": several,
}


def exchange_message(exchange: Exchange, caller: Identity | None = None) -> pb.Exchange:
    """Return an exchange as the caller sees it."""
    return pb.Exchange(
        title=exchange.title,
        kind=EXCHANGE_KINDS[exchange.kind],
        partnership=f"partnerships/{exchange.partnership_id}",
        department=exchange.department,
        topics=exchange.topics,
        objectives=exchange.objectives,
        sdg_targets=exchange.sdg_targets,
        city=f"cities/{exchange.city_id}",
        city_display_name=exchange.city_display_name,
        editable=caller is not None and rights.may_edit_exchange(caller, exchange),
        **_common(exchange),
    )


visit_direction = one_of(pb.Visit.Direction.DESCRIPTOR, Direction)
visit_state = one_of(pb.Visit.State.DESCRIPTOR, VisitState)
VISIT_DIRECTIONS = numbers(pb.Visit.Direction.DESCRIPTOR, Direction)
VISIT_STATES = numbers(pb.Visit.State.DESCRIPTOR, VisitState)

# Exchange and direction can't change, so the servicer reads them.
VISIT: Mapping[str, Reader] = {
    "title": as_sent,
    "start_date": day,
    "end_date": day,
    "host_department": as_sent,
    "purpose": as_sent,
}


def visit_message(visit: Visit, caller: Identity | None = None) -> pb.Visit:
    """Return a visit as the caller sees it; without a caller, for an event, it offers nothing to do."""
    editor = None if visit.is_over else caller
    with_debrief = caller is None or rights.may_see_debrief(caller)
    home = f"cities/{visit.home_city_id}", visit.home_city_display_name
    other = f"cities/{visit.city_id}", visit.city_display_name
    change_time, changer = visit.last_change
    (host_city, host), (guest_city, guest) = (home, other) if visit.incoming else (other, home)
    return pb.Visit(
        title=visit.title,
        exchange=f"exchanges/{visit.exchange_id}",
        exchange_title=visit.exchange_title,
        direction=VISIT_DIRECTIONS[visit.direction],
        start_date=date_message(visit.start_date),
        end_date=date_message(visit.end_date),
        host_department=visit.host_department,
        purpose=visit.purpose,
        state=VISIT_STATES[visit.state],
        host_city=host_city,
        host_city_display_name=host,
        guest_city=guest_city,
        guest_city_display_name=guest,
        time_zone=visit.time_zone,
        debrief=pb.Debrief(**visit.debrief) if with_debrief and visit.debrief else None,
        reason=visit.reason,
        allowed_transitions=rights.visit_verbs(caller, visit) if caller else [],
        editable=editor is not None and rights.may_edit_visit(editor, visit),
        delegation_editable=editor is not None and rights.may_edit_delegation(editor, visit),
        last_change_time=timestamp(change_time),
        last_changer=changer,
        **_common(visit),
    )


def debrief_fields(debrief: pb.Debrief) -> dict[str, Any]:
    """
    Return a debrief as the visit keeps it.

    Raises:
        InvalidArgument: It is larger than an event can carry; reason DEBRIEF_TOO_LARGE.
    """
    if debrief.ByteSize() > LARGEST_DEBRIEF_BYTES:
        raise InvalidArgument(
            "debrief",
            f"is larger than {LARGEST_DEBRIEF_BYTES:,} bytes",
            reason="DEBRIEF_TOO_LARGE",
            metadata={"max_bytes": str(LARGEST_DEBRIEF_BYTES)},
        )
    return MessageToDict(debrief, preserving_proto_field_name=True)


DELEGATE: Mapping[str, Reader] = {
    "function": as_sent,
    "display_name": as_sent,
    "rank": as_sent,
    "head": as_sent,
    "languages": several,
    "dietary_needs": as_sent,
    "access_needs": as_sent,
}


def delegate_message(delegate: Delegate) -> pb.Delegate:
    """Return a delegate as a message."""
    return pb.Delegate(
        function=delegate.function,
        display_name=delegate.display_name,
        rank=delegate.rank,
        head=delegate.head,
        languages=delegate.languages,
        dietary_needs=delegate.dietary_needs,
        access_needs=delegate.access_needs,
        **_common(delegate),
    )


# The servicer turns `room`, a name, into the row that it names.
AGENDA_ITEM: Mapping[str, Reader] = {
    "title": as_sent,
    "notes": as_sent,
    "start_time": instant,
    "end_time": instant,
    "room": as_sent,
    "place": as_sent,
    "people": several,
    "interpretation_languages": several,
}


def agenda_item_message(item: AgendaItem) -> pb.AgendaItem:
    """Return an agenda item as a message."""
    return pb.AgendaItem(
        title=item.title,
        notes=item.notes,
        start_time=timestamp(item.start_time),
        end_time=timestamp(item.end_time),
        room=item.room.name if item.room else "",
        room_display_name=item.room.display_name if item.room else "",
        place=item.place,
        people=item.people,
        people_functions=item.people_functions,
        interpretation_languages=item.interpretation_languages,
        **_common(item),
    )


ROOM: Mapping[str, Reader] = dict.fromkeys(("display_name", "address", "seats", "step_free"), as_sent)


def room_message(room: Room) -> pb.Room:
    """Return a room as a message."""
    return pb.Room(
        display_name=room.display_name,
        address=room.address,
        seats=room.seats,
        step_free=room.step_free,
        **_common(room),
    )


PERSON: Mapping[str, Reader] = {
    "function": as_sent,
    "display_name": as_sent,
    "department": as_sent,
    "languages": several,
}


def person_message(person: Person) -> pb.Person:
    """Return a person as a message."""
    return pb.Person(
        function=person.function,
        display_name=person.display_name,
        department=person.department,
        languages=person.languages,
        **_common(person),
    )
