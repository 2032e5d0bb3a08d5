"""
Creates the databases of an installation, each with an owner of its own.

``python -m deploy.databases ADMINISTRATOR URL …``, where each argument is a file that holds a PostgreSQL URL: the
administrator's, then the one that each process uses. An owner that exists gets the URL's password; a database that
exists stays as it is. Nobody but its owner (and an administrator) can connect to a database.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier, Literal


@dataclass(frozen=True)
class Wanted:
    """A database, its owner, and the owner's password."""

    name: str
    owner: str
    password: str


def wanted(url: str) -> Wanted:
    """
    Return what a URL names.

    Raises:
        ValueError: It does not name a database, a user and a password. The text does not repeat it.
    """
    try:
        parts = conninfo_to_dict(url)
        return Wanted(str(parts["dbname"]), str(parts["user"]), str(parts["password"]))
    except (psycopg.ProgrammingError, KeyError):
        raise ValueError("not of the form postgresql://user:password@host/database") from None


def create_databases(administrator: str, databases: list[Wanted]) -> list[str]:
    """
    Create databases and owners, where they are missing.

    Args:
        administrator: URL of a superuser, or of a role with ``CREATEROLE`` and ``CREATEDB``.
        databases: What is wanted.

    Returns:
        The databases that were not there before.

    Raises:
        psycopg.Error: The server does not answer, or refuses.
    """
    created = []
    with psycopg.connect(administrator, autocommit=True, connect_timeout=10) as connection:
        for database in databases:
            name, owner = Identifier(database.name), Identifier(database.owner)
            has_owner = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [database.owner]).fetchone()
            verb = SQL("CREATE" if has_owner is None else "ALTER")
            connection.execute(SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, owner, Literal(database.password)))
            # Only who has the owner's rights makes a database for it, and decides who connects to that.
            has_rights = connection.execute("SELECT pg_has_role(%s, 'USAGE')", [database.owner]).fetchone()
            if has_rights == (False,):
                connection.execute(SQL("GRANT {} TO CURRENT_USER").format(owner))
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [database.name]).fetchone() is None:
                connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
                created.append(database.name)
            connection.execute(SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    return created


def main(files: list[str]) -> None:
    """Run the command with the names of its files."""
    if len(files) < 2:
        sys.exit("usage: python -m deploy.databases ADMINISTRATOR URL …")
    try:
        _administrator, *databases = [_read(file) for file in files]
        created = create_databases(Path(files[0]).read_text().strip(), databases)
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except psycopg.Error as error:
        sys.exit(f"PostgreSQL: {error}")
    print("created: " + (", ".join(created) or "nothing, all databases are there"))


def _read(file: str) -> Wanted:
    try:
        return wanted(Path(file).read_text().strip())
    except ValueError as error:
        sys.exit(f"{file}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
