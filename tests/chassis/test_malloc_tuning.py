"""How many arenas the C library makes for the threads of a process."""

import subprocess
import sys

import pytest

MANY_THREADS = """
import ctypes
import sys
import threading

from chassis.malloc_tuning import limit_arenas

if "limited" in sys.argv:
    limit_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(12)


def allocate():
    together.wait()
    assert libc.malloc(10_000)
    together.wait()


threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_stats()
"""


def count_arenas(*arguments: str) -> int:
    """Return how many arenas a process with twelve threads has, as glibc tells it."""
    told = subprocess.run(
        [sys.executable, "-c", MANY_THREADS, *arguments], check=True, capture_output=True, text=True, timeout=60
    )
    return told.stderr.count("Arena ")


def test_many_threads_share_a_few_arenas() -> None:
    if count_arenas() <= 2:
        pytest.skip("this C library makes no arenas for threads")
    assert count_arenas("limited") == 2
