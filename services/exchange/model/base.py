"""The declarative base of the exchange service's tables."""

from typing import Any

from sqlalchemy import ColumnElement, MetaData, cast, func, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
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


def shown_of_each(
    attribute: InstrumentedAttribute[str], names: Mapped[Any], kind: ARRAY[str], prefix: str = ""
) -> MappedSQLExpression[Any]:
    """
    Return a read-only attribute with a value of each of several rows, in their order; as `shown`.

    Args:
        attribute: What is shown, e.g. ``City.display_name``.
        names: Ids of the rows, each after `prefix`; for what is the id of none it is "".
        kind: The type of the attribute.
    """
    row: Any = attribute.class_
    which = func.unnest(names).table_valued("name", with_ordinality="place", name="which").render_derived()
    in_order = func.array_agg(aggregate_order_by(func.coalesce(attribute, ""), which.c.place))
    found = which.outerjoin(row, row.id == func.substr(which.c.name, len(prefix) + 1))
    listed = select(type_coerce(func.coalesce(in_order, cast((), kind)), kind)).select_from(found)
    return column_property(listed.correlate_except(row, which).scalar_subquery(), expire_on_flush=False)
