"""References of a resource to others of its forum: kept in a table of their own, read with the resource."""

from typing import Any, ClassVar

from sqlalchemy import Text, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, MappedSQLExpression, column_property
from sqlalchemy.sql import func


class Linked:
    """
    Mixin of a resource that refers to others of its forum.

    A mapped class sets `LINKS`: attribute with the ids → (column of the table of links that has its own id, column
    that has the others'); and makes each attribute with `map_linked_ids`.
    """

    LINKS: ClassVar[dict[str, tuple[InstrumentedAttribute[str], InstrumentedAttribute[str]]]]


def map_linked_ids(owner: Any, attribute: str) -> MappedSQLExpression[list[str]]:
    """Map the attribute with the ids that a resource refers to, in order: it comes in the resource's statement."""
    own, other = owner.LINKS[attribute]
    ids = (
        select(other)
        .where(own.class_.forum_id == owner.forum_id, own == owner.id)
        .order_by(other)
        .correlate_except(own.class_)
    )
    # `queries.write_linked` sets it: no need to read the ids again after a flush.
    return column_property(func.array(ids.scalar_subquery(), type_=ARRAY(Text)), expire_on_flush=False)
