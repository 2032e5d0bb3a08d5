"""What a person is booked for, and will be away then."""

from datetime import UTC, datetime

from austausch.exchange.v1.calendars_pb2 import Booking
from austausch.exchange.v1.exchange_pb2 import Person

from gateway.pages.bookings import MOST_DAYS, list_bookings


def list_missed(person: Person) -> list[Booking]:
    """Return what books a person while it is away, from now on, by time; of a long absence, in its first days."""
    now = datetime.now(UTC)
    missed: dict[str, Booking] = {}
    for absence in person.absences:
        start, end = (each.ToDatetime(tzinfo=UTC) for each in (absence.start_time, absence.end_time))
        start = max(start, now)
        if start < end:
            bookings = list_bookings(start, min(end, start + MOST_DAYS))
            missed |= {each.agenda_item: each for each in bookings if each.resource == person.name}
    return sorted(missed.values(), key=lambda each: each.start_time.ToDatetime())
