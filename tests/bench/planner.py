"""
``make bench-planner``: how soon there is a plan, an explanation, a changed plan, on generated programmes. Writes its
part of ``docs/performance.md`` with ``--write``.

There is nothing to compare with: times are stated, with the goals beside them. Each plan is checked.
"""

import argparse
import random
import statistics
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests import stack
from tests.bench import report
from tests.planning.asking import keep, schedule
from tests.planning.generator import CONTRADICTIONS, FORMAT, Shape, contradict, generate
from tests.planning.validator import list_faults

Json = dict[str, Any]
HEADING = "## Planning"
SEEDS = range(5)
IMPROVE_SECONDS = 4.0
INTRODUCTION = f"""\
What `make bench-planner` prints on two cores: seconds, median / longest of {len(SEEDS)} programmes made up with a
plan (`tests/planning/generator.py`); goals in brackets. Of the items 10 % have a fixed time and 30 % a bounded one. An
explanation is of one of {len(CONTRADICTIONS)} kinds of contradiction; a plan is changed after somebody fell ill or a
room was lost."""


@dataclass(frozen=True)
class Size:
    """Programmes of one size, and how long the answers may take: plan, explanation, changed plan; in seconds."""

    label: str
    shape: Shape
    goals: tuple[float, float, float]


SIZES = (
    Size("20 items", Shape(20, 2, 4, 20), (1, 1, 1)),
    Size("20 items, 3 venues, interpreters", Shape(20, 2, 6, 20, interpreters=4, venues=3), (4, 1, 6)),
    Size("50 items", Shape(50, 3, 8, 40), (1, 1, 1)),
    Size("50 items, 3 venues, interpreters", Shape(50, 2, 6, 40, interpreters=6, venues=3), (4, 1, 6)),
    Size("50 items, 12 venues, interpreters", Shape(50, 2, 12, 40, interpreters=6, venues=12), (4, 1, 6)),
    Size("100 items", Shape(100, 3, 12, 80), (2, 6, 6)),
    Size("200 items", Shape(200, 5, 14, 150), (4, 6, 6)),
)


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.planner", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE.relative_to(stack.ROOT)}")
    arguments = parser.parse_args()
    text = "\n".join(
        [
            HEADING,
            "",
            INTRODUCTION,
            "",
            "| programme | first plan | explanation | minimal | changed plan | fewest changes proven |",
            "|---|---|---|---|---|---|",
            *(_measure(size) for size in SIZES),
            "",
        ]
    )
    print(text)
    if arguments.write:
        report.write_part(text)


def _measure(size: Size) -> str:
    plans, explanations, minimal, changed, fewest = [], [], [], [], []
    for seed in SEEDS:
        problem = generate(size.shape, seed).problem
        answer = _check(problem, schedule(problem, improve_seconds=IMPROVE_SECONDS))
        plans.append(answer["firstSolutionSeconds"])
        for worse in _list_mishaps(problem, answer, random.Random(seed)):
            again = schedule(worse, keep(answer), improve_seconds=IMPROVE_SECONDS)
            changed.append(again["firstSolutionSeconds"] or again["seconds"])
            fewest.append(again["changes"]["fewestProven"])
            if again["state"] == "SCHEDULED":
                _check(worse, again)
        for kind in CONTRADICTIONS if size.shape.venues > 1 else set(CONTRADICTIONS) - {"too far"}:
            contrary = deepcopy(problem)
            contradict(contrary, kind, seed)
            refusal = schedule(contrary, improve_seconds=IMPROVE_SECONDS)
            if refusal["state"] != "INFEASIBLE":
                raise AssertionError(f"{size.label}, {kind}, {seed}: {refusal['state']}")
            explanations.append(refusal["seconds"])
            minimal.append(refusal["conflict"]["minimal"])
    times = (
        f"{_tell(seconds)} ({goal:g})" for seconds, goal in zip((plans, explanations, changed), size.goals, strict=True)
    )
    plan, explanation, change = times
    return f"| {size.label} | {plan} | {explanation} | {_share(minimal)} | {change} | {_share(fewest)} |"


def _check(problem: Json, answer: Json) -> Json:
    if answer["state"] != "SCHEDULED" or (faults := list_faults(problem, answer)):
        raise AssertionError(f"{answer['state']}: {faults}")
    return answer


def _list_mishaps(problem: Json, answer: Json, chance: random.Random) -> Iterable[Json]:
    """Yield the problem after somebody fell ill for two hours of a day, and after a room was lost for a day."""
    ill = deepcopy(problem)
    assignment = chance.choice(answer["assignments"])
    start = datetime.fromisoformat(assignment["startTime"])
    for person in ill["people"]:
        if person["id"] in assignment["attending"][:1]:
            absence = {"startTime": f"{start:{FORMAT}}", "endTime": f"{start + timedelta(hours=2):{FORMAT}}"}
            person["absences"].append(absence)
    yield ill
    lost = deepcopy(problem)
    day = chance.choice(problem["days"])
    chance.choice(lost["rooms"])["closed"].append({"startTime": day["openTime"], "endTime": day["closeTime"]})
    yield lost


def _tell(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} / {max(seconds):.2f}"


def _share(facts: list[bool]) -> str:
    return f"{sum(facts)} of {len(facts)}"


if __name__ == "__main__":
    main()
