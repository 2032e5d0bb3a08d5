"""The platform under test, with a link before each server and service, and disks that can be filled."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deploy import embedded
from deploy.credentials import DATABASES
from deploy.embedded import HOST, Nats, Postgres, free_port
from deploy.supervisor import KeptServer, Processes
from tests import stack
from tests.chaos.links import Link
from tests.small_disk import CannotMount, SmallDisk, mounted

SERVICES = ("exchange", "forum", "knowledge")
# Room for what a run writes, several times over.
MEGABYTES = {"PostgreSQL": 2048, "NATS": 1024, "index": 512}


@dataclass(frozen=True)
class Platform:
    """
    A running platform.

    Attributes:
        url: Its start page.
        nats_url: Its NATS, past the link.
        links: Name of a server or service → what stands before it.
        disks: Name of a part → its disk; empty where nothing may be mounted.
    """

    url: str
    nats_url: str
    data: Path
    links: Mapping[str, Link]
    disks: Mapping[str, SmallDisk]
    _kept: Mapping[str, KeptServer[Postgres] | KeptServer[Nats]]

    def find_process(self, name: str) -> int:
        """Return the id of the process that runs now. Raises: `LookupError` while there is none."""
        if name in self._kept:
            return self._kept[name].server.pid
        return stack.find_process(self.data, name)


@contextlib.contextmanager
def running(scratch: Path) -> Iterator[Platform]:
    """Run a platform with demo data until the block ends; what its processes print is in ``stack.log``."""
    with contextlib.ExitStack() as exits:
        places = {name: scratch / "disks" / name for name in MEGABYTES}
        disks = {}
        with contextlib.suppress(CannotMount):
            for name, path in places.items():
                disks[name] = exits.enter_context(mounted(path, MEGABYTES[name]))
        servers = Processes(scratch / "servers.json")
        exits.callback(servers.stop)
        postgres = KeptServer(
            "PostgreSQL",
            lambda port: embedded.postgres(places["PostgreSQL"] / "data", list(DATABASES.values()), port=port),
        )
        nats = KeptServer("NATS", lambda port: embedded.nats(places["NATS"] / "data", port=port))
        servers.start(postgres, nats)
        ports = {name: free_port() for name in SERVICES}
        links = {
            name: Link(port)
            for name, port in {"PostgreSQL": postgres.server.port, "NATS": nats.server.port, **ports}.items()
        }
        for link in links.values():
            exits.enter_context(link.open())
        near_postgres = replace(postgres.server, port=links["PostgreSQL"].port)
        addresses = {name: f"{HOST}:{links[name].port}" for name in SERVICES}
        nats_url = nats.server.url.replace(f":{nats.server.port}", f":{links['NATS'].port}")
        settings = stack.make_settings(near_postgres, nats_url, ports, addresses)
        settings["KNOWLEDGE_INDEX_PATH"] = str(places["index"] / "data")
        running_stack = exits.enter_context(stack.running(scratch / "data", **settings))
        yield Platform(
            url=running_stack.url,
            nats_url=nats.server.url,
            data=running_stack.data,
            links=links,
            disks=disks,
            _kept={"PostgreSQL": postgres, "NATS": nats},
        )
