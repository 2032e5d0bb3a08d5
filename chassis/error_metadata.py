"""
What an error tells machines beside its reason: the particulars of one thing, or of several.

``ErrorInfo.metadata`` is flat, text by text. The particulars of several things stand there as
``<things>_<index>_<name>``, counted from 0, e.g. ``clashes_0_resource``; what is wrong with the fields of a request as
``violations_<index>_<name>``, by the place of the violation in ``BadRequest.field_violations``.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

# Of how many things at most: as many as a person reads, and as fit into the trailers of an answer.
MAX_LISTED = 10


def flatten_indexed(things: str, items: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """
    Return the particulars of several things as flat metadata.

    Args:
        things: What they are called together, e.g. ``clashes``.
        items: The particulars of each, by name.
    """
    return {f"{things}_{index}_{name}": text for index, item in enumerate(items) for name, text in item.items()}


def read_indexed(metadata: Mapping[str, str], things: str) -> dict[int, dict[str, str]]:
    """Return what `flatten_indexed` made flat: particulars by name, by index; things without any are missing."""
    items: dict[int, dict[str, str]] = {}
    for key, text in metadata.items():
        if key.startswith(f"{things}_"):
            index, _, name = key.removeprefix(f"{things}_").partition("_")
            if index.isdecimal() and name:
                items.setdefault(int(index), {})[name] = text
    return dict(sorted(items.items()))


def rfc3339(moment: datetime) -> str:
    """Return an instant as text, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
