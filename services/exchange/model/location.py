"""Where something lies."""

from typing import NamedTuple

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import InvalidFields, Violation


class Location(NamedTuple):
    """A point, WGS 84, in degrees."""

    latitude: float
    longitude: float


class Located:
    """Something that may have a location; a mapped class has the columns, and `location_checks` among its arguments."""

    latitude: Mapped[float | None] = mapped_column()
    longitude: Mapped[float | None] = mapped_column()

    @property
    def location(self) -> Location | None:
        """Where it lies; None when not known."""
        if self.latitude is None or self.longitude is None:
            return None
        return Location(self.latitude, self.longitude)

    @location.setter
    def location(self, location: Location | None) -> None:
        self.latitude, self.longitude = location or (None, None)

    def check_location(self, path: str) -> None:
        """
        Raise unless its location, the field at `path`, is on earth.

        Raises:
            InvalidFields: It is not; reason COORDINATE_OUT_OF_RANGE.
        """
        if self.location is None:
            return
        degrees = (("latitude", self.location.latitude, 90), ("longitude", self.location.longitude, 180))
        outside = [
            Violation(
                f"{path}.{name}",
                "COORDINATE_OUT_OF_RANGE",
                f"must be greater than or equal to -{most} and less than or equal to {most}",
                {"low": str(-most), "high": str(most)},
            )
            for name, value, most in degrees
            if not -most <= value <= most
        ]
        if outside:
            raise InvalidFields(outside)


def location_checks() -> tuple[CheckConstraint, ...]:
    """Return the constraints of a table with locations."""
    return (
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude_range"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude_range"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="location_whole"),
    )
