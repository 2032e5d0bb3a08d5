"""The shape of the tree under review, over plain values."""

from hypothesis import given
from hypothesis import strategies as st

from services.forum.tree import would_cycle


@st.composite
def forests(draw: st.DrawFn) -> dict[str, str | None]:
    """Draw a forest: each node's parent is an earlier node or none."""
    size = draw(st.integers(1, 12))
    choices = [draw(st.integers(-1, index - 1)) for index in range(size)]
    return {str(index): None if parent < 0 else str(parent) for index, parent in enumerate(choices)}


def reaches_top(parents: dict[str, str | None], node: str) -> bool:
    """Tell whether the walk upwards ends."""
    for _ in range(len(parents) + 1):
        above = parents[node]
        if above is None:
            return True
        node = above
    return False


@given(forests(), st.data())
def test_exactly_the_moves_that_close_a_cycle_are_told(parents: dict[str, str | None], data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(sorted(parents)))
    target = data.draw(st.sampled_from([*sorted(parents), None]))
    moved = {**parents, node: target}
    assert would_cycle(parents, node, target) is not all(reaches_top(moved, each) for each in moved)


@given(forests(), st.data())
def test_a_move_to_the_top_is_always_possible(parents: dict[str, str | None], data: st.DataObject) -> None:
    assert not would_cycle(parents, data.draw(st.sampled_from(sorted(parents))), None)
