"""How good an answer is: measures over the ids that a search found, best first, and those that it should find."""

from collections.abc import Collection, Sequence


def recall_at(k: int, found: Sequence[str], relevant: Collection[str]) -> float:
    """
    Return the share of the relevant ids that stand among the first `k` found.

    Raises:
        ValueError: Nothing is relevant.
    """
    _require_relevant(relevant)
    return len(set(found[:k]) & set(relevant)) / len(set(relevant))


def mrr_at(k: int, found: Sequence[str], relevant: Collection[str]) -> float:
    """
    Return one divided by the rank of the first relevant id; 0 if none is among the first `k` found.

    The mean over many queries is the mean reciprocal rank.

    Raises:
        ValueError: Nothing is relevant.
    """
    _require_relevant(relevant)
    return next((1 / rank for rank, hit in enumerate(found[:k], start=1) if hit in relevant), 0.0)


def hit_at(k: int, found: Sequence[str], relevant: Collection[str]) -> float:
    """
    Return 1 if a relevant id stands among the first `k` found, else 0.

    Raises:
        ValueError: Nothing is relevant.
    """
    _require_relevant(relevant)
    return float(any(hit in relevant for hit in found[:k]))


def _require_relevant(relevant: Collection[str]) -> None:
    if not relevant:
        raise ValueError("Nothing is relevant: such a query measures nothing.")
