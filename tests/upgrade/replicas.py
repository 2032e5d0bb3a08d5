"""The processes of one release: which code they run, and how one is stopped and starts again."""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from chassis.probe import find_failure
from deploy.embedded import HOST
from tests.chaos import checker
from tests.stack import OURS, Stack, find_process, get_python

START_SECONDS = 180.0
# What is each gateway's own, and not the installation's.
OWN = ("GATEWAY_LISTEN",)


@dataclass(frozen=True)
class Replicas:
    """
    One process of each kind, kept alive by their supervisor.

    Attributes:
        checkout: Where their code is.
        ports: Name of a service → port that it listens on.
    """

    checkout: Path
    stack: Stack
    ports: Mapping[str, int]

    def require_own_code(self) -> None:
        """Raise RuntimeError unless each process runs the program and the code of its checkout."""
        for name in ("gateway", *self.ports):
            process = psutil.Process(find_process(self.stack.data, name))
            program, folder = process.cmdline()[0], process.cwd()
            if (program, folder) != (get_python(self.checkout), str(self.checkout)):
                raise RuntimeError(f"{name} runs {program} in {folder}, and not {self.checkout}")

    def restart(self, name: str) -> None:
        """Ask a process to end, and wait until its supervisor has started another that takes calls."""
        old = find_process(self.stack.data, name)
        os.kill(old, signal.SIGTERM)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(LookupError):
                if find_process(self.stack.data, name) != old and self._takes_calls(name):
                    return
            time.sleep(0.1)
        raise RuntimeError(f"{name} of {self.checkout} did not start again within {START_SECONDS:.0f} s")

    def _takes_calls(self, name: str) -> bool:
        if name == "gateway":
            return checker.is_ready(self.stack.url)
        return not find_failure(f"{HOST}:{self.ports[name]}", "ready")

    def read_settings(self) -> dict[str, str]:
        """Return the settings that the next release takes over: the keys above all."""
        environment = psutil.Process(find_process(self.stack.data, "gateway")).environ()
        return {name: value for name, value in environment.items() if name.startswith(OURS) and name not in OWN}
