"""gunicorn: threads, because most of a request is waiting for a service; two workers, because more only cost memory."""

from pathlib import Path

from chassis import gc_tuning, malloc_tuning
from chassis.settings import load
from gateway.accounts import caller_cache, password_budget  # noqa: F401 -- their memory is shared by the workers
from gateway.operations import worker_metrics
from gateway.settings import GatewaySettings

_settings = load(GatewaySettings, "gateway")
worker_metrics.prepare()
malloc_tuning.limit_arenas()

bind = _settings.listen
worker_class = "gateway.operations.request_queue.Worker"
workers = _settings.workers
threads = _settings.threads
graceful_timeout = _settings.shutdown_seconds
timeout = 60
keepalive = 30
# A question may be long; this is as much of a line as gunicorn can be told to read.
limit_request_line = 8190
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a heartbeat must not wait for a disk
wsgi_app = "gateway.wsgi:app"
# Imported once, and shared by the workers until they write to it. It opens no connection before the first request.
preload_app = True
loglevel = "warning"
proc_name = "austausch-gateway"
# Whom to believe about the caller is told by GATEWAY_TRUSTED_PROXIES, in one place.
forwarded_allow_ips = ""


def when_ready(_arbiter: object) -> None:
    """Serve the metrics once the port is taken; look for garbage less often, as the services do."""
    worker_metrics.serve(_settings.metrics_listen)
    # Before the workers are forked: what a collection marks would be shared no longer.
    gc_tuning.tune_gc()


def child_exit(_arbiter: object, worker: object) -> None:
    """Forget a worker that is gone."""
    worker_metrics.forget(worker.pid)  # type: ignore[attr-defined]


def on_exit(_arbiter: object) -> None:
    """Leave nothing behind."""
    worker_metrics.clean_up()
