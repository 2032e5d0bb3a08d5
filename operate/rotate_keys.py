"""``austausch rotate-keys``: new keys for those who sign identities, while everything runs."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import click

from chassis.identity import LEEWAY_SECONDS, LIFETIME_SECONDS, format_key_set, new_private_key, public_key
from chassis.key_file import LOOK_SECONDS

ISSUERS = ("gateway", "forum", "knowledge")
TRUSTED = "trusted-keys.json"
SPREAD_SECONDS = 10


@click.command("rotate-keys", short_help="Replace the signing keys while all runs.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--spread-seconds", type=click.IntRange(min=1), default=SPREAD_SECONDS, show_default=True,
    help="How long until every process sees that a file has changed: longer where files are copied to it.",
)  # fmt: skip
@click.option(
    "--after-each", metavar="COMMAND",
    help="Run by the shell after each of the three stages, to copy the files to where processes read them.",
)  # fmt: skip
def rotate_keys_command(directory: Path, spread_seconds: int, after_each: str | None) -> None:
    """
    Replace the signing keys in DIRECTORY, which is that of the secrets, in some two minutes.

    First the services are told of the new keys, then gateway, forum and knowledge sign with them, then the old ones are
    no longer trusted. Nobody is signed out, and nothing is restarted. One that was interrupted does no harm: run it
    again.
    """
    try:
        rotate(directory, spread_seconds, time.sleep, lambda line: tell(line, after_each))
    except subprocess.CalledProcessError as failed:
        raise click.ClickException(
            f"The command of --after-each ended with code {failed.returncode}; the next stage did not begin."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except (ValueError, LookupError, TypeError) as error:
        raise click.ClickException(f"{directory}: {error}") from None


def rotate(
    directory: Path, spread_seconds: float, wait: Callable[[float], object], say: Callable[[str], object]
) -> None:
    """
    Replace the signing keys of all issuers; the files are written in place, since they may be mounted one by one.

    Args:
        directory: Has ``gateway-key.pem``, ``forum-key.pem``, ``knowledge-key.pem`` and ``trusted-keys.json``.
        spread_seconds: How long until every process sees that a file has changed.
        wait: Called with the seconds to wait before the next step.
        say: Called with a line for each step, when it is written; what it raises ends the rotation there.

    Raises:
        OSError: A file can't be read or written.
        ValueError: One does not hold what it should.
    """
    trusted = directory / TRUSTED
    known = json.loads(trusted.read_text())["keys"]
    for issuer in ISSUERS:
        public_key(issuer, _key_file(directory, issuer).read_text())
    new = {issuer: new_private_key(issuer) for issuer in ISSUERS}
    public = [public_key(issuer, pem) for issuer, pem in new.items()]
    write_in_place(trusted, format_key_set([*known, *public]))
    say(f"trusted from now on: {', '.join(key['kid'] for key in public)}")
    wait(spread_seconds + LOOK_SECONDS)
    for issuer, pem in new.items():
        write_in_place(_key_file(directory, issuer), pem)
    say("gateway, forum and knowledge sign with the new keys")
    wait(spread_seconds + LOOK_SECONDS + LIFETIME_SECONDS + LEEWAY_SECONDS)
    others = [key for key in known if key["kid"].partition("/")[0] not in ISSUERS]
    write_in_place(trusted, format_key_set([*others, *public]))
    say(f"no longer trusted: {', '.join(key['kid'] for key in known if key not in others)}")


def tell(stage: str, after_each: str | None) -> None:
    """
    Print that a stage was written, and run what copies it.

    Raises:
        subprocess.CalledProcessError: That failed.
    """
    click.echo(stage)
    if after_each:
        subprocess.run(after_each, shell=True, check=True)  # noqa: S602 – it is the operator's own


def write_in_place(file: Path, text: str) -> None:
    """Write a file that may be mounted into containers by itself: one that takes its name would not be seen there."""
    mode = file.stat().st_mode & 0o777
    file.chmod(mode | 0o200)
    try:
        with file.open("r+") as output:
            output.write(text)
            output.truncate()
            output.flush()
            os.fsync(output.fileno())
    finally:
        file.chmod(mode)


def _key_file(directory: Path, issuer: str) -> Path:
    return directory / f"{issuer}-key.pem"
