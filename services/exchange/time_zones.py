"""Time zones by their IANA names."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from chassis.errors import InvalidArgument


@cache
def list_time_zones() -> frozenset[str]:
    """Return the names of all zones; to look for them takes longer than most calls."""
    return frozenset(available_timezones())


def read_time_zone(name: str, path: str) -> ZoneInfo:
    """
    Return a zone that somebody named.

    Args:
        path: Path of the field in the request, for the error.

    Raises:
        InvalidArgument: There is none of that name; reason TIME_ZONE_UNKNOWN.
    """
    if name not in list_time_zones():
        raise InvalidArgument(path, "is not an IANA time zone such as Europe/Vilnius", reason="TIME_ZONE_UNKNOWN")
    return ZoneInfo(name)
