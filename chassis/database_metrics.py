"""What a process counts of its database: connections in use, and errors by SQLSTATE."""

from typing import Any

from prometheus_client import Counter, Gauge
from sqlalchemy import Engine, ExceptionContext, event

from chassis.database_errors import find_sqlstate

# PostgreSQL, appendix A: what an operator can do something about, or has to know. All else is `other`.
STATES = frozenset(
    {
        "08006",  # connection failure
        "23503", "23505", "23P01",  # refused by a foreign key, a unique key, an exclusion
        "25006",  # read-only: a standby
        "28P01",  # wrong password
        "40001", "40P01", "55P03",  # two transactions met, waited for each other, or one for a lock
        "53100", "53200", "53300",  # disk full, out of memory, too many connections
        "57014",  # cancelled: it took too long
        "57P01", "57P02", "57P03",  # the server stops, crashed, or starts
    }
)  # fmt: skip
OTHER = "other"

errors = Counter("database_errors_total", "Statements that the database refused", ["sqlstate"])
# In the gateway, of all its workers.
in_use = Gauge(
    "database_connections_in_use", "Connections to the database in use", ["database"], multiprocess_mode="livesum"
)
at_most = Gauge(
    "database_connections_max", "Connections to the database, at most", ["database"], multiprocess_mode="livesum"
)


def observe(engine: Engine, pool_size: int) -> None:
    """Count what an engine does from now on."""
    name = engine.url.database
    at_most.labels(name).set(pool_size)
    held = in_use.labels(name)
    event.listen(engine, "checkout", lambda *_: held.inc())
    event.listen(engine, "checkin", lambda *_: held.dec())
    event.listen(engine, "handle_error", _count_error)


def _count_error(context: ExceptionContext) -> Any:
    state = find_sqlstate(context.original_exception)
    errors.labels(state if state in STATES else OTHER).inc()
