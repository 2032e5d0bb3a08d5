"""What the hub was told of this installation's learnings."""

from sqlalchemy import CheckConstraint, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.knowledge.model.base import Base


class SentLearning(Base):
    """
    What a hub knows of a learning of this installation.

    The row is there before the hub is told for the first time, with `version` 0: so whatever the hub may have can be
    withdrawn, however the telling ended. `version` is the learning's that the hub has answered for. `is_withdrawn` says
    that the hub has it no more, and `refusal` why it did not take that version; empty where it did. It outlives the
    learning.
    """

    __tablename__ = "sent_learnings"
    __table_args__ = (CheckConstraint("version >= 0", name="version"),)

    hub: Mapped[str] = mapped_column(Text, primary_key=True)
    """Web address of the hub, and the name of this installation there."""
    learning_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    is_withdrawn: Mapped[bool]
    refusal: Mapped[str] = mapped_column(Text)
