"""Which items of a programme have to be over before others begin, said with as few predecessors as possible."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from austausch.exchange.v1 import exchange_pb2 as pb

# As the contract has them.
MAX_PREDECESSORS = 20
MAX_GAP_MINUTES = 14_400

# Minutes that lie between, by name of each predecessor, by name of the item.
Order = dict[str, dict[str, int]]


def read_order(items: Iterable[pb.AgendaItem]) -> Order:
    """Return which items come directly before each."""
    return {item.name: {each.agenda_item: each.gap_minutes for each in item.after} for item in items}


def write_predecessors(before: Mapping[str, int]) -> list[pb.AgendaItem.Predecessor]:
    """Return the predecessors of one item as the contract has them."""
    return [pb.AgendaItem.Predecessor(agenda_item=name, gap_minutes=minutes) for name, minutes in before.items()]


def list_later(order: Order, name: str) -> set[str]:
    """Return the items that come after one, directly or not."""
    return _walk(_turn_round(order), name)


def list_earlier(order: Order, name: str) -> set[str]:
    """Return the items that come before one, directly or not."""
    return _walk(order, name)


def put_last(order: Order, name: str, others: Collection[str]) -> None:
    """Let an item come after others: directly after those of them that come before none of them, and no more."""
    later, among = _turn_round(order), set(others)
    ends = [each for each in others if not later.get(each, set()) & among]
    before = order.setdefault(name, {})
    for each in ends:
        before.setdefault(each, 0)
    # What comes before another predecessor is implied, unless some time has to lie between.
    for each in list(before):
        if not before[each] and any(each in _walk(order, other) for other in before if other != each):
            del before[each]


def put_first(order: Order, name: str, others: Collection[str]) -> None:
    """Let an item come before others: directly before those of them that come after none of them."""
    among = set(others)
    for each in [each for each in others if not order.get(each, {}).keys() & among]:
        order.setdefault(each, {}).setdefault(name, 0)


def remove_from(order: Order, name: str) -> None:
    """Let an item come before no other any more."""
    for before in order.values():
        before.pop(name, None)


def bridge_over(order: Order, names: Iterable[str]) -> None:
    """
    Take items out: what came after them comes after what came before them, by the minutes of both gaps.

    As the service does where items are removed; two that came after each other already keep the minutes between them.
    """
    known = {name: set(before) for name, before in order.items()}
    for name in names:
        earlier = order.pop(name, {})
        for after, before in order.items():
            if (gap := before.pop(name, None)) is None:
                continue
            for each in earlier.keys() - known[after]:
                before[each] = max(before.get(each, 0), min(gap + earlier[each], MAX_GAP_MINUTES))


def _turn_round(order: Order) -> dict[str, set[str]]:
    later = defaultdict[str, set[str]](set)
    for name, before in order.items():
        for each in before:
            later[each].add(name)
    return later


def _walk(edges: Mapping[str, Collection[str]], name: str) -> set[str]:
    """Return what can be reached from a name."""
    found, waiting = set[str](), [*edges.get(name, ())]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += edges.get(each, ())
    return found
