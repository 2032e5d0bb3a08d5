"""Somebody signed in who comes through any gateway that is open, as through a proxy before them."""

import itertools
from typing import Any

from tests.bench.client import Client


class Visitor(Client):
    """
    The coordinator, whose calls go to the gateways in turn.

    Attributes:
        doors: URLs of the gateways that take calls now.
    """

    def __init__(self, door: str) -> None:
        self.doors: tuple[str, ...] = (door,)
        self._turns = itertools.count()
        super().__init__(door)

    def call(self, method: str, path: str, body: dict[str, Any] | None, *, door: str = "") -> Any:
        """Return the answer of a call, of any gateway unless one is named; a body of None is none."""
        doors = self.doors
        return super().call(method, path, body, door=door or doors[next(self._turns) % len(doors)])
