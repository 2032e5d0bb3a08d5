"""A file system of its own that has little room, for what happens when it is full."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PIECE_BYTES = 16 * 1024 * 1024


class SmallDisk:
    """A mounted file system at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Use up its room, but for so many bytes."""
        self.free()
        with self._ballast.open("wb") as file:
            while (room := self._get_room() - leave) > 0:
                # Others take some of it meanwhile. Of a piece for which there is no room any more nothing is kept, so
                # that a large one might never fit.
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, min(room, PIECE_BYTES))

    def _get_room(self) -> int:
        room = os.statvfs(self.path)
        return room.f_bavail * room.f_frsize

    def free(self) -> None:
        """Give back the room that `fill` used up."""
        self._ballast.unlink(missing_ok=True)


class CannotMount(Exception):
    """This user may not mount a file system; the message says why."""


@contextlib.contextmanager
def mounted(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """
    Mount a file system of that size at a path, which is made, until the block ends.

    Raises:
        CannotMount: That is not permitted.
    """
    path.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(path)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CannotMount(done.stderr.strip())
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextlib.contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount as `mounted` does; skips the test where that is not permitted."""
    with contextlib.ExitStack() as exits:
        try:
            disk = exits.enter_context(mounted(path, megabytes))
        except CannotMount as reason:
            pytest.skip(f"no file system can be mounted here: {reason}")
        yield disk
