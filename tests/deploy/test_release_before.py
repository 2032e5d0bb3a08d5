"""Which revision `make upgrade-test` upgrades from."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.upgrade.release import NoHistory, find_release

WHO = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull} | {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "T"), ("EMAIL", "t@example.org"))
}


def git(clone: Path, *arguments: str) -> str:
    """Return what git says."""
    done = subprocess.run(
        ["git", *arguments], cwd=clone, env={**os.environ, **WHO}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(clone: Path, file: str) -> str:
    """Add a file, and return the commit."""
    (clone / file).parent.mkdir(parents=True, exist_ok=True)
    (clone / file).touch()
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", file)
    return git(clone, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "services/forum/migrations/versions/0001_forums.py")
    return tmp_path


def test_it_is_the_newest_tag_before_this_revision(clone: Path) -> None:
    for tag in ("v1", "v2"):
        released = commit(clone, tag)
        git(clone, "tag", tag)
    commit(clone, "services/forum/migrations/versions/0002_topics.py")
    git(clone, "tag", "v3")
    assert (find_release(clone=clone).name, find_release(clone=clone).commit) == ("v2", released)


def test_before_the_first_tag_it_is_the_newest_that_lacks_a_migration_also_one_that_was_merged(clone: Path) -> None:
    before = commit(clone, "one")
    git(clone, "checkout", "--quiet", "-b", "topics", "HEAD^")
    commit(clone, "services/forum/migrations/versions/0002_topics.py")
    git(clone, "checkout", "--quiet", "-")
    git(clone, "merge", "--quiet", "--no-edit", "topics")
    commit(clone, "two")
    assert find_release(clone=clone).commit == before
    assert find_release("HEAD", clone).commit == git(clone, "rev-parse", "HEAD")


def test_where_the_history_is_not_there_it_is_said_what_to_do(clone: Path, tmp_path: Path) -> None:
    with pytest.raises(NoHistory, match="FROM="):
        find_release(clone=clone)
    commit(clone, "services/forum/migrations/versions/0002_topics.py")
    shallow = tmp_path / "shallow"
    git(clone, "clone", "--quiet", "--depth=1", clone.as_uri(), str(shallow))
    for name in ("", "v1"):
        with pytest.raises(NoHistory, match="git fetch --unshallow --tags"):
            find_release(name, shallow)
    with pytest.raises(NoHistory):
        find_release(clone=Path("/"))
