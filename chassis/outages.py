"""An outage is told of once, again every minute while it lasts or comes back, and once when it is over."""

import time

import structlog

REMIND_SECONDS = 60.0

log = structlog.get_logger(__name__)


class Outage:
    """
    Something that fails again and again until somebody mends it.

    Args:
        event: Name of the line in the log, e.g. ``outbox.retry``.
        over: Name of the line that says that it works again.
        context: What the lines say besides.
    """

    def __init__(self, event: str, over: str, **context: str) -> None:
        self._event = event
        self._over = over
        self._context = context
        self._reason = ""
        self._told_at = 0.0
        self._is_told = False

    def tell(self, reason: str) -> None:
        """Log why it fails, unless that was said within the last minute."""
        if reason != self._reason or time.monotonic() - self._told_at > REMIND_SECONDS:
            log.warning(self._event, error=reason, **self._context)
            self._reason, self._told_at, self._is_told = reason, time.monotonic(), True

    def end(self) -> None:
        """Log that it works again, if it was told that it did not."""
        if self._is_told:
            log.info(self._over, **self._context)
            self._is_told = False
