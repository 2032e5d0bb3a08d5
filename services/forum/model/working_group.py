"""Working groups, the nodes they own and the experts in them."""

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Select, Text, and_, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, MappedSQLExpression, column_property, declared_attr, mapped_column
from sqlalchemy.sql import func

from chassis.model import Resource
from services.forum.model.base import Base
from services.forum.model.forum import LATEST_ZONE, Forum
from services.forum.model.links import Linked, map_linked_ids
from services.forum.model.panelist import Panelist, PanelistState


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


def select_accounts_in_groups() -> Select[str]:
    """
    Return the statement for the accounts of experts who accepted their invitation, by their memberships.

    Once the last day of the forum has ended everywhere there are none. What is offered in the hours before depends on
    the time zone, which the panel asks for when somebody writes.
    """
    day = func.date(func.timezone(LATEST_ZONE, func.now()))
    return (
        select(Panelist.account)
        .join(Membership, and_(Panelist.forum_id == Membership.forum_id, Panelist.id == Membership.panelist_id))
        .join(Forum, Forum.id == Panelist.forum_id)
        .where(Panelist.state == PanelistState.ACCEPTED, Panelist.account != "")
        .where(or_(Forum.end_date.is_(None), Forum.end_date >= day))
        .correlate_except(Panelist, Membership, Forum)
    )


def map_accounts(accounts: Select[str]) -> MappedSQLExpression[list[str]]:
    """Map the attribute with these accounts: it comes in the statement of the resource."""
    return column_property(func.array(accounts.scalar_subquery(), type_=ARRAY(Text)), expire_on_flush=False)


class WorkingGroup(Linked, Resource, Base):
    """A working group (Arbeitsgruppe)."""

    __tablename__ = "working_groups"
    NAME = "forums/{forum_id}/workingGroups/{id}"
    LINKS = {
        "node_ids": (Ownership.working_group_id, Ownership.node_id),
        "member_ids": (Membership.working_group_id, Membership.panelist_id),
    }

    forum_id: Mapped[str] = mapped_column(ForeignKey("forums.id"), primary_key=True)
    title: Mapped[str] = mapped_column(Text)

    @declared_attr
    def node_ids(cls) -> Mapped[list[str]]:
        """Ids of the nodes that the group owns."""
        return map_linked_ids(cls, "node_ids")

    @declared_attr
    def member_ids(cls) -> Mapped[list[str]]:
        """Ids of the panelists who work in the group."""
        return map_linked_ids(cls, "member_ids")

    @declared_attr
    def writers(cls) -> Mapped[list[str]]:
        """Accounts of the experts who write for the group."""
        own = (Membership.forum_id == cls.forum_id, Membership.working_group_id == cls.id)
        return map_accounts(select_accounts_in_groups().where(*own))
