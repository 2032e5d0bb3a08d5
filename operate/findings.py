"""What the doctor says of one thing that it looked at."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is."""

    FINE = "fine"
    UNKNOWN = "unknown"
    """It could not be looked at; the remedy says what would let it."""
    WARNING = "warning"
    """It works, and will not, or not well."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """
    One thing, and how it is.

    Attributes:
        subject: What was looked at, e.g. ``database exchange``.
        state: How it is.
        said: What was found.
        remedy: What to do; empty where all is well.
        unset: The setting for want of which it could not be looked at; else empty.
    """

    subject: str
    state: State
    said: str
    remedy: str = ""
    unset: str = ""


def unset(subject: str, variable: str, remedy: str = "") -> Finding:
    """Return that a thing could not be looked at for want of a setting."""
    remedy = remedy or f"set {variable}, or {variable}_FILE"
    return Finding(subject, State.UNKNOWN, f"{variable} is not set", remedy, unset=variable)


def fine(subject: str, said: str) -> Finding:
    """Return that nothing is to be done."""
    return Finding(subject, State.FINE, said)
