"""What the programmes of visits hold of rooms and people."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from austausch.exchange.v1.calendars_pb2 import Booking, ListBookingsRequest

from chassis.convert import timestamp_message
from gateway import rpc

PAGE = 1000
MOST_DAYS = timedelta(days=62)  # as the contract has it


def list_bookings(start: datetime, end: datetime) -> Iterator[Booking]:
    """Yield what all visits hold within a span of `MOST_DAYS` at most."""
    wanted = ListBookingsRequest(start_time=timestamp_message(start), end_time=timestamp_message(end), page_size=PAGE)
    while True:
        answer = rpc.calendars.ListBookings(wanted)
        yield from answer.bookings
        wanted.page_token = answer.next_page_token
        if not wanted.page_token:
            return
