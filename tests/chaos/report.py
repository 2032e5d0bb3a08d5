"""What a run found, as a page for operators."""

from dataclasses import dataclass
from statistics import median

from tests.chaos.work import Notes
from tests.stack import ROOT

PAGE = ROOT / "docs" / "operations" / "faults.md"
SHOWN = 40


@dataclass(frozen=True)
class Outcome:
    """
    What a fault did.

    Attributes:
        fault: Its name.
        seconds: How long it went on.
        well_after: Seconds from its end until the platform was well again; None: it was not.
        writes: Writes acknowledged from its begin until then.
        reads: Reads answered in that time.
        reads_refused: Reads that were not.
    """

    fault: str
    seconds: float
    well_after: float | None
    writes: int
    reads: int
    reads_refused: int

    @property
    def line(self) -> str:
        """The outcome in one line."""
        well = "not well again" if self.well_after is None else f"well {self.well_after:.1f} s after its end"
        return (
            f"{self.fault}, for {self.seconds:.1f} s: {well}; {self.writes} writes, {self.reads_refused} reads refused"
        )


def describe(outcomes: list[Outcome], notes: Notes, broken: list[str], seed: int) -> str:
    """Return the page."""
    faults = sorted({outcome.fault for outcome in outcomes})
    rows = [_describe_fault(name, [outcome for outcome in outcomes if outcome.fault == name]) for name in faults]
    minutes = sum(outcome.seconds + (outcome.well_after or 0) for outcome in outcomes) / 60
    verdict = "\n".join(f"- {sentence}" for sentence in broken[:SHOWN]) or "Nothing."
    return f"""\
# Faults

What `make chaos` found: the real processes, PostgreSQL and NATS on one machine, under load, with one fault after the
other. Made by `python -m tests.chaos --seconds … --write`; the seed was {seed}.

{len(outcomes)} faults in {minutes:.0f} minutes. Acknowledged meanwhile: {len(notes.writes)} writes, among them
{len(notes.learnings)} learnings, {len(notes.reports)} visits from idea to report, {len(notes.forums)} forums and
{sum(notes.counted.values())} changes of one title by two people. Reads: {len(notes.reads)}.

A platform is *well* when a visit can be taken from the idea to its report, the learning that an event makes of it is
found by search, and `/readyz` says 200.

| fault | times | lasted, s | well after its end, s: median (longest) | reads answered | refused |
|---|---:|---:|---:|---:|---:|
{chr(10).join(rows)}

## What did not hold

Checked over REST: every acknowledged write is there once; nothing is half done; every event had its effect once;
the index is level; no event was given up; nobody lent a hand.

{verdict}
"""


def _describe_fault(name: str, outcomes: list[Outcome]) -> str:
    well = [outcome.well_after for outcome in outcomes if outcome.well_after is not None]
    times = f"{median(well):.1f} ({max(well):.1f})" if len(well) == len(outcomes) else "never"
    lasted = median(outcome.seconds for outcome in outcomes)
    answered = sum(outcome.reads for outcome in outcomes)
    refused = sum(outcome.reads_refused for outcome in outcomes)
    return f"| {name} | {len(outcomes)} | {lasted:.0f} | {times} | {answered} | {refused} |"
