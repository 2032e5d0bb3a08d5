"""The accounts database: its connections, and what is remembered of it for a moment."""

from psycopg import OperationalError
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from chassis import database_metrics
from chassis.database import KEEP_LITTLE, NEED_ROOM
from chassis.database_errors import as_domain_error, drop_demoted, read_only
from chassis.database_urls import HOST_SECONDS, LIBPQ_KEEPALIVE, driver_url, get_connect_seconds
from chassis.errors import Unavailable
from gateway.accounts.caller_cache import CallerCache

# What its driver raises when it is away, and when it refuses what it is told.
DATABASE_ERRORS = (DBAPIError, PoolTimeout)
# Callers who wait longer would only keep others from being served.
POOL_TIMEOUT_SECONDS = 3


def find_outage(error: DBAPIError | PoolTimeout) -> Unavailable | None:
    """Return what a caller is told where the database is away or takes no changes; None where it refuses its input."""
    told = as_domain_error(error)
    if isinstance(told, Unavailable) and told.reason != "DATABASE_AWAY":
        return told
    is_away = isinstance(told, Unavailable) or (
        isinstance(error, DBAPIError) and isinstance(error.orig, OperationalError)
    )
    return _away("The accounts cannot be read just now; try again in a moment.") if is_away else None


def _away(message: str) -> Unavailable:
    return Unavailable(message, reason="ACCOUNTS_AWAY")


class AccountsDatabase:
    """
    The accounts database; no connection is opened before it is needed.

    Args:
        url: ``postgresql://user:password@host/database``; it may name several hosts (`chassis.database_urls`).
        pool_size: Connections, at most.
    """

    def __init__(self, url: str, pool_size: int = 4) -> None:
        connection = {"application_name": "austausch-gateway", "options": "-c timezone=UTC", **LIBPQ_KEEPALIVE}
        self.engine = create_engine(
            driver_url(url, "psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            hide_parameters=True,  # an error's text goes into the log; hashes and addresses must not
            connect_args={**connection, "connect_timeout": int(get_connect_seconds(url))},
        )
        event.listen(self.engine, "handle_error", drop_demoted)
        database_metrics.observe(self.engine, pool_size)
        self._check_engine = create_engine(
            driver_url(url, "psycopg"),
            poolclass=NullPool,
            connect_args={**connection, "connect_timeout": int(HOST_SECONDS)},
        )
        self.callers = CallerCache()

    def check(self) -> None:
        """
        Look whether the database answers, takes changes, has room on its disk, and has its tables.

        On a connection of its own: a server that hangs would not answer on an open one either, but only opening one has
        a limit of time, `HOST_SECONDS` for each host.

        Raises:
            Unavailable: Reason DATABASE_READ_ONLY or DATABASE_DISK_FULL; ACCOUNTS_AWAY for all else, and the message is
                the kind of error.
        """
        try:
            with self._check_engine.begin() as connection:
                connection.execute(text("SELECT 1 FROM tokens LIMIT 1"))
                connection.execute(KEEP_LITTLE)
                _, is_read_only = connection.execute(NEED_ROOM).one()
        except SQLAlchemyError as error:
            told = as_domain_error(error)
            if isinstance(told, Unavailable) and told.reason != "DATABASE_AWAY":
                raise told from error
            raise _away(type(error).__name__) from error
        if is_read_only:
            raise read_only()

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()
