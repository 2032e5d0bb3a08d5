"""What binds the home city to another city."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import InvalidArgument
from chassis.model import Resource, Stateful, enum_column
from services.exchange.model.base import Base, shown
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


class Partnership(Stateful, Resource, Base):
    """A partnership, friendship, project or contact (Städtebeziehung). `city_id` is the other city."""

    __tablename__ = "partnerships"
    __table_args__ = (
        CheckConstraint("end_date >= start_date", name="dates_in_order"),
        UniqueConstraint("id", "city_id"),
        Index(None, "city_id", "id"),
        Index(None, "create_time", "id"),
    )
    NAME = "partnerships/{id}"
    TRANSITIONS = {
        "approve": (frozenset({PartnershipState.INITIATED}), PartnershipState.COUNCIL_APPROVED),
        "sign": (frozenset({PartnershipState.COUNCIL_APPROVED}), PartnershipState.SIGNED),
        "activate": (frozenset({PartnershipState.SIGNED, PartnershipState.DORMANT}), PartnershipState.ACTIVE),
        "suspend": (frozenset({PartnershipState.ACTIVE}), PartnershipState.DORMANT),
        "end": (frozenset({PartnershipState.ACTIVE, PartnershipState.DORMANT}), PartnershipState.ENDED),
    }

    city_id: Mapped[str] = mapped_column(ForeignKey("cities.id"))
    kind: Mapped[PartnershipKind] = enum_column(PartnershipKind)
    state: Mapped[PartnershipState] = enum_column(PartnershipState, default=PartnershipState.INITIATED)
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    theme: Mapped[str] = mapped_column(Text, default="")

    city_display_name: Mapped[str] = shown(City.display_name, City.id == city_id)

    def check_dates(self) -> None:
        """
        Raise unless it ends on or after the day it starts.

        Raises:
            InvalidArgument: It ends before; reason LAST_DAY_BEFORE_FIRST.
        """
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise InvalidArgument("partnership.end_date", "is before the first day", reason="LAST_DAY_BEFORE_FIRST")
