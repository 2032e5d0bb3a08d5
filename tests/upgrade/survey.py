"""What each gateway offers to read, asked again and again: a question has the same kind of answer all the while."""

import contextlib
import http.client
import re
import threading
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from urllib.parse import urlencode

from tests.chaos.work import AWAY, ITEM, SPAN
from tests.upgrade.visitor import Visitor

SECONDS = 30
PAUSE_SECONDS = 0.02
MAX_PAGES = 40
# Parameters that some lists need.
QUERY: dict[str, str] = {
    **ITEM,
    **SPAN,
    "kind": "KIND_ROOM",
    "query": "controlling",
}
LINK = re.compile(r'href="(/[^"#?]*)')
# A page that leads to the form for signing in counts as one of these, too.
SIGNED_OUT = {"401"}
# What is no page, or changes something that others use.
NO_PAGES = ("/static", "/sign-out", "/api", "/assets")


class Survey:
    """Asks for everything that a gateway serves without being told a name, and for the pages that it links."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._stop = threading.Event()
        self._questions: dict[str, list[str]] = {}
        self._answers: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._seen: set[str] = set()
        self._failures: list[str] = []

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Ask the gateways that are open until the block ends."""
        thread = threading.Thread(target=self._ask_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def list_defects(self) -> Iterator[str]:
        """Yield the questions that had different answers, besides that one try again; and what was never asked."""
        yield from self._failures
        yield from (f"{door} was not asked for anything" for door in self._seen - {door for door, _ in self._answers})
        for (door, path), answers in sorted(self._answers.items()):
            settled = set(filter(_is_settled, answers))
            if len(settled) != 1 or settled & SIGNED_OUT or any(kind.startswith("5") for kind in settled):
                yield f"{door}{path} is answered {dict(answers)}"

    def describe(self) -> str:
        """Return in one line what was asked, and how often that was refused."""
        total: Counter[str] = sum(self._answers.values(), Counter())
        refused = {kind: times for kind, times in total.items() if not _is_settled(kind)}
        return f"{len(self._answers)} lists and pages were read {total.total()} times, refused: {refused or 'none'}"

    def _ask_on(self) -> None:
        try:
            self._ask_until_stopped()
        except Exception as error:  # noqa: BLE001 - the thread would end, and nobody know
            self._failures.append(f"the survey ended: {error!r}")

    def _ask_until_stopped(self) -> None:
        while not self._stop.is_set():
            for door in self._visitor.doors:
                self._seen.add(door)
                if door not in self._questions:
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        self._questions[door] = [*self._list_calls(door), *self._list_pages(door)]
                for path in self._questions.get(door, []):
                    if self._stop.wait(PAUSE_SECONDS):
                        return
                    if door in self._visitor.doors:
                        self._answers[door, path][self._ask(door, path)] += 1

    def _list_calls(self, door: str) -> Iterator[str]:
        document = self._visitor.call("GET", "/api/openapi.json", None, door=door)
        for path, verbs in document["paths"].items():
            if "get" in verbs and "{" not in path:
                known = {each["name"] for each in verbs["get"].get("parameters", [])}
                query = urlencode({name: value for name, value in QUERY.items() if name in known})
                yield f"{path}?{query}"

    def _list_pages(self, door: str) -> list[str]:
        pages = ["/"]
        for page in pages:
            with contextlib.suppress(urllib.error.HTTPError):
                for link in LINK.findall(self._open(door, page)[1]):
                    if link not in pages and not link.startswith(NO_PAGES) and len(pages) < MAX_PAGES:
                        pages.append(link)
        return pages

    def _ask(self, door: str, path: str) -> str:
        """Return the status of an answer, or what broke the connection."""
        try:
            where, _ = self._open(door, path)
        except urllib.error.HTTPError as error:
            return str(error.code)
        except (OSError, http.client.HTTPException) as error:
            return type(getattr(error, "reason", error)).__name__
        return "401" if where.startswith(f"{door}/sign-in") else "200"

    def _open(self, door: str, path: str) -> tuple[str, str]:
        """Return where an answer comes from in the end, and its text."""
        headers = self._visitor.bearer if path.startswith("/api/") else self._visitor.cookie
        with urllib.request.urlopen(urllib.request.Request(door + path, headers=headers), timeout=SECONDS) as answer:
            return str(answer.url), str(answer.read().decode())


def _is_settled(kind: str) -> bool:
    """Return whether an answer is one, and does not say: try again."""
    return kind.isdigit() and int(kind) not in AWAY
