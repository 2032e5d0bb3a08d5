"""The order of a programme as tables edit it."""

import pytest

from gateway.pages.visits.orders import Order, bridge_over


@pytest.mark.parametrize(
    ("order", "left"),
    [
        ({"a": {}, "b": {"a": 10}, "c": {"b": 5}}, {"a": {}, "c": {"a": 15}}),
        ({"a": {}, "b": {"a": 10}, "c": {"a": 3, "b": 5}}, {"a": {}, "c": {"a": 3}}),
        ({"a": {}, "b": {}, "c": {"b": 5}}, {"a": {}, "c": {}}),
    ],
)
def test_what_followed_an_item_that_is_taken_out_follows_what_came_before_it(order: Order, left: Order) -> None:
    bridge_over(order, "b")
    assert order == left
