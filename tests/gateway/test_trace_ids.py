"""The trace that a request belongs to where nobody collects spans: its id, for the log and the calls."""

from flask import Flask
from opentelemetry import trace

from gateway.operations import request_telemetry

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_request_belongs_to_the_trace_of_its_caller_until_it_is_answered() -> None:
    app = Flask(__name__)
    request_telemetry.trace_requests(app, exported=False)
    app.add_url_rule("/", view_func=lambda: f"{trace.get_current_span().get_span_context().trace_id:032x}")
    client = app.test_client()
    assert client.get("/", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}).text == TRACE
    assert client.get("/").text != TRACE
    assert not trace.get_current_span().get_span_context().is_valid
