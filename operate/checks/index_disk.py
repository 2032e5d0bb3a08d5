"""The disk of the search index."""

import shutil
from pathlib import Path

from operate.findings import Finding, State, fine, unset

LEAST_FREE = 0.1


def check_index_disk(folder: Path | None) -> Finding:
    """Return what is found of the disk that has the search index, whose folder is given."""
    subject = "search index"
    if folder is None:
        return unset(subject, "KNOWLEDGE_INDEX_PATH", "set KNOWLEDGE_INDEX_PATH")
    try:
        disk = shutil.disk_usage(folder)
    except OSError as error:
        remedy = "start knowledge, which makes it; or mount its volume here, too"
        return Finding(subject, State.UNKNOWN, f"{folder}: {error.strerror}", remedy)
    said = f"{disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB are free on its disk"
    if disk.free < LEAST_FREE * disk.total:
        return Finding(subject, State.WARNING, said, "make room; a full disk stops the search from following")
    return fine(subject, said)
