"""
How often somebody may try to sign in.

Attempts are counted in the database, so that the limits hold across workers and machines: 10 for one e-mail address
and 50 from one network address within 15 minutes. An attempt is counted before the password is looked at, so that
many at once gain nothing; a successful one is taken back.
"""

from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection, case, delete, func, update
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import ResourceExhausted
from chassis.model import now
from gateway.accounts.model import SignInAttempts

WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_EMAIL = 10
ATTEMPTS_PER_ADDRESS = 50


def _keys(email: str, address: str) -> tuple[str, str]:
    return (
        sha256(f"email:{email.strip().lower()}".encode()).hexdigest(),
        sha256(f"address:{address}".encode()).hexdigest(),
    )


def count_attempt(connection: Connection, email: str, address: str) -> None:
    """
    Count an attempt to sign in.

    Raises:
        ResourceExhausted: There were too many; its metadata tell the seconds to wait, ``retry_after``.
    """
    moment = now()
    limits = dict(zip(_keys(email, address), (ATTEMPTS_PER_EMAIL, ATTEMPTS_PER_ADDRESS), strict=True))
    over = SignInAttempts.window_start < moment - WINDOW
    # Sorted, so that two attempts at once lock the rows in the same order.
    rows = [{"key": key, "attempts": 1, "window_start": moment} for key in sorted(limits)]
    counted = connection.execute(
        insert(SignInAttempts)
        .values(rows)
        .on_conflict_do_update(
            index_elements=[SignInAttempts.key],
            set_={
                "attempts": case((over, 1), else_=SignInAttempts.attempts + 1),
                "window_start": case((over, moment), else_=SignInAttempts.window_start),
            },
        )
        .returning(SignInAttempts.key, SignInAttempts.attempts, SignInAttempts.window_start)
    )
    waits = [start + WINDOW - moment for key, attempts, start in counted if attempts > limits[key]]
    if waits:
        connection.commit()
        seconds = max(1, int(max(waits).total_seconds()) + 1)
        raise ResourceExhausted(
            f"Too many attempts to sign in; try again in {seconds} seconds.",
            reason="TOO_MANY_ATTEMPTS",
            metadata={"retry_after": str(seconds)},
        )


def forgive(connection: Connection, email: str, address: str) -> None:
    """Take back a successful attempt, and forget windows that are over."""
    email_key, address_key = _keys(email, address)
    old = SignInAttempts.window_start < now() - WINDOW
    connection.execute(delete(SignInAttempts).where((SignInAttempts.key == email_key) | old))
    connection.execute(
        update(SignInAttempts)
        .where(SignInAttempts.key == address_key)
        .values(attempts=func.greatest(SignInAttempts.attempts - 1, 0))
    )
