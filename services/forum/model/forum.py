"""A forum and what is fixed about it."""

from datetime import date, datetime, timedelta, tzinfo
from datetime import timezone as offset

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import FailedPrecondition, InvalidArgument
from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource
from services.forum.model.base import Base

# Nowhere on earth does a day begin before it does in the first, or end after it does in the second.
EARLIEST, LATEST = offset(timedelta(hours=14)), offset(timedelta(hours=-12))
# The second as PostgreSQL calls it (POSIX counts westwards).
LATEST_ZONE = "Etc/GMT+12"


class Forum(Resource, Base):
    """
    An expert forum. `city` is the resource name of the city under review, in whose time zone the dates are meant, and
    `visit` that of the visit on which its panel meets; "" for none.
    """

    __tablename__ = "forums"
    __table_args__ = (
        CheckConstraint("end_date >= start_date", name="dates_in_order"),
        CheckConstraint("panel_city_cap >= 0", name="cap_not_negative"),
        index_folded_name("forums"),
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
    visit: Mapped[str] = mapped_column(Text, default="", index=True)
    folded_name: Mapped[str] = map_folded_name("title", "subject")

    def check_dates(self) -> None:
        """
        Raise unless the forum ends on or after the day it starts.

        Raises:
            InvalidArgument: It ends before; reason LAST_DAY_BEFORE_FIRST.
        """
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise InvalidArgument("forum.end_date", "The last day is before the first.", reason="LAST_DAY_BEFORE_FIRST")

    def is_over(self, moment: datetime, zone: tzinfo) -> bool:
        """Return whether its last day has ended at a moment, in a time zone."""
        return self.end_date is not None and moment.astimezone(zone).date() > self.end_date

    def is_over_everywhere(self, moment: datetime) -> bool | None:
        """Return whether its last day has ended at a moment, whatever the time zone; None where that depends on it."""
        if self.is_over(moment, LATEST):
            return True
        return None if self.is_over(moment, EARLIEST) else False

    def require_open(self, moment: datetime, zone: tzinfo) -> None:
        """
        Raise unless its experts may still write.

        Args:
            zone: Of the city under review.

        Raises:
            FailedPrecondition: Its last day has ended; reason FORUM_OVER.
        """
        if self.end_date is not None and self.is_over(moment, zone):
            raise FailedPrecondition(
                f"The forum ended on {self.end_date}; its experts cannot write there any more.",
                reason="FORUM_OVER",
                metadata={"forum": self.name, "forum_title": self.title, "end_date": self.end_date.isoformat()},
            )
