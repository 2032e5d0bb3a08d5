"""
``make bench-calendar``: how soon the exchange service tells what the calendar of a year shows, of 10,000 visits in it.

Times are of calls over gRPC, one after another; the goal stands beside them. Writes its part of
``docs/performance.md`` with ``--write``.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import grpc
import psycopg
from austausch.exchange.v1 import calendars_pb2, calendars_pb2_grpc, exchange_pb2, exchange_pb2_grpc
from psycopg.sql import SQL, Identifier

from chassis.client import metadata_for
from chassis.convert import date_message
from chassis.identity import Role, Signer
from deploy.embedded import HOST, free_port
from tests import stack
from tests.bench import load, report
from tests.bench.client import Client
from tests.bench.statements import StatementLog, database_url
from tests.calls import person

HEADING = "## The calendar of visits"
VISITS = 10_000
YEAR = 2031
CALLS = 100
GOAL_MS = 100
SPAN = {"from_date": date_message(date(YEAR, 1, 1)), "to_date": date_message(date(YEAR, 12, 31))}
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'visits' AND is_generated = 'NEVER'"
# Copies of a visit on all days of a year, of every exchange in turn.
FILL = """
INSERT INTO visits ({columns}) SELECT {filled}
FROM generate_series(0, %(visits)s - 1) AS number
CROSS JOIN LATERAL (SELECT %(first)s::date + number %% 360 AS day) AS days
CROSS JOIN (SELECT * FROM visits WHERE state = 'confirmed' LIMIT 1) AS model
JOIN (SELECT id, city_id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS all_of FROM exchanges)
  AS exchange ON exchange.place = number %% exchange.all_of
CROSS JOIN LATERAL jsonb_populate_record(model::visits, jsonb_build_object(
  'id', 'bench-' || number, 'title', 'Visit ' || number, 'exchange_id', exchange.id, 'city_id', exchange.city_id,
  'start_date', day, 'end_date', day + number %% 5, 'host_department', 'Department ' || number %% 20)) AS filled
"""


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.calendar", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE.relative_to(stack.ROOT)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        text = _measure(Path(scratch) / "data")
    print(text)
    if arguments.write:
        report.write_part(text)


def _measure(data: Path) -> str:
    address = f"{HOST}:{free_port()}"
    with stack.running(data, EXCHANGE_LISTEN=address) as running:
        client = Client(running.url)
        _add_exchanges(client)
        with psycopg.connect(database_url(data, "exchange"), autocommit=True) as connection:
            columns = [Identifier(name) for (name,) in connection.execute(COLUMNS)]
            fill = SQL(FILL).format(
                columns=SQL(", ").join(columns),
                filled=SQL(", ").join(SQL("filled.{}").format(column) for column in columns),
            )
            connection.execute(fill, {"visits": VISITS, "first": date(YEAR, 1, 1)})
            connection.execute("ANALYZE")
        rows = _time_calls(address, (data / "gateway-key.pem").read_text(), client)

        def open_page() -> int:
            return load.once(client.url, f"/visits?view=year&from={YEAR}-01-01", headers=client.cookie)

        rows.append(("the page, through the gateway", _time(open_page)))
        with StatementLog(data) as log:
            statements = log.of(open_page)
    table = "\n".join(f"| {what} | {first:.0f} | {p50:.0f} | {p95:.0f} |" for what, (first, p50, p95) in rows)
    return f"""{HEADING}

What `make bench-calendar` prints: milliseconds, of {CALLS} calls one after another, for the year {YEAR} with {VISITS:,}
visits of all partner cities: up to 500 are drawn, more are counted (goal at the service: p95 at most {GOAL_MS}). The
page needs {len(statements)} SQL statements.

| what | first | p50 | p95 |
|---|---|---|---|
{table}
"""


def _add_exchanges(client: Client) -> None:
    """Add an exchange to every partnership, so that the calendar has a row for each city."""
    for partnership in client.get("/api/v1/partnerships", pageSize=1000)["partnerships"]:
        exchange = {
            "title": "Bench",
            "kind": "KIND_CULTURE",
            "partnership": partnership["name"],
            "department": "Culture",
        }
        client.post("/api/v1/exchanges", exchange)


def _time_calls(address: str, key: str, client: Client) -> list[tuple[str, tuple[float, float, float]]]:
    cities = [city["name"] for city in client.get("/api/v1/cities", pageSize=1000)["cities"]]
    signer, caller = Signer("gateway", key), person(Role.COORDINATOR)
    with grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)]) as channel:
        visits = exchange_pb2_grpc.VisitServiceStub(channel)
        calendars = calendars_pb2_grpc.CalendarServiceStub(channel)

        def ask(rpc: Any, request: Any) -> Callable[[], Any]:
            return lambda: rpc(request, metadata=metadata_for(signer.token(caller)))

        # 500 visits take 18 days, and what was listed lately is remembered: none of ten calls lists what another does.
        starts = itertools.cycle(date_message(date(YEAR, 1, 1) + timedelta(days=36 * number)) for number in range(10))

        def list_visits() -> Any:
            days = {"from_date": next(starts), "to_date": SPAN["to_date"]}
            year = exchange_pb2.ListVisitsRequest(page_size=500, order_by="start_date", **days)
            return ask(visits.ListVisits, year)()

        months = exchange_pb2.CountVisitsRequest(period=exchange_pb2.CountVisitsRequest.PERIOD_MONTH, **SPAN)
        holidays = calendars_pb2.ListHolidaysRequest(cities=cities, without_days_off=True, **SPAN)
        rooms = calendars_pb2.ListOccupanciesRequest(kind=calendars_pb2.ListOccupanciesRequest.KIND_ROOM, **SPAN)
        return [
            ("500 visits, each time others", _time(list_visits)),
            ("counts of 10,000 visits", _time(ask(visits.CountVisits, months))),
            (f"holidays of {len(cities)} cities", _time(ask(calendars.ListHolidays, holidays))),
            ("occupancy of rooms", _time(ask(calendars.ListOccupancies, rooms))),
        ]


def _time(call: Callable[[], Any]) -> tuple[float, float, float]:
    """Return the milliseconds of the first call, and p50 and p95 of those after it."""
    times = []
    for _ in range(CALLS + 1):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(times[1:], n=20)
    return times[0], cuts[9], cuts[18]


if __name__ == "__main__":
    main()
