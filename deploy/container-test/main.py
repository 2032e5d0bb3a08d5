"""
``make container-test``: builds the images and runs ``deploy/compose.yaml`` for real, without an engine or a registry.

It needs root on Debian 12. Elsewhere it is skipped with a reason, except in CI (``CI=true``), where that is a failure.
The stack runs in mount, network and process namespaces of its own, so nothing outlives the test.
"""

import os
import subprocess
import sys
from pathlib import Path

import door
import images
import journey
import meaning
import place
import rotation
import stack
from checks import Checks
from place import Failed, step

COUNTS = "CONTAINER_TEST_COUNTS"


def obstacle() -> str:
    """Return why the test can't run on this machine; empty when it can."""
    if os.geteuid() != 0:
        return "it needs root"
    system = Path("/etc/os-release")
    said = system.read_text().splitlines() if system.exists() else []
    if "ID=debian" not in said or 'VERSION_ID="12"' not in said:
        return "it needs Debian 12"
    return ""


def main() -> int:
    """Run the test; return the exit code."""
    if os.environ.get(COUNTS):
        return inside()
    if reason := obstacle():
        print(f"container-test: skipped: {reason}")
        return 1 if os.environ.get("CI") == "true" else 0
    place.configure()
    checks = Checks()
    images.install()
    images.lint(checks)
    images.build()
    with step("looking into the images"):
        images.inspect(checks)
    os.environ[COUNTS] = f"{checks.passed} {checks.failed}"
    namespaces = [
        "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
        sys.executable, __file__,
    ]  # fmt: skip
    return subprocess.run(namespaces, check=False).returncode


def inside() -> int:
    """Run the stack, in namespaces of its own."""
    checks = Checks()
    checks.passed, checks.failed = map(int, os.environ.pop(COUNTS).split())
    stack.isolate()
    with stack.running(checks):
        journey.run(checks)
        meaning.run_checks(checks)
        with rotation.running(checks):
            door.run_checks(checks)
            stack.check_operation(checks)
            stack.check_hardening(checks)
            stack.check_egress(checks)
            with step("importing what the images' code imports"):
                images.check_imports(checks)
        door.check_faults(checks)
        stack.check_restarts(checks, journey.run_again)
        stack.check_draining(checks, journey.run_again)
        stack.check_restore(checks, journey.run_again)
    print(checks.summary())
    return 1 if checks.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as reason:
        print(f"container-test: {reason}\nlog: {place.LOG}", file=sys.stderr)
        sys.exit(1)
