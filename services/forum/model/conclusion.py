"""Conclusions, the groups that share them and the nodes they speak about."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, ForeignKeyConstraint, Index, Select, Text, and_
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from chassis.errors import FailedPrecondition
from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource, Stateful, enum_column, now
from services.forum.model.base import Base
from services.forum.model.links import Linked, map_linked_ids
from services.forum.model.working_group import Membership, map_accounts, select_accounts_in_groups


class ConclusionState(StrEnum):
    """Where a conclusion stands."""

    DRAFT = "draft"
    ADOPTED = "adopted"


class ConclusionGroup(Base):
    """A working group shares a conclusion."""

    __tablename__ = "conclusion_working_groups"
    __table_args__ = (
        ForeignKeyConstraint(
            ["forum_id", "conclusion_id"], ["conclusions.forum_id", "conclusions.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["forum_id", "working_group_id"], ["working_groups.forum_id", "working_groups.id"]),
        Index(None, "forum_id", "working_group_id"),
    )

    forum_id: Mapped[str] = mapped_column(Text, primary_key=True)
    conclusion_id: Mapped[str] = mapped_column(Text, primary_key=True)
    working_group_id: Mapped[str] = mapped_column(Text, primary_key=True)


def select_accounts_sharing() -> Select[str]:
    """Return the statement for the accounts of experts whose groups share a conclusion, by `ConclusionGroup`."""
    same = (
        ConclusionGroup.forum_id == Membership.forum_id,
        ConclusionGroup.working_group_id == Membership.working_group_id,
    )
    return select_accounts_in_groups().join(ConclusionGroup, and_(*same)).distinct().correlate_except(ConclusionGroup)


class ConclusionNode(Base):
    """A conclusion speaks about a node."""

    __tablename__ = "conclusion_nodes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["forum_id", "conclusion_id"], ["conclusions.forum_id", "conclusions.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["forum_id", "node_id"], ["subject_nodes.forum_id", "subject_nodes.id"]),
        Index(None, "forum_id", "node_id"),
    )

    forum_id: Mapped[str] = mapped_column(Text, primary_key=True)
    conclusion_id: Mapped[str] = mapped_column(Text, primary_key=True)
    node_id: Mapped[str] = mapped_column(Text, primary_key=True)


class Conclusion(Linked, Stateful, Resource, Base):
    """A conclusion (Fazit); shared by more than one group it is a synthesis."""

    __tablename__ = "conclusions"
    __table_args__ = (
        CheckConstraint("(state = 'adopted') = (adopt_time IS NOT NULL)", name="adopt_time_when_adopted"),
        index_folded_name("conclusions"),
    )
    NAME = "forums/{forum_id}/conclusions/{id}"
    TRANSITIONS = {"adopt": (frozenset({ConclusionState.DRAFT}), ConclusionState.ADOPTED)}
    LINKS = {
        "working_group_ids": (ConclusionGroup.conclusion_id, ConclusionGroup.working_group_id),
        "node_ids": (ConclusionNode.conclusion_id, ConclusionNode.node_id),
    }

    forum_id: Mapped[str] = mapped_column(ForeignKey("forums.id"), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    dissent: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[ConclusionState] = enum_column(ConclusionState, default=ConclusionState.DRAFT)
    adopt_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    folded_name: Mapped[str] = map_folded_name("title")

    @declared_attr
    def working_group_ids(cls) -> Mapped[list[str]]:
        """Ids of the working groups that share the conclusion."""
        return map_linked_ids(cls, "working_group_ids")

    @declared_attr
    def node_ids(cls) -> Mapped[list[str]]:
        """Ids of the nodes that the conclusion speaks about."""
        return map_linked_ids(cls, "node_ids")

    @declared_attr
    def writers(cls) -> Mapped[list[str]]:
        """Accounts of the experts who write for a group that shares the conclusion."""
        own = (ConclusionGroup.forum_id == cls.forum_id, ConclusionGroup.conclusion_id == cls.id)
        return map_accounts(select_accounts_sharing().where(*own))

    def require_draft(self) -> None:
        """
        Raise unless the conclusion may still be changed.

        Raises:
            FailedPrecondition: It is adopted; reason ADOPTED.
        """
        if self.state is not ConclusionState.DRAFT:
            raise FailedPrecondition("The conclusion is adopted and cannot be changed.", reason="ADOPTED")

    def adopt(self) -> None:
        """
        Adopt the conclusion.

        Raises:
            IllegalTransition: It is adopted already.
        """
        self.transition("adopt")
        self.adopt_time = now()
