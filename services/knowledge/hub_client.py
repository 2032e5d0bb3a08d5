"""
What this installation says to its hub: over the hub's REST API, as anybody would.

It blocks: call it in a thread. Every call ends by itself.
"""

import ipaddress
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from urllib3.util import Timeout, parse_url

from services.knowledge.signatures import sign

# The hub itself answers within 15 s.
SECONDS = Timeout(connect=5, read=20)
MAX_SECONDS = 30.0
MAX_ANSWER_BYTES = 1_000_000
# Whatever was sent, the next request would meet the same: by status of HTTP, and by reason.
STATUSES_FOR_ALL = {401, 429, 502, 503}
REASONS_FOR_ALL = {"INSTALLATION_REVOKED", "NO_HUB"}
# It is full: what brings nothing new there is taken.
REASONS_FOR_SOME = {"INSTALLATION_FULL"}
HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "austausch"}


class HubFailed(Exception):
    """
    The hub did not take a request, and knows nothing of what it says as far as can be told.

    Attributes:
        reason: As the hub gave it, e.g. INSTALLATION_REVOKED; HUB_UNREACHABLE where it did not answer, HUB_UNUSABLE
            where it answered with something else.
        is_for_all: Whether another request would fail likewise, whatever it says.
    """

    def __init__(self, reason: str, *, is_for_all: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_for_all = is_for_all


@dataclass(frozen=True)
class Membership:
    """
    As what this installation publishes where.

    Attributes:
        hub: Web address of the hub, without a slash at the end.
        installation: Resource name of this installation there.
        key: What it signs with.

    Raises:
        ValueError: The hub is not asked by https, and is not on this machine.
    """

    hub: str
    installation: str
    key: Ed25519PrivateKey

    def __post_init__(self) -> None:
        url = parse_url(self.hub)
        if not url.host or not (url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host))):
            raise ValueError(f"{self.hub} is not the address of a hub: it has to begin with https://")


class HubClient:
    """Publishes as a member of a hub."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._pool = urllib3.PoolManager(timeout=SECONDS, headers=HEADERS)

    def publish(self, content: str) -> Sequence[str]:
        """
        Have the hub take publications.

        Args:
            content: A `PublicationBatch` as JSON.

        Returns:
            For each publication why it was refused; "" where it was taken.

        Raises:
            HubFailed: The hub did not answer, or took none of them.
        """
        member = self._membership
        body = {
            "content": content,
            "signature": sign(content, member.installation, member.hub, member.key),
            "requestId": str(uuid.uuid4()),
        }
        answer = self._post(f"{member.hub}/api/v1/{member.installation}:publish", body)
        outcomes = answer.get("outcomes")
        if not isinstance(outcomes, list) or not all(isinstance(outcome, dict) for outcome in outcomes):
            raise HubFailed("HUB_UNUSABLE", is_for_all=False)
        return [str(outcome.get("reason", "")) for outcome in outcomes]

    def _post(self, url: str, body: Mapping[str, str]) -> Mapping[str, object]:
        data = json.dumps(body, ensure_ascii=False).encode()
        try:
            # No redirect: what is signed is for this hub. Nothing is tried again here: the caller does, later.
            answer = self._pool.request("POST", url, body=data, preload_content=False, redirect=False, retries=False)
            text = _read(answer)
        except (urllib3.exceptions.HTTPError, OSError):
            raise HubFailed("HUB_UNREACHABLE", is_for_all=True) from None
        except ValueError:
            raise HubFailed("HUB_UNUSABLE", is_for_all=False) from None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if answer.status == 200 and isinstance(value, dict):
            return value
        reason = _read_reason(value)
        is_for_all = answer.status in STATUSES_FOR_ALL or reason in REASONS_FOR_ALL
        raise HubFailed(reason, is_for_all=is_for_all and reason not in REASONS_FOR_SOME)


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    """
    Return the body of an answer.

    Raises:
        TimeoutError: It comes so slowly that it does not end.
        ValueError: It is too large.
    """
    content, until = b"", time.monotonic() + MAX_SECONDS
    while part := answer.read1(decode_content=True):
        content += part
        if time.monotonic() > until:
            answer.close()
            raise TimeoutError
        if len(content) > MAX_ANSWER_BYTES:
            answer.close()
            raise ValueError("too large")
    answer.release_conn()
    return content


def _read_reason(value: object) -> str:
    """Return the reason in an error as the REST API tells it; HUB_UNUSABLE where there is none."""
    match value:
        case {"error": {"details": [{"reason": str(reason)}, *_]}}:
            return reason
    return "HUB_UNUSABLE"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
