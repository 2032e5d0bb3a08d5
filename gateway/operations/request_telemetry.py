"""A span, a log line and a metric for every request."""

import os
import time
from http import HTTPMethod, HTTPStatus

import structlog
from flask import Flask, Response, g, request
from opentelemetry import context, propagate, trace
from prometheus_client import Histogram

# What callers make up must not become a label: each costs memory and a place in a file for good.
METHODS = frozenset(HTTPMethod)
STATUSES = frozenset(HTTPStatus)
OTHER = "other"

log = structlog.get_logger()
tracer = trace.get_tracer(__name__)
request_seconds = Histogram("http_request_seconds", "Duration of a request", ["route", "method", "status"])

# Asked for all the time, and of interest only when they fail.
QUIET_ENDPOINTS = ("static", "health.answer_alive", "health.answer_ready")


def trace_requests(app: Flask, *, exported: bool) -> None:
    """
    Give every request of an app a span, as a part of the caller's trace if it names one; before any other hook.

    Args:
        exported: Whether somebody collects the spans. Otherwise a request has the ids of its trace alone, for the log
            and for those that it calls: to put together what nobody reads took a sixth of the gateway's work.
    """
    if not exported:
        app.before_request(_begin_trace)
        app.teardown_request(_end_trace)
        return
    # The stable names of attributes; the instrumentation still begins with those of 2023.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    FlaskInstrumentor.instrument_app(app, enable_commenter=False)  # type: ignore[no-untyped-call]


def _begin_trace() -> None:
    span = tracer.start_span("request", propagate.extract(request.headers))
    g.trace = context.attach(trace.set_span_in_context(span))


def _end_trace(_error: BaseException | None) -> None:
    if "trace" in g:
        context.detach(g.pop("trace"))


def note_start() -> None:
    """Note when a request began."""
    g.started, g.status = time.perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR


def note_status(response: Response) -> Response:
    """Remember how the request was answered."""
    g.status = response.status_code
    return response


def record_request(_error: BaseException | None) -> None:
    """Write the log line and count the request."""
    if "started" not in g:
        return
    seconds = time.perf_counter() - g.started
    method = request.environ["REQUEST_METHOD"]  # forms that are shown again change `request.method`
    request_seconds.labels(
        request.url_rule.rule if request.url_rule else "unknown",
        method if method in METHODS else OTHER,
        str(int(g.status)) if g.status in STATUSES else OTHER,
    ).observe(seconds)
    caller = g.get("caller")
    write = log.debug if request.endpoint in QUIET_ENDPOINTS and g.status < 500 else log.info
    write(
        "request",
        method=method,
        path=request.path,
        status=int(g.status),
        milliseconds=round(seconds * 1000, 1),
        subject=caller.identity.subject if caller else None,
    )
