"""What learnings are about, as vectors of a language model."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import FetchedValue

from services.knowledge.model.base import Base


class LearningVector(Base):
    """
    A learning's vector by one model.

    `vector` is a row of half-precision floats of length 1, `digest` says of which text in which language it is, and
    `revision` is as the learning's: the last transaction that changed the row.
    """

    __tablename__ = "learning_vectors"
    __table_args__ = (Index(None, "model", "revision", "id"),)

    id: Mapped[str] = mapped_column(Text, ForeignKey("learnings.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    language: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    revision: Mapped[int] = mapped_column(BigInteger, FetchedValue(), FetchedValue(for_update=True))
