"""``docs/performance.md``: what each bench found, in a part of its own; and what ``make bench`` found before."""

import json
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime

from tests import stack

PAGE = stack.ROOT / "docs/performance.md"
HISTORY = stack.ROOT / "docs/performance-history.jsonl"


def write_part(text: str) -> None:
    """Write one part of the page anew; it begins with its heading, and the others stay as they are."""
    heading = text.partition("\n")[0]
    parts = re.split(r"^(?=#{1,2} )", PAGE.read_text(), flags=re.MULTILINE)
    others = [part for part in parts if part and part.partition("\n")[0] != heading]
    place = next((at for at, part in enumerate(parts[1:]) if part.partition("\n")[0] == heading), len(others))
    others.insert(place, text)
    PAGE.write_text("\n".join(part.rstrip() + "\n" for part in others))


def add_to_history(figures: Mapping[str, object]) -> None:
    """Append what a run found, with its time and commit, as one line of JSON."""
    shown = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=stack.ROOT, check=True, capture_output=True, text=True
    )
    run = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "commit": shown.stdout.strip(), **figures}
    with HISTORY.open("a") as file:
        file.write(json.dumps(run) + "\n")
