"""Rows ↔ messages of people's calendars, as `convert` has those of other resources."""

from typing import Any

from austausch.common.v1 import pattern_pb2
from austausch.exchange.v1 import person_calendars_pb2 as pb
from austausch.exchange.v1.calendars_pb2 import BusySpan
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from chassis.convert import enum_numbers, resource_fields, timestamp_message
from chassis.errors import InvalidArgument
from services.exchange.calendar_fetching import Permission, Unfetchable
from services.exchange.model import Calendar, CalendarKind, CalendarState
from services.exchange.scheduling.problem import Span

CALENDAR_FIELDS = frozenset({"display_name", "url", "ics"})
KINDS = enum_numbers(pb.Calendar.Kind.DESCRIPTOR, CalendarKind)
STATES = enum_numbers(pb.Calendar.State.DESCRIPTOR, CalendarState)
# What calendars call https where they want to be subscribed to.
SUBSCRIBING = ("webcal://", "webcals://")


def read_url(url: str, permission: Permission) -> str:
    """
    Return the URL of a calendar as it is fetched.

    Raises:
        InvalidArgument: It is none (reason CALENDAR_URL_MALFORMED), or not for https (CALENDAR_SCHEME_FORBIDDEN). The
            URL, in which there may be a secret, is not repeated.
    """
    scheme = next((scheme for scheme in SUBSCRIBING if url.lower().startswith(scheme)), "")
    url = f"https://{url[len(scheme) :]}" if scheme else url
    try:
        parsed = parse_url(url)
        is_whole = bool(parsed.host)
        permission.require_scheme(parsed.scheme)
    except LocationParseError:
        is_whole = False
    except Unfetchable:
        raise InvalidArgument("calendar.url", "is not for https", reason="CALENDAR_SCHEME_FORBIDDEN") from None
    if not is_whole:
        raise InvalidArgument(
            "calendar.url",
            "is not the URL of a calendar",
            reason="CALENDAR_URL_MALFORMED",
            metadata={"example": _get_example()},
        ) from None
    return url


def _get_example() -> str:
    options: Any = pattern_pb2.Form.DESCRIPTOR.values_by_name["FORM_CALENDAR_URL"].GetOptions()
    return str(options.Extensions[pattern_pb2.example])


def calendar_message(calendar: Calendar) -> pb.Calendar:
    """Return a calendar as a message; of its URL, the host only."""
    return pb.Calendar(
        display_name=calendar.display_name,
        kind=KINDS[calendar.kind],
        state=STATES[calendar.state],
        host=calendar.host,
        read_time=timestamp_message(calendar.read_time) if calendar.read_time else None,
        try_time=timestamp_message(calendar.try_time) if calendar.try_time else None,
        failure=_failure_message(calendar) if calendar.failure_reason else None,
        **resource_fields(calendar),
    )


def _failure_message(calendar: Calendar) -> pb.Calendar.Failure:
    return pb.Calendar.Failure(
        reason=calendar.failure_reason, line=calendar.failure_line, http_status=calendar.failure_http_status
    )


def busy_message(span: Span) -> BusySpan:
    """Return a span in which somebody is busy as a message."""
    return BusySpan(start_time=timestamp_message(span.start), end_time=timestamp_message(span.end))
