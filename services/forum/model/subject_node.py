"""The tree of what a forum reviews."""

from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from chassis.model import Resource, enum_column
from services.forum.model.base import Base
from services.forum.model.links import Linked, map_linked_ids


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


class SubjectNode(Linked, Resource, Base):
    """One node; `parent_id` is None at the top of the tree."""

    __tablename__ = "subject_nodes"
    __table_args__ = (
        ForeignKeyConstraint(["forum_id", "parent_id"], ["subject_nodes.forum_id", "subject_nodes.id"]),
        Index(None, "forum_id", "parent_id"),
        Index(None, "forum_id", "code", unique=True, postgresql_where="code <> ''"),
    )
    NAME = "forums/{forum_id}/subjectNodes/{id}"
    LINKS = {"commitment_ids": (Fulfilment.node_id, Fulfilment.commitment_id)}

    forum_id: Mapped[str] = mapped_column(ForeignKey("forums.id"), primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[NodeKind] = enum_column(NodeKind)
    code: Mapped[str] = mapped_column(Text, default="")
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    sdg_targets: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    topics: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    department: Mapped[str] = mapped_column(Text, default="")

    @declared_attr
    def commitment_ids(cls) -> Mapped[list[str]]:
        """Ids of the commitments that the node fulfils."""
        return map_linked_ids(cls, "commitment_ids")
