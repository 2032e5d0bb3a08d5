"""``docs/performance.md``: what each bench found, in a part of its own."""

import re

from tests import stack

PAGE = stack.ROOT / "docs/performance.md"


def write_part(text: str) -> None:
    """Write one part of the page anew; it begins with its heading, and the others stay as they are."""
    heading = text.partition("\n")[0]
    parts = re.split(r"^(?=#{1,2} )", PAGE.read_text(), flags=re.MULTILINE)
    others = [part for part in parts if part and part.partition("\n")[0] != heading]
    place = next((at for at, part in enumerate(parts[1:]) if part.partition("\n")[0] == heading), len(others))
    others.insert(place, text)
    PAGE.write_text("\n".join(part.rstrip() + "\n" for part in others))
