"""
How many passwords are hashed at once: one budget for all workers of a gateway.

A hash takes 64 MiB while it is computed. The gateway's container has 512 MiB (``deploy/compose.yaml``), of which the
master and two workers take 235 once they have shown some thousand pages (measured): `HASHES_AT_ONCE` = 2 adds 128,
which leaves 149. More at once would only wait for the processor.
Who comes meanwhile waits in a short queue; who finds that full, too, is told to come again.

The workers share the places as locks on bytes of a file that is opened before they are forked. The kernel gives back
what a worker held that is killed, which a semaphore in shared memory would keep for ever.
"""

import fcntl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chassis.errors import Unavailable

HASHES_AT_ONCE = 2
# Who waits, at most, over all workers: half as many as one has threads, so that pages go on being answered.
QUEUE = 8
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.02
RETRY_AFTER_SECONDS = 5

# Gunicorn's configuration imports this module before the workers are forked.
_file = tempfile.TemporaryFile()  # noqa: SIM115 -- for the life of the process
# A lock of the file is a process's, not a thread's: which of its bytes this process holds.
_held: set[int] = set()
_mutex = threading.Lock()
_PLACES = range(HASHES_AT_ONCE)
_QUEUE = range(HASHES_AT_ONCE, HASHES_AT_ONCE + QUEUE)


@contextmanager
def hold_hashing_place() -> Iterator[None]:
    """
    Hold one of the places in which a password may be hashed, for the time of the block.

    Raises:
        Unavailable: None became free in time, or too many wait already; reason SIGN_IN_BUSY, metadata ``retry_after``
            (seconds after which to try again).
    """
    place = _wait_for_place()
    try:
        yield
    finally:
        _give_back_place(place)


def _wait_for_place() -> int:
    """
    Return a place; everybody comes by the queue, so that nobody who waits is passed by all who come later.

    Raises:
        Unavailable: As `hold_hashing_place`.
    """
    waiting = _take_place(_QUEUE)
    if waiting is None:
        raise _busy_error()
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while (place := _take_place(_PLACES)) is None:
            if time.monotonic() > deadline:
                raise _busy_error()
            time.sleep(POLL_SECONDS)
        return place
    finally:
        _give_back_place(waiting)


def _take_place(places: range) -> int | None:
    """Return the first of some places that is free, which is ours now; None when none is."""
    with _mutex:
        for place in places:
            if place in _held:
                continue
            try:
                fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except (BlockingIOError, PermissionError):
                continue
            _held.add(place)
            return place
    return None


def _give_back_place(place: int) -> None:
    with _mutex:
        fcntl.lockf(_file, fcntl.LOCK_UN, 1, place)
        _held.discard(place)


def _busy_error() -> Unavailable:
    return Unavailable(
        "Too many people are signing in just now; try again in a moment.",
        reason="SIGN_IN_BUSY",
        metadata={"retry_after": str(RETRY_AFTER_SECONDS)},
    )
