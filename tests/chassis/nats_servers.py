"""NATS servers otherwise than the platform starts them: without syncing, on a disk of their own, as a cluster."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded import HOST, free_port

START_SECONDS = 30
PASSWORD = "secret"


@dataclass
class NatsServer:
    """A NATS server with its data in a folder; started, stopped and killed by the test."""

    data: Path
    settings: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address with name and password."""
        return f"nats://austausch:{PASSWORD}@{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What it said."""
        return self.data.with_suffix(".log")

    def start(self) -> None:
        """Start it, and wait until it listens."""
        config = {
            "listen": f"{HOST}:{self.port}",
            "authorization": {"user": "austausch", "password": PASSWORD},
            "jetstream": {"store_dir": str(self.data), "max_file_store": 16 * 1024**3},
        }
        for name, value in self.settings.items():
            config[name] = {**config[name], **value} if isinstance(config.get(name), dict) else value
        file = self.data.with_suffix(".conf")
        file.write_text(json.dumps(config))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [Path(sys.prefix, "bin", "nats-server"), "--config", file], stdout=output, stderr=output
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def kill(self) -> None:
        """End it at once."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def running(server: NatsServer) -> Iterator[NatsServer]:
    """Run a server until the block ends, or the test kills it."""
    server.start()
    try:
        yield server
    finally:
        server.kill()


@dataclass
class Disk:
    """A file system in a file: what was written and not synced is lost with a power cut, as on a real disk."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where it is mounted."""
        return self.folder / "disk"

    @property
    def _image(self) -> Path:
        return self.folder / "disk.img"

    @property
    def _remembered(self) -> Path:
        return self.folder / "remembered.img"

    def mount(self) -> None:
        """Make it available."""
        self.path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-o", "loop", self._image, self.path], check=True)

    def unmount(self) -> None:
        """Take it away; what was written is written."""
        subprocess.run(["umount", self.path], check=True)

    def remember(self) -> None:
        """Keep what has reached the disk by now: what a power cut at this moment would leave."""
        shutil.copyfile(self._image, self._remembered)

    def cut_power(self) -> None:
        """Go back to what had reached the disk when it was remembered; nobody uses it any more."""
        self.unmount()
        self._remembered.replace(self._image)
        self.mount()


@contextlib.contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Make a file system of its own; skip the test where that is not allowed, for it takes root and loop devices."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    made = Disk(folder)
    made._image.write_bytes(b"")
    os.truncate(made._image, megabytes * 1024**2)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", made._image], check=True)
    try:
        made.mount()
    except subprocess.CalledProcessError:
        pytest.skip("this machine has no loop device")
    try:
        yield made
    finally:
        made.unmount()
