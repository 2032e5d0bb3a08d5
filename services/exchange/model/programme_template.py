"""Programmes that are kept without a visit, to be used again."""

from typing import Any

from sqlalchemy import CheckConstraint, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.model import Resource, enum_column
from services.exchange.model.base import Base
from services.exchange.model.visit_state import Direction


class ProgrammeTemplate(Resource, Base):
    """
    A programme that is kept under a title (Programmvorlage).

    `items` have the fields of the message ``ProgrammeTemplate.Item`` and never change; rooms and people that they name
    may be gone. `direction` is that of the visit that they were taken from, `day_count` the last day with an item.
    """

    __tablename__ = "programme_templates"
    __table_args__ = (
        CheckConstraint("item_count > 0", name="not_empty"),
        CheckConstraint("day_count >= 0", name="day_count_not_negative"),
        Index(None, "title", "id"),
    )
    NAME = "programmeTemplates/{id}"

    title: Mapped[str] = mapped_column(Text)
    direction: Mapped[Direction] = enum_column(Direction)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    item_count: Mapped[int]
    day_count: Mapped[int]
