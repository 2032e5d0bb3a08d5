"""The order of a programme as tables edit it."""

import pytest

from gateway.pages.visits.precedences import Order, bridge_over


@pytest.mark.parametrize(
    ("order", "left"),
    [
        ({"a": {}, "b": {"a": 10}, "c": {"b": 5}}, {"a": {}, "c": {"a": 15}}),
        ({"a": {}, "b": {"a": 10}, "c": {"a": 3, "b": 5}}, {"a": {}, "c": {"a": 3}}),
        ({"a": {}, "b": {}, "c": {"b": 5}}, {"a": {}, "c": {}}),
    ],
)
def test_what_followed_an_item_that_is_taken_out_follows_what_came_before_it(order: Order, left: Order) -> None:
    bridge_over(order, ["b"])
    assert order == left


@pytest.mark.parametrize("removed", [("b", "c"), ("c", "b")])
@pytest.mark.parametrize(
    ("order", "left"),
    [
        ({"a": {}, "b": {"a": 10}, "c": {"a": 60}, "d": {"b": 5, "c": 5}}, {"a": {}, "d": {"a": 65}}),
        ({"a": {}, "b": {"a": 10}, "c": {"b": 20}, "d": {"c": 5}}, {"a": {}, "d": {"a": 35}}),
    ],
)
def test_of_several_that_are_taken_out_together_the_longest_way_counts(
    order: Order, left: Order, removed: tuple[str, ...]
) -> None:
    order = {name: dict(before) for name, before in order.items()}
    bridge_over(order, removed)
    assert order == left
