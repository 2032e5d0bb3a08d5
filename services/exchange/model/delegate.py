"""Members of delegations. Personal data: deleted for good, never kept aside."""

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, Text, case
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from chassis.model import Resource
from services.exchange.model.base import Base

LAST_RANK = 999


class Delegate(Resource, Base):
    """A member of the delegation of a visit."""

    __tablename__ = "delegates"
    __table_args__ = (
        CheckConstraint(f"rank BETWEEN 0 AND {LAST_RANK}", name="rank_range"),
        Index(None, "visit_id"),
        Index("uq_delegates_head", "visit_id", unique=True, postgresql_where="head"),
    )
    NAME = "visits/{visit_id}/delegates/{id}"

    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id"))
    function: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text, default="")
    rank: Mapped[int] = mapped_column(default=0)
    head: Mapped[bool] = mapped_column(default=False)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    dietary_needs: Mapped[str] = mapped_column(Text, default="")
    access_needs: Mapped[str] = mapped_column(Text, default="")

    @hybrid_property
    def protocol_order(self) -> int:
        """Place in the protocol order: by rank, and rank 0 after all others."""
        return self.rank or LAST_RANK + 1

    @protocol_order.inplace.expression
    @classmethod
    def _protocol_order(cls) -> ColumnElement[int]:
        return case((cls.rank == 0, LAST_RANK + 1), else_=cls.rank)
