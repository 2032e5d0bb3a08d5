"""Search by meaning: off without a language model, on with one that the operator provides, and with a worker."""

import json
import os
import time
from typing import Any

import journey
import stack
from checks import Checks
from place import CACHE, CHECKOUT, Failed, output, run, step

FOLDER = CACHE / "model"
SECONDS = 60
# The packages that make a model are among the development tools.
PYTHON = CHECKOUT / ".venv" / "bin" / "python"
TOOLS = CHECKOUT / ".venv" / "done" / "dev"


def run_checks(checks: Checks) -> None:
    """Check what the platform says of its language model, without one and with one."""
    checks.that("without a language model the platform is ready, and says so", lambda: _ask()["meaning"] == "off")
    if not TOOLS.exists():
        print("search by meaning: skipped: it needs make dev")
        return
    program = "import pathlib, sys, tests.knowledge.small_model as m; m.make_small_model(pathlib.Path(sys.argv[1]))"
    run(PYTHON, "-c", program, FOLDER)
    os.environ["MODEL"] = str(FOLDER)
    with step("docker compose up, with a language model and a worker"):
        stack.up("--profile", "worker")
    checks.that("with a language model the meaning of all learnings becomes known", _becomes_complete)
    checks.that("with a language model learnings are found", _finds)
    worker = stack.get_container("knowledge-worker")
    checks.that("a worker is healthy", lambda: stack.get_state("knowledge-worker") == "healthy")
    checks.that("a worker ends by itself, with code 0, on SIGTERM", lambda: _drains(worker))


def _ask() -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(journey.request("GET", "/readyz")[1])
    return answer


def _becomes_complete() -> bool:
    deadline = time.monotonic() + SECONDS
    while (said := _ask()).get("meaning") != "complete":
        if time.monotonic() > deadline:
            raise Failed(f"not known within {SECONDS} s: {said}")
        time.sleep(0.5)
    return True


def _finds() -> bool:
    client = journey.Client(journey.EMAIL, journey.PASSWORD, patience=10)
    return bool(journey.find(client, "Haushalt"))


def _drains(container: str) -> bool:
    run("podman", "stop", "--time=25", container)
    return output("podman", "inspect", container, "--format", "{{.State.ExitCode}}") == "0"
