"""A span, a log line and a metric for every request."""

import time

import structlog
from flask import Response, g, request
from opentelemetry import propagate, trace
from prometheus_client import Histogram

log = structlog.get_logger()
tracer = trace.get_tracer(__name__)
seconds_of = Histogram("http_request_seconds", "Duration of a request", ["route", "method", "status"])

# Asked for all the time, and of interest only when they fail.
QUIET = ("static", "health.alive", "health.ready")


def begin() -> None:
    """Start the span of a request, as a part of the caller's trace if it names one."""
    route = request.url_rule.rule if request.url_rule else "unknown"
    context = propagate.extract(request.headers)
    g.span = tracer.start_as_current_span(
        f"{request.method} {route}", context=context, kind=trace.SpanKind.SERVER, end_on_exit=True
    )
    g.span.__enter__()
    g.route, g.method, g.started, g.status = route, request.method, time.perf_counter(), 500


def note_status(response: Response) -> Response:
    """Remember how the request was answered."""
    g.status = response.status_code
    return response


def end(_error: BaseException | None) -> None:
    """Write the log line, count the request and end its span."""
    if "span" not in g:
        return
    seconds = time.perf_counter() - g.started
    seconds_of.labels(g.route, g.method, str(g.status)).observe(seconds)
    span = trace.get_current_span()
    span.set_attribute("http.response.status_code", g.status)
    caller = g.get("caller")
    write = log.debug if request.endpoint in QUIET and g.status < 500 else log.info
    write(
        "request",
        method=g.method,
        path=request.path,
        status=g.status,
        milliseconds=round(seconds * 1000, 1),
        subject=caller.identity.subject if caller else None,
    )
    g.pop("span").__exit__(None, None, None)
