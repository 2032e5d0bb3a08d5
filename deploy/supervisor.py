"""
The processes behind ``make run``, kept alive: one that dies is started again, one that cannot live ends the run.

A process cannot live when its first life is short and ends with an error code, as with a setting that is wrong, and
when `TRIES` short lives in a row end by themselves. One that is killed from outside is started again however often, and
a server whose disk is full waits for room.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import psutil

from deploy import embedded
from deploy.embedded import CannotStart
from deploy.nats_health import ROOM_BYTES
from deploy.secret_files import Unusable

STOP_SECONDS = 10
# A life is short up to this long.
SHORT_SECONDS = 10.0
TRIES = 5
# Before the next start: the first after a life that was not short, then one for each short life in a row.
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# Between two looks whether a full disk has room.
ROOM_SECONDS = 1.0
LAST_WORDS = 10
FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)

S = TypeVar("S", bound=embedded.Server)

_printing = threading.Lock()


class DiskFull(CannotStart):
    """The disk on which a server keeps its data has no room; it can start once there is some."""


@dataclass(frozen=True)
class Death:
    """How a process ended: its exit code (negative: a signal's number; None: it did not start), its last lines."""

    name: str
    code: int | None
    last_words: Sequence[str]

    def __str__(self) -> str:
        """What happened, and below it the last lines."""
        return "\n    ".join([f"{self._what}; its last words:", *(self.last_words or ["(none)"])])

    @property
    def line(self) -> str:
        """What happened, in one line: with the last words of one that ended by itself."""
        is_told = self.last_words and not self.is_from_outside
        return f"{self._what} ({self.last_words[-1]})" if is_told else self._what

    @property
    def is_from_outside(self) -> bool:
        """Whether somebody killed it."""
        return self.code in FROM_OUTSIDE

    @property
    def _what(self) -> str:
        match self.code:
            case None:
                return f"{self.name} did not start"
            case code if code < 0:
                return f"{self.name} was killed by {signal.Signals(-code).name}"
            case code:
                return f"{self.name} ended with code {code}"


class Program(Protocol):
    """What is kept alive; its process leads a group of its own."""

    name: str
    stop_signal: signal.Signals
    # Whether the next run finds the process by the record here, if this one is killed.
    is_recorded: bool

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process. Raises: `CannotStart` with the reason, in one line."""

    def finish(self) -> Sequence[str]:
        """Clear away what the ended process left; return the last lines that it printed."""


class Command:
    """
    A program whose output is printed line by line.

    Args:
        name: What it is called.
        command: Program and arguments.
        environment: All variables of its environment.
        folder: The folder it runs in.
        label: Stands before each line of its output.
    """

    stop_signal = signal.SIGTERM
    is_recorded = True

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, label: str = ""
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._folder = folder
        self._label = label

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process, and print what it prints."""
        try:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the one who started us, who stops us in order.
            )
        except OSError as error:
            raise CannotStart(f"{error.strerror}: {error.filename}") from None
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._reader = threading.Thread(target=self._print_output, daemon=True)
        self._reader.start()
        return self._process

    def finish(self) -> Sequence[str]:
        """Kill the children that outlive the process, which would keep its port; return its last lines."""
        _signal_group(self._process.pid, signal.SIGKILL)
        self._reader.join()
        return list(self._last_words)

    def _print_output(self) -> None:
        output = self._process.stdout
        assert output  # noqa: S101 - it is a pipe
        with output:
            for line in output:
                text = line.decode(errors="replace").rstrip()
                if text:
                    self._last_words.append(text)
                say(f"{self._label}{text}")


class KeptServer(Generic[S]):
    """
    An embedded server: started again on the same port and data.

    Args:
        name: What it is called.
        run: Runs it until the block ends, on the port given; without one, on any that is free.
    """

    stop_signal = signal.SIGINT
    is_recorded = False  # It has a file of its own with its process id.

    def __init__(self, name: str, run: Callable[[int | None], AbstractContextManager[S]]) -> None:
        self.name = name
        self._run = run
        self._stack = ExitStack()
        self._server: S | None = None

    @property
    def server(self) -> S:
        """The server that runs, or ran last. It has been started."""
        assert self._server  # noqa: S101
        return self._server

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; it is ready when this returns. Raises: `DiskFull` where it ran before."""
        if self._server and shutil.disk_usage(self._server.log.parent).free < ROOM_BYTES:
            raise DiskFull(f"the disk is full: {self._server.log.parent}")
        try:
            self._server = self._stack.enter_context(self._run(self._server.port if self._server else None))
        except OSError as error:
            raise CannotStart(f"{error.strerror}: {error.filename}") from None
        except Unusable as reason:
            raise CannotStart(str(reason)) from None
        return self._server.process

    def finish(self) -> Sequence[str]:
        """Release the data; return the last lines of the log."""
        self._stack.close()
        with self.server.log.open("rb") as log:
            lines = deque(log, maxlen=LAST_WORDS)
        return [line.decode(errors="replace").strip() for line in lines]


class Processes:
    """
    Programs that are kept alive until `stop`.

    Args:
        record: File that tells the next run what to stop if this one is killed.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._started: list[dict[Program, threading.Thread]] = []
        self._running: dict[Program, subprocess.Popen[bytes]] = {}
        self._dead: queue.SimpleQueue[Death] = queue.SimpleQueue()

    def start(self, *programs: Program) -> None:
        """
        Start programs, and keep them alive from now on; they are stopped together, before those started earlier.

        Raises:
            CannotStart: With the reason, in one line.
        """
        keepers: dict[Program, threading.Thread] = {}
        self._started.append(keepers)
        for program in programs:
            process = program.start()
            self._note(program, process)
            keepers[program] = threading.Thread(target=self._keep, args=(program, process), daemon=True)
            keepers[program].start()

    def death(self, seconds: float) -> Death | None:
        """Wait until a program cannot live, ``seconds`` at most; return how it ended the last time."""
        with contextlib.suppress(queue.Empty):
            return self._dead.get(timeout=seconds)
        return None

    def stop(self) -> None:
        """Stop all, the last started first: ask, and kill what still runs after ``STOP_SECONDS``."""
        with self._lock:
            self._stopping.set()
        for keepers in reversed(self._started):
            self._signal(keepers, None)
            deadline = time.monotonic() + STOP_SECONDS
            for keeper in keepers.values():
                keeper.join(max(0.0, deadline - time.monotonic()))
            self._signal(keepers, signal.SIGKILL)
            for keeper in keepers.values():
                keeper.join()
        self._record.unlink(missing_ok=True)

    def _keep(self, program: Program, process: subprocess.Popen[bytes]) -> None:
        """Start a program again whenever it ends, until it cannot live or everything is stopped."""
        lives, short_lives, failures = 0, 0, 0
        while True:
            born = time.monotonic()
            code = process.wait()
            death = Death(program.name, code, program.finish())
            self._note(program, None)
            lives += 1
            is_long = time.monotonic() - born > SHORT_SECONDS
            if is_long:
                short_lives = failures = 0
            cannot_start = lives == 1 and not is_long and code > 0
            while True:  # Until it runs again.
                if self._stopping.is_set():
                    return
                failures += not death.is_from_outside
                if cannot_start or failures == TRIES:
                    self._dead.put(death)
                    return
                pause = PAUSES[min(short_lives, len(PAUSES) - 1)]
                short_lives += 1
                say(f"{death.line}; starting it again in {pause:g} s")
                if self._stopping.wait(pause):
                    return
                try:
                    process = self._start_once_there_is_room(program)
                except CannotStart as reason:
                    death = Death(program.name, None, [str(reason)])
                    continue
                self._note(program, process)
                break

    def _start_once_there_is_room(self, program: Program) -> subprocess.Popen[bytes]:
        """Start a program again, however long its disk is full. Raises: `CannotStart`, also where all is stopped."""
        is_told = False
        while True:
            try:
                return program.start()
            except DiskFull as reason:
                if not is_told:
                    say(f"{program.name} waits for room: {reason}")
                    is_told = True
                if self._stopping.wait(ROOM_SECONDS):
                    raise

    def _note(self, program: Program, process: subprocess.Popen[bytes] | None) -> None:
        """Note that a program runs, or no longer."""
        with self._lock:
            if process is None:
                del self._running[program]
            else:
                self._running[program] = process
                if self._stopping.is_set():  # It asked the others before this one ran.
                    _signal_group(process.pid, program.stop_signal)
            if program.is_recorded:
                _write_record(self._record, [kept.pid for other, kept in self._running.items() if other.is_recorded])

    def _signal(self, programs: Iterable[Program], number: signal.Signals | None) -> None:
        """Send a signal to those of the programs that run: their own one for stopping, if none is named."""
        with self._lock:
            for program in programs:
                if program in self._running:
                    _signal_group(self._running[program].pid, number or program.stop_signal)


def say(text: str) -> None:
    """Print a whole line, whoever else is printing."""
    with _printing, contextlib.suppress(OSError):  # The terminal may be gone.
        print(text, flush=True)


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
