"""Series of visits on one subject."""

from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource, enum_column
from services.exchange.model.base import Base, OfCity, shown
from services.exchange.model.city import City


class ExchangeKind(StrEnum):
    """What kind of exchange it is."""

    ADMINISTRATIVE = "administrative"
    SCHOOL = "school"
    CULTURE = "culture"
    FRIENDSHIP = "friendship"


class Exchange(OfCity, Resource, Base):
    """A series of visits between departments of two cities: `department`, at home, leads it; `city_id` is the other."""

    __tablename__ = "exchanges"
    __table_args__ = (
        ForeignKeyConstraint(["partnership_id", "city_id"], ["partnerships.id", "partnerships.city_id"]),
        UniqueConstraint("id", "city_id"),
        Index(None, "partnership_id"),
        Index(None, "city_id"),
        Index(None, "create_time", "id"),
        Index(None, "topics", postgresql_using="gin"),
        index_folded_name("exchanges"),
    )
    NAME = "exchanges/{id}"

    title: Mapped[str] = mapped_column(Text)
    kind: Mapped[ExchangeKind] = enum_column(ExchangeKind)
    partnership_id: Mapped[str] = mapped_column(Text)
    city_id: Mapped[str] = mapped_column(Text)
    department: Mapped[str] = mapped_column(Text, default="")
    topics: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    objectives: Mapped[str] = mapped_column(Text, default="")
    sdg_targets: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    folded_name: Mapped[str] = map_folded_name("title")

    city_display_name: Mapped[str] = shown(City.display_name, City.id == city_id)
