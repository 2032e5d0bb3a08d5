"""Working groups, the nodes they own and the experts in them."""

from collections.abc import Sequence

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.model import Resource
from services.forum.model.base import Base


class Ownership(Base):
    """A working group owns a node. A node has one owner at most: that is the key."""

    __tablename__ = "ownerships"
    __table_args__ = (
        ForeignKeyConstraint(
            ["forum_id", "working_group_id"], ["working_groups.forum_id", "working_groups.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["forum_id", "node_id"], ["subject_nodes.forum_id", "subject_nodes.id"]),
        Index(None, "forum_id", "working_group_id"),
    )

    forum_id: Mapped[str] = mapped_column(Text, primary_key=True)
    node_id: Mapped[str] = mapped_column(Text, primary_key=True)
    working_group_id: Mapped[str] = mapped_column(Text)


class Membership(Base):
    """A panelist works in a group; ends when either is deleted."""

    __tablename__ = "memberships"
    __table_args__ = (
        ForeignKeyConstraint(
            ["forum_id", "working_group_id"], ["working_groups.forum_id", "working_groups.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["forum_id", "panelist_id"], ["panelists.forum_id", "panelists.id"], ondelete="CASCADE"),
        Index(None, "forum_id", "panelist_id"),
    )

    forum_id: Mapped[str] = mapped_column(Text, primary_key=True)
    working_group_id: Mapped[str] = mapped_column(Text, primary_key=True)
    panelist_id: Mapped[str] = mapped_column(Text, primary_key=True)


class WorkingGroup(Resource, Base):
    """A working group (Arbeitsgruppe)."""

    __tablename__ = "working_groups"
    NAME = "forums/{forum_id}/workingGroups/{id}"

    forum_id: Mapped[str] = mapped_column(ForeignKey("forums.id"), primary_key=True)
    title: Mapped[str] = mapped_column(Text)

    ownerships: Mapped[list[Ownership]] = relationship(
        primaryjoin=lambda: (
            (Ownership.forum_id == WorkingGroup.forum_id) & (Ownership.working_group_id == WorkingGroup.id)
        ),
        foreign_keys=[Ownership.forum_id, Ownership.working_group_id],
        order_by=Ownership.node_id,
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
    )
    memberships: Mapped[list[Membership]] = relationship(
        primaryjoin=lambda: (
            (Membership.forum_id == WorkingGroup.forum_id) & (Membership.working_group_id == WorkingGroup.id)
        ),
        foreign_keys=[Membership.forum_id, Membership.working_group_id],
        order_by=Membership.panelist_id,
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
    )

    @property
    def node_ids(self) -> list[str]:
        """Ids of the nodes that the group owns."""
        return [ownership.node_id for ownership in self.ownerships]

    @property
    def member_ids(self) -> list[str]:
        """Ids of the panelists who work in the group."""
        return [membership.panelist_id for membership in self.memberships]

    def own(self, node_ids: Sequence[str]) -> None:
        """Replace the nodes that the group owns."""
        kept = {ownership.node_id: ownership for ownership in self.ownerships}
        self.ownerships = [kept.get(each) or Ownership(node_id=each) for each in node_ids]

    def seat(self, panelist_ids: Sequence[str]) -> None:
        """Replace the panelists who work in the group."""
        kept = {membership.panelist_id: membership for membership in self.memberships}
        self.memberships = [kept.get(each) or Membership(panelist_id=each) for each in panelist_ids]
