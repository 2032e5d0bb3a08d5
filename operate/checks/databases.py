"""The four databases: whether they answer, can be written, and have the schema that the processes need."""

import time
from collections.abc import Iterator
from typing import Any, cast

import psycopg

from chassis.identity import LEEWAY_SECONDS
from chassis.schema import read_revisions
from operate.databases import OWNERS, Owner, connected, list_present_revisions, list_tables
from operate.findings import Finding, State, fine, unset
from operate.postgres_programs import ProgramFailed, find_program, find_restorer, read_major
from operate.settings import DoctorSettings

OLDEST_VERSION = 15
# A relay publishes within moments; an event that waits longer waits for something.
WAITING_SECONDS = 60
# Why a database cannot be written → how to mend that.
_REMEDIES: dict[type[psycopg.Error], str] = {
    psycopg.errors.ReadOnlySqlTransaction: "it is a standby or set to read only: name the primary in the URL",
    psycopg.errors.DiskFull: "make room on its disk, or give it a larger one; it goes on by itself then",
    psycopg.errors.InsufficientPrivilege: "give the user of the URL the database (ALTER DATABASE … OWNER TO …)",
}


def check_databases(settings: DoctorSettings) -> Iterator[Finding]:
    """Yield what is found of each database."""
    for owner in OWNERS:
        subject, variable = f"database {owner.process}", f"{owner.process.upper()}_DATABASE_URL"
        if url := settings.get(f"{owner.process}_database_url"):
            yield from _check_database(owner, subject, url)
        else:
            yield unset(subject, variable)


def _check_database(owner: Owner, subject: str, url: str) -> Iterator[Finding]:
    try:
        with connected(url) as connection:
            yield _check_server(subject, connection)
            yield _check_schema(owner, subject, connection)
            yield _check_clock(subject, connection)
            yield from _check_collation(subject, connection)
            if "outbox" in list_tables(connection):
                yield _check_outbox(subject, connection)
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        yield Finding(
            subject, State.WRONG, said,
            "start PostgreSQL, and look whether host, port, user, password and database in the URL are right",
        )  # fmt: skip


def _check_server(subject: str, connection: psycopg.Connection) -> Finding:
    version = connection.info.server_version
    major = version // 10_000
    named = f"PostgreSQL {major}.{version % 10_000}"
    if major < OLDEST_VERSION:
        return Finding(subject, State.WRONG, f"it is {named}", f"upgrade to PostgreSQL {OLDEST_VERSION} or newer")
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("CREATE TABLE austausch_doctor (id int)")
            connection.execute("INSERT INTO austausch_doctor VALUES (1)")
    except psycopg.Error as error:
        said = f"it can't be written: {' '.join(str(error).split())}"
        return Finding(subject, State.WRONG, said, _REMEDIES.get(type(error), "see the log of PostgreSQL"))
    try:
        find_restorer(major, read_major(find_program("pg_dump", major)))
    except ProgramFailed as missing:
        said = f"{named} answers, and cannot be backed up from here so that it could be restored"
        return Finding(subject, State.WARNING, said, str(missing))
    return fine(subject, f"{named} answers, and can be written")


def _check_schema(owner: Owner, subject: str, connection: psycopg.Connection) -> Finding:
    present = set(list_present_revisions(connection))
    named = " ".join(sorted(present)) or "none"
    known, newest = read_revisions(owner.package, messaging=owner.messaging)
    if newest <= present:
        return fine(subject, f"its schema is current: {named}")
    if present - known:
        return Finding(
            subject, State.WARNING, f"its schema is newer than this command: {named}", "use the command of that version"
        )
    module = "gateway" if owner.process == "gateway" else owner.package
    return Finding(
        subject, State.WRONG, f"its schema is older than the code: {named}", f"run python -m {module} migrate"
    )


def _check_clock(subject: str, connection: psycopg.Connection) -> Finding:
    asked = time.time()
    (there,) = _one(connection, "SELECT extract(epoch FROM clock_timestamp())::float8")
    answered = time.time()
    # Nothing is said about a difference that the way there and back explains.
    seconds = max(asked - there, there - answered, 0.0)
    if seconds > LEEWAY_SECONDS:
        return Finding(
            subject, State.WRONG, f"its clock and this machine's differ by {seconds:.0f} s",
            "let both follow a time server (NTP): identities are good for a minute",
        )  # fmt: skip
    return fine(subject, "its clock agrees with this machine's")


def _check_collation(subject: str, connection: psycopg.Connection) -> Iterator[Finding]:
    row = _one(
        connection,
        "SELECT datcollversion, pg_database_collation_actual_version(oid) FROM pg_database"
        " WHERE datname = current_database()",
    )
    if row[0] != row[1]:
        yield Finding(
            subject, State.WARNING, f"its texts were sorted by version {row[0]} of the system's rules, now {row[1]}",
            "REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION",
        )  # fmt: skip


def _check_outbox(subject: str, connection: psycopg.Connection) -> Finding:
    count, seconds = _one(
        connection,
        "SELECT count(*), coalesce(extract(epoch FROM now() - min(create_time))::float8, 0) FROM outbox"
        " WHERE publish_time IS NULL",
    )
    if seconds > WAITING_SECONDS:
        return Finding(
            subject, State.WRONG, f"{count} events wait to be published, the oldest for {seconds:.0f} s",
            "start the process, and NATS; outbox.retry in its log names the reason. After a restore or republish they"
            " are old, and leave within minutes",
        )  # fmt: skip
    return fine(subject, f"{count} events wait to be published")


def _one(connection: psycopg.Connection, statement: Any) -> tuple[Any, ...]:
    return cast(tuple[Any, ...], connection.execute(statement).fetchone())
