"""The vocabulary of topics: SKOS concepts and their labels, as they were imported."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.knowledge.model.base import Base


class Topic(Base):
    """
    A topic that can be picked: a SKOS concept.

    `id` is its slug, as learnings hold it, and never changes; `uri` is the concept's. `broader` and `related` are
    slugs, `definitions` are by language. One that is `withdrawn` has gone from its vocabulary: it is offered no more,
    but learnings that have it still know its labels.
    """

    __tablename__ = "topics"
    __table_args__ = (Index(None, "scheme"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    uri: Mapped[str] = mapped_column(Text, unique=True)
    scheme: Mapped[str] = mapped_column(Text)
    notation: Mapped[str] = mapped_column(Text)
    broader: Mapped[list[str]] = mapped_column(ARRAY(Text))
    related: Mapped[list[str]] = mapped_column(ARRAY(Text))
    definitions: Mapped[dict[str, str]] = mapped_column(JSONB)
    withdrawn: Mapped[bool]

    @property
    def name(self) -> str:
        """The resource name, `topics/{slug}`."""
        return f"topics/{self.id}"


class TopicLabel(Base):
    """What a topic is called in a language (BCP 47 tag); `folded` is the label as `fold_label` writes it."""

    __tablename__ = "topic_labels"
    __table_args__ = (Index(None, "folded", postgresql_using="gin", postgresql_ops={"folded": "gin_trgm_ops"}),)

    topic_id: Mapped[str] = mapped_column(ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(Text, primary_key=True)
    label: Mapped[str] = mapped_column(Text, primary_key=True)
    preferred: Mapped[bool]
    folded: Mapped[str] = mapped_column(Text)


class TopicImport(Base):
    """A file that was imported last under its name, told from its next version by the digest of its bytes."""

    __tablename__ = "topic_imports"

    file: Mapped[str] = mapped_column(Text, primary_key=True)
    digest: Mapped[str] = mapped_column(Text)
    import_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
