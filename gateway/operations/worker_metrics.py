"""Prometheus metrics of all workers together, served by gunicorn's master."""

import os
import shutil
import tempfile

# What prometheus_client reads when it is imported: the directory in which the workers of one gateway meet.
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def prepare() -> None:
    """Make the directory for the workers' numbers. Before anything imports prometheus_client."""
    os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="austausch-metrics-")


def serve(listen: str) -> None:
    """Serve the sum of the workers' numbers at an address; an empty one serves none."""
    if not listen:
        return
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    host, _, port = listen.rpartition(":")
    start_http_server(int(port), addr=host or "127.0.0.1", registry=registry)


def forget(worker: int) -> None:
    """Drop what a worker that is gone said about itself."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker)  # type: ignore[no-untyped-call]


def clean_up() -> None:
    """Remove the directory."""
    shutil.rmtree(os.environ.pop(DIRECTORY, ""), ignore_errors=True)
