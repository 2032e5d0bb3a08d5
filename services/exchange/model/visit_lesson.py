"""Learnings that were taken up, or not, when a visit was planned."""

from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.model import Resource, enum_column
from services.exchange.model.base import Base


class Decision(StrEnum):
    """What was decided about a learning for a visit."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class VisitLesson(Resource, Base):
    """A learning, as it concerns a visit. Its `id` is the learning's: one visit decides about each once."""

    __tablename__ = "visit_lessons"
    __table_args__ = (Index(None, "visit_id", "update_time", "id"),)
    NAME = "visits/{visit_id}/lessons/{id}"

    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    decision: Mapped[Decision] = enum_column(Decision)
