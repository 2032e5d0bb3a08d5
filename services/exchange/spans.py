"""How long a span of time in a request may be."""

from datetime import date, timedelta

from chassis.errors import InvalidArgument

MAX_SPAN = timedelta(days=732)


def check_span(start: date, end: date, longest: timedelta, path: str) -> None:
    """
    Raise unless a span is one and not too long; `start` and `end` are both days, or both instants.

    Args:
        path: Path of its end in the request, for the error.

    Raises:
        InvalidArgument: Its end is before its beginning (reason SPAN_REVERSED), or too long after it (SPAN_TOO_LONG).
    """
    if end < start:
        raise InvalidArgument(path, "is before the beginning", reason="SPAN_REVERSED")
    if end - start > longest:
        raise InvalidArgument(
            path,
            f"is more than {longest.days} days after the beginning",
            reason="SPAN_TOO_LONG",
            metadata={"max_days": str(longest.days)},
        )
