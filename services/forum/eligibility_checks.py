"""The eligibility rule at work: asks, judges, and keeps the log."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import tzinfo

from sqlalchemy import func, select, tuple_, update

from chassis.database import Database, Session
from chassis.errors import FailedPrecondition, PermissionDenied
from chassis.identity import Role, identity
from chassis.model import now
from services.forum.eligibility_rule import PanelContext, Reason, find_broken_rules
from services.forum.exchange_client import ExchangeClient
from services.forum.model import EligibilityCheck, Forum, Occasion, Origin, Panelist, PanelistState
from services.forum.model.forum import LATEST
from services.forum.model.panelist import ON_PANEL


class Ineligible(FailedPrecondition):
    """
    An expert breaks the eligibility rule; reason INELIGIBLE, metadata `reasons` (comma-separated).

    Attributes:
        check: Entry for the log, which has to outlive the transaction that this error rolls back.
    """

    def __init__(self, reasons: Sequence[Reason], check: EligibilityCheck) -> None:
        super().__init__(_message(reasons), reason="INELIGIBLE", metadata=_metadata(reasons))
        self.check = check


class EligibilityChecks:
    """
    Judges who may sit on the panel of a forum and write there.

    Args:
        database: The forum service's database.
        exchange: Tells whether a city is a partner.
    """

    def __init__(self, database: Database, exchange: ExchangeClient) -> None:
        self._database = database
        self._exchange = exchange

    async def is_from_partner_city(self, panelist: Panelist) -> bool:
        """
        Return whether the home city has ties to the panelist's city now. Nobody is asked for a national expert.

        Raises:
            Unavailable: The exchange service does not answer; reason EXCHANGE_AWAY.
        """
        return panelist.origin is not Origin.NATIONAL and await self._exchange.is_partner(panelist.city)

    async def judge(self, session: Session, panelist: Panelist, from_partner_city: bool) -> tuple[Reason, ...]:
        """
        Return the parts of the rule that a panelist breaks now.

        Args:
            panelist: On the panel, or about to be invited; its forum is locked by the caller where the answer decides
                about the place.
            from_partner_city: What `is_from_partner_city` said.
        """
        earlier = select(func.count()).where(
            Panelist.forum_id == panelist.forum_id, Panelist.city == panelist.city, Panelist.state.in_(ON_PANEL)
        )
        if panelist.create_time is not None:
            place = (panelist.create_time, panelist.id)
            earlier = earlier.where(tuple_(Panelist.create_time, Panelist.id) < place)
        with session.no_autoflush:
            earlier_from_city = await session.scalar(earlier) or 0
        context = PanelContext(
            reviewed_city=panelist.forum.city,
            city_cap=panelist.forum.panel_city_cap,
            earlier_from_city=earlier_from_city,
            from_partner_city=from_partner_city,
        )
        return find_broken_rules(panelist.candidate, context)

    @asynccontextmanager
    async def log_refusals(self) -> AsyncIterator[None]:
        """Write the check of an `Ineligible` into the log: the transaction that it left has been rolled back."""
        try:
            yield
        except Ineligible as refusal:
            async with self._database.begin() as session:
                session.add(refusal.check)
            raise

    async def judge_and_log(
        self, session: Session, panelist: Panelist, from_partner_city: bool, occasion: Occasion
    ) -> tuple[Reason, ...]:
        """
        Judge a stored panelist, log the check and return the parts of the rule that it breaks.

        A check is no change of the panelist: it keeps its version and time of update.

        Args:
            from_partner_city: What `is_from_partner_city` said.

        Raises:
            NotFound: The panelist was deleted meanwhile.
        """
        # The forum first, as those hold it who change a panelist: what is judged is what they leave.
        forum = select(Forum.id).where(Forum.id == panelist.forum_id)
        await session.execute(forum.with_for_update(read=True, key_share=True))
        panelist = await session.get_by_name(Panelist, panelist.name)
        reasons = await self.judge(session, panelist, from_partner_city)
        session.expunge(panelist)
        check = panelist.record_check(reasons, occasion)
        session.add(check)
        await session.flush()
        await session.execute(
            update(Panelist)
            .where(Panelist.forum_id == panelist.forum_id, Panelist.id == panelist.id)
            .values(
                eligible=check.eligible,
                ineligible_reasons=check.ineligible_reasons,
                eligibility_check_time=check.check_time,
                update_time=Panelist.update_time,
            )
        )
        return reasons

    async def admit_writer(self, forum_name: str) -> None:
        """
        Raise unless the caller may write in a forum: a coordinator, or an expert who accepted and is eligible now.

        An expert writes until the forum ends. Every write of an expert is checked and logged, whatever becomes of it.

        Raises:
            PermissionDenied: The expert is not on the panel (reason NOT_ON_PANEL), has not accepted
                (INVITATION_NOT_ACCEPTED), or breaks the rule (INELIGIBLE).
            FailedPrecondition: The forum has ended; reason FORUM_OVER.
            Unavailable: The exchange service does not answer; reason EXCHANGE_AWAY or CITY_DAY_UNCERTAIN.
        """
        caller = identity()
        if caller.has(Role.COORDINATOR):
            return
        async with self._database.read_once() as session:
            panelist = await session.scalar(
                select(Panelist).where(
                    Panelist.forum_id == Forum.parse(forum_name)["id"],
                    Panelist.account == caller.subject,
                    Panelist.state.in_(ON_PANEL),
                )
            )
        if panelist is None:
            raise PermissionDenied("You do not sit on the panel of this forum.", reason="NOT_ON_PANEL")
        if panelist.state is not PanelistState.ACCEPTED:
            message = "Accept the invitation before you write in this forum."
            raise PermissionDenied(message, reason="INVITATION_NOT_ACCEPTED")
        from_partner_city = await self.is_from_partner_city(panelist)
        async with self._database.begin() as session:
            reasons = await self.judge_and_log(session, panelist, from_partner_city, Occasion.WRITE)
        if reasons:
            raise PermissionDenied(_message(reasons), reason="INELIGIBLE", metadata=_metadata(reasons))
        panelist.forum.require_open(now(), await self.find_time_zone(panelist.forum))

    async def find_time_zone(self, forum: Forum) -> tzinfo:
        """
        Return the time zone in which a forum's days are meant.

        The exchange service is asked only where it matters whether the last day has ended there; else it is `LATEST`.

        Raises:
            Unavailable: The exchange service does not answer; reason CITY_DAY_UNCERTAIN.
        """
        if forum.is_over_everywhere(now()) is not None:
            return LATEST
        return await self._exchange.get_time_zone(forum.city)


def _message(reasons: Sequence[Reason]) -> str:
    return f"The expert is not eligible: {', '.join(reason.value.replace('_', ' ') for reason in reasons)}."


def _metadata(reasons: Sequence[Reason]) -> dict[str, str]:
    return {"reasons": ",".join(reason.value.upper() for reason in reasons)}
