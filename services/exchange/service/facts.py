"""What a refusal tells machines about the things that are in the way."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

# Of how many things at most: as many as a person reads, and as fit into the trailers of an answer.
MOST = 10


def numbered(things: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the facts of several things as one: those of the first by their names, the others' with `_2` and so on."""
    return {
        name if number == 1 else f"{name}_{number}": fact
        for number, thing in enumerate(things, 1)
        for name, fact in thing.items()
    }


def rfc3339(moment: datetime) -> str:
    """Return an instant as text, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
