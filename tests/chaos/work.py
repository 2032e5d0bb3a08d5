"""
The load of a run: people who write and read all the while, and note what the platform acknowledged.

What is refused because something is away is asked again, with the same request id, until it is answered: in the end the
notes hold everything that must be there, and nothing else may be.
"""

import contextlib
import itertools
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.bench.client import Client

# Codes that say: try again later.
AWAY = (429, 502, 503, 504)
CONFLICT = 409
# A write that is not answered so long after it began needs a hand, which nobody lends here.
ANSWER_SECONDS = 120.0
# What all learnings of a run say.
OBSERVATION = "The report was read."
# The only day of every visit, also as a list is asked for it, and its only item, in UTC.
DAY = {"year": 2027, "month": 3, "day": 2}
SPAN = {f"{end}Date.{part}": str(value) for end in ("from", "to") for part, value in DAY.items()}
ITEM = {"startTime": "2027-03-02T09:00:00Z", "endTime": "2027-03-02T10:00:00Z"}
# Between two tasks of one who writes, two tries of one write, and two reads.
PAUSE_SECONDS = 0.1
READS = (
    "/api/v1/visits?pageSize=20",
    "/api/v1/learnings?pageSize=20",
    "/api/v1/forums?pageSize=20",
    "/api/v1/learnings:search?query=controlling+{number}",
)


class Unanswered(Exception):
    """A write was not answered in time."""


@dataclass
class Notes:
    """
    What the platform acknowledged, and what it should not have answered.

    Attributes:
        learnings: Title → name of a learning that was recorded.
        reports: Title of a visit's only debrief entry → name of the visit, which was reported.
        rooms: Name of a room → name of the visit, whose only item books it.
        forums: Title → name of a forum.
        counted: Name of a visit and of one who counts in its title → how far.
        defects: Answers that no fault excuses.
        refused: When each try ended that was refused, and its HTTP status, or what broke the connection.
        reads: When each read ended, and whether it was answered.
        writes: When each write was acknowledged.
    """

    learnings: dict[str, str] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    forums: dict[str, str] = field(default_factory=dict)
    counted: dict[tuple[str, str], int] = field(default_factory=dict)
    defects: list[str] = field(default_factory=list)
    refused: list[tuple[float, str]] = field(default_factory=list)
    reads: list[tuple[float, bool]] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)


class People:
    """
    Everybody who uses the platform during a run.

    Args:
        client: The coordinator, signed in; all work as this one.
    """

    def __init__(self, client: Client) -> None:
        self.notes = Notes()
        self.client = client
        self._stop = threading.Event()
        self._exchange = client.get("/api/v1/exchanges")["exchanges"][0]["name"]

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let all work until the block ends; what they have begun then they finish."""
        shared = self._create_visit("counted")
        tasks = [
            *(self._record_learning for _ in range(2)),
            *(self.report_visit for _ in range(2)),
            self._open_forum,
            *(lambda name=name: self._count(shared, name) for name in ("first", "second")),
            *(lambda path=path: self._read(path) for path in READS),
        ]
        threads = [threading.Thread(target=self._repeat, args=(task,), daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def report_visit(self) -> str:
        """Take a visit from the idea to its report; return the title of the one learning that comes of it."""
        number = uuid4().hex
        visit = self._create_visit(f"Visit w{number}")
        self._create(f"/api/v1/{visit}/delegates", {"function": "Controller", "languages": ["en"]})
        room = self._create("/api/v1/rooms", {"displayName": f"Room w{number}"})["name"]
        self._create(f"/api/v1/{visit}/agendaItems", {"title": "Welcome", "room": room, **ITEM})
        self.notes.rooms[room] = visit
        for verb in ("agree", "plan", "confirm", "start"):
            self._transition(visit, verb)
        title = f"Report w{uuid4().hex}"
        entry = {"title": title, "language": "en", "observation": OBSERVATION}
        self._transition(visit, "report", debrief={"entries": [entry]})
        self.notes.reports[title] = visit
        return title

    def _repeat(self, task: Callable[[], object]) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                task()
            except Unanswered as error:
                self.notes.defects.append(str(error))
            except Exception as error:  # noqa: BLE001 - the run goes on, and the report tells
                self.notes.defects.append(f"{type(error).__name__}: {error}")

    def _record_learning(self) -> None:
        body = {"title": f"Learning w{uuid4().hex}", "language": "en", "observation": OBSERVATION}
        self.notes.learnings[body["title"]] = self._create("/api/v1/learnings", body)["name"]

    def _open_forum(self) -> None:
        title = f"Forum w{uuid4().hex}"
        forum = self._create("/api/v1/forums", {"title": title, "city": "cities/mannheim", "language": "en"})
        self.notes.forums[title] = forum["name"]

    def _count(self, visit: str, name: str) -> None:
        """
        Count one further in a title in which somebody else counts, too.

        A change has no request id: whether one that was not answered had its effect, tells the title.
        """
        before = self.notes.counted.get((visit, name), 0)
        until = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < until:
            seen = self._ask("GET", f"/api/v1/{visit}")
            counts = dict(part.split("=") for part in seen["title"].split() if "=" in part)
            if int(counts.get(name, 0)) > before:
                break
            title = " ".join(f"{who}={far}" for who, far in sorted({**counts, name: before + 1}.items()))
            path = f"/api/v1/{visit}?updateMask=title"
            try:
                self.client.call("PATCH", path, {"title": title, "etag": seen["etag"]})
            except OSError as error:  # A conflict, or an answer that got lost: the next look tells.
                if getattr(error, "code", None) != CONFLICT:
                    self._note_refusal(f"PATCH {path}", error)
            time.sleep(PAUSE_SECONDS)
        else:
            raise Unanswered(f"{visit} could not be changed in {ANSWER_SECONDS:.0f} s")
        self._acknowledge()
        self.notes.counted[visit, name] = before + 1

    def _read(self, path: str) -> None:
        for number in itertools.count():
            if self._stop.wait(PAUSE_SECONDS):
                return
            try:
                self.client.get(path.format(number=number))
            except OSError as error:
                self._note_refusal(f"GET {path}", error)
                self.notes.reads.append((time.monotonic(), False))
            else:
                self.notes.reads.append((time.monotonic(), True))

    def _create_visit(self, title: str) -> str:
        visit = {"title": title, "exchange": self._exchange, "direction": "DIRECTION_INCOMING"}
        visit |= {"startDate": DAY, "endDate": DAY, "hostDepartment": "Dezernatscontrolling"}
        return str(self._create("/api/v1/visits", visit)["name"])

    def _create(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._ask("POST", f"{path}?requestId={uuid4()}", body)
        self._acknowledge()
        return answer

    def _transition(self, visit: str, verb: str, **body: Any) -> None:
        self._ask("POST", f"/api/v1/{visit}:{verb}", {**body, "requestId": str(uuid4())})
        self._acknowledge()

    def _acknowledge(self) -> None:
        self.notes.writes.append(time.monotonic())

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the answer, however often it has to be asked for."""
        until = time.monotonic() + ANSWER_SECONDS
        refused: list[str] = []
        while time.monotonic() < until:
            try:
                return self.client.call(method, path, body)
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError) and error.code not in AWAY:
                    raise Unanswered(f"{method} {path}: {error.code} {_tell(error)}, after {refused[-3:]}") from None
                refused.append(self._note_refusal(f"{method} {path}", error))
            time.sleep(PAUSE_SECONDS)
        raise Unanswered(f"{method} {path} was not answered in {ANSWER_SECONDS:.0f} s: {refused[-3:]}")

    def _note_refusal(self, what: str, error: OSError) -> str:
        """Count a refusal, and note it as a defect where it does not say: try again; return what it was."""
        if isinstance(error, urllib.error.HTTPError):
            kind = str(error.code)
            if error.code not in AWAY:
                self.notes.defects.append(f"{what}: {kind} {_tell(error)}")
        else:
            kind = type(getattr(error, "reason", error)).__name__  # As urllib wraps it.
        self.notes.refused.append((time.monotonic(), kind))
        return kind


def _tell(error: urllib.error.HTTPError) -> str:
    return " ".join(error.read().decode(errors="replace").split())[:300]
