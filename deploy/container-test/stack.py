"""Runs ``deploy/compose.yaml`` with Docker Compose on podman's service, and checks how its containers are closed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from checks import Checks
from place import CACHE, CHECKOUT, COMPOSE, LOG, SECRETS, Failed, output, run, step, succeeds

SOCKET = Path("/run/podman.sock")
SERVICES = ("exchange", "forum", "knowledge")
PROCESSES = (*SERVICES, "gateway")
SERVERS = ("postgres", "nats")
PROXY = "proxy"
ONCE = ("databases", *(f"migrate-{process}" for process in PROCESSES))
# The rest of the world: a web server in a network namespace of its own (RFC 5737: an address for documentation).
OUTSIDE, GATE = "198.51.100.2", "198.51.100.1"
UP_SECONDS = 180
# Where the operator's container has the volume for backups.
BACKUPS = "/var/backups/austausch"
MANY_ROWS = 50
# The user on this machine who owns the secrets.
OPERATOR = 1000


def isolate() -> None:
    """Prepare the namespaces: nothing here is seen, or left, outside."""
    # crun takes what is mounted there for a machine with the second version of control groups, which this is not.
    subprocess.run(["umount", "--lazy", "/sys/fs/cgroup/unified"], capture_output=True, check=False)
    for line in Path("/proc/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith("/sys/fs/cgroup/"):
            output("mount", "-o", "remount,bind,ro", place)
    output("mount", "-t", "tmpfs", "tmpfs", "/run")
    output("ip", "link", "set", "lo", "up")
    os.environ |= {"DOCKER_HOST": f"unix://{SOCKET}", "SECRETS": str(SECRETS), "LOG_LEVEL": "debug"}


@contextmanager
def running(checks: Checks) -> Iterator[None]:
    """Run the stack until the block ends; when something goes wrong, what the containers printed goes into the log."""
    with (CACHE / "podman.txt").open("w") as said:
        service = subprocess.Popen(
            ["podman", "system", "service", "--time=0", f"unix://{SOCKET}"], stdout=said, stderr=said
        )
    stop = threading.Event()
    try:
        _wait(SOCKET.is_socket, 20, "podman's service")
        for leftovers in (["rm", "--force", "--all"], ["volume", "prune", "--force"], ["network", "prune", "--force"]):
            run("podman", *leftovers)
        make_secrets(checks)
        checks.that("compose finds no error in compose.yaml", lambda: not output(*compose("config", "--quiet")))
        for watch in (_check_health, _fix_bridges):
            threading.Thread(target=watch, args=(stop,), daemon=True).start()
        with step("docker compose up"):
            up()
        checks.that(
            "all are healthy", lambda: all(get_state(name) == "healthy" for name in (*PROCESSES, *SERVERS, PROXY))
        )
        checks.that("databases and migrations ran", lambda: all(_exit_code(name) == 0 for name in ONCE))
        for process in PROCESSES:
            _check_health_command(checks, process)
        yield
    finally:
        with LOG.open("a") as log:
            subprocess.run(compose("logs", "--no-color", "--tail", "200"), stdout=log, stderr=log, check=False)
        stop.set()
        with suppress(Failed):
            run(*compose("down", "--volumes", "--timeout", "5"))
        service.terminate()


def up(*options: str) -> None:
    """Start what is not running, as the documentation says."""
    run(*compose(*options, "up", "--detach", "--no-build", "--pull", "never", "--wait", "--wait-timeout", UP_SECONDS))


def make_secrets(checks: Checks) -> None:
    """Make the secrets with the image, as the documentation says."""
    shutil.rmtree(SECRETS, ignore_errors=True)
    SECRETS.mkdir(mode=0o700)
    os.chown(SECRETS, OPERATOR, OPERATOR)
    command = command_with_secrets("python", "-m", "deploy.credentials", "/secrets")
    output(*command)
    before = {file.name: file.read_text() for file in SECRETS.iterdir()}
    output(*command)
    checks.that("secrets that are there are kept", lambda: before == {f.name: f.read_text() for f in SECRETS.iterdir()})
    checks.that("nobody else on this machine reads secrets", lambda: SECRETS.stat().st_mode & 0o777 == 0o700)


def command_with_secrets(*command: str) -> list[str]:
    """Return what runs a command of the operator image on the secrets in /secrets, as the documentation says."""
    return [
        "podman", "run", "--rm", "--network=none", f"--user={OPERATOR}", f"--volume={SECRETS}:/secrets",
        "localhost/austausch/operator:dev", *command,
    ]  # fmt: skip


def command_in_gateway(*command: str) -> str:
    """Run a command in the gateway's container, and return what it prints."""
    return output(*compose("exec", "-T", "gateway", *command))


def operate(*arguments: str, given: str = "") -> str:
    """Run the operator's command in a container of its own, and return what it prints."""
    return output(*compose("run", "--rm", "--no-deps", "-T", "operator", *arguments), given=given, seconds=180)


def _check_health_command(checks: Checks, process: str) -> None:
    image = f"localhost/austausch/{process}:dev"
    declared = json.loads(output("podman", "image", "inspect", image))[0]["Healthcheck"]["Test"][1:]
    command = ["podman", "run", "--rm", "--no-healthcheck", "--network=none", image]
    checks.that(
        f"control: {process} is not healthy where it does not run",
        lambda: succeeds(*command, "python", "-c", "") and not succeeds(*command, *declared),
    )


def check_operation(checks: Checks) -> None:
    """Check the commands that the documentation gives to operators."""
    for process in PROCESSES:
        _check_metrics(checks, process)
    checks.that("there are no dead letters", lambda: not operate("dead-letters", "list"))
    checks.that("the doctor finds nothing wrong", lambda: _finds_nothing_wrong(operate("doctor", "--json")))


def _finds_nothing_wrong(said: str) -> bool:
    findings = {finding["subject"]: finding["state"] for finding in json.loads(said)}
    return "wrong" not in findings.values() and {"database exchange", "gateway", "NATS"} <= findings.keys()


def check_restore(checks: Checks, job: Callable[[Checks, str], None]) -> None:
    """Check that a backup, restored into new databases with a new NATS, is the same platform row by row."""
    run(*compose("stop", "--timeout", "25", PROXY, *reversed(PROCESSES)))
    folder = operate("backup", "--to", BACKUPS).splitlines()[-1]
    before = _read_all_rows()
    checks.that("control: there are rows to compare", lambda: len(before.splitlines()) > MANY_ROWS)
    with step("losing PostgreSQL, NATS and the index, and restoring"):
        run(*compose("rm", "--force", "--stop", *SERVERS, *ONCE, *PROCESSES))
        run("podman", "volume", "rm", "--force", *(f"austausch_{name}" for name in ("pgdata", "natsdata", "index")))
        run(*compose("up", "--detach", "--no-build", "--pull", "never", "--wait", *SERVERS))
        run(*compose("run", "--rm", "--no-deps", "databases"))
        said = operate("restore", folder)
    checks.that("a backup is restored", lambda: "events will be published again" in said)
    checks.that("what is restored is the same, row by row", lambda: _read_all_rows() == before)
    with step("docker compose up, after the restore"):
        up()
    job(checks, "after a restore")


def _read_all_rows() -> str:
    """Return a line for each row of the four databases, but for when and where an event was published."""
    script = (
        "for database in exchange forum knowledge accounts; do psql -XAtqU postgres $database -c"
        " \"SELECT format('SELECT %L, to_jsonb(t) - %L - %L FROM %I t ORDER BY 2;', relname, 'publish_time',"
        " 'stream_sequence', relname)"
        " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname\""
        " | psql -XAtqU postgres $database; done"
    )
    return output(*compose("exec", "-T", "postgres", "sh", "-c", script))


def _check_metrics(checks: Checks, process: str) -> None:
    name = "http_request_seconds_count" if process == "gateway" else "outbox_waiting"
    program = f"import urllib.request as r; print(r.urlopen('http://{process}:9100/metrics').read().decode())"
    checks.that(f"{process}: has metrics", lambda: name in command_in_gateway("python", "-c", program))


def check_hardening(checks: Checks) -> None:
    """Check users, privileges and file systems of the running containers."""
    for process in PROCESSES:
        _check_user(checks, process)
    for process in (*PROCESSES, *SERVERS, PROXY):
        _check_closed(checks, process, get_container(process))
    checks.that("control: a secret would be found", lambda: _secrets_in((SECRETS / "nats-url").read_text()))


def _check_user(checks: Checks, process: str) -> None:
    container = get_container(process)
    checks.that(f"{process}: is user 10001", lambda: output("podman", "exec", container, "id", "-u") == "10001")


def _check_closed(checks: Checks, process: str, container: str) -> None:
    def execute(*command: str) -> bool:
        return succeeds("podman", "exec", "--user=0", container, *command)

    def status() -> str:
        return output("podman", "exec", container, "awk", "/CapEff|NoNewPrivs/{printf $2}", "/proc/1/status")

    checks.that(f"{process}: has a read-only root", lambda: execute("true") and not execute("touch", "/usr/x"))
    checks.that(f"{process}: has no capabilities, and gets no privileges", lambda: status() == "0" * 16 + "1")
    checks.that(
        f"{process}: has no secret in its environment", lambda: not _secrets_in(output("podman", "inspect", container))
    )


def _secrets_in(text: str) -> bool:
    """Tell whether a text has one of the passwords or keys in it."""
    words = [(SECRETS / name).read_text().strip() for name in ("secret-key", "postgres-password", "nats-url")]
    keys = [file.read_text().partition("-----\n")[2].splitlines()[0] for file in SECRETS.glob("*.pem")]
    urls = [file.read_text() for file in SECRETS.glob("*-database-url")]
    return any(word in text for word in (*words, *keys, *urls))


def check_egress(checks: Checks) -> None:
    """Check that nothing but the proxy can speak to the rest of the world."""
    for command in (
        "netns add outside",
        "link add gate type veth peer name world netns outside",
        f"addr add {GATE}/24 dev gate",
        "link set gate up",
        f"-n outside addr add {OUTSIDE}/24 dev world",
        "-n outside link set world up",
        "-n outside link set lo up",
        f"route add default via {OUTSIDE}",
    ):
        output("ip", *command.split())
    empty = CACHE / "empty"
    empty.mkdir(exist_ok=True)
    server = subprocess.Popen(
        ["ip", "netns", "exec", "outside", sys.executable, "-m", "http.server", "80", "--bind", OUTSIDE],
        cwd=empty, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def server_answers() -> bool:
        with suppress(OSError), socket.create_connection((OUTSIDE, 80), 1):
            return True
        return False

    try:
        _wait(server_answers, 15, "the outside")
        checks.that("control: the proxy's container reaches the outside", lambda: _reaches_outside(PROXY))
        for name in (*PROCESSES, *SERVERS):
            _check_closed_in(checks, name)
    finally:
        server.terminate()


def _check_closed_in(checks: Checks, name: str) -> None:
    checks.that(f"{name}: does not reach the outside", lambda: not _reaches_outside(name))


def _reaches_outside(name: str) -> bool:
    program = f"import socket; socket.create_connection(('{OUTSIDE}', 80), 3)"
    return succeeds("podman", "exec", get_container(name), "python3", "-c", program)


def check_restarts(checks: Checks, job: Callable[[Checks, str], None]) -> None:
    """Check that the job can be done again after a server was killed, and after a service was restarted."""
    for name in SERVERS:
        with step(f"killing and starting {name}"):
            _kill_and_start(name)
        job(checks, f"after {name} was killed")
    with step("restarting exchange, at another address"):
        run(*compose("restart", "exchange"))
        _wait(lambda: get_state("exchange") == "healthy", 60, "exchange")
    job(checks, "after exchange was restarted")


def _kill_and_start(name: str) -> None:
    run("podman", "kill", "--signal=KILL", get_container(name))
    run(*compose("start", name))
    _wait(lambda: get_state(name) == "healthy", 60, name)


def check_draining(checks: Checks, job: Callable[[Checks, str], None]) -> None:
    """Check that SIGTERM ends every process in order, and that the same data are there when all start again."""
    for process in (PROXY, *reversed(PROCESSES)):
        _check_drains(checks, process)
    deaf = ["sh", "-c", "trap '' TERM; while :; do sleep 0.2; done"]
    run(
        "podman", "run", "--detach", "--name=deaf", "--no-healthcheck", "--network=none",
        "localhost/austausch/forum:dev", *deaf,
    )  # fmt: skip
    run("podman", "stop", "--time=2", "deaf")
    code = output("podman", "inspect", "deaf", "--format", "{{.State.ExitCode}}")
    checks.that("control: a process that ignores SIGTERM shows as 137", lambda: code == "137")
    run("podman", "rm", "--force", "deaf")
    with step("docker compose up, again"):
        up()
    checks.that("migrating again changes nothing", lambda: all(_exit_code(name) == 0 for name in ONCE))
    job(checks, "after all stopped and started")


def _check_drains(checks: Checks, process: str) -> None:
    run("podman", "stop", "--time=25", get_container(process))
    checks.that(f"{process}: ends by itself, with code 0, on SIGTERM", lambda: _exit_code(process) == 0)


def compose(*arguments: str | int) -> list[str]:
    """Return the command of Docker Compose for the stack."""
    return [str(COMPOSE), "--file", str(CHECKOUT / "deploy" / "compose.yaml"), *map(str, arguments)]


def get_container(name: str) -> str:
    """Return the name of a service's container."""
    return f"austausch-{name}-1"


def get_state(name: str) -> str:
    """Return the result of a container's health check."""
    return output("podman", "inspect", get_container(name), "--format", "{{.State.Health.Status}}")


def _exit_code(name: str) -> int:
    return int(output("podman", "inspect", get_container(name), "--format", "{{.State.ExitCode}}"))


def _check_health(stop: threading.Event) -> None:
    """Run the health checks, which podman leaves to systemd; of a healthy container every tenth time only."""
    turn = 0
    while not stop.wait(1):
        with suppress(Failed, subprocess.TimeoutExpired):
            for line in output("podman", "ps", "--format", "{{.Names}} {{.Status}}").splitlines():
                if turn % 10 == 0 or "(healthy)" not in line:
                    succeeds("podman", "healthcheck", "run", line.split()[0], seconds=20)
        turn += 1


def _fix_bridges(stop: threading.Event) -> None:
    """
    Fix the hardware address of every bridge that appears.

    Debian's netavark leaves it to the kernel, which takes another one whenever a container comes or goes; the others
    then send to the former address, and find no name, until their neighbour tables (ARP) have aged.
    """
    fixed: set[int] = set()
    while not stop.wait(0.1):
        with suppress(Failed, subprocess.TimeoutExpired):
            for bridge in json.loads(output("ip", "-json", "link", "show", "type", "bridge") or "[]"):
                if bridge["ifindex"] not in fixed:
                    output("ip", "link", "set", bridge["ifname"], "address", bridge["address"])
                    fixed.add(bridge["ifindex"])


def _wait(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until something holds; raises `Failed` when it takes too long."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not there within {seconds:.0f} s")
        time.sleep(0.3)
