"""How many SQL statements a request causes: PostgreSQL's own log says."""

import re
import time
from pathlib import Path

import psycopg

from chassis.embedded import Postgres

# Transaction control is no statement that costs; the relays look into their outboxes whatever a page does.
_COUNTED = re.compile(r"LOG:  (?:execute [^:]+|statement): (?!BEGIN|COMMIT|ROLLBACK|SET|LISTEN|RESET|DISCARD|SHOW)(.*)")
_BACKGROUND = re.compile(r"outbox|inbox|pg_|unnest|learning_changes", re.IGNORECASE)


def database_of(data: Path) -> Postgres:
    """Return the PostgreSQL that `make run` started on a data directory."""
    pid, _, _, port, *_ = (data / "postgres/cluster/postmaster.pid").read_text().splitlines()
    return Postgres(int(port), (data / "postgres/password").read_text(), int(pid))


class StatementLog:
    """Counts the statements between two moments; logs every statement while it is in use."""

    def __init__(self, data: Path) -> None:
        self._server = database_of(data)
        self._log = data / "postgres/postgres.log"
        self._offset = 0

    def __enter__(self) -> "StatementLog":
        self._set("all")
        return self

    def __exit__(self, *_: object) -> None:
        self._set("none")

    def _set(self, what: str) -> None:
        with psycopg.connect(self._server.url_for("postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET log_statement = '{what}'")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)

    def start(self) -> None:
        """Forget what came before."""
        time.sleep(0.1)
        self._offset = self._log.stat().st_size

    def statements(self) -> list[str]:
        """Return the statements since `start`, without transaction control and the relays' own."""
        time.sleep(0.1)
        with self._log.open("rb") as log:
            log.seek(self._offset)
            text = log.read().decode(errors="replace")
        found = [match[1] for match in _COUNTED.finditer(text)]
        return [statement for statement in found if not _BACKGROUND.search(statement)]
