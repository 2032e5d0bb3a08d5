"""Delegations."""

from collections.abc import Sequence
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.errors import AlreadyExists, InvalidArgument, telling_entry
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
            return convert.delegate_message(await session.get_by_name(Delegate, request.name))

    async def ListDelegates(self, request: pb.ListDelegatesRequest, context: Any) -> pb.ListDelegatesResponse:
        async with self._database.read_once() as session:
            statement, values = queries.select_of_visit(Delegate, request.parent, rights.ALL_DELEGATES)
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
            delegate, is_booked_anew = await _update(session, visit, request)
            if is_booked_anew:
                await bookings.book_delegates(session, visit, [delegate])
            await queries.note_part_change(session, visit)
            return convert.delegate_message(delegate)

    async def BatchEditDelegates(
        self, request: pb.BatchEditDelegatesRequest, context: Any
    ) -> pb.BatchEditDelegatesResponse:
        return await answer_once(self._database, request, _edit_batch)

    async def DeleteDelegate(self, request: pb.DeleteDelegateRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            visit = await _lock_visit(session, queries.get_visit_name(Delegate, request.name))
            await _delete(session, request)
            await queries.note_part_change(session, visit)
        return Empty()


async def _create(session: Session, request: pb.CreateDelegateRequest) -> pb.Delegate:
    visit = await _lock_visit(session, request.parent)
    delegate = await _add(session, visit, request.delegate)
    await bookings.book_delegates(session, visit, [delegate])
    await queries.note_part_change(session, visit)
    return convert.delegate_message(delegate)


async def _create_batch(session: Session, request: pb.BatchCreateDelegatesRequest) -> pb.BatchCreateDelegatesResponse:
    visit = await _lock_visit(session, request.parent)
    await travelling.lock(session, visit, [message.display_name for message in request.delegates])
    delegates = await _add_all(session, visit, request.delegates, "delegates")
    await bookings.book_delegates(session, visit, delegates)
    await queries.note_part_change(session, visit)
    return pb.BatchCreateDelegatesResponse(delegates=map(convert.delegate_message, delegates))


async def _edit_batch(session: Session, request: pb.BatchEditDelegatesRequest) -> pb.BatchEditDelegatesResponse:
    visit = await _lock_visit(session, request.parent)
    messages = [*(change.delegate for change in request.changes), *request.additions]
    await travelling.lock(session, visit, [message.display_name for message in messages])
    for index, deletion in enumerate(request.deletions):
        _require_of_visit(visit, deletion.name, f"deletions[{index}].name")
        with telling_entry("", f"deletions[{index}]"):
            await _delete(session, deletion)
    await session.flush()
    changed: dict[int, tuple[Delegate, bool]] = {}
    # Who no longer heads the delegation comes before who does now.
    for index, each in sorted(enumerate(request.changes), key=lambda entry: entry[1].delegate.head):
        _require_of_visit(visit, each.delegate.name, f"changes[{index}].delegate.name")
        with telling_entry("delegate", f"changes[{index}].delegate"):
            changed[index] = await _update(session, visit, each)
    added = await _add_all(session, visit, request.additions, "additions")
    booked_anew = [delegate for delegate, is_booked_anew in changed.values() if is_booked_anew]
    await bookings.book_delegates(session, visit, [*booked_anew, *added])
    await queries.note_part_change(session, visit)
    return pb.BatchEditDelegatesResponse(
        changed=[convert.delegate_message(changed[index][0]) for index in sorted(changed)],
        added=map(convert.delegate_message, added),
    )


def _require_of_visit(visit: Visit, name: str, field: str) -> None:
    """Raise where a delegate in a batch is of another visit; reason NOT_IN_DELEGATION, metadata `delegate`."""
    if queries.get_visit_name(Delegate, name) != visit.name:
        metadata = {"delegate": name}
        raise InvalidArgument(field, "is of another visit", reason="NOT_IN_DELEGATION", metadata=metadata)


async def _update(session: Session, visit: Visit, request: pb.UpdateDelegateRequest) -> tuple[Delegate, bool]:
    """
    Change a delegate of a visit, which is locked.

    Returns:
        The delegate, and whether what books it has to be found anew.

    Raises:
        Aborted: Somebody else changed it; reason ETAG_MISMATCH.
        AlreadyExists: As `_require_no_head` and `travelling.join`.
    """
    message = request.delegate
    paths = updated_paths(request.update_mask, message, convert.DELEGATE_FIELDS)
    delegate = await session.get_for_update(Delegate, message.name)
    delegate.check_etag(message.etag)
    values = convert.delegate_columns(message, paths)
    if values.get("head") and not delegate.head:
        await _require_no_head(session, visit)
    delegate.assign(values)
    await travelling.join(session, visit, delegate)
    return delegate, "group" in values


async def _delete(session: Session, request: pb.DeleteDelegateRequest) -> None:
    delegate = await session.get_for_update(Delegate, request.name)
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
        AlreadyExists: As `_require_no_head` and `travelling.join`.
    """
    fields = convert.delegate_columns(message)
    if fields["head"]:
        await _require_no_head(session, visit)
    delegate = Delegate(visit_id=visit.id, **fields)
    await travelling.join(session, visit, delegate)
    return delegate


async def _get_visit(session: Session, name: str, *, lock: bool = False) -> Visit:
    return await queries.get_visible(session, Visit, name, lock=lock, all_cities=rights.ALL_DELEGATES)


async def _lock_visit(session: Session, name: str) -> Visit:
    """
    Return the visit, locked, for a caller who may change its delegation.

    Raises:
        NotFound: There is none; only who sees every city's is told.
        PermissionDenied: It belongs to another city (reason RESOURCE_NOT_VISIBLE) or department
            (NOT_IN_CHARGE_OF_DELEGATION).
        FailedPrecondition: It is over; reason VISIT_OVER.
    """
    visit = await _get_visit(session, name, lock=True)
    rights.require_delegation_editor(identity(), visit)
    visit.require_open()
    return visit


async def _require_no_head(session: Session, visit: Visit) -> None:
    """
    Raise if the delegation of a visit, which is locked, has a head.

    Raises:
        AlreadyExists: It has; reason SECOND_HEAD, metadata `head` (its name) and `head_title`.
    """
    head = await session.scalar(select(Delegate).where(Delegate.visit_id == visit.id, Delegate.head))
    if head is not None:
        raise AlreadyExists(
            "The delegation has a head already; there can be one.",
            reason="SECOND_HEAD",
            metadata={"head": head.name, "head_title": head.display_name or head.function},
        )
