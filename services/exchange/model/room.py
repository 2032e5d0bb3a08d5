"""Rooms of the home city."""

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource
from services.exchange.model.base import Base


class Room(Resource, Base):
    """A room that agenda items book."""

    __tablename__ = "rooms"
    __table_args__ = (CheckConstraint("seats >= 0", name="seats_not_negative"), index_folded_name("rooms"))
    NAME = "rooms/{id}"

    display_name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text, default="")
    seats: Mapped[int] = mapped_column(default=0)
    step_free: Mapped[bool] = mapped_column(default=False)
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    folded_name: Mapped[str] = map_folded_name("display_name", "address")
