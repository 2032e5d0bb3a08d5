"""A forum and what is fixed about it."""

from datetime import date

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import InvalidArgument
from chassis.model import Resource
from services.forum.model.base import Base


class Forum(Resource, Base):
    """An expert forum. `city` is the resource name of the city under review."""

    __tablename__ = "forums"
    __table_args__ = (
        CheckConstraint("end_date >= start_date", name="dates_in_order"),
        CheckConstraint("panel_city_cap >= 0", name="cap_not_negative"),
    )
    NAME = "forums/{id}"

    title: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text, default="")
    city: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text, default="")
    panel_city_cap: Mapped[int] = mapped_column(default=0)
    language: Mapped[str] = mapped_column(Text)
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]

    def check_dates(self) -> None:
        """
        Raise unless the forum ends on or after the day it starts.

        Raises:
            InvalidArgument: It ends before; reason LAST_DAY_BEFORE_FIRST.
        """
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise InvalidArgument("forum.end_date", "The last day is before the first.", reason="LAST_DAY_BEFORE_FIRST")
