"""
``make bench-calendar``: how soon the exchange service tells of visits, of 10,000 of them with 100,000 items in a year:
the calendar, lists, and visits with their programmes; and what it makes of that while programmes are planned.

Times are of calls over gRPC, one after another; the goal stands beside them. Writes its part of
``docs/performance.md`` with ``--write``.
"""

import argparse
import itertools
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import grpc
from austausch.exchange.v1 import (
    calendars_pb2,
    calendars_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
    scheduling_pb2_grpc,
)

from chassis.client import metadata_for
from chassis.convert import date_message
from chassis.identity import Role, Signer
from deploy.embedded import HOST, free_port
from tests import stack
from tests.bench import load, report
from tests.bench.client import Client
from tests.bench.many_visits import DELEGATES_OF_EACH, ITEMS_OF_EACH, add_visits
from tests.bench.statements import StatementLog
from tests.calls import person
from tests.planning.asking import make_request
from tests.planning.generator import Shape, generate

HEADING = "## The calendar of visits"
VISITS, CALLS = 10_000, 100
YEAR = 2031
GOAL_MS, MOST_STATEMENTS = 100, 5
SPAN = {"from_date": date_message(date(YEAR, 1, 1)), "to_date": date_message(date(YEAR, 12, 31))}
# As hard as the planner's benchmark has them; so many different ones, which come round again.
PLANNED, PLAN_SECONDS, PROGRAMMES = Shape(200, 5, 14, 150), 60, 6
Times = tuple[float, float, float]


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.calendar", description=__doc__)
    parser.add_argument("--visits", type=int, default=VISITS, help=f"how many visits (default: {VISITS:,})")
    parser.add_argument("--calls", type=int, default=CALLS, help=f"calls of each kind, 2 at least (default: {CALLS})")
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE.relative_to(stack.ROOT)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        text = _measure(Path(scratch) / "data", arguments.visits, arguments.calls)
    print(text)
    if arguments.write:
        report.write_part(text)


def _measure(data: Path, count: int, calls: int) -> str:
    address = f"{HOST}:{free_port()}"
    with stack.running(data, EXCHANGE_LISTEN=address) as running:
        client = Client(running.url)
        _add_exchanges(client)
        add_visits(data, count, date(YEAR, 1, 1))
        key = (data / "gateway-key.pem").read_text()
        with _Service.connect(address, key, client, count) as service:
            rows = [(what, _time(call, calls)) for what, call in service.list_calls()]
            with service.planning():
                rows += [
                    (f"{what}, while two programmes are planned", _time(call, calls))
                    for what, call in service.list_others()
                ]
        pages = {
            "the year": f"/visits?view=year&from={YEAR}-01-01",
            "the list": f"/visits?view=list&city={service.cities[-1]}",
            "a visit": "/visits/bench-0",
            "a timetable": f"/visits/bench-{count // 2}/timetable",
        }

        def open_page(path: str) -> Callable[[], int]:
            return lambda: load.once(client.url, path, headers=client.cookie)

        rows += [
            (f"the page of {what}, through the gateway", _time(open_page(pages[what]), calls))
            for what in ("the year", "a timetable")
        ]
        with StatementLog(data) as log:
            statements = {what: len(log.of(open_page(path))) for what, path in pages.items()}
    table = "\n".join(f"| {what} | {first:.0f} | {p50:.0f} | {p95:.0f} |" for what, (first, p50, p95) in rows)
    counted = ", ".join(f"{what} {number}" for what, number in statements.items())
    return f"""{HEADING}

What `make bench-calendar` prints: milliseconds, of {calls} calls one after another, with {count:,} visits of all
partner cities in the year {YEAR}, {count * ITEMS_OF_EACH:,} agenda items and {count * DELEGATES_OF_EACH:,} delegates.
Of a year up to 500 visits are drawn, more are counted. Lists of 50 and visits are asked for once each. Programmes that
are planned meanwhile have {PLANNED.items} items each (goal at the service, everywhere: p95 at most {GOAL_MS}). SQL
statements of pages (goal: at most {MOST_STATEMENTS}; a timetable needs what others hold as well): {counted}.

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


class _Service:
    """The exchange service, as the gateway calls it for a coordinator."""

    def __init__(self, channel: grpc.Channel, signer: Signer, client: Client, count: int) -> None:
        self._visits = exchange_pb2_grpc.VisitServiceStub(channel)
        self._programmes = exchange_pb2_grpc.ProgrammeServiceStub(channel)
        self._calendars = calendars_pb2_grpc.CalendarServiceStub(channel)
        self._planner = scheduling_pb2_grpc.SchedulingServiceStub(channel)
        self._signer = signer
        self.cities = [city["name"] for city in client.get("/api/v1/cities", pageSize=1000)["cities"]]
        numbers = random.Random(count).sample(range(count), count)
        self._names = (f"visits/bench-{number}/programme" for number in numbers)
        days = random.Random(count).sample(range(360), 360)
        self._lists = ((self.cities[place % len(self.cities)], day) for place, day in enumerate(days))

    @classmethod
    @contextmanager
    def connect(cls, address: str, key: str, client: Client, count: int) -> Iterator["_Service"]:
        with grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)]) as channel:
            yield cls(channel, Signer("gateway", key), client, count)

    def list_calls(self) -> list[tuple[str, Callable[[], Any]]]:
        """Return what is measured: what it is called, and the call."""
        # 500 visits take 18 days, and what was listed lately is remembered: none of ten calls lists what another does.
        starts = itertools.cycle(date_message(date(YEAR, 1, 1) + timedelta(days=36 * number)) for number in range(10))

        def list_year() -> Any:
            days = {"from_date": next(starts), "to_date": SPAN["to_date"]}
            year = exchange_pb2.ListVisitsRequest(page_size=500, order_by="start_date", **days)
            return self._ask(self._visits.ListVisits, year)

        months = exchange_pb2.CountVisitsRequest(period=exchange_pb2.CountVisitsRequest.PERIOD_MONTH, **SPAN)
        holidays = calendars_pb2.ListHolidaysRequest(cities=self.cities, without_days_off=True, **SPAN)
        rooms = calendars_pb2.ListOccupanciesRequest(kind=calendars_pb2.ListOccupanciesRequest.KIND_ROOM, **SPAN)
        return [
            ("year: 500 visits, each time others", list_year),
            ("year: counts of all visits", lambda: self._ask(self._visits.CountVisits, months)),
            (f"year: holidays of {len(self.cities)} cities", lambda: self._ask(self._calendars.ListHolidays, holidays)),
            ("year: occupancy of rooms", lambda: self._ask(self._calendars.ListOccupancies, rooms)),
            *self.list_others(),
        ]

    def list_others(self) -> list[tuple[str, Callable[[], Any]]]:
        """Return what is measured while programmes are planned as well."""
        return [("list: 50 visits of a city", self._list_visits), ("a visit with its programme", self._get_programme)]

    def _list_visits(self) -> Any:
        city, day = next(self._lists)
        start = date_message(date(YEAR, 1, 1) + timedelta(days=day))
        return self._ask(self._visits.ListVisits, exchange_pb2.ListVisitsRequest(city=city, from_date=start))

    def _get_programme(self) -> Any:
        programme = self._ask(self._programmes.GetProgramme, exchange_pb2.GetProgrammeRequest(name=next(self._names)))
        assert len(programme.agenda_items) == ITEMS_OF_EACH
        assert len(programme.delegates) == DELEGATES_OF_EACH
        return programme

    def _ask(self, rpc: Any, request: Any) -> Any:
        return rpc(request, metadata=self._sign())

    def _sign(self) -> Any:
        return metadata_for(self._signer.token(person(Role.COORDINATOR)))

    @contextmanager
    def planning(self) -> Iterator[None]:
        """
        Have two programmes planned all the time in the block: some are planned soon, so each is followed by another.

        Raises:
            grpc.RpcError: One could not be planned.
        """
        # Made before anything is measured.
        requests = [
            make_request(generate(PLANNED, seed).problem, timeLimitSeconds=PLAN_SECONDS) for seed in range(PROGRAMMES)
        ]
        ended = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            plans = [pool.submit(self._plan, itertools.cycle(requests[number::2]), ended) for number in range(2)]
            try:
                time.sleep(1)
                yield
            finally:
                ended.set()
            for plan in plans:
                plan.result()

    def _plan(self, requests: Iterator[Any], ended: threading.Event) -> None:
        """
        Have one programme after the other planned.

        Raises:
            grpc.RpcError: One could not be planned.
        """
        while not ended.is_set():
            run = self._planner.ScheduleProgramme.future(next(requests), metadata=self._sign())
            while not run.done() and not ended.wait(0.05):
                pass
            if not run.cancel():
                run.result()


def _time(call: Callable[[], Any], calls: int) -> Times:
    """Return the milliseconds of the first call, and p50 and p95 of those after it."""
    times = []
    for _ in range(calls + 1):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(times[1:], n=20)
    return times[0], cuts[9], cuts[18]


if __name__ == "__main__":
    main()
