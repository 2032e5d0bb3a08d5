"""Asks the planner in this process as the API does, in JSON."""

import threading
from collections.abc import Iterable
from typing import Any

from austausch.exchange.v1 import scheduling_pb2 as pb
from google.protobuf import json_format

from services.exchange.convert_schedule import ProblemReader, plan_message
from services.exchange.scheduling.plan import Kept, Plan
from services.exchange.scheduling.planner import Planner
from services.exchange.scheduling.problem import Problem
from tests.planning.validator import list_faults

Json = dict[str, Any]
WAIT_SECONDS = 60.0


def schedule(
    problem: Json, keep: Iterable[Json] = (), improve_seconds: float = 5.0, limit_seconds: float = WAIT_SECONDS
) -> Json:
    """
    Return the answer to a problem.

    Args:
        improve_seconds: How long a plan may be improved.
        limit_seconds: How long all of it may take: as long as a busy machine may need.
    """
    reader = ProblemReader(make_request(problem, keep=list(keep)))
    timer: threading.Timer | None = None

    def watch(_plan: Plan) -> None:
        nonlocal timer
        if timer is None:
            timer = threading.Timer(improve_seconds, planner.stop)
            timer.start()

    planner = Planner(*reader.read(), limit_seconds, watch)
    answer = plan_message(planner.run(), reader.zone)
    if timer is not None:
        timer.cancel()
    return json_format.MessageToDict(answer, always_print_fields_with_no_presence=True)


def make_request(problem: Json, **fields: Any) -> pb.ScheduleProgrammeRequest:
    """Return the request of a problem, with what else is given."""
    request = pb.ScheduleProgrammeRequest()
    json_format.ParseDict({"problem": problem, **fields}, request)
    return request


def read_problem(problem: Json) -> tuple[Problem, dict[str, Kept]]:
    """Return a problem as the planner takes it; nothing is to be kept."""
    return ProblemReader(make_request(problem)).read()


def schedule_validly(
    problem: Json, keep: Iterable[Json] = (), improve_seconds: float = 5.0, limit_seconds: float = WAIT_SECONDS
) -> Json:
    """Return the answer to a problem that has a plan; it is checked."""
    answer = schedule(problem, keep, improve_seconds, limit_seconds)
    assert answer["state"] == "SCHEDULED", answer
    assert list_faults(problem, answer) == []
    return answer


def keep(answer: Json) -> list[Json]:
    """Return what to keep of the plan in an answer: all of it."""
    return [
        {name: assignment[name] for name in ("item", "startTime", "room", "interpreter")}
        for assignment in answer["assignments"]
    ]


def make_problem(**fields: Any) -> Json:
    """Return a problem of two days in one hall, with what else is given."""
    return {
        "timeZone": "Europe/Berlin",
        "granularityMinutes": 15,
        "days": [
            {"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T17:00"},
            {"id": "d2", "openTime": "2030-05-03T09:00", "closeTime": "2030-05-03T17:00"},
        ],
        "rooms": [{"id": "hall"}],
        "people": [{"id": "mayor"}, {"id": "guest"}],
        "items": [],
        **fields,
    }


def make_item(name: str, minutes: int = 60, **fields: Any) -> Json:
    """Return an item with what else is given."""
    return {"id": name, "durationMinutes": minutes, **fields}
