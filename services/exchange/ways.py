"""
How long it takes from one venue to another: as somebody entered it, else estimated from where both lie.

Source: the great-circle distance is that of the haversine formula, Sinnott, *Virtues of the Haversine* (1984).
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from services.exchange.model import Location, Venue

EARTH_RADIUS = 6_371_009.0
"""Metres; the mean."""


class Mode(StrEnum):
    """How one gets from one venue to another."""

    WALK = "walk"
    VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True)
class Travel:
    """How long a way takes; the mode of one that was entered is not known."""

    minutes: int
    mode: Mode | None = None

    @property
    def is_estimated(self) -> bool:
        """Whether nobody entered it."""
        return self.mode is not None


@dataclass(frozen=True, kw_only=True)
class Pace:
    """
    How ways are estimated.

    Attributes:
        walking_speed: Metres a minute.
        vehicle_speed: Metres a minute, stops and the search for a place to park included.
        longest_walk: Metres of the way up to which one walks.
        detour_percent: How long streets are, of the distance as the crow flies.
    """

    walking_speed: int = 75
    vehicle_speed: int = 300
    longest_walk: int = 1500
    detour_percent: int = 130

    def __post_init__(self) -> None:
        if min(self.walking_speed, self.vehicle_speed) <= 0:
            raise ValueError("walking_speed and vehicle_speed have to be more than 0 metres a minute")

    def estimate(self, one: Location, other: Location) -> Travel:
        """Return how long the way between two points takes, in whole minutes, rounded up."""
        metres = get_distance(one, other) * self.detour_percent / 100
        mode, speed = Mode.WALK, self.walking_speed
        if metres > self.longest_walk:
            mode, speed = Mode.VEHICLE, self.vehicle_speed
        return Travel(math.ceil(metres / speed), mode)


def get_distance(one: Location, other: Location) -> float:
    """Return the great-circle distance between two points, in metres."""
    (north, east), (to_north, to_east) = (tuple(map(math.radians, point)) for point in (one, other))
    haversine = (
        math.sin((to_north - north) / 2) ** 2
        + math.cos(north) * math.cos(to_north) * math.sin((to_east - east) / 2) ** 2
    )
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(haversine)))


class Ways:
    """The ways between venues; `pace`: how those are estimated that nobody entered."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def find(self, one: Venue, other: Venue) -> Travel | None:
        """Return the way between two venues; None within one, between cities, and where it is not known."""
        if one.id == other.id or one.city_id != other.city_id:
            return None
        minutes = one.entered_ways.get(other.id)
        if minutes is not None:
            return Travel(minutes)
        if one.location is None or other.location is None:
            return None
        return self._pace.estimate(one.location, other.location)
