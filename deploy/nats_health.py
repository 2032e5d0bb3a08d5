"""
A NATS server that could not write its data says so on its page of health, and stores nothing more until it is started
anew, however much room there is again.
"""

import contextlib
import shutil
import subprocess
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path

from chassis.probe import open_directly

LOOK_SECONDS = 1.0
PATIENCE = 3
# With less on its disk it could not even start.
ROOM_BYTES = 16 * 1024**2


@contextlib.contextmanager
def killed_when_unwell(process: subprocess.Popen[bytes], health_url: str, folder: Path) -> Iterator[None]:
    """
    Kill a NATS server, for its keeper to start it again, once it is unwell although its disk has room.

    Args:
        health_url: Its page of health: 200, or 503. One that does not answer is left alone.
        folder: Where it stores.
    """
    over = threading.Event()

    def look() -> None:
        unwell = 0
        while not over.wait(LOOK_SECONDS):
            # It is watched while the disk is full, too, so that it need not be once there is room.
            unwell = unwell + 1 if _is_unwell(health_url) else 0
            if unwell >= PATIENCE and shutil.disk_usage(folder).free >= ROOM_BYTES:
                process.kill()
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _is_unwell(health_url: str) -> bool:
    try:
        with open_directly(health_url, LOOK_SECONDS):
            return False
    except urllib.error.HTTPError as error:
        return error.code == 503
    except OSError:
        return False
