"""Agenda items."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.error_metadata import MAX_LISTED
from chassis.errors import InvalidArgument, telling_entry
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.paging import read_page
from services.exchange import agenda_lists, bookings, convert, precedences, programme_visibility, queries
from services.exchange.model import AgendaItem, Delegate, Person, Room, Venue, Visit
from services.exchange.model.agenda import PARTS

ORDERINGS = {"start_time": AgendaItem.programme_order}
TIMES = frozenset({"start_time", "end_time", "duration_minutes"})
# What says, and what changes, who of the people it names takes part.
PRESENT = frozenset({"people", "optional_people", *PARTS})
INTERPRETED = TIMES | PRESENT | {"interpretation_languages", "interpreter"}
BOOKED = TIMES | PRESENT | {"room", "additional_rooms", "interpreter", "whole_delegation", "groups", "delegations"}


class AgendaItemServicer(exchange_pb2_grpc.AgendaItemServiceServicer):
    """Serves ``AgendaItemService``. Every write locks the visit, so that its state and dates hold meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetAgendaItem(self, request: pb.GetAgendaItemRequest, context: Any) -> pb.AgendaItem:
        async with self._database.read() as session:
            visit = queries.get_visit_name(AgendaItem, request.name)
            await queries.get_visible(session, Visit, visit)
            item = await session.get_by_name(AgendaItem, request.name)
            (message,) = await programme_visibility.show_items(session, identity(), [item])
        return message

    async def ListAgendaItems(self, request: pb.ListAgendaItemsRequest, context: Any) -> pb.ListAgendaItemsResponse:
        async with self._database.read_once() as session:
            statement, values = agenda_lists.select_listed(request)
            rows, token, total = await read_page(
                session, statement, AgendaItem, request, ORDERINGS, "start_time", values=values
            )
            if not total and request.parent != agenda_lists.EVERY_VISIT:
                await queries.get_visible(session, Visit, request.parent)
            items = await programme_visibility.show_items(session, identity(), rows)
        return pb.ListAgendaItemsResponse(agenda_items=items, next_page_token=token, total_size=total)

    async def CreateAgendaItem(self, request: pb.CreateAgendaItemRequest, context: Any) -> pb.AgendaItem:
        return await answer_once(self._database, request, _create)

    async def BatchCreateAgendaItems(
        self, request: pb.BatchCreateAgendaItemsRequest, context: Any
    ) -> pb.BatchCreateAgendaItemsResponse:
        return await answer_once(self._database, request, _create_batch)

    async def UpdateAgendaItem(self, request: pb.UpdateAgendaItemRequest, context: Any) -> pb.AgendaItem:
        async with self._database.begin() as session:
            visit = await queries.lock_agenda(session, queries.get_visit_name(AgendaItem, request.agenda_item.name))
            written = await _update(session, visit, request)
            await _finish(session, visit, [written])
            return convert.agenda_item_message(written.item)

    async def BatchUpdateAgendaItems(
        self, request: pb.BatchUpdateAgendaItemsRequest, context: Any
    ) -> pb.BatchUpdateAgendaItemsResponse:
        return await answer_once(self._database, request, _update_batch)

    async def BatchEditAgendaItems(
        self, request: pb.BatchEditAgendaItemsRequest, context: Any
    ) -> pb.BatchEditAgendaItemsResponse:
        return await answer_once(self._database, request, _edit_batch)

    async def DeleteAgendaItem(self, request: pb.DeleteAgendaItemRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            visit = await queries.lock_agenda(session, queries.get_visit_name(AgendaItem, request.name))
            bridges = await precedences.read_bridges(session, visit.id, [AgendaItem.parse(request.name)["id"]])
            await _delete(session, request)
            await session.flush()
            await precedences.bridge(session, bridges)
            await queries.note_part_change(session, visit)
        return Empty()


@dataclass(frozen=True, slots=True)
class _Written:
    """An item whose fields are written, but neither its order nor its bookings; `entry` is its place in a list."""

    item: AgendaItem
    message: pb.AgendaItem
    paths: Set[str]
    entry: str = ""


async def _create(session: Session, request: pb.CreateAgendaItemRequest) -> pb.AgendaItem:
    visit = await queries.lock_agenda(session, request.parent)
    written = await _add(session, visit, request.agenda_item)
    await _finish(session, visit, [written])
    return convert.agenda_item_message(written.item)


async def _create_batch(
    session: Session, request: pb.BatchCreateAgendaItemsRequest
) -> pb.BatchCreateAgendaItemsResponse:
    visit = await queries.lock_agenda(session, request.parent)
    added = await _add_all(session, visit, request.agenda_items, "agenda_items")
    await _finish(session, visit, added)
    return pb.BatchCreateAgendaItemsResponse(agenda_items=_to_messages(added))


async def _update_batch(
    session: Session, request: pb.BatchUpdateAgendaItemsRequest
) -> pb.BatchUpdateAgendaItemsResponse:
    visit = await queries.lock_agenda(session, request.parent)
    changed = await _update_all(session, visit, request.requests, "requests")
    await _finish(session, visit, changed)
    return pb.BatchUpdateAgendaItemsResponse(agenda_items=_to_messages(changed))


async def _edit_batch(session: Session, request: pb.BatchEditAgendaItemsRequest) -> pb.BatchEditAgendaItemsResponse:
    visit = await queries.lock_agenda(session, request.parent)
    removed = [deletion.name.rpartition("/")[2] for deletion in request.deletions]
    if removed:
        messages = [*(each.agenda_item for each in request.changes), *request.additions]
        await bookings.lock_programme(session, visit, chain.from_iterable(map(_list_named, messages)))
    bridges = await precedences.read_bridges(session, visit.id, removed) if removed else {}
    for index, deletion in enumerate(request.deletions):
        _require_of_visit(visit, deletion.name, f"deletions[{index}].name")
        with telling_entry("", f"deletions[{index}]"):
            await _delete(session, deletion)
    await session.flush()
    changed = await _update_all(session, visit, request.changes, "changes")
    added = await _add_all(session, visit, request.additions, "additions")
    # Whoever says what an item comes after says all of it.
    told = {each.item.id for each in changed if "after" in each.paths}
    await precedences.bridge(session, {after: before for after, before in bridges.items() if after not in told})
    await _finish(session, visit, [*changed, *added])
    return pb.BatchEditAgendaItemsResponse(changed=_to_messages(changed), added=_to_messages(added))


async def _add_all(session: Session, visit: Visit, messages: Sequence[pb.AgendaItem], field: str) -> list[_Written]:
    """Add the items in a list of a request; raises as `_assign`, at the place there."""
    added = []
    for index, message in enumerate(messages):
        with telling_entry("agenda_item", entry := f"{field}[{index}]"):
            added.append(replace(await _add(session, visit, message), entry=entry))
    return added


async def _update_all(
    session: Session, visit: Visit, requests: Sequence[pb.UpdateAgendaItemRequest], field: str
) -> list[_Written]:
    """Change the items in a list of a request; raises as `_update`, at the place there, and as `require_different`."""
    queries.require_different([each.agenda_item.name for each in requests], field, "agenda_item")
    changed = []
    for index, each in enumerate(requests):
        entry = f"{field}[{index}].agenda_item"
        _require_of_visit(visit, each.agenda_item.name, f"{entry}.name")
        with telling_entry("agenda_item", entry):
            changed.append(replace(await _update(session, visit, each), entry=entry))
    return changed


def _require_of_visit(visit: Visit, name: str, field: str) -> None:
    """Raise where an item in a batch is of another visit; reason NOT_IN_PROGRAMME, metadata `agenda_item`."""
    if queries.get_visit_name(AgendaItem, name) != visit.name:
        metadata = {"agenda_item": name}
        raise InvalidArgument(field, "is of another visit", reason="NOT_IN_PROGRAMME", metadata=metadata)


async def _finish(session: Session, visit: Visit, written: Sequence[_Written]) -> None:
    """
    Put items that are written in their order, and book what they need; raises as `precedences.replace` and `book_all`.

    In the order, a new item may be referred to by the name that the request gives it.
    """
    names = {each.message.name: each.item.name for each in written if each.message.name}
    orders = [
        precedences.Order(
            each.item,
            [(names.get(before.agenda_item, before.agenda_item), before.gap_minutes) for before in each.message.after],
            each.entry or precedences.FIELD,
        )
        for each in written
        if "after" in each.paths
    ]
    await precedences.replace(session, orders)
    booked = [each for each in written if each.paths & BOOKED]
    await bookings.book_all(
        session, [each.item for each in booked], {each.item: each.entry for each in booked if each.entry}
    )
    await queries.note_part_change(session, visit)


async def _delete(session: Session, request: pb.DeleteAgendaItemRequest) -> None:
    item = await session.get_for_update(AgendaItem, request.name)
    item.check_etag(request.etag)
    # The bookings go with the item (ON DELETE CASCADE).
    await session.delete(item)


async def _update(session: Session, visit: Visit, request: pb.UpdateAgendaItemRequest) -> _Written:
    """Change an item of a visit, which is locked; raises as `_assign`, and where somebody else changed it."""
    message = request.agenda_item
    paths = updated_paths(request.update_mask, message, convert.AGENDA_ITEM_FIELDS)
    item = await session.get_for_update(AgendaItem, message.name)
    item.check_etag(message.etag)
    await _assign(session, visit, item, message, paths)
    return _Written(item, message, paths)


async def _add(session: Session, visit: Visit, message: pb.AgendaItem) -> _Written:
    """Add an item to the agenda of a visit, which is locked; raises as `_assign`."""
    item = AgendaItem(visit_id=visit.id, city_abroad=visit.city_abroad, after=[])
    await _assign(session, visit, item, message, convert.AGENDA_ITEM_FIELDS)
    return _Written(item, message, convert.AGENDA_ITEM_FIELDS)


def _list_named(message: pb.AgendaItem) -> list[str]:
    """Return what an item as it was sent books by name."""
    parts = chain.from_iterable(getattr(message, part) for part in PARTS)
    return [message.room, message.interpreter, *message.additional_rooms, *message.people, *parts]


def _to_messages(written: Sequence[_Written]) -> list[pb.AgendaItem]:
    return [convert.agenda_item_message(each.item) for each in written]


async def _assign(session: Session, visit: Visit, item: AgendaItem, message: pb.AgendaItem, paths: Set[str]) -> None:
    """
    Write the fields that a request sets, but for the order.

    Raises:
        FieldRequired: It has neither times nor a duration.
        InvalidArgument: A time is wrong (reasons as `AgendaItem.place_at` and `AgendaItem.check_times`), a room, a
            venue or an interpreter does not exist (REFERENCE_NOT_FOUND), one of the first two is not where the visit is
            or does not go with another (as `AgendaItem.check_rooms`, VENUE_OF_ROOM), somebody is neither the host's nor
            a delegate (NOT_OF_VISIT), a city is no guest (NOT_A_GUEST_CITY), or nobody can interpret
            (INTERPRETER_LANGUAGES, INTERPRETER_PAIR).
    """
    values = convert.agenda_item_columns(message, paths - {"after"})
    for field, model in (("room", Room), ("venue", Venue), ("interpreter", Person)):
        if name := values.get(field):
            values[field] = await queries.get_referenced(session, model, name, f"agenda_item.{field}")
        elif field in values:
            values[field] = None
    times = {field: values.pop(field) for field in TIMES & values.keys()}
    if "delegations" in values:
        values["delegation_ids"] = [name.removeprefix("cities/") for name in values.pop("delegations")]
        for city_id in values["delegation_ids"]:
            visit.require_guest(city_id, "agenda_item.delegations")
    for field in PRESENT & values.keys():
        await _get_participants(session, visit, values[field], field)
    further = values.get("additional_rooms", item.additional_rooms or [])
    rooms = await queries.get_all_referenced(session, Room, further, "agenda_item.additional_rooms")
    if "room" in values or "venue" in values:
        _locate(item, values)
    item.assign(values)
    item.settle_parts(paths)
    if times:
        _place(item, times)
    item.check_times(visit)
    item.check_rooms(rooms)
    if paths & INTERPRETED:
        wanted = item.interpretation_languages
        booked = await _get_participants(session, visit, item.people, "people") if wanted else []
        item.check_interpreter(booked, await bookings.list_expected(session, item) if wanted else [])
    session.add(item)
    await session.flush()
    if paths & (PRESENT | {"additional_rooms"}):
        await session.refresh(item, ["people_functions", "optional_people_functions", "additional_room_titles"])


def _place(item: AgendaItem, times: Mapping[str, Any]) -> None:
    """
    Give an item the times that a request sets; what it does not set stays, or follows from the others.

    A new start keeps the end, and a new duration moves it; both times taken away leave the duration.
    """
    start, end = (times.get(field, getattr(item, field)) for field in ("start_time", "end_time"))
    minutes = times.get("duration_minutes", 0)
    if minutes and "end_time" not in times:
        end = None
    if start is None and "end_time" not in times:
        end = None
    item.place_at(start, end, minutes or (item.duration_minutes or 0 if end is None else 0))


def _locate(item: AgendaItem, values: dict[str, Any]) -> None:
    """
    Give an item the room and the venue that a request sets, which are taken out of the values.

    An item that loses its room stays at the venue.

    Raises:
        InvalidArgument: The venue is another than the room's; reason VENUE_OF_ROOM.
    """
    room, other = values.pop("room", item.room), values.get("venue", item.venue)
    venue = values.pop("venue", None)
    if room and venue and venue is not room.venue:
        raise InvalidArgument(
            "agenda_item.venue",
            f"{room.display_name} is not in {venue.display_name}",
            reason="VENUE_OF_ROOM",
            metadata={"room_title": room.display_name, "venue_title": venue.display_name},
        )
    item.room, item.other_venue = room, None if room else other


async def _get_participants(session: Session, visit: Visit, names: list[str], field: str) -> list[Person | Delegate]:
    """
    Return the host's people and this visit's delegates with these names; nobody deletes them meanwhile.

    Raises:
        InvalidArgument: One is not; reason NOT_OF_VISIT, metadata `people` (comma-separated).
    """
    if not names:
        return []
    ids = [name.rpartition("/")[2] for name in names]
    people = select(Person).where(Person.id.in_(ids)).with_for_update(key_share=True, read=True)
    delegates = select(Delegate).where(Delegate.visit_id == visit.id, Delegate.id.in_(ids))
    found = [*await session.scalars(people), *await session.scalars(delegates)]
    known = {row.name: row for row in found if row.name in names}
    missing = [name for name in names if name not in known]
    if missing:
        raise InvalidArgument(
            f"agenda_item.{field}",
            f"{', '.join(missing)}: neither of the host's people nor of this delegation",
            reason="NOT_OF_VISIT",
            metadata={"people": ",".join(missing[:MAX_LISTED])},
        )
    return list(known.values())
