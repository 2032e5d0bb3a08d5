"""Cities and the calendar facts that planning needs."""

from sqlalchemy import CheckConstraint, Index, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

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
