"""
What people ask of the platform, drawn from what is there: each question once, as no desk asks the same again and again.

Words, visits and exchanges are drawn by Zipf's law: a few are asked for often, most of them rarely. A query, and a
list with its filters, comes once only, so that what a process keeps of its last answers is of no use to it.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode

from tests.bench.client import Client

T = TypeVar("T")
FIRST_DAY = date(2026, 1, 1)
DAYS = 1200
STATES = ("STATE_IDEA", "STATE_PLANNED", "STATE_CLOSED")
# Of a hundred requests of a mix.
SHARES = {"list": 40, "search": 30, "detail": 20, "write": 10}


@dataclass(frozen=True)
class Question:
    """One request: its kind (`list`, `search`, `detail` or `write`), and what is sent."""

    kind: str
    path: str
    method: str = "GET"
    body: bytes = b""


class Asking:
    """
    Questions about what a platform holds.

    Args:
        client: Somebody signed in; what they may see is what is asked about.
    """

    def __init__(self, client: Client) -> None:
        self._random = random.Random(20260301)
        learnings = client.get("/api/v1/learnings", pageSize=1000)["learnings"]
        words = Counter(
            word.casefold()
            for learning in learnings
            for field in ("title", "observation", "conclusion", "recommendation")
            for word in re.findall(r"[^\W\d_]{4,}", learning.get(field, ""))
        )
        self.words = [word for word, _ in words.most_common()]
        visits = client.get("/api/v1/visits", pageSize=1000)["visits"]
        self._random.shuffle(visits)
        self.visits = [visit["name"] for visit in visits]
        # Visits that are over cannot be changed any more.
        self._ideas = [visit["name"] for visit in visits if visit["state"] == "STATE_IDEA"]
        exchanges = client.get("/api/v1/exchanges", pageSize=1000)["exchanges"]
        self._exchanges = [exchange["name"] for exchange in exchanges]
        self._cities = list(dict.fromkeys(exchange["city"] for exchange in exchanges))

    def lists(self) -> Iterator[Question]:
        """Yield lists of 50 visits through REST, each with other filters."""
        for query in self._once(self._filters):
            yield Question("list", f"/api/v1/visits?pageSize=50&{query}")

    def list_pages(self) -> Iterator[Question]:
        """Yield pages of visits with the filters that the page has; there are only so many of them."""
        while True:
            query = {"state": self._random.choice(("", *STATES)), "city": self._random.choice(("", *self._cities))}
            filters = urlencode({name: value for name, value in query.items() if value})
            yield Question("list", f"/visits?view=list&{filters}")

    def searches(self, path: str) -> Iterator[Question]:
        """Yield searches for one to three words, each once."""
        for query in self._once(lambda: " ".join(self._zipf(self.words) for _ in range(self._random.randint(1, 3)))):
            yield Question("search", f"{path}?query={quote(query)}")

    def details(self, prefix: str) -> Iterator[Question]:
        """Yield visits."""
        while True:
            yield Question("detail", f"{prefix}/{self._zipf(self.visits)}")

    def writes(self) -> Iterator[Question]:
        """Yield changes of visits, and now and then a new one."""
        creates = self.creates()
        for number in range(10_000_000):
            if number % 4:
                path = f"/api/v1/{self._zipf(self._ideas)}?updateMask=purpose"
                change = {"purpose": f"To compare reports, version {number}"}
                yield Question("write", path, "PATCH", json.dumps(change).encode())
            else:
                yield next(creates)

    def creates(self) -> Iterator[Question]:
        """Yield new visits."""
        for number in range(10_000_000):
            day = self._day()
            visit = {
                "title": f"New visit {number}",
                "exchange": self._zipf(self._exchanges),
                "direction": "DIRECTION_INCOMING",
                "startDate": {"year": day.year, "month": day.month, "day": day.day},
                "endDate": {"year": day.year, "month": day.month, "day": day.day},
                "hostDepartment": "Dezernatscontrolling",
            }
            yield Question("write", "/api/v1/visits", "POST", json.dumps(visit).encode())

    def mix(self, *questions: Iterator[Question]) -> Iterator[Question]:
        """Yield questions of several kinds by their `SHARES`; of each kind there is one iterator."""
        streams = {next(stream).kind: stream for stream in questions}
        shares = [SHARES[kind] for kind in streams]
        while True:
            yield next(self._random.choices(list(streams.values()), shares)[0])

    def _filters(self) -> str:
        """Return filters of a list of visits: from a day on, and half of the time one more."""
        day = self._day()
        query = {"fromDate.year": str(day.year), "fromDate.month": str(day.month), "fromDate.day": str(day.day)}
        more = (("exchange", self._exchanges), ("city", self._cities), ("state", STATES))
        if (index := self._random.randrange(2 * len(more))) < len(more):
            name, values = more[index]
            query[name] = self._zipf(values)
        return urlencode(query)

    def _day(self) -> date:
        return FIRST_DAY + timedelta(days=self._random.randrange(DAYS))

    def _zipf(self, ranked: Sequence[T]) -> T:
        """Return one of several, the first twice as often as the second, three times as often as the third."""
        # The inverse of the harmonic distribution, without summing it up.
        return ranked[min(len(ranked) - 1, int((len(ranked) + 1) ** self._random.random()) - 1)]

    def _once(self, draw: Callable[[], str]) -> Iterator[str]:
        seen: set[str] = set()
        while True:
            drawn = draw()
            if drawn not in seen:
                seen.add(drawn)
                yield drawn
