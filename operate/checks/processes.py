"""The running processes: whether each answers, and whether what it works with does."""

import json
import urllib.error
from collections.abc import Iterator

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.client import target
from chassis.health import REASON
from chassis.probe import open_directly
from operate.findings import Finding, State, fine, unset
from operate.settings import DoctorSettings

SECONDS = 5
# What each service works with, beside itself, as its health service names it.
PARTS = {
    "exchange": ("database", "nats", "nats-storage"),
    "forum": ("database", "nats", "nats-storage"),
    "knowledge": ("database", "nats", "nats-storage", "index"),
}
REMEDIES = {
    "database": "see what is said of its database",
    "nats": "see what is said of NATS; its log has nats.waiting or outbox.retry with the reason",
    "nats-storage": "make room on the disk of NATS and start it anew, or give its streams more (NATS_MAX_MEGABYTES)",
    "index": "wait while it is built; index.retry in the log names a full disk, or a folder that can't be written",
}

# Why a hub takes nothing → what to do; docs/operations/network.md has the same.
HUB_REMEDIES = {
    "HUB_UNREACHABLE": "look at the network and at the hub's certificate, or wait: it is tried again each minute",
    "HUB_UNUSABLE": "look whether a hub answers at KNOWLEDGE_HUB_URL; hub.failed in the log names what it fails at",
    "INSTALLATION_UNKNOWN": "ask the hub's administrators for the id, and set KNOWLEDGE_HUB_INSTALLATION",
    "INSTALLATION_REVOKED": "the hub takes nothing of this installation any more: ask its administrators",
    "SIGNATURE_NOT_VALID": "give the hub's administrators the public key, and call the hub as it calls itself",
    "SIGNATURE_EXPIRED": "let the clocks of both installations follow a time server (NTP)",
    "NO_HUB": "the hub has no KNOWLEDGE_PUBLIC_URL: tell its administrators",
    "INSTALLATION_FULL": "ask the hub's administrators for more learnings, or make fewer public",
    "TOO_MANY_ATTEMPTS": "see that what comes from this network address is signed, then wait a quarter of an hour",
}


def check_processes(settings: DoctorSettings) -> Iterator[Finding]:
    """Yield what is found of each process."""
    for process, parts in PARTS.items():
        subject, setting = f"service {process}", f"gateway_{process}_address"
        if address := settings.get(setting):
            yield _check_service(subject, address, parts)
            if process == "knowledge":
                yield from _check_hub(address)
        else:
            yield unset(subject, setting.upper(), f"set {setting.upper()}")
    yield _check_gateway(settings.platform_url)


def _check_service(subject: str, address: str, parts: tuple[str, ...]) -> Finding:
    with grpc.insecure_channel(target(address), [("grpc.enable_http_proxy", 0)]) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for part in ("", *parts):
            try:
                answer = health.Check(health_pb2.HealthCheckRequest(service=part), timeout=SECONDS)
            except grpc.RpcError as error:
                return Finding(
                    subject, State.WRONG, f"{address} does not answer: {error.code().name}",
                    "start it; its log names what it waits for",
                )  # fmt: skip
            if answer.status != health_pb2.HealthCheckResponse.SERVING:
                said = f"its {part} does not work" if part else "it is being stopped"
                return Finding(subject, State.WRONG, said, REMEDIES.get(part, "start it"))
    return fine(subject, f"{address} answers, and its {', '.join(parts)} work")


def _check_hub(address: str) -> Iterator[Finding]:
    """Yield whether the hub takes what is published; nothing where nothing is, or nobody answers."""
    with grpc.insecure_channel(target(address), [("grpc.enable_http_proxy", 0)]) as channel:
        request = health_pb2.HealthCheckRequest(service="hub")
        try:
            answer, call = health_pb2_grpc.HealthStub(channel).Check.with_call(request, timeout=SECONDS)
        except grpc.RpcError:
            return
        reason = dict(call.trailing_metadata() or ()).get(REASON, "")
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        yield fine("hub", "it takes what this installation publishes")
        return
    said = f"it does not take what this installation publishes or withdraws{f': {reason}' if reason else ''}"
    yield Finding(
        "hub", State.WRONG, said, HUB_REMEDIES.get(reason, "hub.retry in the log of knowledge has the reason")
    )


def _check_gateway(url: str) -> Finding:
    subject = "gateway"
    if not url:
        return unset(subject, "PLATFORM_URL", "set PLATFORM_URL (http://host:8000)")
    try:
        with open_directly(f"{url.rstrip('/')}/readyz", SECONDS):
            return fine(subject, f"{url} answers, and everything behind it works")
    except urllib.error.HTTPError as answer:
        return Finding(subject, State.WRONG, f"not ready: {_name_parts(answer)}", "see what is said of these parts")
    except (OSError, ValueError) as error:
        return Finding(subject, State.WRONG, f"{url} does not answer: {error}", "start it; its log says what is wrong")


def _name_parts(answer: urllib.error.HTTPError) -> str:
    try:
        parts: dict[str, str] = json.load(answer)["parts"]
    except (OSError, ValueError, LookupError):
        return f"status {answer.code}"
    return ", ".join(f"{part} ({state})" for part, state in parts.items() if state != "ready")
