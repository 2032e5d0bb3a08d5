"""The shape of a tree of what is under review, over plain values."""

from collections.abc import Mapping


def would_cycle(parents: Mapping[str, str | None], node: str, new_parent: str | None) -> bool:
    """
    Return whether putting a node below a new parent would make it its own ancestor.

    Args:
        parents: Parent of each node of the tree, None at the top; itself without a cycle.
        node: The node to move.
        new_parent: Where it shall go; None for the top.
    """
    ancestor = new_parent
    while ancestor is not None:
        if ancestor == node:
            return True
        ancestor = parents.get(ancestor)
    return False
