"""What is known of the visits that learnings come from."""

from sqlalchemy import Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.knowledge.model.base import Base

# Later than every version that a visit can have.
DELETED_VERSION = 2**31 - 1


class KnownVisit(Base):
    """
    What the exchange service's events told of a visit.

    `cities` are host and guest, whose staff may write learnings about it; `version` is the visit's own, because events
    may arrive out of order, and `DELETED_VERSION` once it was deleted: no belated event brings it back.
    """

    __tablename__ = "known_visits"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    cities: Mapped[list[str]] = mapped_column(ARRAY(Text))
    version: Mapped[int] = mapped_column(Integer)
