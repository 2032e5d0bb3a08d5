"""Members of delegations. Personal data: deleted for good, never kept aside."""

import unicodedata
from datetime import date
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    case,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, ExcludeConstraint, Range
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from chassis.model import Resource, enum_column
from services.exchange.model.base import Base, shown
from services.exchange.model.city import City
from services.exchange.model.visit import Visit

LAST_RANK = 999


def traveller(city_id: str, display_name: str) -> str:
    """Return what stands for a person who travels: the city and the name, however it is typed; "" without a name."""
    name = " ".join(unicodedata.normalize("NFKC", display_name).casefold().split())
    return f"{city_id}/{name}" if name else ""


class Group(StrEnum):
    """What somebody travels as."""

    POLITICS = "politics"
    STAFF = "staff"
    COMPANIONS = "companions"


class Delegate(Resource, Base):
    """
    A member of the delegation of a guest city on a visit.

    `traveller` stands for the person, and `days_away` are the days of the visit; None where it does not take place.
    `companion_of_id` is whom the person accompanies, another of the same delegation.
    """

    __tablename__ = "delegates"
    __table_args__ = (
        CheckConstraint(f"rank BETWEEN 0 AND {LAST_RANK}", name="rank_range"),
        UniqueConstraint("id", "visit_id", "city_id"),
        ForeignKeyConstraint(
            ["companion_of_id", "visit_id", "city_id"],
            ["delegates.id", "delegates.visit_id", "delegates.city_id"],
            ondelete="SET NULL (companion_of_id)",
        ),
        CheckConstraint("companion_of_id <> id", name="companion_of_another"),
        Index(None, "visit_id"),
        Index(None, "companion_of_id"),
        # One person is in one delegation at a time.
        ExcludeConstraint(
            ("traveller", "="),
            ("days_away", "&&"),
            ("visit_id", "<>"),
            using="gist",
            where="traveller <> ''",
            name="ex_delegates_traveller_days_away_visit_id",
        ),
        Index("uq_delegates_head", "visit_id", "city_id", unique=True, postgresql_where="head"),
    )
    NAME = "visits/{visit_id}/delegates/{id}"

    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id"))
    city_id: Mapped[str] = mapped_column(ForeignKey("cities.id"))
    function: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(Text, default="")
    group: Mapped[Group | None] = enum_column(Group)
    rank: Mapped[int] = mapped_column(default=0)
    head: Mapped[bool] = mapped_column(default=False)
    companion_of_id: Mapped[str | None] = mapped_column(Text)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    dietary_needs: Mapped[str] = mapped_column(Text, default="")
    access_needs: Mapped[str] = mapped_column(Text, default="")
    traveller: Mapped[str] = mapped_column(Text, default="")
    days_away: Mapped[Range[date] | None] = mapped_column(DATERANGE)

    city_display_name: Mapped[str] = shown(City.display_name, City.id == city_id)

    @property
    def companion_of(self) -> str:
        """Resource name of whom the person accompanies; "" for nobody."""
        return self.NAME.format(visit_id=self.visit_id, id=self.companion_of_id) if self.companion_of_id else ""

    def travel(self, visit: Visit) -> None:
        """Take down who travels when, as its name and its visit say."""
        self.traveller = traveller(self.city_id, self.display_name)
        self.days_away = visit.days_away

    def show_city(self, visit: Visit) -> None:
        """Say what people call its city, as the row says once it is loaded: none has to be asked for it."""
        set_committed_value(self, "city_display_name", visit.guest_display_names[self.city_id])

    @hybrid_property
    def protocol_order(self) -> int:
        """Place in the protocol order: by rank, and rank 0 after all others."""
        return self.rank or LAST_RANK + 1

    @protocol_order.inplace.expression
    @classmethod
    def _protocol_order(cls) -> ColumnElement[int]:
        return case((cls.rank == 0, LAST_RANK + 1), else_=cls.rank)
