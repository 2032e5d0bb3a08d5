"""Rooms that agenda items book."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource
from services.exchange.model.base import Base
from services.exchange.model.venue import Venue


class Room(Resource, Base):
    """
    A room that agenda items book.

    It is in the city of its venue, and without one in the home city. `city_abroad` is the venue's.
    """

    __tablename__ = "rooms"
    __table_args__ = (
        ForeignKeyConstraint(["venue_id", "city_abroad"], ["venues.id", "venues.city_abroad"]),
        UniqueConstraint("id", "city_abroad"),
        CheckConstraint("venue_id IS NOT NULL OR city_abroad = ''", name="at_home_without_venue"),
        CheckConstraint("seats >= 0", name="seats_not_negative"),
        Index(None, "venue_id"),
        index_folded_name("rooms"),
    )
    NAME = "rooms/{id}"

    display_name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text, default="")
    venue_id: Mapped[str | None] = mapped_column(Text)
    city_abroad: Mapped[str] = mapped_column(Text, default="", server_default="")
    seats: Mapped[int] = mapped_column(default=0)
    step_free: Mapped[bool] = mapped_column(default=False)
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    folded_name: Mapped[str] = map_folded_name("display_name", "address")

    venue: Mapped[Venue | None] = relationship(lazy="joined", foreign_keys=venue_id, primaryjoin=Venue.id == venue_id)

    def move_to(self, venue: Venue | None) -> None:
        """Put it into a venue, or none."""
        self.venue = venue
        self.city_abroad = venue.city_abroad if venue else ""
