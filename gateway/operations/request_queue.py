"""
Requests that wait for a thread: one that has waited too long is refused, so that those behind it are answered in time.

While a service or a database hangs, each thread waits for it until a deadline, and requests queue up, most of whose
senders have given up when it is their turn. Refusing them takes a thousandth of what answering them does.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, current_app, request
from gunicorn.workers.gthread import ThreadWorker

from chassis.errors import Unavailable
from gateway.auth.callers import is_api
from gateway.errors.explanations import explain

# A person takes it for an answer; what waits longer is on its way to being given up.
MAX_WAIT_SECONDS = 2.0
# Asked by who would end a process that does not answer.
NEVER_REFUSED = ("health.answer_alive", "health.answer_ready")

_thread = threading.local()


class TimedThreadPool(ThreadPoolExecutor):
    """A pool whose threads know how long what they do has waited for them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a call; arguments as of `ThreadPoolExecutor.submit`."""
        return super().submit(_run, time.monotonic(), fn, *args, **kwargs)


def _run(submitted: float, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    _thread.waited = time.monotonic() - submitted
    return fn(*args, **kwargs)


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, on a `TimedThreadPool`."""

    def get_thread_pool(self) -> TimedThreadPool:
        """Return the pool that requests wait for."""
        return TimedThreadPool(max_workers=self.cfg.threads)


def refuse_late() -> Response | None:
    """
    Refuse a request that waited too long for a thread, without asking anybody anything.

    Raises:
        Unavailable: Reason SERVICE_BUSY; to programs. People read a line of text.
    """
    if getattr(_thread, "waited", 0.0) <= MAX_WAIT_SECONDS or request.endpoint in NEVER_REFUSED:
        return None
    busy = Unavailable("The gateway has more to do than it can; try again.", reason="SERVICE_BUSY")
    if is_api():
        raise busy
    explanation = explain(busy, ZoneInfo(current_app.config["HOME_TIME_ZONE"]))
    return Response(explanation.text, 503, {"Retry-After": "2"}, content_type="text/plain; charset=utf-8")
