"""Candidate dates of visits, and what cities say about them."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.model import Resource
from services.exchange.model.base import Base


class Answer(StrEnum):
    """Whether dates suit a city."""

    YES = "yes"
    IF_NEED_BE = "if_need_be"
    NO = "no"


class DateOption(Resource, Base):
    """
    Dates that are put to the cities which take part in a visit (Terminvorschlag).

    `replies` have `city_id`, `answer`, `record_time` (ISO 8601), `recorder` and `taken_down`, one for each city.
    """

    __tablename__ = "date_options"
    __table_args__ = (
        UniqueConstraint("visit_id", "start_date", "end_date"),
        CheckConstraint("end_date BETWEEN start_date AND start_date + 365", name="dates_in_order"),
    )
    NAME = "visits/{visit_id}/dateOptions/{id}"

    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id", ondelete="CASCADE"))
    start_date: Mapped[date]
    end_date: Mapped[date]
    replies: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)

    def record(self, city_id: str, answer: Answer, recorder: str, moment: datetime, *, taken_down: bool) -> None:
        """Take down what a city says, instead of what it said before."""
        reply = {
            "city_id": city_id,
            "answer": answer.value,
            "record_time": moment.isoformat(),
            "recorder": recorder,
            "taken_down": taken_down,
        }
        # A new list: what is changed within is not written.
        self.replies = replace_or_add(self.replies, reply)


def replace_or_add(replies: Sequence[dict[str, Any]], reply: dict[str, Any]) -> list[dict[str, Any]]:
    """Return replies with one more, at the place of that of the same city where there is one."""
    known = [each["city_id"] for each in replies]
    if reply["city_id"] not in known:
        return [*replies, reply]
    return [reply if each["city_id"] == reply["city_id"] else each for each in replies]
