"""Fields of several entries: typed into one field, or each with fields of its own, numbered in their paths."""

import re
from collections.abc import Callable, Iterable

from werkzeug.datastructures import MultiDict

LIST_SEPARATORS = re.compile(r"[,;\n]")
# Entries of one list on a page; the contract allows fewer everywhere. An index is a number someone else chose.
MAX_ENTRIES = 100


def split_entries(texts: Iterable[str]) -> list[str]:
    """Return what was typed into a field of several entries, divided by commas, semicolons or lines."""
    return [entry.strip() for text in texts for entry in LIST_SEPARATORS.split(text) if entry.strip()]


def count_entries(values: MultiDict[str, str], path: str) -> int:
    """Return how many entries the list of messages at `path` has on the page, at most `MAX_ENTRIES`."""
    indices = (int(match[1]) for key in values if (match := re.match(re.escape(path) + r"\.([0-9]{1,3})\.", key)))
    return max((index for index in indices if index < MAX_ENTRIES), default=-1) + 1


def keep_entries(values: MultiDict[str, str], path: str, keep: Callable[[int], bool]) -> MultiDict[str, str]:
    """Return the values without the entries of the list at `path` whose index `keep` refuses, numbered anew."""
    indices = {index: place for place, index in enumerate(filter(keep, range(count_entries(values, path))))}
    remaining: MultiDict[str, str] = MultiDict()
    for key, text in values.items(multi=True):
        if match := re.match(re.escape(path) + r"\.([0-9]{1,3})\.(.+)", key):
            if int(match[1]) in indices:
                remaining.add(f"{path}.{indices[int(match[1])]}.{match[2]}", text)
        else:
            remaining.add(key, text)
    return remaining
