"""
An index as it is on disk at one moment, to be carried to another disk.

tantivy never changes a file of a segment: it writes others, names them in ``meta.json``, and removes what is no longer
named there, in the background, too, when it has merged segments. Files that are open stay readable all the same. So a
snapshot is the files, opened: it takes no room but for what is removed meanwhile, and leaves nothing behind.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 512 * 1024
# How often segments may be merged away while their files are being opened.
_TRIES = 10
_META = "meta.json"
# Which files are tantivy's own: what is not named there would never be removed.
_MANAGED = ".managed.json"
# In a folder, or in one below it: nothing else is written.
_PATH = re.compile(r"(\w+/)?\.?\w[\w.-]*")


class SnapshotBroken(Exception):
    """What was received is no whole snapshot."""


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A file of a snapshot."""

    path: str
    """Below the folder of the index, with slashes."""
    size: int
    """In bytes."""
    opened: BinaryIO


class Snapshot:
    """The files of an index, open until `close`: to be read once, one after the other."""

    def __init__(self, files: Sequence[SnapshotFile], opened: ExitStack) -> None:
        self.files = files
        self._opened = opened
        self._digest = hashlib.sha256()

    def read(self, file: SnapshotFile) -> bytes:
        """Return the next bytes of a file, `CHUNK_BYTES` at most; none at its end."""
        data = file.opened.read(CHUNK_BYTES)
        self._digest.update(data)
        return data

    def get_digest(self) -> bytes:
        """Return the SHA-256 of all that was read."""
        return self._digest.digest()

    def close(self) -> None:
        """Let the files go."""
        self._opened.close()


def open_snapshot(folder: Path, indexes: Iterable[str], others: Iterable[str]) -> Snapshot:
    """
    Return a snapshot; the caller sees to it that nothing is committed meanwhile.

    Args:
        folder: The folder of the index.
        indexes: Names of tantivy's indexes, folders below it.
        others: Names of files in it that are replaced as a whole whenever they change.

    Raises:
        OSError: A file can't be opened.
        ValueError: An index is none, or its segments are merged without a pause.
    """
    with ExitStack() as opened:
        files = [_open(opened, folder, name) for name in others]
        for name in indexes:
            files += _open_index(opened, folder, name)
        return Snapshot(files, opened.pop_all())


def _open_index(opened: ExitStack, folder: Path, name: str) -> list[SnapshotFile]:
    for _ in range(_TRIES):
        with ExitStack() as tried, suppress(FileNotFoundError):
            meta = _open(tried, folder, f"{name}/{_META}")
            content = meta.opened.read()
            meta.opened.seek(0)
            names = [path.name for each in _list_segments(content) for path in (folder / name).glob(f"{each}.*")]
            segments = [_open(tried, folder, f"{name}/{each}") for each in names]
            managed = _open(tried, folder, f"{name}/{_MANAGED}")
            # As long as it names the same segments, none of their files was removed.
            if (folder / name / _META).read_bytes() == content:
                opened.enter_context(tried.pop_all())
                return [meta, managed, *segments]
    raise ValueError(f"{folder / name} has no files that belong together")


def _open(opened: ExitStack, folder: Path, path: str) -> SnapshotFile:
    file = opened.enter_context((folder / path).open("rb"))
    return SnapshotFile(path, os.fstat(file.fileno()).st_size, file)


def _list_segments(meta: bytes) -> list[str]:
    """Return how the names of the files of each segment begin."""
    try:
        return [segment["segment_id"].replace("-", "") for segment in json.loads(meta)["segments"]]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{_META} is not as it was: {error}") from error


class SnapshotWriter:
    """
    Writes what is received of a snapshot into a folder; `close` it in the end.

    Args:
        folder: Is made; there is none of that name.

    Raises:
        SnapshotBroken: What comes cannot be part of a snapshot, or is not what the sender read; from every method.
        OSError: It cannot be written; from every method.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._digest = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._left = 0
        self.size = 0
        """How many bytes have come."""
        self.is_whole = False

    def begin(self, path: str, size: int) -> None:
        """Begin a file, of so many bytes."""
        self._end_file()
        if not _PATH.fullmatch(path) or self.is_whole:
            raise SnapshotBroken(f"{path!r} is no file of an index")
        target = self._folder / path
        target.parent.mkdir(exist_ok=True)
        self._file, self._left = target.open("xb"), size

    def write(self, data: bytes) -> None:
        """Add bytes to the file that began last."""
        if self._file is None or len(data) > self._left:
            raise SnapshotBroken("there is more of a file than was announced")
        self._file.write(data)
        self._digest.update(data)
        self._left -= len(data)
        self.size += len(data)

    def finish(self, digest: bytes) -> None:
        """Take note that this was all, and of the SHA-256 of what the sender read."""
        self._end_file()
        if digest != self._digest.digest():
            raise SnapshotBroken("its digest is another one")
        self.is_whole = True

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()

    def _end_file(self) -> None:
        if self._left:
            raise SnapshotBroken("a file is not complete")
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
