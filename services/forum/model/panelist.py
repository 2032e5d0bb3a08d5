"""The panel of a forum, and the log of its eligibility."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.errors import InvalidArgument
from chassis.model import Resource, Stateful, enum_column, new_id, now
from services.forum.eligibility_rule import Candidate, Reason
from services.forum.model.base import Base
from services.forum.model.forum import Forum


class PanelistKind(StrEnum):
    """Where an expert's knowledge comes from."""

    PRACTITIONER = "practitioner"
    ACADEMIC = "academic"


class Origin(StrEnum):
    """By which tie an expert comes to the forum."""

    PARTNER_CITY = "partner_city"
    FRIENDSHIP_CITY = "friendship_city"
    NATIONAL = "national"


class PanelistState(StrEnum):
    """Where an invitation stands."""

    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Occasion(StrEnum):
    """What an eligibility check was made for."""

    INVITATION = "invitation"
    CHANGE = "change"
    WRITE = "write"
    REQUEST = "request"


ON_PANEL = (PanelistState.INVITED, PanelistState.ACCEPTED)
"""States in which an expert takes a place on the panel and sees the forum."""


class Panelist(Stateful, Resource, Base):
    """An expert, known by function; `city`, `residence_city` and `account` are resource names, "" for none."""

    __tablename__ = "panelists"
    __table_args__ = (
        Index(
            None, "forum_id", "account", unique=True,
            postgresql_where="account <> '' AND state IN ('invited', 'accepted')",
        ),
        Index(None, "account"),
        CheckConstraint("eligible = (cardinality(ineligible_reasons) = 0)", name="eligible_without_reasons"),
        CheckConstraint("origin = 'national' OR city <> ''", name="city_given"),
    )  # fmt: skip
    NAME = "forums/{forum_id}/panelists/{id}"
    TRANSITIONS = {
        "accept": (frozenset({PanelistState.INVITED}), PanelistState.ACCEPTED),
        "decline": (frozenset({PanelistState.INVITED}), PanelistState.DECLINED),
        "withdraw": (frozenset(ON_PANEL), PanelistState.WITHDRAWN),
    }

    forum_id: Mapped[str] = mapped_column(ForeignKey("forums.id"), primary_key=True)
    function: Mapped[str] = mapped_column(Text)
    affiliation: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[PanelistKind] = enum_column(PanelistKind)
    origin: Mapped[Origin] = enum_column(Origin)
    city: Mapped[str] = mapped_column(Text, default="")
    residence_city: Mapped[str] = mapped_column(Text, default="")
    politically_neutral: Mapped[bool] = mapped_column(default=False)
    conflict_of_interest: Mapped[str] = mapped_column(Text, default="")
    has_conflict: Mapped[bool] = mapped_column(default=False)
    account: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[PanelistState] = enum_column(PanelistState, default=PanelistState.INVITED)
    eligible: Mapped[bool]
    ineligible_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    eligibility_check_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    forum: Mapped[Forum] = relationship(lazy="joined", innerjoin=True)

    @property
    def candidate(self) -> Candidate:
        """The expert as the eligibility rule sees it."""
        return Candidate(
            politically_neutral=self.politically_neutral,
            national=self.origin is Origin.NATIONAL,
            city=self.city,
            residence_city=self.residence_city,
            conflict_declared=bool(self.conflict_of_interest.strip()),
            has_conflict=self.has_conflict,
        )

    def check_city(self) -> None:
        """
        Raise unless an expert from a partner or friendship city names it.

        Raises:
            InvalidArgument: It names none; reason EXPERT_CITY_REQUIRED.
        """
        if self.origin is not Origin.NATIONAL and not self.city:
            message = "is required unless the expert is a national one"
            raise InvalidArgument("panelist.city", message, reason="EXPERT_CITY_REQUIRED")

    def accept(self, conflict_of_interest: str, has_conflict: bool) -> None:
        """
        Accept the invitation.

        Args:
            conflict_of_interest: The expert's declaration; one without a word keeps what is stored.
            has_conflict: Whether it names a conflict.

        Raises:
            IllegalTransition: It was answered already.
        """
        self.transition("accept")
        if conflict_of_interest.strip():
            self.conflict_of_interest, self.has_conflict = conflict_of_interest, has_conflict

    def record_check(self, reasons: Sequence[Reason], occasion: Occasion) -> "EligibilityCheck":
        """Store what a check said, and return the entry for the log."""
        self.eligible, self.ineligible_reasons = not reasons, [reason.value for reason in reasons]
        self.eligibility_check_time = now()
        return EligibilityCheck(
            forum_id=self.forum_id,
            panelist_id=self.id,
            occasion=occasion,
            city=self.city,
            eligible=self.eligible,
            ineligible_reasons=self.ineligible_reasons,
            check_time=self.eligibility_check_time,
        )


class EligibilityCheck(Base):
    """
    An entry in the log of eligibility checks: never changed, and without personal data.

    `panelist_id` is None when the invitation was refused, and becomes None when the panelist is deleted.
    """

    __tablename__ = "eligibility_checks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["forum_id", "panelist_id"],
            ["panelists.forum_id", "panelists.id"],
            ondelete="SET NULL (panelist_id)",
        ),
        Index(None, "forum_id", "panelist_id"),
        Index(None, "forum_id", "check_time"),
    )

    NAME = "forums/{forum_id}/eligibilityChecks/{id}"

    id: Mapped[str] = mapped_column(Text, primary_key=True, default=new_id)
    forum_id: Mapped[str] = mapped_column(ForeignKey("forums.id"))
    panelist_id: Mapped[str | None] = mapped_column(Text)
    occasion: Mapped[Occasion] = enum_column(Occasion)
    city: Mapped[str] = mapped_column(Text)
    eligible: Mapped[bool]
    ineligible_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    check_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @property
    def name(self) -> str:
        """The resource name."""
        return self.NAME.format(forum_id=self.forum_id, id=self.id)
