"""Who publishes for an installation: nobody is signed in, and what is sent has to prove who sent it."""

from collections.abc import Iterator
from contextlib import contextmanager

from chassis.errors import Unauthenticated
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.throttle import check_attempts, count_attempt, get_publisher_counters

# That nobody who may publish has signed a request (`PublishLearnings` in the contract).
UNPROVEN = ("INSTALLATION_UNKNOWN", "SIGNATURE_NOT_VALID", "SIGNATURE_EXPIRED", "SIGNATURE_REPLAYED")


@contextmanager
def counting_refusals(database: AccountsDatabase, address: str) -> Iterator[None]:
    """
    Count against a network address that what came from it is refused in the block because it proves nothing.

    Raises:
        ResourceExhausted: There were too many of those; reason TOO_MANY_ATTEMPTS, metadata ``retry_after`` (seconds).
    """
    counters = get_publisher_counters(address)
    with database.engine.connect() as connection:
        check_attempts(connection, counters)
    try:
        yield
    except Unauthenticated as error:
        if error.reason not in UNPROVEN:
            raise  # It is about the gateway itself.
        with database.engine.begin() as connection:
            count_attempt(connection, [counters])
        raise
