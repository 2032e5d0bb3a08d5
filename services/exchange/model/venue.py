"""Venues: houses in which visits take place, and the ways between them."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    case,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import INT4MULTIRANGE, JSONB, Range
from sqlalchemy.orm import Mapped, MappedSQLExpression, column_property, mapped_column

from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource
from services.exchange.model.base import Base
from services.exchange.model.location import Located, location_checks

MINUTES_OF_DAY = 24 * 60
MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY


class Way(Base):
    """How long it takes to get from one venue to another of its city, or back, as somebody entered it."""

    __tablename__ = "ways"
    __table_args__ = (
        ForeignKeyConstraint(["one_id", "city_id"], ["venues.id", "venues.city_id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["other_id", "city_id"], ["venues.id", "venues.city_id"], ondelete="CASCADE"),
        CheckConstraint('one_id < other_id COLLATE "C"', name="each_pair_once"),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes_range"),
        Index(None, "other_id"),
    )

    one_id: Mapped[str] = mapped_column(Text, primary_key=True)
    other_id: Mapped[str] = mapped_column(Text, primary_key=True)
    city_id: Mapped[str] = mapped_column(Text)
    minutes: Mapped[int]


class Venue(Located, Resource, Base):
    """
    A house in which visits take place.

    `city_abroad` is its city, and "" where that is the home city: what is booked for a visit has the same.
    `opening_hours` are minutes of the week from Monday 00:00 on, as the city's clocks show them, in order and apart;
    none means always. `closed_dates` are the days on which it is closed all day, in order: `start_date` and `end_date`
    (ISO 8601), and a `note`. `entered_ways`, read-only: id of another venue → minutes of the way, where somebody
    entered them.
    """

    __tablename__ = "venues"
    __table_args__ = (
        UniqueConstraint("id", "city_id"),
        UniqueConstraint("id", "city_abroad"),
        CheckConstraint("city_abroad IN ('', city_id)", name="city_abroad_is_its_own"),
        CheckConstraint(f"opening_hours <@ '{{[0,{MINUTES_OF_WEEK})}}'::int4multirange", name="hours_of_a_week"),
        *location_checks(),
        Index(None, "city_id", "display_name", "id"),
        index_folded_name("venues"),
    )
    NAME = "venues/{id}"

    display_name: Mapped[str] = mapped_column(Text)
    city_id: Mapped[str] = mapped_column(ForeignKey("cities.id"))
    city_abroad: Mapped[str] = mapped_column(Text, default="")
    address: Mapped[str] = mapped_column(Text, default="")
    step_free: Mapped[bool] = mapped_column(default=False)
    opening_hours: Mapped[list[Range[int]]] = mapped_column(INT4MULTIRANGE, default=list)
    closed_dates: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list, server_default="[]")
    if TYPE_CHECKING:
        entered_ways: MappedSQLExpression[dict[str, int]]
    folded_name: Mapped[str] = map_folded_name("display_name", "address")

    def list_closed_days(self) -> Sequence[tuple[date, date]]:
        """Return the first and the last day of each time in which it is closed all day."""
        return [
            (date.fromisoformat(each["start_date"]), date.fromisoformat(each["end_date"])) for each in self.closed_dates
        ]


# With the venue, so that a programme needs no further statement for the ways between those of its items.
Venue.entered_ways = column_property(
    select(
        func.coalesce(
            func.jsonb_object_agg(case((Way.one_id == Venue.id, Way.other_id), else_=Way.one_id), Way.minutes),
            text("'{}'::jsonb"),
            type_=JSONB,
        )
    )
    .where(or_(Way.one_id == Venue.id, Way.other_id == Venue.id))
    .correlate_except(Way)
    .scalar_subquery(),
    expire_on_flush=False,
)
