"""NATS: whether JetStream is there, has its streams, and keeps what it acknowledges."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.js.api import AccountInfo
from nats.js.errors import NotFoundError

from chassis.jetstream import DEAD_LETTERS, STREAM, WORK
from chassis.probe import open_directly
from operate import messages
from operate.findings import Finding, State, fine, unset
from operate.messages import MessagesUnreachable
from operate.settings import DoctorSettings

SUBJECT = "NATS"
OLDEST_VERSION = (2, 10)
SECONDS = 5
# How much of what it may store it may have stored.
FULL = 0.9
BEHIND = 1000
SYNC = "sync_interval: always"


async def check_messages(settings: DoctorSettings) -> AsyncIterator[Finding]:
    """Yield what is found of NATS."""
    if not settings.nats_url:
        yield unset(SUBJECT, "NATS_URL")
        return
    try:
        async with messages.connected(settings.nats_url) as client:
            yield _check_version(client)
            async for finding in _check_jetstream(client):
                yield finding
    except MessagesUnreachable as error:
        yield Finding(
            SUBJECT, State.WRONG, str(error), "start NATS, and look whether host, port, user and password are right"
        )
    except nats.errors.Error as error:
        yield Finding(
            SUBJECT, State.WRONG, f"JetStream does not tell of its streams: {messages.describe(error)}",
            "see its log, and whether the user may ask; in a cluster, start the servers that have the streams",
        )  # fmt: skip
    yield check_sync(settings.nats_monitoring_url)


def _check_version(client: Client) -> Finding:
    version = client.connected_server_version
    if (version.major, version.minor) < OLDEST_VERSION:
        return Finding(SUBJECT, State.WRONG, f"it is {version}", "upgrade to NATS 2.10 or newer")
    return fine(SUBJECT, f"NATS {version.major}.{version.minor}.{version.patch} answers")


async def _check_jetstream(client: Client) -> AsyncIterator[Finding]:
    jetstream = client.jetstream(timeout=SECONDS)
    try:
        account = await jetstream.account_info()
    except (nats.errors.Error, TimeoutError) as error:
        yield Finding(
            SUBJECT, State.WRONG, f"JetStream does not answer: {messages.describe(error)}",
            "turn it on (jetstream { store_dir: … }) for the account of the user in the URL",
        )  # fmt: skip
        return
    yield _check_storage(account)
    for stream in (STREAM, WORK, DEAD_LETTERS):
        try:
            info = await jetstream.stream_info(stream)
        except NotFoundError:
            yield Finding(
                f"stream {stream}", State.WARNING, "it is not there",
                "start a service: it makes what is missing, and publishes again what NATS has lost",
            )  # fmt: skip
            continue
        if stream == DEAD_LETTERS and info.state.messages:
            yield Finding(
                f"stream {stream}", State.WRONG, f"{info.state.messages} events or tasks were given up",
                "austausch dead-letters list names the reasons; mend them, then austausch dead-letters replay",
            )  # fmt: skip
        else:
            yield fine(f"stream {stream}", f"it holds {info.state.messages} messages")
    async for finding in _check_consumers(client):
        yield finding


def _check_storage(account: AccountInfo) -> Finding:
    limit, used = account.limits.max_storage or -1, account.storage
    if limit > 0 and used > FULL * limit:
        return Finding(
            SUBJECT, State.WRONG, f"JetStream has stored {used} of {limit} bytes",
            "raise the limit of the account (max_file), and give its disk the room",
        )  # fmt: skip
    return fine(SUBJECT, f"JetStream has stored {used / 1e6:.1f} MB")


async def _check_consumers(client: Client) -> AsyncIterator[Finding]:
    try:
        consumers = await client.jetstream(timeout=SECONDS).consumers_info(STREAM)
    except NotFoundError:
        return
    for consumer in consumers:
        if consumer.config.durable_name:
            subject, waiting = f"consumer {consumer.config.durable_name}", consumer.num_pending or 0
            if waiting > BEHIND:
                remedy = "start the process; event.retry and consumer.divided in its log name what holds it up"
                yield Finding(subject, State.WARNING, f"{waiting} events wait for it", remedy)
            else:
                yield fine(subject, f"{waiting} events wait for it")


def check_sync(monitoring_url: str) -> Finding:
    """Return whether NATS writes an event to its disk before it acknowledges it; a power cut loses it otherwise."""
    if not monitoring_url:
        return Finding(
            SUBJECT, State.UNKNOWN, "it does not tell its clients whether it syncs before it acknowledges",
            f"look whether its configuration says {SYNC}, or set NATS_MONITORING_URL (http://host:8222)",
        )  # fmt: skip
    try:
        config = _read_config(monitoring_url)
    except (OSError, ValueError, LookupError, TypeError) as error:
        return Finding(
            SUBJECT,
            State.UNKNOWN,
            f"its monitoring does not answer: {error}",
            "look whether NATS_MONITORING_URL is right",
        )
    if config.get("sync_always"):
        return fine(SUBJECT, "it syncs before it acknowledges")
    seconds = config["sync_interval"] / 1e9
    return Finding(
        SUBJECT, State.WARNING, f"it acknowledges events up to {seconds:.0f} s before they are on the disk",
        f"write {SYNC} into jetstream {{ … }}",
    )  # fmt: skip


def _read_config(monitoring_url: str) -> dict[str, Any]:
    until = time.monotonic() + SECONDS
    while True:
        with open_directly(f"{monitoring_url.rstrip('/')}/jsz?config=true", SECONDS) as answer:
            config: dict[str, Any] = json.load(answer)["config"]
        # While it starts, it does not know yet.
        if config.get("sync_always") or config.get("sync_interval"):
            return config
        if time.monotonic() > until:
            raise LookupError("JetStream is not there, or not yet")
        time.sleep(0.1)
