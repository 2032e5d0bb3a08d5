"""Which learnings were deleted."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, Text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import FetchedValue

from chassis.model import now
from services.knowledge.model.base import Base


class DeletedLearning(Base):
    """
    A learning that was deleted: nothing of it but its id, so that no belated event brings it back.

    `revision` is as a learning's, so that indexes follow.
    """

    __tablename__ = "deleted_learnings"
    __table_args__ = (Index(None, "revision", "id"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    delete_time: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    revision: Mapped[int] = mapped_column(BigInteger, FetchedValue(), FetchedValue(for_update=True))
