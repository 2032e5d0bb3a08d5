"""Cities and the calendar facts that planning needs."""

from typing import NamedTuple

from sqlalchemy import CheckConstraint, Index, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import InvalidFields, Violation
from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource
from services.exchange.model.base import Base
from services.exchange.time_zones import read_time_zone


class Location(NamedTuple):
    """A point, WGS 84, in degrees."""

    latitude: float
    longitude: float


class City(Resource, Base):
    """
    The home city, or one that it works with.

    `working_week` holds ISO 8601 weekdays, 1 for Monday; empty means Monday to Friday.
    """

    __tablename__ = "cities"
    __table_args__ = (
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude_range"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude_range"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="location_whole"),
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
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    holiday_calendar: Mapped[str] = mapped_column(Text, default="")
    folded_name: Mapped[str] = map_folded_name("display_name", "local_name", "id")

    @property
    def location(self) -> Location | None:
        """Where the city lies; None when not known."""
        if self.latitude is None or self.longitude is None:
            return None
        return Location(self.latitude, self.longitude)

    @location.setter
    def location(self, location: Location | None) -> None:
        self.latitude, self.longitude = location or (None, None)

    def check(self) -> None:
        """
        Raise unless its time zone and place exist.

        Raises:
            InvalidArgument: The zone is none (reason TIME_ZONE_UNKNOWN), or the place is nowhere on earth
                (COORDINATE_OUT_OF_RANGE).
        """
        read_time_zone(self.time_zone, "city.time_zone")
        if self.location:
            degrees = (("latitude", self.location.latitude, 90), ("longitude", self.location.longitude, 180))
            outside = [
                Violation(
                    f"city.location.{name}",
                    "COORDINATE_OUT_OF_RANGE",
                    f"must be greater than or equal to -{most} and less than or equal to {most}",
                    {"low": str(-most), "high": str(most)},
                )
                for name, value, most in degrees
                if not -most <= value <= most
            ]
            if outside:
                raise InvalidFields(outside)
