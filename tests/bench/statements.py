"""How many SQL statements a request causes: PostgreSQL's own log says."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from deploy.embedded import HOST

# Transaction control is no statement that costs; the relays look into their outboxes whatever a page does, and of a new
# connection the driver asks its types. The further lines of a statement begin with a tab.
_COUNTED = re.compile(
    r"LOG:  (?:execute [^:]+|statement): (?!BEGIN|COMMIT|ROLLBACK|SET|LISTEN|RESET|DISCARD|SHOW)(.*(?:\n\t.*)*)"
)
_BACKGROUND = re.compile(r"outbox|inbox|pg_|array_fill|learning_changes|set_config\('jit'", re.IGNORECASE)


def database_url(data: Path, database: str) -> str:
    """Return the URL of a database of the PostgreSQL that `make run` started on a data directory."""
    port = (data / "postgres/cluster/postmaster.pid").read_text().splitlines()[3]
    password = (data / "postgres/password").read_text()
    return f"postgresql://postgres:{password}@{HOST}:{port}/{database}"


class StatementLog:
    """Tells the statements of a request; logs every statement while it is in use."""

    def __init__(self, data: Path) -> None:
        self._url = database_url(data, "postgres")
        self._log = data / "postgres/postgres.log"

    def __enter__(self) -> "StatementLog":
        self._set("all")
        return self

    def __exit__(self, *_: object) -> None:
        self._set("none")

    def _set(self, what: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET log_statement = '{what}'")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)

    def of(self, send: Callable[[], object]) -> list[str]:
        """
        Return the statements that a request causes, without transaction control and the relays' own.

        The fewest of a few tries that caused any: now and then a worker asks anew whose session it is, and on a busy
        machine a page does without what came too late.
        """
        tries = [self._of_one(send) for _ in range(4)]
        return min(filter(None, tries), key=len, default=[])

    def _of_one(self, send: Callable[[], object]) -> list[str]:
        time.sleep(0.1)
        offset = self._log.stat().st_size
        send()
        time.sleep(0.1)
        with self._log.open("rb") as log:
            log.seek(offset)
            text = log.read().decode(errors="replace")
        found = [match[1] for match in _COUNTED.finditer(text)]
        return [statement for statement in found if not _BACKGROUND.search(statement)]
