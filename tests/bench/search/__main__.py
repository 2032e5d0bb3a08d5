"""
``make bench-search``: how good the search is on the judged set, and how fast on a large generated collection. Writes
its part of ``docs/performance.md`` with ``--write``.
"""

import argparse
import tempfile
from pathlib import Path

from chassis import telemetry
from chassis.settings import ProcessSettings
from tests import stack
from tests.bench import report
from tests.bench.search.quality import measure_quality
from tests.bench.search.volume import measure_volume

HEADING = "## Search"


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.search", description=__doc__)
    parser.add_argument("--count", type=int, nargs="+", default=[100_000], help="sizes of the generated collections")
    parser.add_argument("--questions", type=int, default=500, help="queries asked of each")
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE.relative_to(stack.ROOT)}")
    arguments = parser.parse_args()
    telemetry.set_up("bench", ProcessSettings(log_level="error"))
    parts = [HEADING, "What `make bench-search` prints on two cores. Times are milliseconds."]
    with tempfile.TemporaryDirectory() as scratch:
        parts += [measure_volume(Path(scratch, f"{count}"), count, arguments.questions) for count in arguments.count]
        parts.append(measure_quality(Path(scratch, "judged")))
    text = "\n\n".join(parts) + "\n"
    print(text)
    if arguments.write:
        report.write_part(text)


if __name__ == "__main__":
    main()
