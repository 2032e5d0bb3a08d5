"""Installations that publish their learnings here, and what they said of each."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.model import Resource, Stateful, enum_column
from services.knowledge.model.base import Base


class InstallationState(StrEnum):
    """Whether an installation may publish here."""

    ACTIVE = "active"
    REVOKED = "revoked"


class Installation(Stateful, Resource, Base):
    """
    Another installation of the platform, which may publish its learnings here.

    `uri` is the web address of its start page, without a slash at the end, and `public_key` its Ed25519 key in PEM.
    """

    __tablename__ = "installations"
    __table_args__ = (
        CheckConstraint("display_name <> '' AND city <> '' AND uri <> '' AND public_key <> ''", name="complete"),
        Index(None, "display_name", "id"),
        Index(None, "create_time", "id"),
    )
    NAME = "installations/{id}"
    TRANSITIONS = {"revoke": (frozenset({InstallationState.ACTIVE}), InstallationState.REVOKED)}

    display_name: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    uri: Mapped[str] = mapped_column(Text)
    public_key: Mapped[str] = mapped_column(Text)
    state: Mapped[InstallationState] = enum_column(InstallationState, default=InstallationState.ACTIVE)


class Publication(Base):
    """
    What an installation said last of one of its learnings.

    `original` is the learning's name there and `version` the version that it had; `learning_id` is what became of it
    here, NULL once it is withdrawn. The row stays then, so that nothing older brings it back.
    """

    __tablename__ = "publications"

    installation_id: Mapped[str] = mapped_column(Text, ForeignKey("installations.id"), primary_key=True)
    original: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    learning_id: Mapped[str | None] = mapped_column(Text)


class UsedSignature(Base):
    """A signature under which something was published: none is taken twice. Kept until it has expired."""

    __tablename__ = "used_signatures"
    __table_args__ = (Index(None, "expire_time"),)

    installation_id: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    expire_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
