"""Serves the panels of forums."""

from typing import Any

from austausch.forum.v1 import events_pb2, forum_pb2, forum_pb2_grpc
from google.protobuf import empty_pb2
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.errors import InvalidArgument, PermissionDenied
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import Role, identity
from chassis.model import new_id, now
from chassis.outbox import emit
from services.forum.constraints import erase, store
from services.forum.convert import column_values, eligibility_check_message, forum_message, panelist_message
from services.forum.eligibility import MAY_FOLLOW_THE_INVITATION
from services.forum.model import EligibilityCheck, Forum, Occasion, Origin, Panelist
from services.forum.panel import Ineligible, Panel
from services.forum.rights import (
    check_etag,
    hide_name,
    of_forum,
    panelist_verbs,
    require_account_visible,
    require_own,
    see,
    sees_private,
)
from services.forum.service.listing import page_of_forum

DECLARATION = {"conflict_of_interest", "has_conflict"}
FIELDS = DECLARATION | {
    "function", "affiliation", "kind", "origin", "city", "residence_city", "politically_neutral", "account",
}  # fmt: skip
ORDERINGS = {
    "create_time": Panelist.create_time,
    "function": Panelist.function,
    "affiliation": Panelist.affiliation,
    "city": Panelist.city,
}


def _as_message(panelist: Panelist) -> forum_pb2.Panelist:
    """Return a panelist as its caller may see it."""
    return hide_name(panelist_message(panelist, panelist_verbs(panelist), private=sees_private(panelist)))


def _require_city(panelist: Panelist) -> None:
    if panelist.origin is not Origin.NATIONAL and not panelist.city:
        message = "is required unless the expert is a national one"
        raise InvalidArgument("panelist.city", message, reason="EXPERT_CITY_REQUIRED")


class PanelistServicer(forum_pb2_grpc.PanelistServiceServicer):
    """Serves `PanelistService`; rules and errors are in the contract."""

    def __init__(self, database: Database, panel: Panel) -> None:
        self._database = database
        self._panel = panel

    async def GetPanelist(self, request: forum_pb2.GetPanelistRequest, context: Any) -> forum_pb2.Panelist:
        return _as_message(await self._read(request.name))

    async def _read(self, name: str) -> Panelist:
        async with self._database.read() as session:
            return await see(session, Panelist, name)

    async def ListPanelists(
        self, request: forum_pb2.ListPanelistsRequest, context: Any
    ) -> forum_pb2.ListPanelistsResponse:
        async with self._database.read() as session:
            statement = of_forum(Panelist, request.parent)
            if request.state:
                state = column_values(request, {"state"}, Panelist)["state"]
                statement = statement.where(Panelist.state == state)
            if request.city:
                statement = statement.where(Panelist.city == request.city)
            if request.account:
                require_account_visible(request.account)
                statement = statement.where(Panelist.account == request.account)
            rows, token, total = await page_of_forum(session, statement, Panelist, request, ORDERINGS, "create_time")
        return forum_pb2.ListPanelistsResponse(
            panelists=[_as_message(row) for row in rows], next_page_token=token, total_size=total
        )

    async def CreatePanelist(self, request: forum_pb2.CreatePanelistRequest, context: Any) -> forum_pb2.Panelist:
        forum_id = Forum.parse(request.parent)["id"]
        panelist = Panelist(
            forum_id=forum_id,
            id=request.panelist_id or new_id(),
            **column_values(request.panelist, FIELDS, Panelist),
        )
        _require_city(panelist)
        partner = await self._panel.has_partner(panelist)
        async with self._panel.refusals_logged(), self._database.begin() as session:
            return await answer_once(session, request, lambda: self._invite(session, request.parent, panelist, partner))

    async def _invite(self, session: Session, parent: str, panelist: Panelist, partner: bool) -> forum_pb2.Panelist:
        forum = await see(session, Forum, parent, lock=True)
        reasons = await self._panel.judge(session, forum, panelist, partner)
        check = panelist.checked(reasons, Occasion.INVITATION)
        if not MAY_FOLLOW_THE_INVITATION.issuperset(reasons):
            check.panelist_id = None
            raise Ineligible(reasons, check)
        session.add(panelist)
        await store(session)
        session.add(check)
        event = events_pb2.PanelistInvited(forum=forum_message(forum), panelist=panelist_message(panelist))
        emit(session, event, panelist.name)
        return _as_message(panelist)

    async def UpdatePanelist(self, request: forum_pb2.UpdatePanelistRequest, context: Any) -> forum_pb2.Panelist:
        message = request.panelist
        paths = updated_paths(request.update_mask, message, FIELDS)
        values = column_values(message, paths, Panelist)
        # Asked before the transaction, for the city that the panelist will have after it.
        changed = await self._read(message.name)
        require_own(changed)
        if not identity().has(Role.COORDINATOR) and not paths <= DECLARATION:
            refusal = "An expert changes its own declaration of conflicts only."
            raise PermissionDenied(refusal, reason="BEYOND_DECLARATION")
        _set(changed, values)
        partner = await self._panel.has_partner(changed)
        async with self._database.begin() as session:
            forum = await see(session, Forum, Forum.NAME.format(id=changed.forum_id), lock=True)
            panelist = await see(session, Panelist, message.name, lock=True)
            check_etag(panelist, message.etag)
            _set(panelist, values)
            await self._recheck(session, forum, panelist, partner, Occasion.CHANGE)
            return _as_message(panelist)

    async def _recheck(
        self, session: Session, forum: Forum, panelist: Panelist, partner: bool, occasion: Occasion
    ) -> None:
        """Judge a panelist that the transaction changes, and write it with the log."""
        check = panelist.checked(await self._panel.judge(session, forum, panelist, partner), occasion)
        panelist.update_time = now()
        await store(session)
        session.add(check)

    async def AcceptPanelist(self, request: forum_pb2.AcceptPanelistRequest, context: Any) -> forum_pb2.Panelist:
        invited = await self._read(request.name)
        require_own(invited)
        partner = await self._panel.has_partner(invited)
        async with self._panel.refusals_logged(), self._database.begin() as session:
            return await answer_once(session, request, lambda: self._accept(session, request, partner))

    async def _accept(
        self, session: Session, request: forum_pb2.AcceptPanelistRequest, partner: bool
    ) -> forum_pb2.Panelist:
        forum_id = Panelist.parse(request.name)["forum_id"]
        forum = await see(session, Forum, Forum.NAME.format(id=forum_id), lock=True)
        panelist = await see(session, Panelist, request.name, lock=True)
        check_etag(panelist, request.etag)
        panelist.transition("accept")
        panelist.declare(request.conflict_of_interest, request.has_conflict)
        reasons = await self._panel.judge(session, forum, panelist, partner)
        check = panelist.checked(reasons, Occasion.INVITATION)
        if reasons:
            raise Ineligible(reasons, check)
        await store(session)
        session.add(check)
        return _as_message(panelist)

    async def DeclinePanelist(self, request: forum_pb2.DeclinePanelistRequest, context: Any) -> forum_pb2.Panelist:
        return await self._leave(request, "decline")

    async def WithdrawPanelist(self, request: forum_pb2.WithdrawPanelistRequest, context: Any) -> forum_pb2.Panelist:
        return await self._leave(request, "withdraw")

    async def _leave(
        self, request: forum_pb2.DeclinePanelistRequest | forum_pb2.WithdrawPanelistRequest, verb: str
    ) -> forum_pb2.Panelist:
        async with self._database.begin() as session:

            async def leave() -> forum_pb2.Panelist:
                panelist = await see(session, Panelist, request.name, lock=True)
                require_own(panelist)
                check_etag(panelist, request.etag)
                panelist.transition(verb)
                await store(session)
                return _as_message(panelist)

            return await answer_once(session, request, leave)

    async def DeletePanelist(self, request: forum_pb2.DeletePanelistRequest, context: Any) -> empty_pb2.Empty:
        async with self._database.begin() as session:
            panelist = await see(session, Panelist, request.name, lock=True)
            check_etag(panelist, request.etag)
            await erase(session, panelist)
        return empty_pb2.Empty()

    async def CheckEligibility(self, request: forum_pb2.CheckEligibilityRequest, context: Any) -> forum_pb2.Panelist:
        panelist = await self._read(request.name)
        partner = await self._panel.has_partner(panelist)
        async with self._database.begin() as session:

            async def check() -> forum_pb2.Panelist:
                await self._panel.check(session, panelist, partner, Occasion.REQUEST)
                return _as_message(await see(session, Panelist, request.name))

            return await answer_once(session, request, check)

    async def ListEligibilityChecks(
        self, request: forum_pb2.ListEligibilityChecksRequest, context: Any
    ) -> forum_pb2.ListEligibilityChecksResponse:
        async with self._database.read() as session:
            statement = select(EligibilityCheck).where(EligibilityCheck.forum_id == Forum.parse(request.parent)["id"])
            if request.panelist:
                statement = statement.where(EligibilityCheck.panelist_id == Panelist.parse(request.panelist)["id"])
            orderings = {"check_time": EligibilityCheck.check_time}
            rows, token, total = await page_of_forum(
                session, statement, EligibilityCheck, request, orderings, "check_time desc"
            )
        return forum_pb2.ListEligibilityChecksResponse(
            eligibility_checks=[eligibility_check_message(row) for row in rows],
            next_page_token=token,
            total_size=total,
        )


def _set(panelist: Panelist, values: dict[str, Any]) -> None:
    for column, value in values.items():
        setattr(panelist, column, value)
    _require_city(panelist)
