"""The tree of what a forum reviews."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.model import Resource, enum_column
from services.forum.model.base import Base


class NodeKind(StrEnum):
    """What a node is; the meanings are in the contract."""

    STRATEGIC_GOAL = "strategic_goal"
    TOP_INDICATOR = "top_indicator"
    MANAGEMENT_GOAL = "management_goal"
    BUDGET_PRODUCT = "budget_product"
    MEASURE = "measure"
    INDICATOR = "indicator"
    COMMITMENT = "commitment"


class Fulfilment(Base):
    """A node fulfils a commitment of the same forum."""

    __tablename__ = "fulfilments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["forum_id", "node_id"], ["subject_nodes.forum_id", "subject_nodes.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["forum_id", "commitment_id"], ["subject_nodes.forum_id", "subject_nodes.id"]),
        Index(None, "forum_id", "commitment_id"),
    )

    forum_id: Mapped[str] = mapped_column(Text, primary_key=True)
    node_id: Mapped[str] = mapped_column(Text, primary_key=True)
    commitment_id: Mapped[str] = mapped_column(Text, primary_key=True)


class SubjectNode(Resource, Base):
    """One node; `parent_id` is None at the top of the tree."""

    __tablename__ = "subject_nodes"
    __table_args__ = (
        ForeignKeyConstraint(["forum_id", "parent_id"], ["subject_nodes.forum_id", "subject_nodes.id"]),
        Index(None, "forum_id", "parent_id"),
        Index(None, "forum_id", "code", unique=True, postgresql_where="code <> ''"),
    )
    NAME = "forums/{forum_id}/subjectNodes/{id}"

    forum_id: Mapped[str] = mapped_column(ForeignKey("forums.id"), primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[NodeKind] = enum_column(NodeKind)
    code: Mapped[str] = mapped_column(Text, default="")
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    sdg_targets: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    department: Mapped[str] = mapped_column(Text, default="")

    fulfilments: Mapped[list[Fulfilment]] = relationship(
        primaryjoin=lambda: (Fulfilment.forum_id == SubjectNode.forum_id) & (Fulfilment.node_id == SubjectNode.id),
        foreign_keys=[Fulfilment.forum_id, Fulfilment.node_id],
        order_by=Fulfilment.commitment_id,
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
    )

    @property
    def commitment_ids(self) -> list[str]:
        """Ids of the commitments that the node fulfils."""
        return [fulfilment.commitment_id for fulfilment in self.fulfilments]

    def fulfil(self, commitment_ids: Sequence[str]) -> None:
        """Replace the commitments that the node fulfils."""
        kept = {fulfilment.commitment_id: fulfilment for fulfilment in self.fulfilments}
        self.fulfilments = [kept.get(each) or Fulfilment(commitment_id=each) for each in commitment_ids]
