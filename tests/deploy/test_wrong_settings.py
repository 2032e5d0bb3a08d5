"""What an operator gets wrong in a setting: each process says which in one line, and ends with code 2."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from chassis.settings import check_serving, load
from deploy.credentials import DATABASES
from deploy.embedded import HOST, free_port
from tests.calls import Keys
from tests.deploy.test_operation import settings_of

SECONDS = 60
NOWHERE = f"{HOST}:1"
MODULES = {process: f"services.{process}" for process in DATABASES} | {"gateway": "gateway"}

# Variable of a process, what somebody gives it, and what the line says beside its name.
WRONG = [
    ("EXCHANGE_CALENDARS_ALLOWED", "10.20.0.0/99", "10.20.0.0/99"),
    ("EXCHANGE_DATABASE_URL", "foo", "postgresql://user:password@host/database"),
    ("EXCHANGE_DETOUR_PERCENT", "-5", "100 at least"),
    ("EXCHANGE_HOME_CITY", "mannheim", "cities/mannheim"),
    ("EXCHANGE_LISTEN", "50051", "host and port"),
    ("EXCHANGE_LONGEST_WALK", "-5", "0 at least"),
    ("EXCHANGE_METRICS_LISTEN", "9100", "host and port"),
    ("EXCHANGE_METRICS_LISTEN", "foo", "host and port"),
    ("EXCHANGE_METRICS_LISTEN", "foo:bar", "host and port"),
    ("EXCHANGE_METRICS_LISTEN", "127.0.0.1:65536", "host and port"),
    ("EXCHANGE_POOL_SIZE", "-1", "1 at least"),
    ("EXCHANGE_POOL_SIZE", "0", "1 at least"),
    ("EXCHANGE_SCHOOL_HOLIDAYS", "/nonexistent", "/nonexistent: No such file or directory"),
    ("EXCHANGE_SHUTDOWN_SECONDS", "-1", "0 at least"),
    ("EXCHANGE_VEHICLE_SPEED", "0", "1 at least"),
    ("EXCHANGE_WALKING_SPEED", "0", "1 at least"),
    ("FORUM_EXCHANGE_ADDRESS", "exchange", "host:port"),
    ("FORUM_EXCHANGE_ADDRESS", "one:1,two", "host:port"),
    ("FORUM_SIGNING_KEY", "broken", "PEM"),
    ("FORUM_SIGNING_KEY_FILE", "/etc/passwd", "/etc/passwd"),
    ("GATEWAY_DATABASE_URL", "foo", "postgresql://user:password@host/database"),
    ("GATEWAY_HOME_CITY", "mannheim", "cities/mannheim"),
    ("GATEWAY_HOME_TIME_ZONE", "", "Europe/Berlin"),
    ("GATEWAY_HOME_TIME_ZONE", "Europe", "Europe/Berlin"),
    ("GATEWAY_HOME_TIME_ZONE", "Mars/Phobos", "Europe/Berlin"),
    ("GATEWAY_LISTEN", "8000", "host and port"),
    ("GATEWAY_METRICS_LISTEN", "foo", "host and port"),
    ("GATEWAY_POOL_SIZE", "0", "1 at least"),
    ("GATEWAY_SECRET_KEY", "short", "32 characters"),
    ("GATEWAY_SIGNING_KEY_FILE", "/etc/passwd", "/etc/passwd"),
    ("GATEWAY_THREADS", "0", "1 at least"),
    ("GATEWAY_TRUSTED_PROXIES", "-1", "0 at least"),
    ("GATEWAY_WORKERS", "0", "1 at least"),
    ("IDENTITY_TRUSTED_KEY", "/x", "IDENTITY_TRUSTED_KEYS is"),
    ("IDENTITY_TRUSTED_KEYS", "/etc/passwd", "not a JSON Web Key Set"),
    ("IDENTITY_TRUSTED_KEYS", "/nonexistent", "/nonexistent: No such file or directory"),
    ("KNOWLEDGE_INDEX_PATH", "/etc/passwd", "/etc/passwd is no folder"),
    ("KNOWLEDGE_INDEX_PATH", "/etc/passwd/index", "/etc/passwd is no folder"),
    ("KNOWLEDGE_MAX_LEARNINGS_PER_INSTALLATION", "-1", "0 at least"),
    ("KNOWLEDGE_PUBLIC_URL", "foo", "web address"),
    ("NATS_KEEP_DAYS", "0", "1 at least"),
    ("NATS_KEEP_DAYS", "60", "59 at most"),
    ("NATS_MAX_MEGABYTE", "5", "NATS_MAX_MEGABYTES is"),
    ("NATS_MAX_MEGABYTES", "0", "1 at least"),
    ("NATS_REPLICA", "3", "NATS_REPLICAS is"),
    ("NATS_REPLICAS", "0", "1 at least"),
    ("NATS_URL", "nats://", "nats://user:password@host:4222"),
    ("NATS_URL", "http://nats:4222", "nats://user:password@host:4222"),
    ("OTLP_ENDPOINT", "notaurl", "web address"),
    ("OTLP_ENDPOINTS", "http://collector:4318", "OTLP_ENDPOINT is"),
]
RIGHT = [
    ("EXCHANGE_CALENDARS_ALLOWED", "exchange.city.example, 10.20.0.0/16"),
    ("EXCHANGE_METRICS_LISTEN", "[::1]:9100"),
    ("EXCHANGE_LISTEN", "0.0.0.0:50051"),
    ("FORUM_EXCHANGE_ADDRESS", "dns:///exchange-headless.austausch.svc:50051"),
    ("FORUM_EXCHANGE_ADDRESS", "ipv4:10.0.0.1:50051,10.0.0.2:50051"),
    ("FORUM_EXCHANGE_ADDRESS", "10.0.0.1:50051, 10.0.0.2:50051"),
    ("FORUM_EXCHANGE_ADDRESS", "[::1]:50051,[::2]:50051"),
    ("GATEWAY_DATABASE_URL", "postgresql://me:secret@first:5432,second:5432/accounts?sslmode=require"),
    ("KNOWLEDGE_PUBLIC_URL", "https://austausch.mannheim.example/"),
    ("NATS_URL", "nats://user:password@one:4222, nats://user:password@two:4222"),
    # Of the operator's command, of NATS's, and what Kubernetes sets for a Service of this name.
    ("NATS_MONITORING_URL", "http://nats:8222"),
    ("NATS_CONTEXT", "mine"),
    ("NATS_USER", "me"),
    ("NATS_SERVICE_HOST", "10.0.0.1"),
    ("NATS_SERVICE_PORT", "4222"),
    ("NATS_PORT", "tcp://10.0.0.1:4222"),
    ("NATS_PORT_4222_TCP", "tcp://10.0.0.1:4222"),
    ("NATS_PORT_4222_TCP_ADDR", "10.0.0.1"),
    # Of Azure.
    ("IDENTITY_ENDPOINT", "http://localhost:42356/msi/token"),
]


def process_of(variable: str) -> str:
    prefix = variable.partition("_")[0].lower()
    return prefix if prefix in DATABASES else "exchange"


@pytest.fixture
def good(keys: Keys, tmp_path: Path) -> dict[str, str]:
    """All that the four processes need; nothing answers behind the addresses."""
    return {
        **{f"{process.upper()}_DATABASE_URL": f"postgresql://me:hush@{NOWHERE}/none" for process in DATABASES},
        **{f"{process.upper()}_LISTEN": f"{HOST}:{free_port()}" for process in DATABASES},
        "FORUM_EXCHANGE_ADDRESS": NOWHERE,
        "FORUM_SIGNING_KEY": keys.private["forum"],
        "KNOWLEDGE_EXCHANGE_ADDRESS": NOWHERE,
        "KNOWLEDGE_FORUM_ADDRESS": NOWHERE,
        "KNOWLEDGE_INDEX_PATH": str(tmp_path / "new" / "index"),
        "GATEWAY_EXCHANGE_ADDRESS": NOWHERE,
        "GATEWAY_FORUM_ADDRESS": NOWHERE,
        "GATEWAY_KNOWLEDGE_ADDRESS": NOWHERE,
        "GATEWAY_SIGNING_KEY": keys.private["gateway"],
        "GATEWAY_SECRET_KEY": "x" * 32,
        "NATS_URL": f"nats://me:hush@{NOWHERE}",
        "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
    }


def read(process: str, environment: Mapping[str, str]) -> None:
    """Read the settings of a process as it does before it serves."""
    check_serving(load(settings_of(process), process, environment), process)


def run(process: str, environment: Mapping[str, str], *arguments: str) -> tuple[int, list[str]]:
    """Run a process to its end; return its exit code, and the lines that it says."""
    ended = subprocess.run(
        [sys.executable, "-m", MODULES[process], *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "proto", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout.splitlines()


@pytest.mark.parametrize(("variable", "value", "says"), WRONG)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_setting(
    good: dict[str, str], capsys: pytest.CaptureFixture[str], variable: str, value: str, says: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        read(process_of(variable), good | {variable: value})
    assert refused.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(variable)
    assert says in line


@pytest.mark.parametrize(("variable", "value"), RIGHT)
def test_what_fits_is_taken_and_what_is_meant_for_others_is_left_alone(
    good: dict[str, str], variable: str, value: str
) -> None:
    read(process_of(variable), good | {variable: value})


@pytest.mark.parametrize(
    "variable", ["GATEWAY_SECRET_KEY", "GATEWAY_DATABASE_URL", "EXCHANGE_DATABASE_URL", "NATS_URL"]
)
def test_a_wrong_secret_is_not_repeated(
    good: dict[str, str], capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    with pytest.raises(SystemExit):
        read(process_of(variable), good | {variable: "foo://me:hush@x:y"})
    assert "hush" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEWAY_HOME_TIME_ZONE", "Mars/Phobos"),
        ("GATEWAY_WORKERS", "0"),
        ("GATEWAY_LISTEN", "8000"),
        ("EXCHANGE_POOL_SIZE", "0"),
        ("EXCHANGE_SCHOOL_HOLIDAYS", "/nonexistent"),
        ("FORUM_SIGNING_KEY_FILE", "/etc/passwd"),
        ("KNOWLEDGE_INDEX_PATH", "/etc/passwd"),
    ],
)
def test_a_process_with_a_wrong_setting_ends_with_code_2(good: dict[str, str], variable: str, value: str) -> None:
    code, (line,) = run(process_of(variable), good | {variable: value})
    assert (code, line.startswith(variable)) == (2, True)


@pytest.mark.parametrize(
    "more",
    [
        {"KNOWLEDGE_PEERS_ADDRESS": f"{HOST}:1"},
        {"KNOWLEDGE_PEERS_ADDRESS": f"{HOST}:1", "KNOWLEDGE_SIGNING_KEY": "broken"},
        {"KNOWLEDGE_HUB_URL": "https://hub.example"},
        {"KNOWLEDGE_HUB_URL": "ftp://hub.example", "KNOWLEDGE_HUB_INSTALLATION": "x", "KNOWLEDGE_HUB_SIGNING_KEY": ""},
    ],
)
def test_settings_that_do_not_go_together_end_a_process_with_code_2(
    good: dict[str, str], keys: Keys, more: dict[str, str]
) -> None:
    if "KNOWLEDGE_HUB_SIGNING_KEY" in more:
        more = {**more, "KNOWLEDGE_HUB_SIGNING_KEY": keys.private["knowledge"]}
    code, (line,) = run("knowledge", good | more)
    assert (code, line.startswith(next(iter(more)))) == (2, True)


@pytest.mark.parametrize("process", ["exchange", "gateway"])
def test_a_port_for_metrics_that_is_taken_is_named_with_its_setting(
    good: dict[str, str], tmp_path: Path, process: str
) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken, variable = f"{HOST}:{other.getsockname()[1]}", f"{process.upper()}_METRICS_LISTEN"
        code, (line,) = run(process, good | {variable: taken, "TMPDIR": str(tmp_path)})
    assert (code, line) == (1, f"{process}: {variable}: {taken} can't be listened on: Address already in use")
    assert not list(tmp_path.glob("austausch-metrics-*"))


@pytest.mark.parametrize("process", DATABASES)
def test_a_database_that_cannot_be_migrated_is_told_in_one_line(good: dict[str, str], process: str) -> None:
    code, (line,) = run(process, good, "migrate")
    assert (code, line.startswith(f"{process}: the database can't be migrated: ")) == (1, True)
    assert "hush" not in line
