"""
A service as a running process: gRPC server, relay, consumer, workers and tasks over one database.

`main` is for ``__main__``: it waits for what the service needs, serves, and drains on SIGTERM. `running` is the same
without signals, for tests; `working` runs the workers alone.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import grpc
import structlog
import uvloop
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from nats.aio.client import Client

from chassis import gc_tuning, malloc_tuning, outbox_metrics, telemetry
from chassis.consumer import Consumer, Handlers
from chassis.contract import find_service, list_undeclared
from chassis.database import Database
from chassis.health import CHECK_SECONDS, READY, SERVICE_NAME, Check, Health
from chassis.identity import Verifier
from chassis.interceptor import Guard
from chassis.jetstream import STREAM, StreamLimits, connect
from chassis.outages import Outage
from chassis.outbox import Relay
from chassis.schema import is_current
from chassis.settings import ServiceSettings, WrongSetting, check_serving, refuse
from chassis.work_queue import Worker

# Calls that are let in at once for each connection to the database: more than that cannot be answered in time.
CALLS_PER_CONNECTION = 16
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
OPTIONS = [
    # Two servers on one port would start silently, and share its calls.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    # Who is connected looks again then which replicas there are: a new one gets its share of the calls.
    ("grpc.max_connection_age_ms", 30_000),
    # Longer than any call may take.
    ("grpc.max_connection_age_grace_ms", 120_000),
]

log = structlog.get_logger(__name__)

AddServicer = Callable[[Any, Any], None]
Command = Callable[[Any, Sequence[str]], None]


@dataclass(frozen=True, kw_only=True)
class Service:
    """
    What one service consists of.

    Attributes:
        name: ``exchange``, ``forum`` or ``knowledge``.
        settings: Its settings.
        database: Its database.
        servicers: ``(add_XServiceServicer_to_server, servicer)`` for each gRPC service.
        handlers: Event message → handler, for other services' events.
        workers: What does the work of its queues, one for each queue; more processes of them are started by ``work``.
        tasks: Coroutine functions that run beside the server until they are cancelled.
        checks: Name of a part that it works with, beside ``database``, ``nats`` and ``nats-storage`` → whether that
            works, for the health protocol.
        is_level: Whether what it keeps beside its database is as new as that; until then it is not ready for calls.
    """

    name: str
    settings: ServiceSettings
    database: Database
    servicers: Sequence[tuple[AddServicer, Any]]
    handlers: Handlers = field(default_factory=dict)
    workers: Sequence[Worker] = ()
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    is_level: Check | None = None


def main(
    name: str,
    settings_of: Callable[[], ServiceSettings],
    build: Callable[[Any], Service],
    *,
    seed: Callable[[str], Coroutine[Any, Any, None]] | None = None,
    commands: Mapping[str, Command] | None = None,
) -> None:
    """
    Run a service's command line: nothing serves, ``work`` only works on its queues, beside any number of other
    processes that do, and ``migrate`` brings its database to the newest schema.

    Args:
        name: Name of the service; its package is ``services.<name>``.
        settings_of: Reads the settings.
        build: Wires the service up.
        seed: Given the URL of a database of the newest schema, brings in the data that comes with this version.
        commands: What else one can ask for, by its name; called with the settings and what stands behind the name.
    """
    commands = commands or {}
    settings = settings_of()
    telemetry.set_up(name, settings)
    match sys.argv[1:]:
        case []:
            check_serving(settings, name)
            run_until_stopped(name, lambda: [build(settings)])
        case ["work"]:
            check_serving(settings, name)
            run_until_stopped(name, lambda: [build(settings)], working)
        case ["migrate"]:
            from chassis.migrate import failing_in_one_line, migrate  # bring Alembic, which nothing that serves needs

            with failing_in_one_line(name):
                migrate(settings.database_url, f"services.{name}")
                if seed:
                    asyncio.run(seed(settings.database_url))
        case [command, *arguments] if command in commands:
            commands[command](settings, arguments)
        case _:
            sys.exit(f"usage: python -m services.{name} [{' | '.join(['work', 'migrate', *commands])}]")


Run = Callable[[Service], AbstractAsyncContextManager[str]]


def run_until_stopped(name: str, build: Callable[[], Sequence[Service]], run: Run | None = None) -> None:
    """
    Run services in this process until SIGTERM or SIGINT; what keeps them from starting is said in one line.

    Args:
        name: What the process is called.
        build: Wires the services up.
        run: `running` or `working`; they serve by default.
    """
    malloc_tuning.limit_arenas()
    try:
        uvloop.run(_run_until_stopped(build(), run or running))
    except WrongSetting as wrong:
        refuse(wrong)
    except (RuntimeError, OSError, ValueError) as error:
        log.debug("service.failed", exc_info=True)
        sys.exit(f"{name}: {error}")


async def _run_until_stopped(services: Sequence[Service], run: Run) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    ends = [asyncio.create_task(_run_service(service, run, stop)) for service in services]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()  # Of the others, where one has failed.
        for end in ends:
            await end


async def _run_service(service: Service, run: Run, stop: asyncio.Event) -> None:
    if service.settings.otlp_endpoint:
        telemetry.trace_sql(service.database.engine.sync_engine)
    telemetry.serve_metrics(service.name, service.settings.metrics_listen)
    waiting = asyncio.create_task(_wait_for_schema(service))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, stopped], return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        return
    gc_tuning.tune_gc()
    async with run(service) as address:
        log.info("service.ready", address=address)
        await stopped
        log.info("service.draining")


async def _wait_for_schema(service: Service) -> None:
    """Wait until the database answers and has the schema that this version of the code needs."""
    outage = Outage("database.waiting", "database.again", service=service.name)
    while True:
        try:
            if await is_current(service.database.url, f"services.{service.name}"):
                outage.end()
                return
            reason = "the schema is older than the code; run the migration"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            reason = str(error) or type(error).__name__
        outage.tell(reason)
        await asyncio.sleep(0.5)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[str]:
    """
    Serve until the block ends, then drain: no new calls, running ones finish, tasks are cancelled.

    Yields:
        The address, ``host:port``.

    Raises:
        RuntimeError: The contract of a servicer lacks a declaration, or the port is taken.
    """
    messaging = _Messaging(service)
    health = Health(
        {
            READY: lambda: _is_ready(service),
            "database": service.database.check,
            "nats": messaging.works,
            "nats-storage": messaging.stores,
            **service.checks,
        }
    )
    server = _server(service, health)
    address = _bind(server, service.settings.listen)
    await server.start()
    report: Callable[[], Awaitable[None]] = partial(outbox_metrics.report, service.database)
    tasks = [asyncio.create_task(_forever(task)) for task in (messaging.run, report, *service.tasks)]
    try:
        yield address
    finally:
        health.drain()
        await server.stop(service.settings.shutdown_seconds)
        await _end(tasks, again_seconds=2)
        await service.database.dispose()


async def _is_ready(service: Service) -> bool:
    """Return whether a service should get calls; one that can only be read from should, too."""
    return await service.database.is_readable() and (service.is_level is None or await service.is_level() is not False)


@asynccontextmanager
async def working(service: Service) -> AsyncIterator[str]:
    """
    Work on a service's queues until the block ends: no calls, no events of others, no tasks.

    Yields:
        No address: nobody calls it.

    Raises:
        RuntimeError: The service has no queue.
    """
    if not service.workers:
        raise RuntimeError("it has no work queue")
    messaging = _Messaging(replace(service, handlers={}))
    work = asyncio.create_task(_forever(messaging.run))
    try:
        yield ""
    finally:
        await _end([work], again_seconds=2)
        await service.database.dispose()


def _server(service: Service, health: Health) -> grpc.aio.Server:
    max_calls = service.settings.pool_size * CALLS_PER_CONNECTION
    guard = Guard(Verifier(service.settings.identity_trusted_keys), max_calls)
    server = grpc.aio.server(interceptors=[guard], options=OPTIONS)
    names = _Names()
    for add, servicer in service.servicers:
        add(servicer, server)
        add(servicer, names)
    lacking = [line for name in names.found for line in list_undeclared(find_service(name))]
    if lacking:
        raise RuntimeError("; ".join(lacking))
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    reflection.enable_server_reflection([*names.found, SERVICE_NAME, reflection.SERVICE_NAME], server)
    return server


class _Names:
    """Takes servicers as a server does, and keeps their gRPC service names."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self.found += [handler.service_name() for handler in handlers]

    def add_registered_method_handlers(self, _name: str, _handlers: Any) -> None:
        """Registered beside the generic ones; the names are known from those."""


def _bind(server: grpc.aio.Server, listen: str) -> str:
    host, _, port = listen.rpartition(":")
    try:
        # gRPC would tell of a failure in several lines of its own.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
        return f"{host}:{server.add_insecure_port(listen)}"
    except (OSError, ValueError, OverflowError, RuntimeError):
        reason = "it is taken, or not an address of this machine"
        raise RuntimeError(f"{listen} can't be listened on: {reason}") from None


class _Messaging:
    """
    Relay, consumer and workers of a service.

    While NATS is away events and tasks wait in the outbox, and calls are served as ever.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        settings = service.settings
        self._limits = StreamLimits(settings.nats_replicas, settings.nats_max_megabytes, settings.nats_keep_days)
        self._client: Client | None = None
        self._relay: Relay | None = None

    async def works(self) -> bool:
        """Return whether NATS answers for the stream of events at this moment; raises what it answers instead."""
        if self._client is None or not self._client.is_connected:
            return False
        await self._client.jetstream(timeout=CHECK_SECONDS).stream_info(STREAM)
        return True

    async def stores(self) -> bool:
        """Return whether NATS stores what the service publishes; not so when its disk or the stream is full."""
        return self._relay is None or self._relay.is_stored

    async def run(self) -> None:
        """Publish, consume and work until cancelled, or until the client gives its connection up."""
        service, closed = self._service, asyncio.Event()
        self._client = client = await connect(service.settings.nats_url, service.name, closed.set)
        jetstream = client.jetstream(timeout=5)
        self._relay = Relay(service.database, jetstream, self._limits)
        runs = [self._relay.run()]
        if service.handlers:
            runs.append(Consumer(service.name, service.database, jetstream, service.handlers).run())
        runs += [worker.run(jetstream) for worker in service.workers]
        work = [asyncio.create_task(run) for run in (closed.wait(), *runs)]
        try:
            # None of them ends by itself, unless the client closes for good: then it takes a new connection.
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            raise ConnectionError("the connection to NATS was closed")
        finally:
            await _end(work, again_seconds=1)
            with suppress(Exception):
                await asyncio.wait_for(client.close(), 5)


async def _end(tasks: Sequence[asyncio.Task[Any]], again_seconds: float) -> None:
    """Cancel tasks until all have ended: before Python 3.12, `asyncio.wait_for` swallows some cancellations."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_seconds)


async def _forever(task: Callable[[], Awaitable[None]]) -> None:
    """Run a task; one that fails is logged and started again."""
    itself = asyncio.current_task()
    while True:
        try:
            await task()
            return
        except (Exception, asyncio.CancelledError) as error:
            # A library may cancel what it waits for; only our own end is the end.
            if itself is not None and itself.cancelling():
                raise
            log.warning("task.restarted", error=str(error) or type(error).__name__, exc_info=True)
            await asyncio.sleep(1)
