"""The main job, through the platform's REST interface: from a new account to a learning that can be found."""

import http.client
import json
import secrets
import ssl
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import stack
from checks import Checks
from place import SECRETS, Failed, step

HOST, PORT = "127.0.0.1", 443
EMAIL = "office@city.example"
PASSWORD = secrets.token_urlsafe(18)
READY_SECONDS = 60
FOUND_SECONDS = 20


class Client:
    """
    A signed-in caller of the REST interface.

    Args:
        patience: Seconds for which it asks again when the answer is 503: what a caller should do.
    """

    def __init__(self, email: str, password: str, patience: float = 0) -> None:
        self._token = ""
        self._patience = patience
        self._token = self.post("/sessions", email=email, password=password)["token"]

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Return the answer to a POST; raises `Failed` unless it is 200."""
        return self._call("POST", path, body)

    def get(self, path: str) -> dict[str, Any]:
        """Return the answer to a GET; raises `Failed` unless it is 200."""
        return self._call("GET", path, None)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        deadline = time.monotonic() + self._patience
        status, text = request(method, f"/api/v1{path}", body, headers)
        while status == HTTPStatus.SERVICE_UNAVAILABLE and time.monotonic() < deadline:
            time.sleep(0.2)
            status, text = request(method, f"/api/v1{path}", body, headers)
        if status != HTTPStatus.OK:
            raise Failed(f"{method} {path}: {status} {text[:500]}")
        answer: dict[str, Any] = json.loads(text)
        return answer


def trust() -> ssl.SSLContext:
    """Return what believes the certificate that was made for trying out, and no other."""
    return ssl.create_default_context(cafile=str(SECRETS / "tls-certificate.pem"))


def request(method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Return status and text of the platform's answer; raises OSError when there is none."""
    connection = http.client.HTTPSConnection(HOST, PORT, timeout=30, context=trust())
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def run(checks: Checks) -> None:
    """Create an account, do the job, and look at a page."""
    await_ready()
    said = stack.operate("create-admin", f"--email={EMAIL}", "--name=International office", given=f"{PASSWORD}\n")
    checks.that("an account is created", lambda: EMAIL in said and PASSWORD not in said)
    client = Client(EMAIL, PASSWORD)
    with step("the main job"):
        for city, title, country in (("mannheim", "Mannheim", "DE"), ("swansea", "Swansea", "GB")):
            time_zone = "Europe/Berlin" if country == "DE" else "Europe/London"
            client.post(f"/cities?cityId={city}", displayName=title, countryCode=country, timeZone=time_zone)
        partnership = client.post("/partnerships", city="cities/swansea", kind="KIND_PARTNERSHIP")["name"]
        exchange = client.post(
            "/exchanges", title="Controllers", kind="KIND_ADMINISTRATIVE", partnership=partnership
        )["name"]  # fmt: skip
        checks.that("a learning is found", lambda: report_and_find(client, exchange))
    checks.that("the sign-in page has its styles", _has_pages)
    checks.that(
        "the description of the interface is there",
        lambda: "openapi" in json.loads(request("GET", "/api/openapi.json")[1]),
    )


def run_again(checks: Checks, when: str) -> None:
    """Do the job once more, and find what was there before."""
    await_ready()
    # Each process notices by a failed call that a server it was connected to is another one now.
    client = Client(EMAIL, PASSWORD, patience=10)
    exchange = client.get("/exchanges")["exchanges"][0]["name"]
    before = client.get("/learnings")["totalSize"]
    checks.that(f"earlier learnings are there, {when}", lambda: before > 0 and find(client, "Haushalt"))
    checks.that(f"a learning is found, {when}", lambda: report_and_find(client, exchange))


def report_and_find(client: Client, exchange: str) -> bool:
    """Take a new visit to its report, and find what it taught by an inflected word; return whether that leads back."""
    day = {"year": 2026, "month": 10, "day": 12}
    visit = client.post(
        "/visits", title="Controllers in Mannheim", exchange=exchange, direction="DIRECTION_INCOMING",
        startDate=day, endDate=day, hostDepartment="Dezernatscontrolling",
    )["name"]  # fmt: skip
    for verb in ("agree", "plan", "confirm", "start"):
        client.post(f"/{visit}:{verb}")
    word = f"k{secrets.token_hex(6)}"
    observation = f"Die Kennzahlen der Haushalte werden monatlich besprochen ({word})."
    entry = {"title": "Kennzahlen", "language": "de", "observation": observation}
    client.post(f"/{visit}:report", debrief={"summary": "Two days", "entries": [entry]})
    deadline = time.monotonic() + FOUND_SECONDS
    # The word itself: by its meaning, something else may be found before this learning is.
    while not (found := find(client, f"+{word}")):
        if time.monotonic() > deadline:
            raise Failed(f"nothing is found within {FOUND_SECONDS} s")
        time.sleep(0.2)
    return found[0]["learning"]["source"] == visit and bool(find(client, "Haushaltes"))


def find(client: Client, query: str) -> list[dict[str, Any]]:
    """Return what a search finds."""
    results: list[dict[str, Any]] = client.get(f"/learnings:search?query={quote(query)}").get("results", [])
    return results


def _has_pages() -> bool:
    status, page = request("GET", "/sign-in")
    style = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    return status == HTTPStatus.OK and bool(style) and request("GET", style)[0] == HTTPStatus.OK


def await_ready() -> None:
    """Wait until the gateway says that all parts are ready; raises `Failed` with what is not."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            status, said = request("GET", "/readyz")
        except OSError as error:
            status, said = 0, str(error)
        if status == HTTPStatus.OK:
            return
        if time.monotonic() > deadline:
            raise Failed(f"the gateway is not ready within {READY_SECONDS} s: {said}")
        time.sleep(0.5)
