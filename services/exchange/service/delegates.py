"""Delegations."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.errors import AlreadyExists, PermissionDenied
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.paging import page
from services.exchange import convert, rights
from services.exchange.model import Delegate, Visit
from services.exchange.service import booking, rows, travelling

ORDERINGS = {"protocol": Delegate.protocol_order}


class DelegateServicer(exchange_pb2_grpc.DelegateServiceServicer):
    """Serves ``DelegateService``. Every write locks the visit, so that its state holds meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetDelegate(self, request: pb.GetDelegateRequest, context: Any) -> pb.Delegate:
        async with self._database.read() as session:
            await _visit(session, rows.parent(Delegate, request.name))
            return convert.delegate_message(await session.by_name(Delegate, request.name))

    async def ListDelegates(self, request: pb.ListDelegatesRequest, context: Any) -> pb.ListDelegatesResponse:
        async with self._database.read_once() as session:
            statement, values = rows.of_visit(Delegate, request.parent, rights.ALL_DELEGATES)
            found, token, total = await page(
                session, statement, Delegate, request, ORDERINGS, default="protocol", values=values
            )
            if not total:
                await _visit(session, request.parent)
        delegates = [convert.delegate_message(delegate) for delegate in found]
        return pb.ListDelegatesResponse(delegates=delegates, next_page_token=token, total_size=total)

    async def CreateDelegate(self, request: pb.CreateDelegateRequest, context: Any) -> pb.Delegate:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request))

    async def _create(self, session: Session, request: pb.CreateDelegateRequest) -> pb.Delegate:
        visit = await _visit_to_change(session, request.parent)
        fields = convert.columns(request.delegate, "delegate", convert.DELEGATE, convert.DELEGATE)
        if fields["head"]:
            await _require_no_head(session, visit)
        delegate = Delegate(visit_id=visit.id, **fields)
        await travelling.join(session, visit, delegate)
        await rows.touch(session, visit)
        return convert.delegate_message(delegate)

    async def UpdateDelegate(self, request: pb.UpdateDelegateRequest, context: Any) -> pb.Delegate:
        message = request.delegate
        paths = updated_paths(request.update_mask, message, set(convert.DELEGATE))
        async with self._database.begin() as session:
            visit = await _visit_to_change(session, rows.parent(Delegate, message.name))
            delegate = await session.for_update(Delegate, message.name)
            delegate.check_etag(message.etag)
            values = convert.columns(message, "delegate", convert.DELEGATE, paths)
            if values.get("head") and not delegate.head:
                await _require_no_head(session, visit)
            convert.assign(delegate, values)
            await travelling.join(session, visit, delegate)
            await rows.touch(session, visit)
            return convert.delegate_message(delegate)

    async def DeleteDelegate(self, request: pb.DeleteDelegateRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            visit = await _visit_to_change(session, rows.parent(Delegate, request.name))
            delegate = await session.for_update(Delegate, request.name)
            delegate.check_etag(request.etag)
            await booking.release_delegate(session, delegate)
            await session.delete(delegate)
            await rows.touch(session, visit)
        return Empty()


async def _visit(session: Session, name: str, *, lock: bool = False) -> Visit:
    return await rows.visible(session, Visit, name, lock=lock, all_cities=rights.ALL_DELEGATES)


async def _visit_to_change(session: Session, name: str) -> Visit:
    """
    Return the visit, locked, for a caller who may change its delegation.

    Raises:
        NotFound: There is none; only who sees every city's is told.
        PermissionDenied: It belongs to another city (reason RESOURCE_NOT_VISIBLE) or department
            (NOT_IN_CHARGE_OF_DELEGATION).
        FailedPrecondition: It is over; reason VISIT_OVER.
    """
    visit = await _visit(session, name, lock=True)
    if not rights.may_edit_delegation(identity(), visit):
        message = "Only the department in charge and the city that travels may change the delegation."
        raise PermissionDenied(message, reason="NOT_IN_CHARGE_OF_DELEGATION")
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
