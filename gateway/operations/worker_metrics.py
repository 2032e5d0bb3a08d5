"""Prometheus metrics of all workers together, served by gunicorn's master."""

import os
import shutil
import sys
import tempfile

from chassis import telemetry

# What prometheus_client reads when it is imported: the directory in which the workers of one gateway meet.
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def prepare() -> None:
    """Make the directory for the workers' numbers. Before anything imports prometheus_client."""
    os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="austausch-metrics-")


def serve(listen: str) -> None:
    """Serve the sum of the workers' numbers at an address; an empty one serves none, and one that is taken ends us."""
    if not listen:
        return
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    try:
        telemetry.serve_metrics("gateway", listen, registry)
    except OSError as error:
        clean_up()  # gunicorn calls nothing when its start fails.
        sys.exit(f"gateway: {error}")


def forget(worker: int) -> None:
    """Drop what a worker that is gone said about itself."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker)  # type: ignore[no-untyped-call]


def clean_up() -> None:
    """Remove the directory."""
    shutil.rmtree(os.environ.pop(DIRECTORY, ""), ignore_errors=True)
