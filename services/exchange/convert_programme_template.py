"""Templates of programmes: rows ↔ messages, and agenda items as they are without a visit."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1 import programme_templates_pb2 as pb
from google.protobuf.json_format import MessageToDict, ParseDict

from chassis.convert import read_columns, resource_fields
from services.exchange import convert
from services.exchange.model import AgendaItem, ProgrammeTemplate, Visit

TEMPLATE_FIELDS = frozenset({"title"})
# What an item says of its visit: when it is, what comes before it, and whether somebody was promised its time.
OF_VISIT = frozenset({"start_time", "end_time", "fixed", "earliest_start_time", "latest_end_time", "after"})
KEPT_FIELDS = convert.AGENDA_ITEM_FIELDS - OF_VISIT


def template_columns(message: pb.ProgrammeTemplate, fields: Iterable[str] = TEMPLATE_FIELDS) -> dict[str, Any]:
    """Return fields of a template as the columns take them; raises as `read_columns`."""
    return read_columns(message, ProgrammeTemplate, fields)


def items_columns(items: Sequence[pb.ProgrammeTemplate.Item]) -> dict[str, Any]:
    """Return items as the columns of a template keep them."""
    return {
        "items": [MessageToDict(item, preserving_proto_field_name=True) for item in items],
        "item_count": len(items),
        "day_count": max((item.start.day for item in items), default=0),
    }


def template_message(template: ProgrammeTemplate, *, with_items: bool = True) -> pb.ProgrammeTemplate:
    """Return a template as a message."""
    return pb.ProgrammeTemplate(
        title=template.title,
        direction=convert.VISIT_DIRECTIONS[template.direction],
        items=item_messages(template) if with_items else [],
        item_count=template.item_count,
        day_count=template.day_count,
        **resource_fields(template),
    )


def item_messages(template: ProgrammeTemplate) -> list[pb.ProgrammeTemplate.Item]:
    """Return the items of a template."""
    return [ParseDict(item, pb.ProgrammeTemplate.Item()) for item in template.items]


def item_message(item: AgendaItem, visit: Visit, places: Mapping[str, int]) -> pb.ProgrammeTemplate.Item:
    """
    Return an agenda item of a visit as it is without the visit.

    Args:
        places: Id of each item of the programme → its place in it, 0 for the first.
    """
    message = convert.agenda_item_message(item)
    kept = exchange_pb2.AgendaItem(**{field: getattr(message, field) for field in KEPT_FIELDS})
    for names in (kept.people, kept.optional_people, kept.receiving_people, kept.speaking_people):
        names[:] = [name for name in names if name.startswith("people/")]
    return pb.ProgrammeTemplate.Item(
        agenda_item=kept,
        start=_moment_message(item.start_time, visit),
        earliest_start=_moment_message(item.earliest_start_time, visit),
        latest_end=_moment_message(item.latest_end_time, visit),
        after=[
            pb.ProgrammeTemplate.Predecessor(item=places[each.before_id], gap_minutes=each.gap_minutes)
            for each in item.after
            if each.before_id in places
        ],
    )


def item_columns(item: pb.ProgrammeTemplate.Item, visit: Visit) -> dict[str, Any]:
    """
    Return an item as the columns of an agenda item of a visit take it, with the times that it has there.

    `room` and `interpreter` are given by name; what comes before it is not given.
    """
    start = _read_moment(item, "start", visit)
    return {
        **convert.agenda_item_columns(item.agenda_item, KEPT_FIELDS),
        "start_time": start,
        "end_time": start and start + timedelta(minutes=item.agenda_item.duration_minutes),
        "earliest_start_time": _read_moment(item, "earliest_start", visit),
        "latest_end_time": _read_moment(item, "latest_end", visit),
    }


def _moment_message(instant: datetime | None, visit: Visit) -> pb.ProgrammeTemplate.Moment | None:
    """Return the day of a visit and the time of that day at which an instant is, as the clocks of the host show it."""
    if instant is None or visit.dates is None:
        return None
    local = instant.astimezone(ZoneInfo(visit.time_zone))
    return pb.ProgrammeTemplate.Moment(day=(local.date() - visit.dates[0]).days + 1, time=f"{local:%H:%M}")


def _read_moment(item: pb.ProgrammeTemplate.Item, field: str, visit: Visit) -> datetime | None:
    """Return the instant of a moment of a visit; None where it is unset, or the dates of the visit are open."""
    if not item.HasField(field) or visit.dates is None:
        return None
    moment: pb.ProgrammeTemplate.Moment = getattr(item, field)
    day = visit.dates[0] + timedelta(days=moment.day - 1)
    return datetime.combine(day, time.fromisoformat(moment.time), ZoneInfo(visit.time_zone)).astimezone(UTC)
