"""The platform under measurement, as a signed-in coordinator uses it through REST and through the pages."""

import http.cookiejar
import json
import random
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

EMAIL = "coordinator@mannheim.example"
PASSWORD = "demo"
PAGE = 1000


class Client:
    """
    Somebody signed in: the coordinator, unless told otherwise.

    Attributes:
        bearer: Headers of a REST call.
        cookie: Headers of a page request.
    """

    def __init__(self, url: str, email: str = EMAIL) -> None:
        self.url = url
        token = self.post("/api/v1/sessions", {"email": email, "password": PASSWORD})["token"]
        self.bearer = {"Authorization": f"Bearer {token}"}
        self.cookie = {"Cookie": self._sign_in(email)}

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer of a GET."""
        return self.call("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path, None)

    def list_all(self, collection: str, field: str = "", **query: Any) -> Iterator[dict[str, Any]]:
        """Yield what a list has, page by page; `field` of the answer, if that is called otherwise."""
        token = ""
        while True:
            answer = self.get(f"/api/v1/{collection}", pageSize=PAGE, pageToken=token, **query)
            yield from answer[field or collection]
            if not (token := answer.get("nextPageToken", "")):
                return

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return the answer of a POST."""
        return self.call("POST", path, body)

    def call(self, method: str, path: str, body: dict[str, Any] | None, *, door: str = "") -> Any:
        """Return the answer of a call; a body of None is none, and `door` the URL of another gateway than the own."""
        request = urllib.request.Request(
            (door or self.url) + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **getattr(self, "bearer", {})},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def _sign_in(self, email: str) -> str:
        """Sign in through the form, and return the cookies."""
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = browser.open(f"{self.url}/sign-in", timeout=30).read().decode()
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found, "the sign-in page has no CSRF token"
        form = {"csrf_token": found[1], "email": email, "password": PASSWORD}
        browser.open(f"{self.url}/sign-in", data=urllib.parse.urlencode(form).encode(), timeout=30)
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)

    def create_visits(self, count: int) -> list[dict[str, Any]]:
        """Create visits of all exchanges, on days of four years."""
        exchanges = [each["name"] for each in self.get("/api/v1/exchanges")["exchanges"]]
        return [
            self.post(
                "/api/v1/visits",
                {
                    "title": f"Visit {number} of the controllers, to compare reports",
                    "exchange": exchanges[number % len(exchanges)],
                    "direction": "DIRECTION_INCOMING",
                    "startDate": {"year": 2026 + number % 4, "month": 1 + number % 12, "day": 1 + number % 28},
                    "endDate": {"year": 2026 + number % 4, "month": 1 + number % 12, "day": 1 + number % 28},
                    "hostDepartment": "Dezernatscontrolling",
                },
            )
            for number in range(count)
        ]

    def create_learnings(self, count: int) -> None:
        """Record learnings made of the sentences of those that are there."""
        learnings = self.get("/api/v1/learnings", pageSize=1000)["learnings"]
        sentences = [
            sentence
            for learning in learnings
            for field in ("observation", "discussion", "conclusion", "recommendation")
            for sentence in re.split(r"(?<=[.!?])\s+", learning.get(field, ""))
            if sentence
        ]
        drawn = random.Random(count)
        for number in range(count):
            like = drawn.choice(learnings)
            observation, conclusion = (" ".join(drawn.sample(sentences, 3)) for _ in range(2))
            learning = {"title": f"{like['title']} ({number})", "language": like["language"]}
            learning |= {"observation": observation, "conclusion": conclusion, "topics": like.get("topics", [])}
            self.post("/api/v1/learnings", learning)

    def wait_until_compared(self, seconds: float = 300) -> None:
        """Wait until the meaning of all learnings is known, and nothing is left to do for it."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            status = self.get("/api/v1/learnings:searchStatus")
            if status["semanticState"] != "SEMANTIC_STATE_INCOMPLETE" and not status["waitingCount"]:
                return
            time.sleep(0.5)
        raise TimeoutError(f"the meaning of all learnings is not known within {seconds} s")

    def furnish(self, visit: str) -> None:
        """Give a visit of one day a delegation and a programme."""
        date = self.get(f"/api/v1/{visit}")["startDate"]
        day = f"{date['year']}-{date['month']:02}-{date['day']:02}"
        for function in ("Head of controlling", "Controller", "Interpreter"):
            self.post(f"/api/v1/{visit}/delegates", {"function": function, "languages": ["en"]})
        for hour, title in (
            (10, "Welcome"),
            (11, "Reports to the council"),
            (13, "Indicators"),
            (15, "What we take home"),
        ):
            times = {"startTime": f"{day}T{hour}:00:00Z", "endTime": f"{day}T{hour + 1}:00:00Z"}
            self.post(f"/api/v1/{visit}/agendaItems", {"title": title, **times})

    def report(self, visit: dict[str, Any], word: str) -> float:
        """Take a visit to `reported` with a learning that holds `word`; return when its transaction had committed."""
        for verb in ("agree", "plan", "confirm", "start"):
            self.post(f"/api/v1/{visit['name']}:{verb}", {})
        entry = {"title": f"Report {word}", "language": "en", "observation": f"The report about {word} was read."}
        self.post(f"/api/v1/{visit['name']}:report", {"debrief": {"entries": [entry]}})
        return time.perf_counter()

    def wait_until_found(self, word: str, seconds: float = 10) -> float:
        """Search until the word is found; return when."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            if self.get("/api/v1/learnings:search", query=word)["totalSize"]:
                return time.perf_counter()
        raise TimeoutError(f"{word} is not found within {seconds} s")
