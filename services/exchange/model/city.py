"""Cities and the calendar facts that planning needs."""

from sqlalchemy import CheckConstraint, Index, SmallInteger, Text, cast, func, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Mapped, MappedSQLExpression, column_property, mapped_column

from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource
from services.exchange.model.base import Base
from services.exchange.model.location import Located, location_checks
from services.exchange.time_zones import read_time_zone

# As tuples: rows of lists are kept by their values.
CITY_IDS: ARRAY[str] = ARRAY(Text, as_tuple=True)


class City(Located, Resource, Base):
    """
    The home city, or one that it works with.

    `working_week` holds ISO 8601 weekdays, 1 for Monday; empty means Monday to Friday.
    """

    __tablename__ = "cities"
    __table_args__ = (
        *location_checks(),
        CheckConstraint("working_week <@ ARRAY[1, 2, 3, 4, 5, 6, 7]::smallint[]", name="working_week_days"),
        Index(None, "display_name", "id"),
        index_folded_name("cities"),
    )
    NAME = "cities/{id}"

    display_name: Mapped[str] = mapped_column(Text)
    local_name: Mapped[str] = mapped_column(Text, default="")
    country_code: Mapped[str] = mapped_column(Text)
    subdivision_code: Mapped[str] = mapped_column(Text, default="")
    time_zone: Mapped[str] = mapped_column(Text)
    working_week: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), default=list)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    holiday_calendar: Mapped[str] = mapped_column(Text, default="")
    folded_name: Mapped[str] = map_folded_name("display_name", "local_name", "id")

    def check(self) -> None:
        """
        Raise unless its time zone and place exist.

        Raises:
            InvalidArgument: The zone is none (reason TIME_ZONE_UNKNOWN), or the place is nowhere on earth
                (COORDINATE_OUT_OF_RANGE).
        """
        read_time_zone(self.time_zone, "city.time_zone")
        self.check_location("city.location")


def list_display_names(city_ids: Mapped[tuple[str, ...]]) -> MappedSQLExpression[tuple[str, ...]]:
    """Return a read-only attribute with the names of cities, in their order."""
    which = func.unnest(city_ids).table_valued("id", with_ordinality="place", name="which").render_derived()
    in_order = func.coalesce(func.array_agg(aggregate_order_by(City.display_name, which.c.place)), cast((), CITY_IDS))
    listed = select(type_coerce(in_order, CITY_IDS)).select_from(which.join(City, City.id == which.c.id))
    return column_property(listed.correlate_except(City, which).scalar_subquery(), expire_on_flush=False)
