"""
Work of which nobody knows how long it takes, and how much memory, in a process of its own, which can be ended.

Such a process is a module of ours, which reads a question from its standard input and prints the answer, both JSON.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

MAX_BYTES = 400_000_000
# What a program needs to find its modules, and whom it may trust; nothing else that this process knows.
ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "SSL_CERT_FILE", "SSL_CERT_DIR")


async def ask_process(module: str, question: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
    """
    Return the answer of a module that runs as a process; None where there is none in time.

    Whoever stops waiting ends the process.
    """
    started: list[subprocess.Popen[bytes]] = []
    try:
        # In a thread: an event loop's own way to start a process forks, and gRPC, which has threads, may end what is
        # forked before it becomes another program.
        return await asyncio.to_thread(_ask, module, question, seconds, started)
    except asyncio.CancelledError:
        for process in started:
            process.kill()
        raise


def _ask(
    module: str, question: Mapping[str, Any], seconds: float, started: list[subprocess.Popen[bytes]]
) -> dict[str, Any] | None:
    """Return the answer; the process is among those that are `started` as long as it runs."""
    with subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # What it complains of may quote what it was given.
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
    ) as process:
        started.append(process)
        try:
            printed, _nothing = process.communicate(json.dumps(question).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    return dict(json.loads(printed)) if process.returncode == 0 else None


def limit_process(seconds: float) -> None:
    """Let this process have only so much memory and processor time."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
