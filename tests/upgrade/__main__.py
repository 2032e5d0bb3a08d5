"""
``make upgrade-test``: run the release before, and upgrade it to this one while people work.

Exit code 0 when nothing was refused but with "try again", what was acknowledged is there once, and all is in step; 1
when not; 2 when the release before is not in this clone.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from tests.upgrade import run
from tests.upgrade.release import NoHistory, check_out, find_release


def main() -> int:
    """Run, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    parser.add_argument("--from", dest="revision", default="", help="revision to upgrade from")
    parser.add_argument("--skip-without-history", action="store_true", help="exit code 0 instead of 2")
    parser.add_argument("--keep", type=Path, help="folder for the data and logs, which is not there yet")
    arguments = parser.parse_args()
    try:
        release = find_release(arguments.revision)
    except NoHistory as reason:
        print(f"the upgrade was NOT tested: {reason}", file=sys.stderr)
        return 0 if arguments.skip_without_history else 2
    began = time.monotonic()
    with contextlib.ExitStack() as exits:
        scratch = (arguments.keep or Path(exits.enter_context(tempfile.TemporaryDirectory()))).absolute()
        checkout = scratch / "release"
        check_out(release, checkout)
        print(f"{release.name} ({release.commit}) was set up in {time.monotonic() - began:.1f} s", flush=True)
        broken = run.upgrade(checkout, scratch)
    for sentence in broken:
        print(f"- {sentence}")
    print(f"{len(broken)} defects" if broken else "nothing was lost, doubled, half done or out of step")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
