"""What binds the home city to another city."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import FailedPrecondition, InvalidArgument
from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource, Stateful, Transitions, enum_column
from services.exchange.model.base import Base, OfCity, shown
from services.exchange.model.city import City


class PartnershipKind(StrEnum):
    """What kind of bond it is."""

    PARTNERSHIP = "partnership"
    FRIENDSHIP = "friendship"
    PROJECT = "project"
    CONTACT = "contact"


class PartnershipState(StrEnum):
    """Where a partnership stands."""

    INITIATED = "initiated"
    COUNCIL_APPROVED = "council_approved"
    SIGNED = "signed"
    ACTIVE = "active"
    DORMANT = "dormant"
    ENDED = "ended"


IN_PREPARATION = frozenset({PartnershipState.INITIATED, PartnershipState.COUNCIL_APPROVED, PartnershipState.SIGNED})


class Partnership(OfCity, Stateful, Resource, Base):
    """A partnership, friendship, project or contact (Städtebeziehung). `city_id` is the other city."""

    __tablename__ = "partnerships"
    __table_args__ = (
        CheckConstraint("end_date >= start_date", name="dates_in_order"),
        UniqueConstraint("id", "city_id"),
        Index(None, "city_id", "id"),
        Index(None, "create_time", "id"),
        index_folded_name("partnerships"),
    )
    NAME = "partnerships/{id}"
    TRANSITIONS = {
        "approve": (frozenset({PartnershipState.INITIATED}), PartnershipState.COUNCIL_APPROVED),
        "sign": (frozenset({PartnershipState.COUNCIL_APPROVED}), PartnershipState.SIGNED),
        "activate": (frozenset({PartnershipState.SIGNED, PartnershipState.DORMANT}), PartnershipState.ACTIVE),
        "suspend": (frozenset({PartnershipState.ACTIVE}), PartnershipState.DORMANT),
        # Whatever comes of it: the council may refuse it, the other city may never sign.
        "end": (frozenset(PartnershipState) - {PartnershipState.ENDED}, PartnershipState.ENDED),
    }
    # A mere contact is nobody's decision: no council approves it, nobody signs. Some did when they had to.
    CONTACT_TRANSITIONS: ClassVar[Transitions] = {
        **TRANSITIONS,
        "approve": (frozenset(), PartnershipState.COUNCIL_APPROVED),
        "sign": (frozenset(), PartnershipState.SIGNED),
        "activate": (IN_PREPARATION | {PartnershipState.DORMANT}, PartnershipState.ACTIVE),
    }

    city_id: Mapped[str] = mapped_column(ForeignKey("cities.id"))
    kind: Mapped[PartnershipKind] = enum_column(PartnershipKind)
    state: Mapped[PartnershipState] = enum_column(PartnershipState, default=PartnershipState.INITIATED)
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    theme: Mapped[str] = mapped_column(Text, default="")
    folded_name: Mapped[str] = map_folded_name("theme")

    city_display_name: Mapped[str] = shown(City.display_name, City.id == city_id)

    @property
    def transitions(self) -> Transitions:
        """The table that holds for its kind."""
        return self.CONTACT_TRANSITIONS if self.kind is PartnershipKind.CONTACT else self.TRANSITIONS

    def change_kind(self, kind: PartnershipKind) -> None:
        """
        Make it a bond of another kind.

        Raises:
            FailedPrecondition: A contact that is past its proposal would become what needs the council's approval.
                Reason KIND_NEEDS_APPROVAL.
        """
        contact = self.kind is PartnershipKind.CONTACT
        if contact and kind is not PartnershipKind.CONTACT and self.state is not PartnershipState.INITIATED:
            raise FailedPrecondition(
                f"The contact is {self.state.value.replace('_', ' ')}, and the council has approved nothing else: "
                f"end it and propose a {kind.value}.",
                reason="KIND_NEEDS_APPROVAL",
                metadata={"state": self.state.name, "kind": kind.name},
            )
        self.kind = kind

    def require_in_preparation(self) -> None:
        """
        Raise unless it has never been active.

        Raises:
            FailedPrecondition: It has; reason NOT_IN_PREPARATION.
        """
        if self.state not in IN_PREPARATION:
            raise FailedPrecondition(
                f"The partnership is {self.state.value}, not in preparation: end it instead.",
                reason="NOT_IN_PREPARATION",
                metadata={"state": self.state.name},
            )

    def check_dates(self) -> None:
        """
        Raise unless it ends on or after the day it starts.

        Raises:
            InvalidArgument: It ends before; reason LAST_DAY_BEFORE_FIRST.
        """
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise InvalidArgument("partnership.end_date", "is before the first day", reason="LAST_DAY_BEFORE_FIRST")
