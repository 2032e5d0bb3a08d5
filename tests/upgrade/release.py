"""The release to upgrade from: which revision it is, and a checkout of it that runs its own code."""

import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.stack import ROOT, get_python, read_shell

MIGRATIONS = ":(glob)**/migrations/versions/*.py"
SETUP_SECONDS = 600
# What has to be the same for another checkout to use the packages, or the files for browsers, that are installed here.
PACKAGES = ("requirements-run.txt",)
ASSETS = ("gateway/package.json", "gateway/package-lock.json", "gateway/web/vendor_assets.py")
VENDOR = Path("gateway/static/vendor")
# Where a process takes its code from: its own, and what is generated of the contract.
ORIGIN = """
import chassis, gateway, services.exchange
from austausch.exchange.v1 import exchange_pb2
print(chassis.__file__, gateway.__file__, services.exchange.__file__, exchange_pb2.__file__, sep="\\n")
"""


class NoHistory(Exception):
    """The revision to upgrade from is not in this clone; the message says what to do."""


@dataclass(frozen=True)
class Release:
    """A revision: what it is called here, and its commit."""

    name: str
    commit: str


def find_release(name: str = "", clone: Path = ROOT) -> Release:
    """
    Return the release to upgrade from.

    Args:
        name: A revision. Without one it is the newest tag before this revision, and where there is no tag, the newest
            revision of this branch that lacks a migration.
        clone: Where to look.

    Raises:
        NoHistory: It is not there.
    """
    git = partial(_ask_git, clone)
    if name:
        found = git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        wanted = f"revision {name}"
    elif name := git("describe", "--tags", "--abbrev=0", "HEAD^"):
        found = git("rev-parse", f"{name}^{{commit}}")
        wanted = f"tag {name}"
    else:
        added = git("log", "-1", "--first-parent", "-m", "--diff-filter=A", "--format=%H", "HEAD", "--", MIGRATIONS)
        found = git("rev-parse", "--verify", "--quiet", f"{added}^") if added else ""
        wanted = "tag, and no revision before the newest migration,"
    if found:
        return Release(name or git("rev-parse", "--short", found), found)
    if git("rev-parse", "--is-shallow-repository") == "true":
        raise NoHistory(f"no {wanted} is in this clone, which is shallow: git fetch --unshallow --tags")
    raise NoHistory(f"no {wanted} is in this clone; FROM=… names the revision to upgrade from")


def _ask_git(clone: Path, *arguments: str) -> str:
    """Return what git says; nothing where it refuses."""
    done = subprocess.run(["git", *arguments], cwd=clone, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def check_out(release: Release, checkout: Path) -> None:
    """
    Take a release out into a folder that is not there yet, and set it up as its own `make setup` does.

    Raises:
        subprocess.CalledProcessError: It can't be set up; it has said why.
        RuntimeError: Its Python would run other code than its own.
    """
    archive = subprocess.run(["git", "archive", release.commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(checkout, filter="data")
    done = checkout / ".venv" / "done"
    if _are_same(checkout, PACKAGES):
        _lend_packages(checkout)
        _touch(done / "run")
        if _are_same(checkout, ASSETS):
            shutil.copytree(ROOT / VENDOR, checkout / VENDOR)
            _touch(done / "assets")
    # What this make was told is not for the other one.
    shell = {name: value for name, value in read_shell().items() if not name.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(["make", "--silent", "setup"], cwd=checkout, env=shell, check=True, timeout=SETUP_SECONDS)
    origin = subprocess.run(
        [get_python(checkout), "-c", ORIGIN], cwd=os.sep, env=shell, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if strangers := [file for file in origin if not Path(file).is_relative_to(checkout)]:
        raise RuntimeError(f"{release.name} would run {', '.join(strangers)}")


def _are_same(checkout: Path, files: tuple[str, ...]) -> bool:
    """Return whether files are there, and the same as ours."""
    return all(
        (checkout / file).is_file() and (checkout / file).read_bytes() == (ROOT / file).read_bytes() for file in files
    )


def _lend_packages(checkout: Path) -> None:
    """
    Make an environment with the packages of this one, and the other's own code.

    A folder that a ``.pth`` file names is searched, but its own ``.pth`` files, which lead to our code, are not read.
    """
    environment = checkout / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    purelib = sysconfig.get_path("purelib")
    own = environment / Path(purelib).relative_to(sys.prefix)
    (own / "austausch.pth").write_text(f"{checkout}\n{checkout / 'proto'}\n{purelib}\n")
    for program in ("pybabel", "uv"):
        (environment / "bin" / program).symlink_to(Path(sys.executable).with_name(program))


def _touch(file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.touch()
