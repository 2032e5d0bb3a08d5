"""``austausch doctor``: on a platform that is well, and on each thing that is not."""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import grpc
import psycopg
import pytest
from grpc_health.v1 import health_pb2_grpc
from psycopg import sql

from chassis.health import Check, Health, PartFailed
from chassis.identity import key_set, new_private_key
from chassis.migrate import migrate
from deploy import embedded
from deploy.credentials import keep_credentials
from deploy.embedded import HOST, Nats, Postgres, free_port
from operate.checks.databases import check_databases
from operate.checks.home_city import check_home_city
from operate.checks.index_disk import check_index_disk
from operate.checks.keys import check_certificate, check_keys
from operate.checks.messages import check_messages, check_sync
from operate.checks.processes import HUB_REMEDIES, check_processes
from operate.findings import Finding, State
from operate.settings import DoctorSettings
from tests.calls import RunningService
from tests.conftest import FreshDatabase, OldDatabase
from tests.operate.austausch import austausch, settings_of
from tests.operate.test_dead_letters import bury_two
from tests.small_disk import small_disk
from tests.stack import Stack

DOCTOR = DoctorSettings()


def about(findings: Iterator[Finding], subject: str) -> list[Finding]:
    return [finding for finding in findings if finding.subject == subject]


def wrong(findings: Iterator[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.state in (State.WRONG, State.WARNING)]


def look_at_nats(settings: DoctorSettings) -> list[Finding]:
    async def look() -> list[Finding]:
        return [finding async for finding in check_messages(settings)]

    return asyncio.run(look())


def test_a_platform_that_is_well_is_called_so(stack: Stack) -> None:
    settings = settings_of(stack.data)

    done = austausch(settings, "doctor")

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert not [line for line in lines if line.startswith(("wrong", "warning"))]
    for said in ("database exchange: PostgreSQL 18", "stream austausch: ", "service knowledge: ", "gateway: http"):
        assert any(line.startswith("fine") and said in line for line in lines), said
    assert "\x1b" not in done.stdout
    assert not [
        value for name, value in settings.items() if name.endswith("_URL") and "@" in value and value in done.stdout
    ]


def test_the_replicas_of_a_service_are_asked_by_their_list(stack: Stack) -> None:
    address = settings_of(stack.data)["GATEWAY_FORUM_ADDRESS"]
    findings = about(check_processes(replace(DOCTOR, gateway_forum_address=f"{address}, {address}")), "service forum")
    assert [finding.state for finding in findings] == [State.FINE]


def test_a_program_gets_the_same_as_json_and_an_exit_code(stack: Stack) -> None:
    settings = {**settings_of(stack.data), "GATEWAY_HOME_TIME_ZONE": "Europe/Atlantis"}

    done = austausch(settings, "doctor", "--json")

    findings = json.loads(done.stdout)
    assert done.returncode == 1
    assert [finding for finding in findings if finding["state"] == "wrong"] == [
        {
            "subject": "time zone",
            "state": "wrong",
            "said": "there is no 'Europe/Atlantis'",
            "remedy": "set GATEWAY_HOME_TIME_ZONE to an IANA name such as Europe/Berlin",
        }
    ]


def test_a_database_that_is_away_or_refuses_is_named_without_its_password(postgres_server: Postgres) -> None:
    away = f"postgresql://exchange:hidden@{HOST}:{free_port()}/exchange"
    refused = f"postgresql://postgres:hidden@{HOST}:{postgres_server.port}/postgres"
    settings = replace(DOCTOR, exchange_database_url=away, forum_database_url=refused)

    found = {finding.subject: finding for finding in wrong(check_databases(settings))}

    assert found.keys() == {"database exchange", "database forum"}
    assert "Connection refused" in found["database exchange"].said
    assert "password authentication failed" in found["database forum"].said
    assert "hidden" not in str(found)


def test_a_database_whose_schema_is_old_or_missing_is_to_be_migrated(
    old_database: OldDatabase, postgres_server: Postgres
) -> None:
    settings = replace(
        DOCTOR,
        exchange_database_url=old_database("services.exchange", "exchange_0001"),
        gateway_database_url=postgres_server.url_for("postgres"),
    )

    found = wrong(check_databases(settings))

    assert [(finding.subject, finding.remedy) for finding in found] == [
        ("database exchange", "run python -m services.exchange migrate"),
        ("database gateway", "run python -m gateway migrate"),
    ]


def test_a_database_whose_disk_is_full_needs_room(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", megabytes=160) as disk,
        embedded.postgres(disk.path / "postgres", ["exchange"]) as postgres,
    ):
        url = postgres.url_for("exchange")
        migrate(url, "services.exchange")
        disk.fill()

        found = about(check_databases(replace(DOCTOR, exchange_database_url=url)), "database exchange")

        remedies = [finding.remedy for finding in found if finding.said.startswith("it can't be written")]
        disk.free()
    assert remedies == ["make room on its disk, or give it a larger one; it goes on by itself then"]


def test_a_database_that_takes_no_writes_is_told_apart_from_one_that_belongs_to_another(
    fresh_database: FreshDatabase, postgres_server: Postgres
) -> None:
    read_only, of_another = fresh_database("services.exchange"), fresh_database("services.forum")
    name = sql.Identifier(read_only.rpartition("/")[2])
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    try:
        stranger = of_another.replace(f"postgres:{postgres_server.password}", "stranger:stranger")
        settings = replace(DOCTOR, exchange_database_url=read_only, forum_database_url=stranger)

        found = about(check_databases(settings), "database exchange") + about(
            check_databases(settings), "database forum"
        )

        remedies = [finding.remedy for finding in found if finding.said.startswith("it can't be written")]
        assert "name the primary" in remedies[0]
        assert "ALTER DATABASE … OWNER TO" in remedies[1]
    finally:
        with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
            admin.execute("DROP ROLE stranger")


def test_events_that_wait_for_minutes_are_a_fault(fresh_database: FreshDatabase) -> None:
    url = fresh_database("services.exchange")
    with psycopg.connect(url) as connection:
        moment = datetime.now(UTC) - timedelta(minutes=5)
        connection.execute(
            "INSERT INTO outbox (id, type, headers, payload, create_time) VALUES ('1', 'type', '{}', '', %s)", [moment]
        )

    (found,) = wrong(check_databases(replace(DOCTOR, exchange_database_url=url)))

    assert found.said.startswith("1 events wait to be published, the oldest for 30")


def test_clocks_that_differ_are_a_fault(fresh_database: FreshDatabase) -> None:
    settings = replace(DOCTOR, exchange_database_url=fresh_database("services.exchange"))
    real = time.time

    with patch("operate.checks.databases.time.time", lambda: real() - 90):
        (found,) = wrong(check_databases(settings))

    assert found.said in ("its clock and this machine's differ by 90 s", "its clock and this machine's differ by 91 s")


def test_what_nats_lacks_and_what_was_given_up_is_named(nats_server: Nats) -> None:
    settings = replace(DOCTOR, nats_url=nats_server.url)

    missing = [finding.subject for finding in look_at_nats(settings) if finding.state is State.WARNING]

    assert missing == ["stream austausch", "stream work", "stream dead-letters"]
    asyncio.run(bury_two(nats_server))
    (found,) = [finding for finding in look_at_nats(settings) if finding.state is State.WRONG]
    assert (found.subject, found.said) == ("stream dead-letters", "2 events or tasks were given up")


def test_a_nats_that_is_away_is_named_without_its_password() -> None:
    found = look_at_nats(replace(DOCTOR, nats_url=f"nats://austausch:hidden@{HOST}:{free_port()}"))

    assert found[0].state is State.WRONG
    assert "hidden" not in str(found)


@contextmanager
def nats_with(folder: Path, jetstream: str) -> Iterator[tuple[str, str]]:
    """Run a NATS with a configuration of its own; give its URL and that of its monitoring."""
    port, monitoring = free_port(), free_port()
    file = folder / "nats.conf"
    file.write_text(f'listen: "{HOST}:{port}"\nhttp: "{HOST}:{monitoring}"\n{jetstream}\n')
    server = subprocess.Popen(
        [Path(sys.executable).with_name("nats-server"), "--config", file], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        waits_for = "its monitoring does not answer: " if jetstream else "its monitoring does not answer: <urlopen"
        while check_sync(f"http://{HOST}:{monitoring}").said.startswith(waits_for):
            assert time.monotonic() < deadline
        yield f"nats://{HOST}:{port}", f"http://{HOST}:{monitoring}"
    finally:
        server.terminate()
        server.wait(60)


def test_a_nats_without_jetstream_is_a_fault(tmp_path: Path) -> None:
    with nats_with(tmp_path, "") as (url, _):
        found = look_at_nats(replace(DOCTOR, nats_url=url))

    said = next(finding.said for finding in found if finding.state is State.WRONG)
    assert said.startswith("JetStream does not answer")


@pytest.mark.parametrize(
    ("setting", "state"),
    [("", State.WARNING), ("sync_interval: always", State.FINE), ("sync_interval: 5s", State.WARNING)],
)
def test_a_nats_that_acknowledges_before_it_syncs_is_warned_of(setting: str, state: State, tmp_path: Path) -> None:
    store = f'jetstream {{ store_dir: "{tmp_path}/store"\n {setting} }}'
    with nats_with(tmp_path, store) as (_, monitoring):
        found = check_sync(monitoring)

    assert found.state is state
    if setting.endswith("5s"):
        assert found.said == "it acknowledges events up to 5 s before they are on the disk"


def test_without_its_monitoring_nobody_knows_whether_nats_syncs() -> None:
    assert check_sync("").state is State.UNKNOWN
    assert check_sync(f"http://{HOST}:{free_port()}").state is State.UNKNOWN


def test_keys_that_do_not_belong_together_are_a_fault(tmp_path: Path) -> None:
    own, other = new_private_key(), new_private_key()
    trusted = tmp_path / "trusted-keys.json"
    trusted.write_text(key_set({"gateway": own, "forum": other}))
    settings = replace(DOCTOR, identity_trusted_keys=trusted, gateway_signing_key=own, forum_signing_key=own)

    found = wrong(check_keys(settings))

    assert [(finding.subject, finding.said) for finding in found] == [
        ("signing key forum", "forum is not trusted: services refuse what forum says")
    ]
    trusted.write_text("{")
    assert wrong(check_keys(settings))[0].subject == "trusted keys"


def test_a_key_file_that_is_missing_is_a_fault_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    own = new_private_key()
    trusted, nowhere = tmp_path / "trusted-keys.json", tmp_path / "nowhere"
    trusted.write_text(key_set({"gateway": own}))
    settings = {
        "IDENTITY_TRUSTED_KEYS": str(trusted),
        "GATEWAY_SIGNING_KEY": own,
        "FORUM_SIGNING_KEY_FILE": str(nowhere),
        "NATS_URL_FILE": str(nowhere),
        "NATS_MONITORING_URL_FILE": str(nowhere),
    }

    done = austausch(settings, "doctor", "--json")

    findings = [Finding(**each) for each in json.loads(done.stdout)]
    by_subject = {finding.subject: finding for finding in findings}
    missing = f"_FILE: {nowhere}: No such file or directory."
    assert done.returncode == 1
    assert by_subject["signing key gateway"].state == State.FINE
    forum = by_subject["signing key forum"]
    assert (forum.state, forum.said) == (State.WRONG, f"FORUM_SIGNING_KEY{missing}")
    assert "deploy.credentials" in forum.remedy
    assert (by_subject["NATS"].state, by_subject["NATS"].said) == (State.WRONG, f"NATS_URL{missing}")
    assert by_subject["NATS_MONITORING_URL"].state == State.WRONG
    assert by_subject["database exchange"].state == State.UNKNOWN
    assert by_subject["gateway"].said == "PLATFORM_URL is not set"


def test_a_certificate_is_told_good_from_bad(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    file = tmp_path / "tls-certificate.pem"

    assert check_certificate(file).said.startswith("it is self-signed, good until ")
    with patch("operate.checks.keys.datetime") as clock:
        clock.now.return_value = datetime.now(UTC) + timedelta(days=91)
        assert check_certificate(file).state is State.WRONG
    file.write_text("nothing")
    assert check_certificate(file).state is State.WRONG
    assert check_certificate(None).state is State.UNKNOWN


async def test_a_service_that_is_away_is_told_from_one_that_answers(exchange: RunningService) -> None:
    settings = replace(DOCTOR, gateway_exchange_address=exchange.address, gateway_forum_address=f"{HOST}:{free_port()}")

    found = await asyncio.to_thread(lambda: {finding.subject: finding for finding in check_processes(settings)})

    assert found["service exchange"].state is State.FINE
    assert found["service forum"].state is State.WRONG
    assert "does not answer: UNAVAILABLE" in found["service forum"].said


@contextmanager
def knowledge_whose_parts(checks: dict[str, Check]) -> Iterator[DoctorSettings]:
    """The health protocol of a knowledge service, and settings that name it."""
    ready = threading.Event()
    addresses: list[str] = []
    stopping: list[Callable[[], object]] = []

    async def serve() -> None:
        server = grpc.aio.server()
        parts = dict.fromkeys(("database", "nats", "nats-storage", "index"), works)
        health_pb2_grpc.add_HealthServicer_to_server(Health(parts | checks), server)
        addresses.append(f"{HOST}:{server.add_insecure_port(f'{HOST}:0')}")
        await server.start()
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stopping.append(lambda: loop.call_soon_threadsafe(stop.set))
        ready.set()
        await stop.wait()
        await server.stop(None)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield replace(DOCTOR, gateway_knowledge_address=addresses[0])
    finally:
        stopping[0]()
        thread.join()


async def works() -> None:
    """A part that works."""


async def is_revoked() -> None:
    raise PartFailed("INSTALLATION_REVOKED")


async def fails_somehow() -> bool:
    return False


def test_a_hub_that_takes_nothing_is_named_with_its_reason_and_a_remedy() -> None:
    with knowledge_whose_parts({"hub": is_revoked}) as settings:
        (found,) = about(check_processes(settings), "hub")
        (service,) = about(check_processes(settings), "service knowledge")

    assert (found.state, service.state) == (State.WRONG, State.FINE)
    assert "INSTALLATION_REVOKED" in found.said
    assert "ask its administrators" in found.remedy


def test_a_hub_is_spoken_of_where_something_is_published_only() -> None:
    with knowledge_whose_parts({}) as settings:
        assert not about(check_processes(settings), "hub")
    with knowledge_whose_parts({"hub": works}) as settings:
        assert [finding.state for finding in about(check_processes(settings), "hub")] == [State.FINE]
    with knowledge_whose_parts({"hub": fails_somehow}) as settings:
        (found,) = about(check_processes(settings), "hub")
        assert (found.state, "hub.retry" in found.remedy) == (State.WRONG, True)


def test_every_reason_of_the_documentation_has_a_remedy() -> None:
    document = (Path(__file__).parents[2] / "docs/operations/network.md").read_text()
    assert HUB_REMEDIES.keys() == set(re.findall(r"^\| `([A-Z_]+)` \|", document, re.MULTILINE))


def test_the_home_city_has_to_be_one_city_that_is_there(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    url = fresh_database("services.exchange")
    settings = replace(DOCTOR, exchange_database_url=url)

    def said(**changes: str) -> tuple[State, str]:
        (found,) = about(check_home_city(replace(settings, **changes)), "home city")
        return found.state, found.said

    assert said() == (State.WARNING, "cities/mannheim is not there")
    other = (State.WRONG, "cities/mannheim for the gateway, cities/swansea for exchange")
    assert said(exchange_home_city="cities/swansea") == other
    assert "GB are free on its disk" in check_index_disk(tmp_path).said
