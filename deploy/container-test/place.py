"""Where the container test keeps what a second run needs, and how it calls programs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
CACHE = Path(
    os.environ.get("CONTAINER_TEST_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "austausch-container-test"
).absolute()

LOG = CACHE / "log.txt"
CONTEXT = CACHE / "context"
SECRETS = CACHE / "secrets"
TOOLS = CACHE / "tools"
# The package's own command returns 0 for an invalid file, so its program is called directly.
COMPOSE = TOOLS / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "compose" / "docker-compose"

STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{cache}/storage"
runroot = "/run/austausch-container-test"
"""
# No systemd and no writable control groups: limits are accepted, and not enforced. Short image names are taken from
# this machine.
CONTAINERS = """\
[containers]
cgroups = "disabled"
log_driver = "k8s-file"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
compat_api_enforce_docker_hub = false
[network]
network_backend = "netavark"
network_config_dir = "{cache}/networks"
"""


class Failed(Exception):
    """The test cannot go on; the message says why."""


def configure() -> None:
    """Make the cache with a new log, and point the container tools to it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    for variable, name, text in (
        ("CONTAINERS_STORAGE_CONF", "storage.conf", STORAGE),
        ("CONTAINERS_CONF", "containers.conf", CONTAINERS),
    ):
        file = CACHE / name
        file.write_text(text.format(cache=CACHE))
        os.environ[variable] = str(file)


def run(
    *command: str | Path, seconds: float = 900, cwd: Path = CHECKOUT, environment: dict[str, str] | None = None
) -> None:
    """
    Run a program; what it prints goes into the log.

    Raises:
        Failed: It failed; the message ends with the last lines of what it printed.
    """
    code: int | str
    with LOG.open("a") as log:
        print("$", *command, file=log, flush=True)
        start = log.tell()
        try:
            code = subprocess.run(
                list(map(str, command)), cwd=CHECKOUT, env=os.environ | (environment or {}), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, timeout=seconds, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            code = f"no end within {seconds:.0f} s"
    if code != 0:
        with LOG.open(errors="replace") as log:
            log.seek(start)
            said = "".join(log.readlines()[-30:])
        raise Failed(f"{' '.join(map(str, command[:4]))} …: {code}\n{said}")


def output(*command: str | Path, seconds: float = 60, given: str = "") -> str:
    """Return what a program prints; raises `Failed` when it fails."""
    result = subprocess.run(
        list(map(str, command)), input=given, capture_output=True, text=True, timeout=seconds, check=False
    )
    if result.returncode:
        raise Failed(f"{' '.join(map(str, command))}: {result.returncode}\n{result.stderr or result.stdout}")
    return result.stdout.strip()


def succeeds(*command: str | Path, seconds: float = 60) -> bool:
    """Tell whether a program ends with code 0."""
    return (
        subprocess.run(
            list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        ).returncode
        == 0
    )


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    start = time.monotonic()
    yield
    print(f"{time.monotonic() - start:6.1f} s  {what}", flush=True)
