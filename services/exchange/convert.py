"""
Rows ↔ messages, side by side: for each resource ``<resource>_message``, ``<resource>_columns``, and the fields that a
caller may set.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.convert import (
    Reader,
    date_message,
    enum_numbers,
    read_columns,
    resource_fields,
    timestamp_message,
    unique_nfc,
)
from chassis.errors import InvalidArgument
from chassis.identity import Identity
from services.exchange import rights
from services.exchange.convert_venue import location_message, read_location
from services.exchange.model import (
    AgendaItem,
    City,
    ConsentStep,
    Delegate,
    Direction,
    Exchange,
    ExchangeKind,
    Group,
    Partnership,
    PartnershipKind,
    PartnershipState,
    Transport,
    Visit,
    VisitState,
)
from services.exchange.model.consent import list_present

# NATS carries a megabyte at most, and the event VisitReported repeats the debrief.
LARGEST_DEBRIEF_BYTES = 500_000

PARTNERSHIP_KINDS = enum_numbers(pb.Partnership.Kind.DESCRIPTOR, PartnershipKind)
PARTNERSHIP_STATES = enum_numbers(pb.Partnership.State.DESCRIPTOR, PartnershipState)
EXCHANGE_KINDS = enum_numbers(pb.Exchange.Kind.DESCRIPTOR, ExchangeKind)
VISIT_DIRECTIONS = enum_numbers(pb.Visit.Direction.DESCRIPTOR, Direction)
VISIT_STATES = enum_numbers(pb.Visit.State.DESCRIPTOR, VisitState)
CONSENT_STEPS = enum_numbers(pb.Visit.Consent.Step.DESCRIPTOR, ConsentStep)
GROUPS = enum_numbers(pb.Delegate.Group.DESCRIPTOR, Group)
TRANSPORTS = enum_numbers(pb.AgendaItem.Transport.DESCRIPTOR, Transport)


CITY_FIELDS = frozenset(
    {
        "display_name", "local_name", "country_code", "subdivision_code", "time_zone", "working_week",
        "languages", "location", "holiday_calendar",
    }
)  # fmt: skip


def city_columns(message: pb.City, fields: Iterable[str] = CITY_FIELDS) -> dict[str, Any]:
    """Return fields of a city as the columns take them; raises as `read_columns`."""
    return read_columns(message, City, fields, {"location": read_location})


def city_message(city: City) -> pb.City:
    """Return a city as a message."""
    return pb.City(
        display_name=city.display_name,
        local_name=city.local_name,
        country_code=city.country_code,
        subdivision_code=city.subdivision_code,
        time_zone=city.time_zone,
        working_week=city.working_week,
        languages=city.languages,
        location=location_message(city.location),
        holiday_calendar=city.holiday_calendar,
        **resource_fields(city),
    )


# The other city cannot change, so the servicer reads it.
PARTNERSHIP_FIELDS = frozenset({"kind", "start_date", "end_date", "theme"})


def partnership_columns(message: pb.Partnership, fields: Iterable[str] = PARTNERSHIP_FIELDS) -> dict[str, Any]:
    """Return fields of a partnership as the columns take them; raises as `read_columns`."""
    return read_columns(message, Partnership, fields)


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
        deletable=caller is not None and rights.may_delete_partnership(caller, partnership),
        **resource_fields(partnership),
    )


# The partnership cannot change, so the servicer reads it.
EXCHANGE_FIELDS = frozenset({"title", "kind", "department", "topics", "objectives", "sdg_targets"})


def exchange_columns(message: pb.Exchange, fields: Iterable[str] = EXCHANGE_FIELDS) -> dict[str, Any]:
    """Return fields of an exchange as the columns take them; raises as `read_columns`."""
    return read_columns(message, Exchange, fields, {"topics": lambda topics, _path: unique_nfc(topics)})


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
        **resource_fields(exchange),
    )


# Exchange and direction cannot change, so the servicer reads them.
VISIT_FIELDS = frozenset(
    {"title", "start_date", "end_date", "host_department", "purpose", "head_count", "other_guest_cities"}
)


def visit_columns(message: pb.Visit, fields: Iterable[str] = VISIT_FIELDS) -> dict[str, Any]:
    """Return fields of a visit as the columns take them, `other_guest_cities` by name; raises as `read_columns`."""
    return read_columns(message, Visit, fields, {"other_guest_cities": lambda cities, _path: list(cities)})


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
        head_count=visit.head_count,
        other_guest_cities=map(_city_name, visit.other_guest_ids),
        other_guest_city_display_names=visit.other_guest_display_names,
        state=VISIT_STATES[visit.state],
        host_city=host_city,
        host_city_display_name=host,
        guest_city=guest_city,
        guest_city_display_name=guest,
        time_zone=visit.time_zone,
        debrief=pb.Debrief(**visit.debrief) if with_debrief and visit.debrief else None,
        reason=visit.reason,
        consents=map(_consent_message, list_present(visit)),
        allowed_transitions=rights.visit_verbs(caller, visit) if caller else [],
        editable=editor is not None and rights.may_edit_visit(editor, visit),
        delegation_editable=editor is not None and rights.may_edit_some_delegation(editor, visit),
        delegates_removable=caller is not None and rights.may_edit_some_delegation(caller, visit),
        deletable=editor is not None and rights.may_delete_visit(editor, visit),
        last_change_time=timestamp_message(change_time),
        last_changer=changer,
        **resource_fields(visit),
    )


def _consent_message(consent: Mapping[str, Any]) -> pb.Visit.Consent:
    return pb.Visit.Consent(
        city=_city_name(consent["city_id"]),
        step=CONSENT_STEPS[ConsentStep(consent["step"])],
        record_time=timestamp_message(datetime.fromisoformat(consent["record_time"])),
        recorder=consent["recorder"],
        taken_down=consent["taken_down"],
    )


def _city_name(city_id: str) -> str:
    return f"cities/{city_id}"


def debrief_columns(debrief: pb.Debrief) -> dict[str, Any]:
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


# The cities that can be are those of the visit: the servicer reads which it is.
DELEGATE_FIELDS = frozenset(
    {
        "function", "display_name", "email", "group", "rank", "head", "languages", "dietary_needs", "access_needs",
        "city", "companion_of",
    }
)  # fmt: skip


def delegate_columns(message: pb.Delegate, fields: Iterable[str] = DELEGATE_FIELDS) -> dict[str, Any]:
    """
    Return fields of a delegate as the columns take them; raises as `read_columns`.

    `city` and `companion_of` are given by name.
    """
    readers = {"group": _read_choice(GROUPS), "city": _read_as_sent, "companion_of": _read_as_sent}
    return read_columns(message, Delegate, fields, readers)


def delegate_message(delegate: Delegate) -> pb.Delegate:
    """Return a delegate as a message."""
    return pb.Delegate(
        city=_city_name(delegate.city_id),
        city_display_name=delegate.city_display_name,
        function=delegate.function,
        display_name=delegate.display_name,
        email=delegate.email,
        group=GROUPS[delegate.group] if delegate.group else pb.Delegate.GROUP_UNSPECIFIED,
        rank=delegate.rank,
        head=delegate.head,
        companion_of=f"visits/{delegate.visit_id}/delegates/{companion}"
        if (companion := delegate.companion_of_id)
        else "",
        languages=delegate.languages,
        dietary_needs=delegate.dietary_needs,
        access_needs=delegate.access_needs,
        **resource_fields(delegate),
    )


def _read_choice(numbers: Mapping[Any, int]) -> Reader:
    """Return what reads a field of an enum that may stay unspecified: the member, or None."""
    members = {number: member for member, number in numbers.items()}
    return lambda number, _path: members.get(number)


# Rooms, venues, people and other items are rows of their own, and the times hang together: the servicer reads them.
AGENDA_ITEM_FIELDS = frozenset(
    {
        "title", "notes", "start_time", "end_time", "duration_minutes", "room", "additional_rooms", "venue", "place",
        "rain_place", "people", "optional_people", "receiving_people", "speaking_people", "whole_delegation", "groups",
        "optional_groups", "delegations", "interpretation_languages", "interpreter", "fixed", "earliest_start_time",
        "latest_end_time", "after", "needs_room", "seats", "step_free", "equipment", "open_end", "transport",
    }
)  # fmt: skip


def agenda_item_columns(message: pb.AgendaItem, fields: Iterable[str] = AGENDA_ITEM_FIELDS) -> dict[str, Any]:
    """
    Return fields of an agenda item as the columns take them; raises as `read_columns`.

    `room`, `venue`, `interpreter` and `delegations` are given by name. The order is kept in rows of its own.
    """
    readers = {
        "room": _read_as_sent,
        "venue": _read_as_sent,
        "interpreter": _read_as_sent,
        "delegations": lambda cities, _path: list(cities),
        "groups": _read_groups,
        "optional_groups": _read_groups,
        "equipment": lambda words, _path: unique_nfc(words),
        "transport": _read_choice(TRANSPORTS),
    }
    return read_columns(message, AgendaItem, fields, readers)


def _read_groups(numbers: Collection[int], _path: str) -> list[str]:
    return [group.value for group, number in GROUPS.items() if number in numbers]


def _read_as_sent(value: Any, _path: str) -> Any:
    return value


def agenda_item_message(item: AgendaItem) -> pb.AgendaItem:
    """Return an agenda item as a message."""
    return pb.AgendaItem(
        title=item.title,
        notes=item.notes,
        start_time=optional_timestamp(item.start_time),
        end_time=optional_timestamp(item.end_time),
        duration_minutes=item.duration_minutes,
        room=item.room.name if item.room else "",
        room_display_name=item.room.display_name if item.room else "",
        additional_rooms=item.additional_rooms,
        additional_room_display_names=item.additional_room_titles,
        venue=item.venue.name if item.venue else "",
        venue_display_name=item.venue.display_name if item.venue else "",
        place=item.place,
        rain_place=item.rain_place,
        people=item.people,
        people_functions=item.people_functions,
        optional_people=item.optional_people,
        optional_people_functions=item.optional_people_functions,
        receiving_people=item.receiving_people,
        speaking_people=item.speaking_people,
        whole_delegation=item.whole_delegation,
        groups=[GROUPS[Group(group)] for group in item.groups],
        optional_groups=[GROUPS[Group(group)] for group in item.optional_groups],
        delegations=map(_city_name, item.delegation_ids),
        interpretation_languages=item.interpretation_languages,
        interpreter=item.interpreter.name if item.interpreter else "",
        interpreter_function=item.interpreter.function if item.interpreter else "",
        fixed=item.fixed,
        earliest_start_time=optional_timestamp(item.earliest_start_time),
        latest_end_time=optional_timestamp(item.latest_end_time),
        after=[
            pb.AgendaItem.Predecessor(
                agenda_item=f"visits/{item.visit_id}/agendaItems/{each.before_id}", gap_minutes=each.gap_minutes
            )
            for each in item.after
        ],
        needs_room=item.needs_room,
        seats=item.seats,
        step_free=item.step_free,
        equipment=item.equipment,
        open_end=item.open_end,
        transport=TRANSPORTS[item.transport] if item.transport else pb.AgendaItem.TRANSPORT_UNSPECIFIED,
        **resource_fields(item),
    )


def optional_timestamp(value: datetime | None) -> Timestamp | None:
    """Return an instant as a message; None for none."""
    return timestamp_message(value) if value else None
