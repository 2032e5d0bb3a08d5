"""Channels to other processes: options, deadlines, and what may be tried again."""

import json
from typing import Any

import grpc
from opentelemetry import propagate

# Only UNAVAILABLE is tried again: nothing has happened then.
_RETRY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.05s",
                "maxBackoff": "0.5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
OPTIONS: list[tuple[str, Any]] = [
    ("grpc.service_config", json.dumps(_RETRY)),
    # By default a service that came back is noticed after up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A container that is started again has another address; by default names are looked up twice a minute at most.
    ("grpc.dns_min_time_between_resolutions_ms", 1000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # An error with all its bad fields is longer than the default of 8 KiB.
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.absolute_max_metadata_size", 128 * 1024),
]


def channel(address: str) -> grpc.Channel:
    """Return a channel for threads; opened lazily, so it may be made before the service runs, but not before a fork."""
    return grpc.insecure_channel(address, options=OPTIONS)


def aio_channel(address: str) -> grpc.aio.Channel:
    """Return a channel for the running event loop."""
    return grpc.aio.insecure_channel(address, options=OPTIONS)


def metadata_for(token: str) -> list[tuple[str, str]]:
    """Return a call's metadata: who is asking, and the trace that it belongs to."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return [("authorization", f"Bearer {token}"), *headers.items()]
