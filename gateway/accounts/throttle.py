"""
How often somebody may fail to say who they are, within 15 minutes: to sign in, or to sign what they publish.

Attempts are counted in the database, so that the limits hold across workers and machines. An attempt is counted before
the password is looked at, so that many at once gain nothing; a successful one is taken back, and what is refused is
counted nowhere. Who tries decides against whom it counts:

- a stranger: 50 from one network address, 10 of them for one e-mail address, and 50 for one e-mail address over all
  networks. So one address cannot keep an account from its holder at another one;
- a browser in which the account signed in before: 10 of its own, whatever strangers did; then it is a stranger;
- somebody who is signed in and gives the password once more: 10 by that session;
- a program that publishes for an installation: 50 from one network address. Only what is refused counts there, once it
  is: signatures are not guessed, and as many as work at once may look at too many, which costs little.

Sources: NIST SP 800-63B, section on rate limiting (at most 100 failed attempts in a row for one account); *Slow Down
Online Guessing Attacks with Device Cookies* (Anton Dedov, OWASP), for browsers that are known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Address, ip_address

from sqlalchemy import Connection, case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import ResourceExhausted
from chassis.model import now
from gateway.accounts.model import SignInAttempts

WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_ADDRESS = 50
ATTEMPTS_PER_EMAIL_AND_ADDRESS = 10
ATTEMPTS_PER_EMAIL = 50
ATTEMPTS_PER_DEVICE = 10
ATTEMPTS_PER_SESSION = 10
ATTEMPTS_PER_PUBLISHING_ADDRESS = 50
# Of an IPv6 address, the bits of the network: whoever has one address of it has all.
IPV6_NETWORK_BITS = 64
# Windows that are over, forgotten with each attempt: more than one attempt adds.
DELETED_AT_ONCE = 20


@dataclass(frozen=True)
class Counter:
    """
    Something that attempts are counted against.

    Attributes:
        key: SHA-256 of what it is: nobody can read from it who tried.
        limit: Attempts within the window, at most.
        of_account: Whether a success says that earlier failures were a slip, and clears it.
    """

    key: str
    limit: int
    of_account: bool = True


def get_stranger_counters(email: str, address: str) -> list[Counter]:
    """Return what the attempt of somebody unknown is counted against."""
    email, network = email.strip().lower(), _get_network(address)
    return [
        Counter(_hash_key("address", network), ATTEMPTS_PER_ADDRESS, of_account=False),
        Counter(_hash_key("email at address", email, network), ATTEMPTS_PER_EMAIL_AND_ADDRESS),
        Counter(_hash_key("email", email), ATTEMPTS_PER_EMAIL),
    ]


def get_device_counters(device: str) -> list[Counter]:
    """Return what an attempt in a browser is counted against, in which the account has signed in before."""
    return [Counter(_hash_key("device", device), ATTEMPTS_PER_DEVICE)]


def get_session_counters(token_id: str) -> list[Counter]:
    """Return what it is counted against that somebody who is signed in gives the password once more."""
    return [Counter(_hash_key("session", token_id), ATTEMPTS_PER_SESSION)]


def get_publisher_counters(address: str) -> list[Counter]:
    """Return what it is counted against that somebody publishes for an installation and does not prove to be it."""
    key = _hash_key("publishing address", _get_network(address))
    return [Counter(key, ATTEMPTS_PER_PUBLISHING_ADDRESS, of_account=False)]


def check_attempts(connection: Connection, counters: Iterable[Counter]) -> None:
    """
    Raise where no attempt is left, and count nothing.

    Raises:
        ResourceExhausted: There were too many; reason TOO_MANY_ATTEMPTS, metadata ``retry_after`` (seconds to wait).
    """
    for counter in counters:
        is_exhausted = (SignInAttempts.key == counter.key) & (SignInAttempts.attempts >= counter.limit)
        start = connection.scalar(select(SignInAttempts.window_start).where(is_exhausted))
        if start and start >= now() - WINDOW:
            raise _too_many_attempts(start)


def count_attempt(connection: Connection, ways: Iterable[Sequence[Counter]]) -> Sequence[Counter]:
    """
    Count an attempt, by the first of several ways in that is open.

    Returns:
        What it was counted against.

    Raises:
        ResourceExhausted: There were too many by every way; reason TOO_MANY_ATTEMPTS, metadata ``retry_after``
            (seconds to wait).
    """
    refusal = None
    for counters in ways:
        try:
            with connection.begin_nested():  # what is refused is counted nowhere
                for counter in counters:
                    _count(connection, counter)
        except ResourceExhausted as error:
            refusal = error
        else:
            _delete_past_windows(connection)
            return counters
    if refusal is None:
        raise ValueError("no way in is given")
    raise refusal


def uncount_attempt(connection: Connection, counters: Sequence[Counter]) -> None:
    """Uncount an attempt that came to nothing, because the password could not be looked at."""
    for counter in counters:
        row = SignInAttempts.key == counter.key
        connection.execute(update(SignInAttempts).where(row).values(attempts=SignInAttempts.attempts - 1))
        connection.execute(delete(SignInAttempts).where(row, SignInAttempts.attempts <= 0))


def forgive_attempts(connection: Connection, counters: Sequence[Counter]) -> None:
    """Take back a successful attempt, and those for the same account that failed before."""
    uncount_attempt(connection, [counter for counter in counters if not counter.of_account])
    keys = [counter.key for counter in counters if counter.of_account]
    connection.execute(delete(SignInAttempts).where(SignInAttempts.key.in_(keys)))


def _count(connection: Connection, counter: Counter) -> None:
    moment = now()
    over = SignInAttempts.window_start < moment - WINDOW
    counted = connection.scalar(
        insert(SignInAttempts)
        .values(key=counter.key, attempts=1, window_start=moment)
        .on_conflict_do_update(
            index_elements=[SignInAttempts.key],
            set_={
                "attempts": case((over, 1), else_=SignInAttempts.attempts + 1),
                "window_start": case((over, moment), else_=SignInAttempts.window_start),
            },
            where=or_(over, SignInAttempts.attempts < counter.limit),
        )
        .returning(SignInAttempts.key)
    )
    if counted is None:
        start = connection.scalar(select(SignInAttempts.window_start).where(SignInAttempts.key == counter.key))
        raise _too_many_attempts(start or moment - WINDOW)


def _too_many_attempts(window_start: datetime) -> ResourceExhausted:
    seconds = max(1, int((window_start + WINDOW - now()).total_seconds()) + 1)
    return ResourceExhausted(
        f"Too many attempts; try again in {seconds} seconds.",
        reason="TOO_MANY_ATTEMPTS",
        metadata={"retry_after": str(seconds)},
    )


def _delete_past_windows(connection: Connection) -> None:
    """Remove windows that are over, but for those that another attempt is just looking at."""
    over = (
        select(SignInAttempts.key)
        .where(SignInAttempts.window_start < now() - WINDOW)
        .limit(DELETED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(SignInAttempts).where(SignInAttempts.key.in_(over)))


def _hash_key(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _get_network(address: str) -> str:
    """Return what counts as one network address: an IPv4 address, or the network of an IPv6 one."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return f"{int(ip) >> (128 - IPV6_NETWORK_BITS):x}/{IPV6_NETWORK_BITS}"
