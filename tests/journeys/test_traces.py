"""One trace from a request to what it causes in another service, as a collector receives it."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests import stack
from tests.bench.client import Client

SECONDS = 60.0
PARENT = "00f067aa0ba902b7"
# The trace of a request whose method nobody knows, and of one for a calendar, whose address is a secret.
INVENTED = "0af7651916cd43dd8448eb211c80319c"
SECRET_ONE = "5bd66ef5095369c7b0d1f8f4bd33716a"
SECRET = "ac_nobody-else-may-know-this"


class Collector(ThreadingHTTPServer):
    """An OpenTelemetry collector: takes OTLP over HTTP, and keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.spans: list[tuple[str, Span]] = []
        """Process that sent it, and the span."""

    def of_trace(self, trace_id: str) -> dict[str, list[Span]]:
        """Return the spans of a trace, by process."""
        found: dict[str, list[Span]] = {}
        for process, span in list(self.spans):
            if span.trace_id.hex() == trace_id:
                found.setdefault(process, []).append(span)
        return found


class _Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {each.key: each.value.string_value for each in group.resource.attributes}
            for scope in group.scope_spans:
                self.server.spans += [(attributes["service.name"], span) for span in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with _serving(Collector()) as server:
        yield server


@contextmanager
def _serving(server: Collector) -> Iterator[Collector]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def names_of(spans: dict[str, list[Span]]) -> dict[str, set[str]]:
    """Return the names of a trace's spans, by process."""
    return {process: {span.name for span in found} for process, found in spans.items()}


def hanging(spans: dict[str, list[Span]]) -> list[str]:
    """Return the names of the spans whose parent is neither among them nor the caller's."""
    everything = [span for found in spans.values() for span in found]
    ids = {span.span_id for span in everything} | {bytes.fromhex(PARENT)}
    return [span.name for span in everything if span.parent_span_id not in ids]


def test_a_trace_leads_from_the_request_through_calls_sql_and_events(collector: Collector, used_data: Path) -> None:
    address = f"http://127.0.0.1:{collector.server_port}"
    with stack.running(used_data, OTLP_ENDPOINT=address, OTEL_BSP_SCHEDULE_DELAY="200") as platform:
        client = Client(platform.url)
        visit = client.create_visits(1)[0]["name"]
        for verb in ("agree", "plan", "confirm", "start"):
            client.post(f"/api/v1/{visit}:{verb}", {})
        trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
        entry = {"title": "Traced", "language": "en", "observation": "What was seen."}
        connection = http.client.HTTPConnection(platform.url.removeprefix("http://"), timeout=SECONDS)
        connection.request(
            "POST",
            f"/api/v1/{visit}:report",
            json.dumps({"debrief": {"entries": [entry]}}),
            {**client.bearer, "Content-Type": "application/json", "traceparent": f"00-{trace_id}-{PARENT}-01"},
        )
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        connection.request("BREW", "/tea", headers={"traceparent": f"00-{INVENTED}-{PARENT}-01"})
        assert connection.getresponse().status == 404
        connection.close()
        address = f"/calendars/{SECRET}.ics?language=de"
        connection.request("GET", address, headers={"traceparent": f"00-{SECRET_ONE}-{PARENT}-01"})
        assert connection.getresponse().status == 404
        event = "austausch.exchange.v1.VisitReported"
        until = time.monotonic() + SECONDS
        # Each process sends its spans when it likes.
        while time.monotonic() < until:
            spans = collector.of_trace(trace_id)
            complete = f"consume {event}" in names_of(spans).get("knowledge", ()) and not hanging(spans)
            if complete and collector.of_trace(INVENTED) and collector.of_trace(SECRET_ONE):
                break
            time.sleep(0.1)
    spans = collector.of_trace(trace_id)
    names = names_of(spans)
    assert any(name.startswith("POST ") for name in names["gateway"])
    assert "VisitService/ReportVisit" in names["exchange"]
    assert any(name.startswith("INSERT") for name in names["exchange"])
    assert f"publish {event}" in names["exchange"]
    assert f"consume {event}" in names["knowledge"]
    assert any(name.startswith("INSERT") for name in names["knowledge"])
    assert not hanging(spans), "a span of the trace hangs in the air"
    (invented,) = collector.of_trace(INVENTED)["gateway"]
    attributes = {each.key: each.value for each in invented.attributes}
    assert invented.name == "HTTP"
    assert attributes["http.request.method"].string_value == "_OTHER"
    assert attributes["http.response.status_code"].int_value == 404
    assert "GET /calendars/secret.ics" in names_of(collector.of_trace(SECRET_ONE))["gateway"]
    assert SECRET not in str(collector.spans)
