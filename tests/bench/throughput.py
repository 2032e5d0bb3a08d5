"""Throughput and latency of the platform's answers beside their baselines."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench import load
from tests.bench.asking import Question

# Each round loads every subject once, so that whatever else the machine does falls on all of them alike.
ROUNDS = 3


@dataclass(frozen=True)
class Subject:
    """What is loaded, and the baseline (a subject, too) that it is compared with."""

    what: str
    url: str
    """Of the server."""
    questions: Iterator[Question]
    """What it is asked; the rounds go on where the one before stopped."""
    headers: dict[str, str] = field(default_factory=dict)
    baseline: str = ""
    """`what` of the baseline; empty for a baseline."""
    goal: float = 0.0
    """Ratio of its requests per second to the baseline's; 0 where there is no goal."""


@dataclass(frozen=True)
class Row:
    """A line of the table: the medians over all rounds."""

    subject: Subject
    loads: Sequence[load.Load]
    ratio: float
    """To the baseline in the same round; 1 for a baseline."""

    @property
    def figures(self) -> dict[str, float]:
        """The medians by their names: requests per second, and milliseconds."""
        names = ("per_second", "p50", "p99")
        return {name: statistics.median(getattr(each, name) for each in self.loads) for name in names}

    def __str__(self) -> str:
        per_second, p50, p99 = self.figures.values()
        subject = self.subject
        result = f"{self.ratio:.2f} of {subject.baseline.partition(':')[0]}" if subject.baseline else ""
        if subject.goal:
            result += f" (goal {subject.goal}{', missed' if self.ratio < subject.goal else ''})"
        return f"| {subject.what} | {per_second:,.0f} | {p50:.1f} | {p99:.1f} | {self.loads[-1].bytes:,} | {result} |"


def measure(subjects: Sequence[Subject], seconds: float) -> list[Row]:
    """
    Load every subject for some seconds in each of the rounds.

    Raises:
        RuntimeError: An answer was not 200.
    """
    rounds = [
        {each.what: load.run(each.url, each.questions, headers=each.headers, seconds=seconds) for each in subjects}
        for _ in range(ROUNDS)
    ]
    return [
        Row(
            each,
            [loads[each.what] for loads in rounds],
            statistics.median(
                loads[each.what].per_second / loads[each.baseline or each.what].per_second for loads in rounds
            ),
        )
        for each in subjects
    ]


def measure_at_half(row: Row, seconds: float) -> load.Load:
    """Ask half as much as was answered at most, when it is due, as people do who know nothing of each other."""
    subject = row.subject
    per_second = row.figures["per_second"] / 2
    return load.run(
        subject.url, subject.questions, headers=subject.headers, seconds=seconds, connections=32, per_second=per_second
    )
