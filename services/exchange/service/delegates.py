"""Delegations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select, update

from chassis.database import Database, Session
from chassis.errors import AlreadyExists, InvalidArgument, NotFound, telling_entry
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.paging import read_page
from services.exchange import bookings, convert, queries, rights, travelling
from services.exchange.model import Delegate, Visit

ORDERINGS = {"protocol": Delegate.protocol_order}


class DelegateServicer(exchange_pb2_grpc.DelegateServiceServicer):
    """Serves ``DelegateService``. Every write locks the visit, so that its state holds meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetDelegate(self, request: pb.GetDelegateRequest, context: Any) -> pb.Delegate:
        async with self._database.read() as session:
            await _get_visit(session, queries.get_visit_name(Delegate, request.name))
            return convert.delegate_message(await _get_delegate(session, request.name))

    async def ListDelegates(self, request: pb.ListDelegatesRequest, context: Any) -> pb.ListDelegatesResponse:
        async with self._database.read_once() as session:
            statement, values = queries.select_delegates(request.parent)
            rows, token, total = await read_page(
                session, statement, Delegate, request, ORDERINGS, "protocol", values=values
            )
            if not total:
                await _get_visit(session, request.parent)
        delegates = [convert.delegate_message(delegate) for delegate in rows]
        return pb.ListDelegatesResponse(delegates=delegates, next_page_token=token, total_size=total)

    async def CreateDelegate(self, request: pb.CreateDelegateRequest, context: Any) -> pb.Delegate:
        return await answer_once(self._database, request, _create)

    async def BatchCreateDelegates(
        self, request: pb.BatchCreateDelegatesRequest, context: Any
    ) -> pb.BatchCreateDelegatesResponse:
        return await answer_once(self._database, request, _create_batch)

    async def UpdateDelegate(self, request: pb.UpdateDelegateRequest, context: Any) -> pb.Delegate:
        async with self._database.begin() as session:
            visit = await _lock_visit(session, queries.get_visit_name(Delegate, request.delegate.name))
            changed = await _update(session, visit, request)
            if changed.is_named_anew:
                await _require_each_once(session, visit, {changed.delegate: ""})
            if changed.is_booked_anew:
                await bookings.book_delegates(session, visit, [changed.delegate])
            await queries.note_part_change(session, visit)
            return convert.delegate_message(changed.delegate)

    async def BatchEditDelegates(
        self, request: pb.BatchEditDelegatesRequest, context: Any
    ) -> pb.BatchEditDelegatesResponse:
        return await answer_once(self._database, request, _edit_batch)

    async def DeleteDelegate(self, request: pb.DeleteDelegateRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            visit = await _lock_visit(session, queries.get_visit_name(Delegate, request.name), even_over=True)
            await _delete(session, visit, request)
            await queries.note_part_change(session, visit)
        return Empty()


@dataclass(frozen=True, slots=True)
class _Changed:
    """A delegate that is changed: whether it is another person now, and whether what books it has to be found anew."""

    delegate: Delegate
    is_named_anew: bool
    is_booked_anew: bool


async def _create(session: Session, request: pb.CreateDelegateRequest) -> pb.Delegate:
    visit = await _lock_visit(session, request.parent)
    delegate = await _add(session, visit, request.delegate)
    await _require_each_once(session, visit, {delegate: ""})
    await bookings.book_delegates(session, visit, [delegate])
    await queries.note_part_change(session, visit)
    return convert.delegate_message(delegate)


async def _create_batch(session: Session, request: pb.BatchCreateDelegatesRequest) -> pb.BatchCreateDelegatesResponse:
    visit = await _lock_visit(session, request.parent)
    await travelling.lock(
        session, ((_get_city_id(visit, message.city), message.display_name) for message in request.delegates)
    )
    delegates = await _add_all(session, visit, request.delegates, "delegates")
    await _require_each_once(session, visit, _place_all(delegates, "delegates"))
    await bookings.book_delegates(session, visit, delegates)
    await queries.note_part_change(session, visit)
    return pb.BatchCreateDelegatesResponse(delegates=map(convert.delegate_message, delegates))


async def _edit_batch(session: Session, request: pb.BatchEditDelegatesRequest) -> pb.BatchEditDelegatesResponse:
    queries.require_different([each.delegate.name for each in request.changes], "changes", "delegate")
    visit = await _lock_visit(session, request.parent)
    await travelling.lock(session, await _list_travellers(session, visit, request))
    for index, deletion in enumerate(request.deletions):
        _require_of_visit(visit, deletion.name, f"deletions[{index}].name")
        with telling_entry("", f"deletions[{index}]"):
            await _delete(session, visit, deletion)
    await session.flush()
    changed: dict[int, _Changed] = {}
    # Who no longer heads the delegation comes before who does now.
    for index, each in sorted(enumerate(request.changes), key=lambda entry: entry[1].delegate.head):
        _require_of_visit(visit, each.delegate.name, f"changes[{index}].delegate.name")
        with telling_entry("delegate", f"changes[{index}].delegate"):
            changed[index] = await _update(session, visit, each)
    added = await _add_all(session, visit, request.additions, "additions")
    # Not before all have their names: two may have been taken for each other.
    named_anew = {each.delegate: f"changes[{index}].delegate" for index, each in changed.items() if each.is_named_anew}
    await _require_each_once(session, visit, {**named_anew, **_place_all(added, "additions")})
    booked_anew = [each.delegate for each in changed.values() if each.is_booked_anew]
    await bookings.book_delegates(session, visit, [*booked_anew, *added])
    await queries.note_part_change(session, visit)
    return pb.BatchEditDelegatesResponse(
        changed=[convert.delegate_message(changed[index].delegate) for index in sorted(changed)],
        added=map(convert.delegate_message, added),
    )


async def _list_travellers(
    session: Session, visit: Visit, request: pb.BatchEditDelegatesRequest
) -> list[tuple[str, str]]:
    """Return (city, name) of everybody who may travel when a batch is done, to be locked in one order."""
    ids = [Delegate.parse(change.delegate.name)["id"] for change in request.changes]
    names = set(await session.scalars(select(Delegate.display_name).where(Delegate.id.in_(ids))))
    names |= {message.display_name for message in (*(each.delegate for each in request.changes), *request.additions)}
    return [(city_id, name) for city_id in visit.guest_ids for name in names]


def _require_of_visit(visit: Visit, name: str, field: str) -> None:
    """Raise where a delegate in a batch is of another visit; reason NOT_IN_DELEGATION, metadata `delegate`."""
    if queries.get_visit_name(Delegate, name) != visit.name:
        metadata = {"delegate": name}
        raise InvalidArgument(field, "is of another visit", reason="NOT_IN_DELEGATION", metadata=metadata)


async def _update(session: Session, visit: Visit, request: pb.UpdateDelegateRequest) -> _Changed:
    """
    Change a delegate of a visit, which is locked.

    Raises:
        NotFound, PermissionDenied, InvalidArgument: As `_get_delegate`, `_read_city`, `_accompany`.
        Aborted: Somebody else changed it; reason ETAG_MISMATCH.
        AlreadyExists: As `_require_no_head` and `travelling.join`.
    """
    message = request.delegate
    paths = updated_paths(request.update_mask, message, convert.DELEGATE_FIELDS)
    delegate = await _get_delegate(session, message.name, lock=True)
    rights.require_delegation_editor(identity(), visit, delegate.city_id)
    delegate.check_etag(message.etag)
    values = convert.delegate_columns(message, paths)
    companion_of = values.pop("companion_of", None)
    if "city" in values:
        values["city_id"] = _read_city(visit, values.pop("city"))
    is_head, city_id, traveller = delegate.head, delegate.city_id, delegate.traveller
    if values.get("city_id", city_id) != city_id:
        await _part(session, delegate)
    delegate.assign(values)
    if companion_of is not None:
        await _accompany(session, delegate, companion_of)
    if delegate.head and (not is_head or delegate.city_id != city_id):
        await _require_no_head(session, visit, delegate)
    await travelling.join(session, visit, delegate)
    delegate.show_city(visit)
    return _Changed(delegate, delegate.traveller != traveller, bool(values.keys() & {"group", "city_id"}))


async def _delete(session: Session, visit: Visit, request: pb.DeleteDelegateRequest) -> None:
    delegate = await _get_delegate(session, request.name, lock=True)
    rights.require_delegation_editor(identity(), visit, delegate.city_id)
    delegate.check_etag(request.etag)
    await bookings.release_delegate(session, delegate)
    await session.delete(delegate)


async def _add_all(session: Session, visit: Visit, messages: Sequence[pb.Delegate], field: str) -> list[Delegate]:
    """Add the delegates in a list of a request; raises as `_add`, at the place there."""
    added = []
    for index, message in enumerate(messages):
        with telling_entry("delegate", f"{field}[{index}]"):
            added.append(await _add(session, visit, message))
    return added


async def _add(session: Session, visit: Visit, message: pb.Delegate) -> Delegate:
    """
    Add a delegate to a visit, which is locked, without bookings.

    Raises:
        InvalidArgument: As `_read_city`, `_accompany`.
        AlreadyExists: As `_require_no_head` and `travelling.join`.
    """
    fields = convert.delegate_columns(message)
    companion_of = fields.pop("companion_of")
    delegate = Delegate(visit_id=visit.id, city_id=_read_city(visit, fields.pop("city")), **fields)
    await _accompany(session, delegate, companion_of)
    if delegate.head:
        await _require_no_head(session, visit, delegate)
    await travelling.join(session, visit, delegate)
    delegate.show_city(visit)
    return delegate


def _place_all(delegates: Sequence[Delegate], field: str) -> dict[Delegate, str]:
    """Return where in a list of the request each delegate stands."""
    return {delegate: f"{field}[{index}]" for index, delegate in enumerate(delegates)}


async def _require_each_once(session: Session, visit: Visit, named: Mapping[Delegate, str]) -> None:
    """
    Raise if a person would be in the delegation of a visit, which is locked, a second time.

    Args:
        named: Those who are new, or have a new name or city, as they are written now; each with its place in a list of
            the request, "" where it is in none.

    Raises:
        AlreadyExists: One would; reason DELEGATE_NAMED_TWICE, metadata `delegate` (who it is already) and
            `delegate_title`, and `entry`.
    """
    travellers = {each.traveller for each in named if each.traveller}
    if not travellers:
        return
    alike = select(Delegate).where(Delegate.visit_id == visit.id, Delegate.traveller.in_(travellers))
    known = {each.traveller: each for each in await session.scalars(alike) if each not in named}
    for delegate, entry in named.items():
        other = known.setdefault(delegate.traveller, delegate) if delegate.traveller else delegate
        if other is not delegate:
            raise AlreadyExists(
                f"{other.display_name} is in this delegation already.",
                reason="DELEGATE_NAMED_TWICE",
                metadata={"delegate": other.name, "delegate_title": f"{other.display_name} – {other.function}"}
                | ({"entry": entry} if entry else {}),
            )


def _read_city(visit: Visit, city: str) -> str:
    """
    Return the id of the city in whose delegation somebody is to travel; "" stands for the caller's own if it may be.

    Raises:
        InvalidArgument: It is no guest; reason NOT_A_GUEST_CITY.
        PermissionDenied: The caller may not change its delegation; reason NOT_IN_CHARGE_OF_DELEGATION.
    """
    city_id = _get_city_id(visit, city)
    visit.require_guest(city_id, "delegate.city")
    rights.require_delegation_editor(identity(), visit, city_id)
    return city_id


def _get_city_id(visit: Visit, city: str) -> str:
    """Return the id of a city that is named; where none is, of the caller's own if it travels, else of the first."""
    own = rights.get_own_city_id(identity())
    return city.removeprefix("cities/") or (own if own in visit.guest_ids else visit.guest_city_id)


async def _accompany(session: Session, delegate: Delegate, name: str) -> None:
    """
    Let a delegate, of a visit which is locked, accompany another member of the same city's delegation, or nobody ("").

    Raises:
        InvalidArgument: There is no such other member; reason NOT_IN_DELEGATION, metadata `delegate`.
    """
    delegate.companion_of_id = None
    if not name:
        return
    with session.no_autoflush:
        other = await session.get(Delegate, Delegate.parse(name)["id"])
    if other is None or other is delegate or (other.name, other.city_id) != (name, delegate.city_id):
        words, metadata = f"{name} is no other member of this delegation", {"delegate": name}
        raise InvalidArgument("delegate.companion_of", words, reason="NOT_IN_DELEGATION", metadata=metadata)
    delegate.companion_of_id = other.id


async def _part(session: Session, delegate: Delegate) -> None:
    """Let a delegate who leaves the delegation of a city accompany nobody there, and be accompanied by nobody."""
    delegate.companion_of_id = None
    await session.flush()
    await session.execute(
        update(Delegate)
        .where(Delegate.companion_of_id == delegate.id)
        # As when somebody is removed, the version of the companion stays.
        .values(companion_of_id=None, update_time=Delegate.update_time)
    )


async def _get_delegate(session: Session, name: str, *, lock: bool = False) -> Delegate:
    """
    Return a delegate of a visit that the caller may see.

    Raises:
        NotFound: There is none, or it is of another city than a partner works for.
    """
    delegate = await (session.get_for_update if lock else session.get_by_name)(Delegate, name)
    if not rights.may_see_delegate(identity(), delegate):
        raise NotFound(name)
    return delegate


async def _get_visit(session: Session, name: str, *, lock: bool = False) -> Visit:
    return await queries.get_visible(session, Visit, name, lock=lock, all_cities=rights.ALL_DELEGATES)


async def _lock_visit(session: Session, name: str, *, even_over: bool = False) -> Visit:
    """
    Return the visit, locked, for a caller who may change the delegation of one of its guest cities.

    Args:
        even_over: Whether it may be over: personal data has to be kept of no visit.

    Raises:
        NotFound: There is none; only who sees every city's is told.
        PermissionDenied: It belongs to another city (reason RESOURCE_NOT_VISIBLE) or department
            (NOT_IN_CHARGE_OF_DELEGATION).
        FailedPrecondition: It is over; reason VISIT_OVER.
    """
    visit = await _get_visit(session, name, lock=True)
    rights.require_delegation_editor(identity(), visit)
    if not even_over:
        visit.require_open()
    return visit


async def _require_no_head(session: Session, visit: Visit, delegate: Delegate) -> None:
    """
    Raise if the delegation of a delegate, of a visit which is locked, has a head.

    Raises:
        AlreadyExists: It has; reason SECOND_HEAD, metadata `head` (its name) and `head_title`.
    """
    of_delegation = (Delegate.visit_id == visit.id, Delegate.city_id == delegate.city_id)
    with session.no_autoflush:
        head = await session.scalar(select(Delegate).where(*of_delegation, Delegate.head))
    if head is not None and head is not delegate:
        raise AlreadyExists(
            "The delegation has a head already; there can be one.",
            reason="SECOND_HEAD",
            metadata={"head": head.name, "head_title": head.display_name or head.function},
        )
