"""A file with keys, which may be replaced while the process runs."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

Keys = TypeVar("Keys")

# How often, at most, is looked whether the file has changed.
LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class KeyFile(Generic[Keys]):
    """
    What a file of keys holds at the moment.

    Args:
        path: The file.
        parse: Reads its text; raises ValueError where that is no such file.

    Raises:
        OSError: The file can't be read.
        ValueError: As `parse`.
    """

    def __init__(self, path: Path, parse: Callable[[str], Keys]) -> None:
        self._path = path
        self._parse = parse
        self._looked = time.monotonic()
        self._stamp = _stamp(path)
        self._keys = parse(path.read_text())

    def read(self) -> Keys:
        """Return the keys; those until now while the file is gone, or half written."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            try:
                # Before the text: what changes meanwhile is read the next time.
                if (stamp := _stamp(self._path)) != self._stamp:
                    self._keys = self._parse(self._path.read_text())
                    self._stamp = stamp
                    log.info("keys.changed", file=str(self._path))
            except (OSError, ValueError) as error:
                log.warning("keys.not_read", file=str(self._path), error=type(error).__name__)
        return self._keys


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what differs between two contents of a file, whether it was written anew or another took its name."""
    seen = os.stat(path)
    return seen.st_mtime_ns, seen.st_ino, seen.st_size
