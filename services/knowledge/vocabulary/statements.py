"""What SKOS files say, whatever reads them."""

from typing import NamedTuple

NO_LANGUAGE = "und"


class Statement(NamedTuple):
    """
    What a file says of a subject.

    Attributes:
        subject: Its URI; of a node without one, its name in the file after ``_:``.
        kind: ``preferred``, ``alternative`` and ``definition``, in a language, and the same after ``node:`` where
            `value` is the subject of a ``text``; ``broader``, ``related`` and ``scheme``, whose value is a subject;
            ``notation``, ``deprecated``, and ``other``: it is no concept.
        language: BCP 47 tag, ``und`` where the file names none; empty for what is no text.
        value: The text, or the other subject.
    """

    subject: str
    kind: str
    language: str
    value: str


class MalformedFile(ValueError):
    """A file cannot be read; the text of the error says where and why."""


def normalize_language(tag: str | None) -> str:
    """Return a BCP 47 tag in its usual case, e.g. ``zh-Hant-TW``; ``und`` for none."""
    primary, *rest = (tag or NO_LANGUAGE).replace("_", "-").lower().split("-")
    cases = {2: str.upper, 4: str.title}
    return "-".join([primary, *(cases.get(len(part), str)(part) for part in rest)])
