"""What a backup says of itself: ``manifest.json`` beside the dumps."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chassis import __version__
from operate.databases import OWNERS

FILE = "manifest.json"
# Raised when an older version of this command could not restore what a newer one wrote.
FORMAT = 1


class ManifestRefused(Exception):
    """A folder is no backup, or one that cannot be restored; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Dump:
    """
    The dump of one database.

    Attributes:
        process: Whose database it is.
        file: Name of the file, which ``pg_restore`` reads.
        size: Its bytes.
        sha256: Its checksum, hexadecimal.
        server_version: Of the PostgreSQL that it is from, as ``server_version_num``.
        program_major: Major version of the ``pg_dump`` that wrote it; older programs cannot read it.
        revisions: Of the schema.
        rows: Table → number of its rows.
    """

    process: str
    file: str
    size: int
    sha256: str
    server_version: int
    program_major: int
    revisions: list[str]
    rows: dict[str, int]

    @property
    def server_major(self) -> int:
        """Major version of the PostgreSQL that it is from."""
        return self.server_version // 10_000


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """
    A whole backup.

    Attributes:
        version: Of the platform.
        start_time: When the first dump began; RFC 3339.
        end_time: When the last one was done.
        dumps: One for each database, in the order in which they were made.
        format: Of the backup itself.
    """

    version: str
    start_time: str
    end_time: str
    dumps: list[Dump]
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write it beside the dumps."""
        with open(folder / FILE, "w", opener=_open_private) as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """
    Return what a folder says that it holds.

    Raises:
        ManifestRefused: It is no backup, of a newer format, or lacks a database.
    """
    try:
        content: Any = json.loads((folder / FILE).read_text())
    except OSError as error:
        raise ManifestRefused(f"{folder} is no backup: {FILE}: {error.strerror}.") from None
    except ValueError:
        raise ManifestRefused(f"{folder / FILE} is damaged: it is no JSON.") from None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise ManifestRefused(f"{folder / FILE} is damaged: it names no format.")
    if content["format"] > FORMAT:
        raise ManifestRefused(
            f"{folder} was made by version {content.get('version')}, in a format that this version cannot read;"
            " restore it with that version or a newer one."
        )
    try:
        manifest = Manifest(**{**content, "dumps": [Dump(**dump) for dump in content["dumps"]]})
    except (TypeError, LookupError):
        raise ManifestRefused(f"{folder / FILE} is damaged: something is missing in it.") from None
    if {dump.process for dump in manifest.dumps} != {owner.process for owner in OWNERS}:
        raise ManifestRefused(f"{folder} does not hold the four databases.")
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """
    Look whether the dumps are what was written.

    Raises:
        ManifestRefused: One is missing, or another one than it was.
    """
    for dump in manifest.dumps:
        file = folder / dump.file
        try:
            is_whole = file.stat().st_size == dump.size and compute_checksum(file) == dump.sha256
        except OSError as error:
            raise ManifestRefused(f"{file}: {error.strerror}.") from None
        if not is_whole:
            raise ManifestRefused(f"{file} is damaged: it is not what the backup wrote.")


def compute_checksum(file: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def read_version() -> str:
    """Return the version of the platform: of the image, or of the code."""
    return os.environ.get("AUSTAUSCH_VERSION") or __version__


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
