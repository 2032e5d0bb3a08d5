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
    today = datetime.now(ZoneInfo(venue.time_zone)).date()
    return next((_describe(each) for each in venue.closed_dates if date_of(each.end_date) >= today), "")


def _describe(days: pb.Venue.ClosedDates) -> str:
    return format_days(days.start_date, days.end_date)
