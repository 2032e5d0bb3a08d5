"""An upgrade as an operator does it, while people work: migrate, start the new beside the old, let the old drain."""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy import embedded
from deploy.credentials import DATABASES
from deploy.embedded import HOST, Nats, Postgres, free_port
from deploy.local import MODULES
from tests import stack
from tests.chaos import checker
from tests.chaos.platform import SERVICES
from tests.chaos.work import Notes, People
from tests.upgrade import logs
from tests.upgrade.fields import Fields
from tests.upgrade.replicas import Replicas
from tests.upgrade.survey import Survey
from tests.upgrade.visitor import Visitor

MIGRATE_SECONDS = 120
# How long people work with one release alone, and with both.
ALONE_SECONDS, BOTH_SECONDS = 4.0, 6.0
OLD, NEW = "old", "new"
# A supervisor kills after 10 seconds what has not drained.
COMMON = {"LOG_FORMAT": "json", **{f"{process.upper()}_SHUTDOWN_SECONDS": "9" for process in MODULES}}


@dataclass(frozen=True)
class Site:
    """
    What both releases work with.

    Attributes:
        scratch: Folder for the data and logs.
        ports: Release → name of a service → port that it listens on. All processes know those of both.
    """

    scratch: Path
    postgres: Postgres
    nats: Nats
    ports: dict[str, dict[str, int]]

    def make_settings(self, release: str) -> dict[str, str]:
        """Return the settings of a release."""
        addresses = {name: ",".join(f"{HOST}:{ports[name]}" for ports in self.ports.values()) for name in SERVICES}
        settings = stack.make_settings(self.postgres, self.nats.url, self.ports[release], addresses)
        return {**settings, **COMMON, "KNOWLEDGE_INDEX_PATH": str(self.scratch / release / "index")}

    @contextlib.contextmanager
    def running(self, release: str, checkout: Path, settings: dict[str, str]) -> Iterator[Replicas]:
        """Run the processes of a release until the block ends."""
        with stack.running(self.scratch / release, checkout, **settings) as started:
            replicas = Replicas(checkout, started, self.ports[release])
            replicas.require_own_code()
            yield replicas

    def get_log(self, release: str) -> Path:
        """Return what the processes of a release have said."""
        return self.scratch / release / "stack.log"


@contextlib.contextmanager
def _serving(scratch: Path) -> Iterator[Site]:
    with (
        embedded.postgres(scratch / "postgres", list(DATABASES.values()), durable=False) as postgres,
        embedded.nats(scratch / "nats", durable=False) as nats,
    ):
        ports = {release: {name: free_port() for name in SERVICES} for release in (OLD, NEW)}
        yield Site(scratch, postgres, nats, ports)


def upgrade(checkout: Path, scratch: Path) -> list[str]:
    """
    Upgrade the release in a checkout to the one that this file belongs to, and print what happened.

    Args:
        scratch: Folder for the data and logs.

    Returns:
        What does not hold, in sentences; nothing where all is well.
    """
    with _serving(scratch) as site, contextlib.ExitStack() as exits:
        draining = exits.enter_context(contextlib.ExitStack())
        with _phase("the old release starts, with demo data"):
            old = draining.enter_context(site.running(OLD, checkout, site.make_settings(OLD)))
        log_start = site.postgres.log.stat().st_size  # What the very first migrations look for in vain is no defect.
        visitor = Visitor(old.stack.url)
        people, survey = People(visitor), Survey(visitor)
        with people.at_work(), survey.at_work():
            settings = _migrate(site, old, people.notes)
            with _phase("this release starts beside it", people.notes):
                new = exits.enter_context(site.running(NEW, stack.ROOT, settings))
            broken = _run_both(old, new, visitor, people.notes)
            visitor.doors = (new.stack.url,)
            with _phase("the old ends", people.notes):
                draining.close()
            with _phase("the new alone", people.notes):
                time.sleep(ALONE_SECONDS)
        print(f"  {survey.describe()}")
        with _phase("checking"):
            broken += checker.check(new.stack.url, site.nats.url, people.notes)
    return [
        *broken,
        *survey.list_defects(),
        *logs.list_defects("the old release", site.get_log(OLD), is_restarted=True),
        *logs.list_defects("this release", site.get_log(NEW), is_restarted=False),
        *logs.list_postgres_defects(site.postgres.log, log_start),
    ]


def _migrate(site: Site, old: Replicas, notes: Notes) -> dict[str, str]:
    """Migrate while only the old release runs, before and after; return the settings of the new one."""
    with _phase("the old alone", notes):
        time.sleep(ALONE_SECONDS)
    settings = {**old.read_settings(), **site.make_settings(NEW)}
    before = _read_schema(site.postgres)
    with _phase("this release migrates", notes):
        for module in MODULES.values():
            command = [sys.executable, "-m", module, "migrate"]
            shell = {**stack.read_shell(), **settings}
            subprocess.run(command, cwd=stack.ROOT, env=shell, check=True, timeout=MIGRATE_SECONDS)
    print(f"  schema: {before} → {_read_schema(site.postgres)}")
    with _phase("the old alone, on the new schema", notes):
        time.sleep(ALONE_SECONDS)
    return settings


def _run_both(old: Replicas, new: Replicas, visitor: Visitor, notes: Notes) -> list[str]:
    """Run both releases side by side, stop and start each process of the old one, and return what was lost."""
    visitor.doors = (old.stack.url, new.stack.url)
    with _phase("both side by side", notes):
        time.sleep(BOTH_SECONDS)
    for name in MODULES:
        if name == "gateway":
            visitor.doors = (new.stack.url,)
        with _phase(f"{name} of the old release ends, and starts again", notes):
            old.restart(name)
    visitor.doors = (old.stack.url, new.stack.url)
    old.require_own_code()
    with _phase("what only the new release knows is changed through the old one", notes):
        fields = Fields(visitor, old.stack.url, new.stack.url)
        lost = list(fields.list_defects())
    print(f"  {fields.describe()}")
    return lost


@contextlib.contextmanager
def _phase(what: str, notes: Notes | None = None) -> Iterator[None]:
    """Print how long something took, and what people had of the platform meanwhile."""
    began = time.monotonic()
    yield
    line = f"{what}: {time.monotonic() - began:.1f} s"
    if notes:
        writes = sum(moment >= began for moment in notes.writes)
        reads = sum(answered for moment, answered in notes.reads if moment >= began)
        refused = Counter(kind for moment, kind in notes.refused if moment >= began)
        line += f"; {writes} writes, {reads} reads, refused: {dict(refused) or 'none'}"
    print(line, flush=True)


def _read_schema(postgres: Postgres) -> str:
    """Return the newest migrations of all databases."""
    found: set[str] = set()
    for database in DATABASES.values():
        with psycopg.connect(postgres.url_for(database)) as connection:
            found |= {version for (version,) in connection.execute("SELECT version_num FROM alembic_version")}
    return " ".join(sorted(found))
