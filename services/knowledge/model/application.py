"""Where learnings were applied, and what came of it."""

from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import FieldRequired, InvalidArgument
from chassis.model import Resource, enum_column
from services.knowledge.model.base import Base


class Outcome(StrEnum):
    """Whether a learning helped."""

    HELPED = "helped"
    PARTLY = "partly"
    DID_NOT_HELP = "did_not_help"


class Application(Resource, Base):
    """That a department applied a learning (Anwendung); `outcome` is None where nobody said whether it helped."""

    __tablename__ = "applications"
    __table_args__ = (
        CheckConstraint("department <> '' AND result <> ''", name="complete"),
        Index(None, "learning_id", "create_time"),
    )
    NAME = "learnings/{learning_id}/applications/{id}"

    learning_id: Mapped[str] = mapped_column(ForeignKey("learnings.id", ondelete="CASCADE"))
    department: Mapped[str] = mapped_column(Text)
    outcome: Mapped[Outcome | None] = enum_column(Outcome, nullable=True)
    result: Mapped[str] = mapped_column(Text)
    applied_date: Mapped[date | None]
    author: Mapped[str] = mapped_column(Text)
    author_name: Mapped[str] = mapped_column(Text, default="")

    def require_complete(self) -> None:
        """
        Raise where a field is empty that every application has.

        Raises:
            FieldRequired: With each empty field.
        """
        empty = [f"application.{field}" for field in ("department", "result") if not getattr(self, field).strip()]
        if empty:
            raise FieldRequired(*empty)

    def require_past(self, today: date) -> None:
        """
        Raise where it is said whether the learning helped before it can have been applied.

        Args:
            today: The day in UTC. Where it is tomorrow already, that day is not in the future.

        Raises:
            InvalidArgument: The day is later; reason OUTCOME_BEFORE_DAY.
        """
        if self.outcome and self.applied_date and self.applied_date > today + timedelta(days=1):
            raise InvalidArgument("application.applied_date", "is still to come", reason="OUTCOME_BEFORE_DAY")
