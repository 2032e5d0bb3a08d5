"""
One PostgreSQL database per service: async SQLAlchemy on asyncpg, one transaction per call.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Engine, FrozenResult, Select, bindparam, event, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.util import greenlet_spawn

from chassis import database_metrics
from chassis.database_errors import as_domain_error, constraint_name, database_away, drop_demoted, read_only
from chassis.database_urls import connect, driver_url
from chassis.errors import DomainError, NameTaken, NotFound, Unavailable
from chassis.identity import current_name
from chassis.model import Resource

Model = TypeVar("Model", bound=Resource)

# A statement that runs longer than any call waits for is of no use to anyone.
STATEMENT_TIMEOUT_SECONDS = 20
POOL_TIMEOUT_SECONDS = 5
# More than PostgreSQL may keep in memory by `KEEP_LITTLE`: it has to write it to its disk, and has no other trace.
NEED_ROOM = text(
    "SELECT count(*), pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
    " FROM unnest(array_fill(repeat('x', 8000), ARRAY[128]))"
)
KEEP_LITTLE = text("SET LOCAL work_mem = '64kB'")


def async_engine(url: str, arguments: Mapping[str, Any], **options: Any) -> AsyncEngine:
    """
    Return an engine on asyncpg, which reads the URL itself: ``sslmode`` and its like mean what they mean to libpq.

    Args:
        url: ``postgresql://user:password@host/database``; it may name several hosts (`chassis.database_urls`).
        arguments: More of ``asyncpg.connect``.
        options: Of ``create_async_engine``.

    Raises:
        ValueError: As `driver_url`.
    """
    # The values of a statement are personal data, and errors are logged with their text.
    return create_async_engine(
        driver_url(url, "asyncpg"),
        async_creator=lambda **_ignored: connect(url, **arguments),
        hide_parameters=True,
        **options,
    )


class Session(AsyncSession):
    """A unit of work in one transaction; finds and inserts resources by their names."""

    async def get_by_name(self, model: type[Model], name: str) -> Model:
        """
        Return the resource.

        Raises:
            NotFound: There is none of that name.
        """
        return await self._find(model, name, lock=False)

    async def get_for_update(self, model: type[Model], name: str) -> Model:
        """
        Return the resource, locked until the transaction ends; a second writer waits, then sees the first's version.

        Raises:
            NotFound: There is none of that name.
        """
        return await self._find(model, name, lock=True)

    async def insert_named(self, row: Any) -> None:
        """
        Insert a resource whose id the caller chose.

        Raises:
            NameTaken: The id is taken.
        """
        self.add(row)
        try:
            await self.flush()
        except IntegrityError as error:
            if constraint_name(error) != f"pk_{row.__tablename__}":
                raise
            raise NameTaken(row.name) from None

    async def _find(self, model: Any, name: str, *, lock: bool) -> Any:
        values = model.parse(name)
        row = await self.scalar(_by_key(model, tuple(values), lock), values)
        if row is None:
            raise NotFound(name)
        return row


class OneStatementSession(Session):
    """
    A session that only reads, each statement by itself: a connection is taken for it and given back with the answer.

    That is less than half the work of an `AsyncSession`, which switches greenlets at every step.
    """

    async def execute(self, statement: Any, params: Any = None, **_options: Any) -> Any:
        """Return the whole result of a statement; its rows belong to no session."""
        return (await greenlet_spawn(self._execute, statement, params))()

    def _execute(self, statement: Any, params: Any) -> FrozenResult[Any]:
        with self.sync_session as session:
            return session.execute(statement, params).freeze()

    async def _find(self, model: Any, name: str, *, lock: bool) -> Any:
        if lock or inspect(model).relationships:
            return await super()._find(model, name, lock=lock)
        values = model.parse(name)
        found = await greenlet_spawn(self._fetch_first, _columns_by_key(model, tuple(values)), values)
        if found is None:
            raise NotFound(name)
        row = model()
        # Past the ORM's loading, which takes as long as the statement: nothing that belongs to no session is written.
        row.__dict__.update(found._mapping)
        return row

    def _fetch_first(self, statement: Select[Any], params: Any) -> Any:
        with cast(Engine, self.sync_session.get_bind()).connect() as connection:
            return connection.execute(statement, params).first()

    async def scalar(self, statement: Any, params: Any = None, **_options: Any) -> Any:
        """Return the first column of the first row; None when there is no row."""
        return (await self.execute(statement, params)).scalar()

    async def scalars(self, statement: Any, params: Any = None, **_options: Any) -> Any:
        """Return the first column of every row."""
        return (await self.execute(statement, params)).scalars()


@cache
def _by_key(model: Any, columns: tuple[str, ...], lock: bool) -> Select[Any]:
    """Return the statement for one row; made once, since that takes as long as the database does."""
    statement = select(model).where(*(getattr(model, column) == bindparam(column) for column in columns))
    return (statement.with_for_update(of=model) if lock else statement).execution_options(populate_existing=True)


@cache
def _columns_by_key(model: Any, columns: tuple[str, ...]) -> Select[Any]:
    """Return the statement for the attributes of one row, by their names; made once."""
    loaded = [getattr(model, each.key).label(each.key) for each in inspect(model).column_attrs if not each.deferred]
    return select(*loaded).where(*(getattr(model, column) == bindparam(column) for column in columns))


class Database:
    """
    The database of a service.

    Args:
        url: ``postgresql://user:password@host/database``.
        pool_size: Connections, at most.
    """

    def __init__(self, url: str, pool_size: int = 8) -> None:
        self.url = url
        self.engine = async_engine(
            url,
            {
                "command_timeout": STATEMENT_TIMEOUT_SECONDS,
                "server_settings": {"application_name": "austausch", "timezone": "UTC"},
            },
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
        )
        event.listen(self.engine.sync_engine, "handle_error", drop_demoted)
        database_metrics.observe(self.engine.sync_engine, pool_size)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions = async_sessionmaker(self.engine, class_=Session, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Session]:
        """Yield a session whose transaction commits at the end, or rolls back on any error."""
        async with self._sessions.begin() as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        """Yield a session for reading only; all its statements see the same snapshot."""
        async with self._sessions() as session:
            await session.connection(
                execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            )
            yield session

    @asynccontextmanager
    async def read_once(self) -> AsyncIterator[Session]:
        """
        Yield a session for one statement that reads, without the two that begin and end a transaction.

        Where a second one is needed after all, it sees what was committed since.
        """
        yield OneStatementSession(self._autocommit)

    async def check(self) -> None:
        """
        Look whether the database answers, takes changes, and has room on its disk.

        Raises:
            Unavailable: Reason DATABASE_AWAY, DATABASE_READ_ONLY or DATABASE_DISK_FULL.
        """
        try:
            async with self.engine.begin() as connection:
                await connection.execute(KEEP_LITTLE)
                _, is_read_only = (await connection.execute(NEED_ROOM)).one()
        except Exception as error:
            failure = as_domain_error(error)
            raise (failure if isinstance(failure, Unavailable) else database_away()) from error
        if is_read_only:
            raise read_only()

    async def answers(self) -> bool:
        """Return whether the database answers, and takes changes, at this moment."""
        try:
            await self.check()
        except DomainError:
            return False
        return True

    async def is_readable(self) -> bool:
        """Return whether the database answers at this moment, if only to those who read."""
        try:
            async with self._autocommit.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - whatever it is, there is no answer
            return False
        return True

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


@event.listens_for(SyncSession, "before_flush")
def _record_updater(session: SyncSession, _context: Any, _instances: Any) -> None:
    """Write who makes the call into every resource that it creates or changes."""
    name = current_name()
    for row in session.new:
        if isinstance(row, Resource):
            row.updater = row.updater or name
    for row in session.dirty:
        if isinstance(row, Resource) and session.is_modified(row):
            row.updater = name
