"""The declarative base of the exchange service's tables."""

from typing import Any

from sqlalchemy import ColumnElement, MetaData, select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, MappedSQLExpression, column_property

from chassis.model import NAMING_CONVENTION


class Base(DeclarativeBase):
    """
    Every table of the exchange service.

    Exchanges and visits repeat the key of the other city, held true by composite foreign keys: lists for one city, and
    for the partners who may see no other, need no join.
    """

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class OfCity:
    """Something that is shared with one other city."""

    city_id: Mapped[str]

    def concerns(self, city_id: str) -> bool:
        """Whether it is shared with a city."""
        return self.city_id == city_id

    @classmethod
    def concerning(cls, city_id: ColumnElement[str] | str) -> ColumnElement[bool]:
        """Whether `concerns` is true of a row."""
        return cls.city_id == city_id


def shown(attribute: InstrumentedAttribute[str], which: ColumnElement[bool]) -> MappedSQLExpression[Any]:
    """
    Return a read-only attribute with a value of another row, loaded together with the row that shows it.

    Loading the other row as well would double the processor time of a list. A new row has the value once it is
    refreshed; the row's own changes never change it.

    Args:
        attribute: What is shown, e.g. ``City.display_name``.
        which: Says of which row, e.g. ``City.id == city_id``.
    """
    value = select(attribute).where(which).correlate_except(attribute.class_)
    return column_property(value.scalar_subquery(), expire_on_flush=False)
