"""What the processes and PostgreSQL said in their logs that somebody would have to look into."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

LEVELS = ("error", "critical")
# What PostgreSQL calls an error, and why it is none.
EXPECTED_OF_POSTGRESQL = (
    "canceling statement due to lock timeout",  # A migration gives way, and tries again.
    "deadlock detected",  # Two replicas met in the same rows: one of them tries again.
    "canceling statement due to user request",  # A call took too long, which its caller was told: try again.
)
SHOWN = 200


def list_defects(name: str, log: Path, *, is_restarted: bool) -> Iterator[str]:
    """
    Yield what processes said at level error, and what is no line of theirs, such as a traceback; the same once.

    Args:
        name: Whose processes.
        log: What their supervisor printed, with ``LOG_FORMAT=json``.
        is_restarted: Whether processes were stopped on purpose; else one that was started again has died.
    """
    found: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        _process, bar, said = line.partition(" | ")
        if not bar:  # The supervisor's own.
            if "starting it again" in line and not is_restarted:
                found[line] += 1
            continue
        try:
            event = json.loads(said)
        except ValueError:
            if "Traceback" in said or "ERROR" in said or "Error:" in said:
                found[line.strip()] += 1
        else:
            if event.get("level") in LEVELS:
                found[f"{_process.strip()}: {said}"] += 1
    yield from (f"{name} said {times} times: {said[:SHOWN]}" for said, times in found.items())


def list_postgres_defects(log: Path, start: int) -> Iterator[str]:
    """Yield what PostgreSQL refused after the first bytes of its log, the same once."""
    found: Counter[str] = Counter()
    for line in log.read_bytes()[start:].decode(errors="replace").splitlines():
        for level in ("ERROR:", "FATAL:", "PANIC:"):
            _, is_there, said = line.partition(level)
            if is_there and not any(expected in said for expected in EXPECTED_OF_POSTGRESQL):
                found[said.strip()] += 1
    yield from (f"PostgreSQL said {times} times: {said[:SHOWN]}" for said, times in found.items())
