"""A service as a process: it starts in any order, drains on SIGTERM, and says in one line why it can't start."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from austausch.exchange.v1.exchange_pb2 import City, CreateCityRequest, GetCityRequest
from austausch.exchange.v1.exchange_pb2_grpc import CityServiceStub
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.client import channel, metadata_for
from chassis.database import Database
from chassis.identity import Role
from chassis.server import running
from chassis.settings import ServiceSettings
from deploy import embedded
from deploy.embedded import Nats, free_port
from tests.calls import Keys, person
from tests.chassis import sample
from tests.chassis.conftest import RunningSample

Start = Callable[..., subprocess.Popen[str]]
CITY = City(display_name="Mannheim", country_code="DE", time_zone="Europe/Berlin")
SECONDS = 120
# Longer than a process is waited for: one that ends has not been held up.
SHUTDOWN_SECONDS = 240


@pytest.fixture
def environment(database_url: str, nats_server: Nats, keys: Keys) -> dict[str, str]:
    """Variables of a process that can start."""
    return {
        **os.environ,
        "SAMPLE_DATABASE_URL": database_url,
        "SAMPLE_LISTEN": f"127.0.0.1:{free_port()}",
        "SAMPLE_SHUTDOWN_SECONDS": str(SHUTDOWN_SECONDS),
        "NATS_URL": nats_server.url,
        "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "debug",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the sample with an environment; its output goes to ``stderr``, a file."""
    started: list[subprocess.Popen[str]] = []

    def begin(environment: dict[str, str], log: Path, *arguments: str) -> subprocess.Popen[str]:
        with log.open("w") as output:
            command = [sys.executable, "-m", "tests.chassis.process", *arguments]
            started.append(subprocess.Popen(command, env=environment, stderr=output, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def wait_for(log: Path, text: str) -> None:
    """Wait until a process has logged something."""
    deadline = time.monotonic() + SECONDS
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def refused(start: Start, environment: dict[str, str], log: Path) -> tuple[int, list[str]]:
    """Return the code with which a process ends that can't start, and what it says that is not a log line."""
    code = start(environment, log).wait(SECONDS)
    return code, [line for line in log.read_text().splitlines() if not line.startswith("{")]


def test_sigterm_lets_a_running_call_finish(
    start: Start, environment: dict[str, str], keys: Keys, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    process = start(environment | {"SLOW": "1.5"}, log)
    wait_for(log, "service.ready")
    with channel(environment["SAMPLE_LISTEN"]) as opened:
        stub = CityServiceStub(opened)
        metadata = metadata_for(keys.token(person(Role.COORDINATOR)))
        stub.CreateCity(CreateCityRequest(city=CITY, city_id="mannheim"), metadata=metadata, timeout=SECONDS)
        health = health_pb2_grpc.HealthStub(opened)
        states = health.Watch(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        assert next(states).status == health_pb2.HealthCheckResponse.SERVING
        slow = stub.GetCity.future(GetCityRequest(name="cities/mannheim"), metadata=metadata, timeout=SECONDS)
        wait_for(log, "sample.sleeping")
        process.send_signal(signal.SIGTERM)
        assert next(states).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert slow.result().display_name == "Mannheim"
        states.cancel()
        assert process.wait(SECONDS) == 0
        with pytest.raises(grpc.RpcError) as raised:
            stub.GetCity(GetCityRequest(name="cities/mannheim"), metadata=metadata, timeout=2)
        assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_someone_who_watches_its_health_does_not_keep_a_service_from_ending(
    start: Start, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    process = start(environment, log)
    wait_for(log, "service.ready")
    with channel(environment["SAMPLE_LISTEN"]) as opened:
        states = health_pb2_grpc.HealthStub(opened).Watch(health_pb2.HealthCheckRequest())
        assert next(states).status == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        with suppress(grpc.RpcError):
            assert next(states).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_a_service_starts_before_postgresql_and_nats_and_serves_once_they_are_there(
    start: Start, environment: dict[str, str], keys: Keys, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    # The data exist, the servers do not run.
    with embedded.postgres(tmp_path / "postgres", ["sample"], durable=False) as postgres:
        pass
    with embedded.nats(tmp_path / "nats") as nats:
        pass
    environment |= {"SAMPLE_DATABASE_URL": postgres.url_for("sample"), "NATS_URL": nats.url}
    start(environment, log)
    wait_for(log, "database.waiting")
    with embedded.postgres(tmp_path / "postgres", port=postgres.port):
        wait_for(log, "run the migration")
        assert start(environment, tmp_path / "migration", "migrate").wait(SECONDS) == 0
        wait_for(log, "service.ready")
        with channel(environment["SAMPLE_LISTEN"]) as opened:
            metadata = metadata_for(keys.token(person(Role.COORDINATOR)))
            request = CreateCityRequest(city=CITY, city_id="mannheim")
            CityServiceStub(opened).CreateCity(request, metadata=metadata, timeout=SECONDS)
        with embedded.nats(tmp_path / "nats", port=nats.port):
            asyncio.run(effect_of(postgres.url_for("sample")))


async def effect_of(url: str) -> None:
    """Wait until the event of the city has had its effect."""
    from tests.chassis.messaging import effects, until

    database = Database(url)
    await until(lambda: effects(database))
    await database.dispose()


def test_sigterm_ends_a_service_that_still_waits_for_its_database(
    start: Start, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    process = start(environment | {"SAMPLE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, log)
    wait_for(log, "database.waiting")
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0


def test_what_keeps_a_service_from_starting_is_said_in_one_line(
    start: Start, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "keys.json").write_text("{}")
    log = tmp_path / "log"
    with embedded.nats(tmp_path / "nats") as stranger:
        taken = f"127.0.0.1:{stranger.port}"
        code, (line,) = refused(start, environment | {"SAMPLE_LISTEN": taken}, log)
        assert (code, line) == (
            1,
            f"sample: {taken} can't be listened on: it is taken, or not an address of this machine",
        )
        code, (line,) = refused(start, environment | {"SAMPLE_METRICS_LISTEN": taken}, log)
        assert code == 1
        assert "in use" in line
    code, (line,) = refused(start, environment | {"IDENTITY_TRUSTED_KEYS": str(tmp_path / "keys.json")}, log)
    assert (code, "keys.json is not a JSON Web Key Set" in line) == (2, True)
    code, (line,) = refused(start, environment | {"SAMPLE_DATABASE_URL": "postgresql:/hush"}, log)
    assert (code, "postgresql://user:password@host/database" in line, "hush" in line) == (2, True, False)
    code, (line,) = refused(start, environment | {"SAMPLE_LISTN": "typo"}, log)
    assert (code, line) == (2, "SAMPLE_LISTN is not a setting of sample.")


def test_a_defect_is_logged_as_json_with_its_trace_and_without_secrets(
    start: Start, environment: dict[str, str], keys: Keys, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    process = start(environment | {"DEFECT": "1"}, log)
    wait_for(log, "service.ready")
    token = keys.token(person(Role.COORDINATOR))
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    metadata = [*metadata_for(token), ("traceparent", f"00-{trace_id}-b7ad6b7169203331-01")]
    with channel(environment["SAMPLE_LISTEN"]) as opened, pytest.raises(grpc.RpcError) as raised:
        CityServiceStub(opened).GetCity(GetCityRequest(name="cities/mannheim"), metadata=metadata, timeout=SECONDS)
    assert raised.value.code() == grpc.StatusCode.INTERNAL
    process.send_signal(signal.SIGTERM)
    process.wait(SECONDS)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (defect,) = [line for line in lines if line["event"] == "rpc.defect"]
    assert (defect["process"], defect["trace_id"], defect["level"]) == ("sample", trace_id, "error")
    assert defect["exception"][0]["exc_type"] == "KeyError"
    assert all("timestamp" in line for line in lines)
    assert token not in log.read_text()
    assert token.split(".")[2] not in log.read_text()


async def test_a_call_that_was_cancelled_at_the_end_of_the_drain_leaves_no_connection(
    settings: ServiceSettings, keys: Keys
) -> None:
    from dataclasses import replace

    from sqlalchemy import text

    from chassis.client import aio_channel
    from chassis.database import Session

    service = sample.service(replace(settings, shutdown_seconds=1))
    servicer = service.servicers[0][1]

    async def sleep(session: Session) -> None:
        await session.execute(text("SELECT pg_sleep(60)"))

    servicer.before_get = sleep
    async with running(service) as address, aio_channel(address) as opened:
        sampled = RunningSample("exchange", address, settings, service.database, opened, keys, servicer)
        call = asyncio.ensure_future(sampled.as_(Role.MEMBER).GetCity(GetCityRequest(name="cities/x"), seconds=30))
        await asyncio.sleep(0.5)
        ending = asyncio.ensure_future(asyncio.sleep(0))
        await ending
    with suppress(grpc.RpcError, asyncio.CancelledError):
        await call
    other = Database(settings.database_url)
    async with other.begin() as session:
        mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        # Before it would end by itself.
        async with asyncio.timeout(30):
            while await session.scalar(text(mine)):
                await asyncio.sleep(0.05)
                await session.execute(text("SELECT pg_stat_clear_snapshot()"))
    await other.dispose()
