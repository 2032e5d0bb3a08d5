"""Secrets kept in files: made at random once, replaced at once, closed to others."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

PRIVATE = 0o600


def new_secret() -> str:
    """Return 32 random characters that mean nothing in a URL or a configuration file."""
    return secrets.token_urlsafe(24)


class Unusable(Exception):
    """A file does not hold the secret that it should; the message names it, in one line."""


def kept_secret(file: Path, make: Callable[[], str] = new_secret, mode: int = PRIVATE) -> str:
    """
    Return the secret kept in ``file``; make it if there is none.

    Raises:
        OSError: The file can't be read or written.
        Unusable: There is nothing in it.
    """
    if not file.exists():
        write_secret(file, make(), mode)
    try:
        secret = file.read_text()
    except UnicodeDecodeError:
        raise Unusable(f"{file} is not text in UTF-8") from None
    if not secret.strip():
        raise Unusable(f"{file} is empty; put back what was in it")
    return secret


def write_secret(file: Path, text: str, mode: int = PRIVATE) -> None:
    """
    Replace ``file`` by one with ``text`` at once; it is never more open than ``mode``.

    It is on the disk when this returns: whose data is there after a power cut needs its secrets, too.
    """
    scratch = file.with_name(f"{file.name}.new")
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as output:
        os.fchmod(output.fileno(), mode)
        output.write(text)
        output.flush()
        os.fsync(output.fileno())
    scratch.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
