"""
The secrets of an installation: keys, passwords, and the files that hold them.

``python -m deploy.credentials DIRECTORY`` makes what ``deploy/compose.yaml`` mounts:

- ``gateway-key.pem``, ``forum-key.pem``, ``knowledge-key.pem``: with which those three say who is asking;
  ``trusted-keys.json``: their public halves, for the services;
- ``secret-key``: protects forms;
- ``postgres-password``, ``postgres-url``: of the database server's administrator;
- ``exchange-database-url`` and so on: of each process's own database, with its password;
- ``nats.conf``, ``nats-url``: the message server's settings and address, with its password;
- ``grafana-password``: of Grafana's administrator, for the profile ``observability``;
- ``tls-certificate.pem``, ``tls-key.pem``: of the proxy. Put your own there; what is made is for trying out only.

What is there already is kept, so the command can be run again; to change a secret, delete its files first.
"""

import argparse
import sys
from pathlib import Path

from chassis.identity import format_key_set, new_private_key, public_key
from deploy.certificate import new_self_signed
from deploy.secret_files import PRIVATE, Unusable, kept_secret, new_secret, write_secret

# Process → its database.
DATABASES = {"exchange": "exchange", "forum": "forum", "knowledge": "knowledge", "gateway": "accounts"}
# Processes that sign identities.
ISSUERS = ("gateway", "forum", "knowledge")

# Containers run as a user of their own, so the files are readable, and their directory closes them to everybody else.
READABLE = 0o444

NATS = """\
port: 4222
http: "127.0.0.1:8222"
server_name: austausch
jetstream {{
  store_dir: "/data"
  max_file_store: 16GB
  # An event counts as sent once NATS acknowledges it, and a power cut loses what is not on the disk by then.
  sync_interval: always
}}
authorization {{ user: "austausch", password: "{password}" }}
"""


class Incomplete(Exception):
    """One of two files that belong together is missing; the message names both."""


def keep_keys(directory: Path, mode: int = PRIVATE) -> None:
    """
    Make the keys with which processes trust each other, where they are missing.

    Args:
        directory: Gets ``{issuer}-key.pem`` for each issuer, ``trusted-keys.json`` and ``secret-key``.
        mode: Permissions of the files.

    Raises:
        OSError: A file can't be read or written.
        Unusable: A file does not hold what it should.
    """
    public = format_key_set([_keep_key(directory / f"{issuer}-key.pem", issuer, mode) for issuer in ISSUERS])
    trusted = directory / "trusted-keys.json"
    # Containers have this very file mounted: one that takes its name they would not see, nor new keys in it.
    if not trusted.exists() or trusted.read_bytes() != public.encode():
        write_secret(trusted, public, mode)
    kept_secret(directory / "secret-key", mode=mode)


def _keep_key(file: Path, issuer: str, mode: int) -> dict[str, str]:
    """Return the public half of the key that is kept in a file."""
    try:
        return public_key(issuer, kept_secret(file, new_private_key, mode))
    except ValueError as error:
        raise Unusable(f"{file}: {error} Put it back, or delete the file for a new one.") from None


def keep_credentials(directory: Path) -> None:
    """
    Make everything that ``deploy/compose.yaml`` mounts as a secret, where it is missing.

    Raises:
        Incomplete: Of certificate and key, one is there and one is not.
        OSError: The directory cannot be written.
        Unusable: A file does not hold what it should.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    # Whoever keeps them inside a checkout does not commit them.
    write_secret(directory / ".gitignore", "*\n", PRIVATE)
    keep_keys(directory, READABLE)
    administrator = kept_secret(directory / "postgres-password", mode=READABLE)
    kept_secret(
        directory / "postgres-url", lambda: f"postgresql://postgres:{administrator}@postgres/postgres", READABLE
    )
    for process, database in DATABASES.items():
        kept_secret(
            directory / f"{process}-database-url",
            lambda database=database: f"postgresql://{database}:{new_secret()}@postgres/{database}",  # type: ignore[misc]
            READABLE,
        )
    url = kept_secret(directory / "nats-url", lambda: f"nats://austausch:{new_secret()}@nats:4222", READABLE)
    password = url.removeprefix("nats://austausch:").partition("@")[0]
    kept_secret(directory / "nats.conf", lambda: NATS.format(password=password), READABLE)
    kept_secret(directory / "grafana-password", mode=READABLE)
    _keep_certificate(directory / "tls-certificate.pem", directory / "tls-key.pem")


def _keep_certificate(certificate: Path, key: Path) -> None:
    """Make a certificate to try out https with, unless there is one; raises `Incomplete` where only half of it is."""
    if certificate.exists() != key.exists():
        present, missing = (certificate, key) if certificate.exists() else (key, certificate)
        raise Incomplete(f"{missing} is missing; it belongs to {present.name}, which is there")
    if not certificate.exists():
        for file, text in zip((certificate, key), new_self_signed(), strict=True):
            write_secret(file, text, READABLE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.credentials", description="Make an installation's secrets.")
    parser.add_argument("directory", type=Path)
    try:
        keep_credentials(parser.parse_args().directory)
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except (Incomplete, Unusable) as reason:
        sys.exit(str(reason))
