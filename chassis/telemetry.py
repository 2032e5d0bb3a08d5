"""
Logs, traces and metrics, the same in every process.

Logs are structlog events on standard error: for people on a console, one JSON object a line in production; each carries
the trace id. Traces follow W3C Trace Context through HTTP, gRPC, SQL and NATS; they are exported only where a collector
is named. Metrics are Prometheus text on a port of their own.
"""

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON

from chassis.setting_types import split_listen
from chassis.settings import ProcessSettings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# Without the values of variables: they hold passwords and keys.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def set_up(process: str, settings: ProcessSettings) -> None:
    """
    Set up logs and traces of a process, once.

    Args:
        process: Its name, e.g. ``exchange``.
        settings: Log format and level, and where traces go.
    """
    _set_up_logs(process, settings)
    resource = Resource.create({"service.name": process, "service.namespace": "austausch"})
    # What nobody collects need not be recorded; ids of traces are made and passed on all the same, for the logs.
    provider = TracerProvider(sampler=DEFAULT_ON if settings.otlp_endpoint else ALWAYS_OFF, resource=resource)
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces", timeout=5)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def serve_metrics(process: str, listen: str, registry: "CollectorRegistry | None" = None) -> None:
    """
    Serve Prometheus metrics in a thread; an empty address serves none.

    Args:
        process: Name of the process.
        listen: Host and port.
        registry: What is served; the metrics of this process unless given.

    Raises:
        OSError: The port is taken, or not an address of this machine; the message names the setting.
    """
    if listen:
        from prometheus_client import REGISTRY, start_http_server

        host, port = split_listen(listen)
        try:
            start_http_server(port, addr=host or "127.0.0.1", registry=registry or REGISTRY)
        except OSError as error:
            setting = f"{process.upper()}_METRICS_LISTEN"
            raise OSError(f"{setting}: {listen} can't be listened on: {error.strerror}") from None


# A warning that says the same again within this time is left out: what waits for a disk or a server warns at every try.
REPEAT_SECONDS = 60.0
MAX_REMEMBERED_WARNINGS = 1000


class _OncePerMinute:
    """A processor that drops a warning whose event and values are those of one of the last minute."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __call__(self, _logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if method not in ("warning", "error") or event.get("exc_info"):
            return event
        said, moment = repr(sorted(event.items(), key=lambda item: item[0])), time.monotonic()
        if self._until.get(said, 0.0) > moment:
            raise structlog.DropEvent
        if len(self._until) >= MAX_REMEMBERED_WARNINGS:
            self._until.clear()
        self._until[said] = moment + REPEAT_SECONDS
        return event


def _set_up_logs(process: str, settings: ProcessSettings) -> None:
    def add_context(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = f"{context.trace_id:032x}"
        return event

    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        add_context,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if settings.log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        # Not where libraries log: there nothing catches what drops a line.
        processors=[_OncePerMinute(), *shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard library: the same lines, from warnings on.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[
        structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]))  # fmt: skip
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def trace_sql(engine: Any) -> None:
    """Give every SQL statement of an engine a span; used only where traces are exported."""
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

    # It names SQLAlchemy before 2.1, and would do nothing without a word; the events that it listens to are the same.
    SQLAlchemyInstrumentor().instrument(engine=engine, skip_dep_check=True)
