"""The processes of the Procfile as one: started together, their output under their names, stopped together."""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer
from honcho.process import Process

STOP_SECONDS = 10


@dataclass(frozen=True)
class Ended:
    """A process that ended, its exit code (negative: a signal's number) and the last line that it printed."""

    name: str
    code: int
    last_line: str

    def __str__(self) -> str:
        return f"{self.name} ended with code {self.code}: {self.last_line or 'it printed nothing'}"


class Processes:
    """
    The processes of a Procfile.

    Args:
        procfile: Names and commands.
        environment: Environment of each of them.
        record: File that tells the next run what to stop if this one is killed.
    """

    def __init__(self, procfile: Path, environment: Mapping[str, str], record: Path) -> None:
        commands: dict[str, str] = parse_procfile(procfile.read_text()).processes
        colours = get_colours()
        self._processes = [
            Process(command, name=name, colour=next(colours), env=dict(environment), cwd=str(procfile.parent))
            for name, command in commands.items()
        ]
        # Without the time: the lines have theirs.
        self._printer = Printer(sys.stdout, time_format="", width=max(map(len, commands)))
        self._record = record
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}
        self._last_lines: dict[str, str] = {}
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()

    def start(self) -> None:
        """Start all of them; from now on their output is printed."""
        for process in self._processes:
            threading.Thread(target=process.run, args=(self,), daemon=True).start()

    def put(self, message: Message) -> None:
        """Take one message of a process; honcho calls this in the thread that reads the process's output."""
        with self._lock:
            match message.type:
                case "start":
                    self._running[message.name] = message.data["pid"]
                    _write_record(self._record, self._running.values())
                case "line":
                    self._last_lines[message.name] = message.data.decode(errors="replace").strip()
                    self._printer.write(message)
                case "stop":
                    del self._running[message.name]
                    last_line = self._last_lines.get(message.name, "")
                    self._ended.put(Ended(message.name, message.data["returncode"], last_line))

    def ended(self, seconds: float) -> Ended | None:
        """Wait until a process ends, ``seconds`` at most; return the first one that did."""
        with contextlib.suppress(queue.Empty):
            return self._ended.get(timeout=seconds)
        return None

    def stop(self) -> None:
        """Stop all of them: ask, and kill what still runs after ``STOP_SECONDS``."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        self._record.unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            for pid in self._running.values():
                _signal_group(pid, number)


def stop_left_behind(record: Path) -> None:
    """Stop the processes of a run that was killed, whose ``record`` is still there."""
    try:
        entries = json.loads(record.read_text())
    except (OSError, ValueError):
        return
    left = [pid for pid, created in entries if _created(pid) == created]
    for pid in left:
        _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while any(_created(pid) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in left:
        _signal_group(pid, signal.SIGKILL)
    record.unlink(missing_ok=True)


def _write_record(record: Path, pids: Iterable[int]) -> None:
    scratch = record.with_name(f"{record.name}.new")
    scratch.write_text(json.dumps([(pid, _created(pid)) for pid in pids]))
    scratch.rename(record)


def _created(pid: int) -> float | None:
    """Return when the process was created, which tells it from a later one with its id; None if it has ended."""
    try:
        process = psutil.Process(pid)
        # Where nobody collects orphans, one that has ended stays as a zombie for ever.
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
