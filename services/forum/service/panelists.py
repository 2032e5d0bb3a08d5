"""Panels: the experts of a forum, their invitations and the log of their eligibility."""

from functools import partial
from operator import methodcaller
from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from austausch.forum.v1 import forum_pb2_grpc
from austausch.forum.v1.events_pb2 import PanelistInvited
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.convert import read_enum
from chassis.database import Database, Session
from chassis.errors import PermissionDenied
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once, find_answer
from chassis.identity import Role, identity
from chassis.model import new_id, now
from chassis.outbox import emit
from chassis.transitions import SeenVersion, TransitionRequest, transition
from services.forum import convert, queries, rights
from services.forum.eligibility_checks import EligibilityChecks, Ineligible
from services.forum.eligibility_rule import MAY_FOLLOW_INVITATION
from services.forum.model import EligibilityCheck, Forum, Occasion, Panelist, PanelistState

ORDERINGS = {
    "create_time": Panelist.create_time,
    "function": Panelist.function,
    "affiliation": Panelist.affiliation,
    "city": Panelist.city,
}
CHECK_ORDERINGS = {"check_time": EligibilityCheck.check_time}


class PanelistServicer(forum_pb2_grpc.PanelistServiceServicer):
    """
    Serves ``PanelistService``.

    The exchange service is asked about a city before the transaction begins, which would hold its locks meanwhile.
    """

    def __init__(self, database: Database, eligibility: EligibilityChecks) -> None:
        self._database = database
        self._eligibility = eligibility

    async def GetPanelist(self, request: pb.GetPanelistRequest, context: Any) -> pb.Panelist:
        return convert.panelist_message(await self._get(request.name), identity())

    async def _get(self, name: str) -> Panelist:
        async with self._database.read_once() as session:
            return await queries.get_visible(session, Panelist, name)

    async def ListPanelists(self, request: pb.ListPanelistsRequest, context: Any) -> pb.ListPanelistsResponse:
        caller = identity()
        statement = queries.select_of_forum(Panelist, request.parent)
        if request.state:
            statement = statement.where(Panelist.state == read_enum(request, "state", PanelistState))
        if request.city:
            statement = statement.where(Panelist.city == request.city)
        if request.account:
            rights.require_account_visible(caller, request.account)
            statement = statement.where(Panelist.account == request.account)
        async with self._database.read_once() as session:
            rows, token, total = await queries.read_page_of_forum(session, statement, Panelist, request, ORDERINGS)
        panelists = [convert.panelist_message(panelist, caller) for panelist in rows]
        return pb.ListPanelistsResponse(panelists=panelists, next_page_token=token, total_size=total)

    async def CreatePanelist(self, request: pb.CreatePanelistRequest, context: Any) -> pb.Panelist:
        if known := await find_answer(self._database, request, pb.Panelist):
            return known
        panelist = Panelist(
            forum_id=Forum.parse(request.parent)["id"],
            id=request.panelist_id or new_id(),
            **convert.panelist_columns(request.panelist),
        )
        panelist.check_city()
        from_partner_city = await self._eligibility.is_from_partner_city(panelist)
        async with self._eligibility.log_refusals():
            return await answer_once(self._database, request, partial(self._create, panelist, from_partner_city))

    async def _create(
        self, panelist: Panelist, from_partner_city: bool, session: Session, request: pb.CreatePanelistRequest
    ) -> pb.Panelist:
        panelist.forum = await queries.get_visible(session, Forum, request.parent, lock=True)
        reasons = await self._eligibility.judge(session, panelist, from_partner_city)
        check = panelist.record_check(reasons, Occasion.INVITATION)
        if not MAY_FOLLOW_INVITATION.issuperset(reasons):
            check.panelist_id = None
            raise Ineligible(reasons, check)
        session.add(panelist)
        await _write(session, check)
        forum = convert.forum_message(panelist.forum)
        emit(session, PanelistInvited(forum=forum, panelist=convert.panelist_message(panelist)), panelist.name)
        return convert.panelist_message(panelist, identity())

    async def UpdatePanelist(self, request: pb.UpdatePanelistRequest, context: Any) -> pb.Panelist:
        caller, message = identity(), request.panelist
        paths = updated_paths(request.update_mask, message, convert.PANELIST_FIELDS)
        values = convert.panelist_columns(message, paths)
        changed = await self._get(message.name)
        rights.require_place_manager(caller, changed)
        if not caller.has(Role.COORDINATOR):
            values = _read_declaration(changed, values)
        # Asked for the city that the panelist will have.
        _assign(changed, values)
        from_partner_city = await self._eligibility.is_from_partner_city(changed)
        async with self._database.begin() as session:
            await _lock_forum(session, message.name)
            panelist = await _lock(session, message)
            _assign(panelist, values)
            if not session.is_modified(panelist):
                await self._eligibility.judge_and_log(session, panelist, from_partner_city, Occasion.CHANGE)
                return convert.panelist_message(await queries.get_visible(session, Panelist, message.name), caller)
            reasons = await self._eligibility.judge(session, panelist, from_partner_city)
            await _write(session, panelist.record_check(reasons, Occasion.CHANGE))
            return convert.panelist_message(panelist, caller)

    async def AcceptPanelist(self, request: pb.AcceptPanelistRequest, context: Any) -> pb.Panelist:
        if known := await find_answer(self._database, request, pb.Panelist):
            return known
        caller, invited = identity(), await self._get(request.name)
        rights.require_place_manager(caller, invited)
        # The office still takes down after the end who accepted.
        time_zone = None if caller.has(Role.COORDINATOR) else await self._eligibility.find_time_zone(invited.forum)
        from_partner_city = await self._eligibility.is_from_partner_city(invited)

        def accept(panelist: Panelist) -> None:
            if time_zone:
                panelist.forum.require_open(now(), time_zone)
            panelist.accept(request.conflict_of_interest, request.has_conflict)

        async with self._eligibility.log_refusals():
            write = partial(self._write_acceptance, from_partner_city)
            return await transition(self._database, request, _lock_with_forum, accept, write)

    async def _write_acceptance(self, from_partner_city: bool, session: Session, panelist: Panelist) -> pb.Panelist:
        """
        Write an acceptance and the check that it passes, and return the answer.

        Raises:
            Ineligible: It passes none.
        """
        reasons = await self._eligibility.judge(session, panelist, from_partner_city)
        check = panelist.record_check(reasons, Occasion.INVITATION)
        if reasons:
            raise Ineligible(reasons, check)
        await _write(session, check)
        return convert.panelist_message(panelist, identity())

    async def DeclinePanelist(self, request: pb.DeclinePanelistRequest, context: Any) -> pb.Panelist:
        return await self._transition(request, "decline")

    async def WithdrawPanelist(self, request: pb.WithdrawPanelistRequest, context: Any) -> pb.Panelist:
        return await self._transition(request, "withdraw")

    async def _transition(self, request: TransitionRequest, verb: str) -> pb.Panelist:
        return await transition(self._database, request, _lock_own, methodcaller("transition", verb), _write_departure)

    async def DeletePanelist(self, request: pb.DeletePanelistRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            await session.delete(await _lock(session, request))
        return Empty()

    async def CheckEligibility(self, request: pb.CheckEligibilityRequest, context: Any) -> pb.Panelist:
        if known := await find_answer(self._database, request, pb.Panelist):
            return known
        panelist = await self._get(request.name)
        from_partner_city = await self._eligibility.is_from_partner_city(panelist)
        return await answer_once(self._database, request, partial(self._check, panelist, from_partner_city))

    async def _check(
        self, panelist: Panelist, from_partner_city: bool, session: Session, request: pb.CheckEligibilityRequest
    ) -> pb.Panelist:
        await self._eligibility.judge_and_log(session, panelist, from_partner_city, Occasion.REQUEST)
        return convert.panelist_message(await queries.get_visible(session, Panelist, request.name), identity())

    async def ListEligibilityChecks(
        self, request: pb.ListEligibilityChecksRequest, context: Any
    ) -> pb.ListEligibilityChecksResponse:
        statement = select(EligibilityCheck).where(EligibilityCheck.forum_id == Forum.parse(request.parent)["id"])
        if request.panelist:
            panelist = Panelist.parse(request.panelist)
            statement = statement.where(
                EligibilityCheck.forum_id == panelist["forum_id"], EligibilityCheck.panelist_id == panelist["id"]
            )
        async with self._database.read_once() as session:
            rows, token, total = await queries.read_page_of_forum(
                session, statement, EligibilityCheck, request, CHECK_ORDERINGS, "check_time desc"
            )
        checks = map(convert.eligibility_check_message, rows)
        return pb.ListEligibilityChecksResponse(eligibility_checks=checks, next_page_token=token, total_size=total)


def _read_declaration(panelist: Panelist, values: dict[str, Any]) -> dict[str, Any]:
    """
    Return those fields of an update that an expert may change; what else is sent as it is stored is let be.

    Raises:
        PermissionDenied: Something else would change; reason BEYOND_DECLARATION.
    """
    if not panelist.list_changes(values).keys() <= convert.DECLARATION_FIELDS:
        refusal = "An expert changes its own declaration of conflicts only."
        raise PermissionDenied(refusal, reason="BEYOND_DECLARATION")
    return {field: value for field, value in values.items() if field in convert.DECLARATION_FIELDS}


def _assign(panelist: Panelist, values: dict[str, Any]) -> None:
    """Set fields of a panelist; raises as `Panelist.check_city`."""
    panelist.assign(values)
    panelist.check_city()


async def _lock(session: Session, request: SeenVersion) -> Panelist:
    """
    Return the panelist, locked, for a caller who saw the current version.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists; reason NOT_ON_PANEL.
        NotFound: There is none.
        EtagMismatch: Someone changed it since.
    """
    panelist = await queries.get_visible(session, Panelist, request.name, lock=True)
    rights.check_etag(identity(), panelist, request.etag)
    return panelist


async def _lock_own(session: Session, request: SeenVersion) -> Panelist:
    """
    Return the panelist, locked, for a caller who manages the place and saw the current version.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists (reason NOT_ON_PANEL), or it is someone else's
            place (NOT_OWN_PLACE).
        NotFound: There is none.
        EtagMismatch: Someone changed it since.
    """
    panelist = await queries.get_visible(session, Panelist, request.name, lock=True)
    rights.require_place_manager(identity(), panelist)
    rights.check_etag(identity(), panelist, request.etag)
    return panelist


async def _lock_with_forum(session: Session, request: SeenVersion) -> Panelist:
    """Return the panelist as `_lock_own` does, and lock its forum first: who comes next finds the place taken."""
    await _lock_forum(session, request.name)
    return await _lock_own(session, request)


async def _lock_forum(session: Session, panelist: str) -> None:
    """Lock the forum of a panelist, before the panelist; raises as `queries.get_visible`."""
    await queries.get_visible(session, Forum, queries.get_forum_name(Panelist, panelist), lock=True)


async def _write(session: Session, check: EligibilityCheck) -> None:
    """
    Write the panelist that was checked, and then the check, which refers to it, into the log.

    Raises:
        AlreadyExists: The id (reason NAME_TAKEN) or the account (ACCOUNT_ON_PANEL) is taken.
    """
    await queries.flush_or_refuse(session)
    session.add(check)


async def _write_departure(session: Session, panelist: Panelist) -> pb.Panelist:
    """Write a panelist who takes no place on the panel, and return the answer."""
    await queries.flush_or_refuse(session)
    return convert.panelist_message(panelist, identity())
