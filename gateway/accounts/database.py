"""The accounts database: its connections, and what is remembered of it for a moment."""

from psycopg import OperationalError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from chassis.database import driver_url
from chassis.errors import Unavailable
from gateway.accounts.caller_cache import CallerCache

# What its driver raises when it is away, and when it refuses what it is told.
DATABASE_ERRORS = (DBAPIError, PoolTimeout)
# How long opening a connection may take to see whether the database answers: the least that psycopg knows.
CHECK_SECONDS = 2


def is_outage(error: DBAPIError | PoolTimeout) -> bool:
    """Return whether the database is away, rather than refusing what it is told."""
    if isinstance(error, PoolTimeout):
        return True
    return error.connection_invalidated or isinstance(error.orig, OperationalError)


class AccountsDatabase:
    """
    The accounts database; no connection is opened before it is needed.

    Args:
        url: ``postgresql://user:password@host/database``.
        pool_size: Connections, at most.
    """

    def __init__(self, url: str, pool_size: int = 4) -> None:
        connection = {"connect_timeout": 5, "application_name": "austausch-gateway", "options": "-c timezone=UTC"}
        self.engine = create_engine(
            driver_url(url, "psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            hide_parameters=True,  # an error's text goes into the log; hashes and addresses must not
            connect_args=connection,
        )
        self._check_engine = create_engine(
            driver_url(url, "psycopg"),
            poolclass=NullPool,
            connect_args={**connection, "connect_timeout": CHECK_SECONDS},
        )
        self.callers = CallerCache()

    def check(self) -> None:
        """
        Look whether the database answers and has its tables, on a connection of its own.

        A server that hangs would not answer on an open connection either, but only opening one has a limit of time:
        `CHECK_SECONDS`.

        Raises:
            Unavailable: It does not answer, or lacks them; reason ACCOUNTS_AWAY. The message is the kind of error.
        """
        try:
            with self._check_engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM tokens LIMIT 1"))
        except SQLAlchemyError as error:
            raise Unavailable(type(error).__name__, reason="ACCOUNTS_AWAY") from error

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()
