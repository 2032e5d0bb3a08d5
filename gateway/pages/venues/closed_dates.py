"""Days on which venues are closed, as pages show and take them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import venues_pb2 as pb

from chassis.convert import date_of
from gateway.i18n.formats import format_days

CLOSED = "venue.closed_dates"


def describe_all(venue: pb.Venue) -> list[str]:
    """Return when a venue is closed all day, and why."""
    return [": ".join(filter(None, [_describe(each), each.note])) for each in venue.closed_dates]


def describe_next(venue: pb.Venue) -> str:
    """Return when a venue is closed all day, now or next; "" where no such day is to come."""
    following = find_next(venue)
    return _describe(following) if following else ""


def find_next(venue: pb.Venue) -> pb.Venue.ClosedDates | None:
    """Return the days on which a venue is closed all day, now or next; None where none are to come."""
    today = datetime.now(ZoneInfo(venue.time_zone)).date()
    return next((each for each in venue.closed_dates if date_of(each.end_date) >= today), None)


def _describe(days: pb.Venue.ClosedDates) -> str:
    return format_days(days.start_date, days.end_date)
