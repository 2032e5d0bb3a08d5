"""The tokens of pages (aip.dev/158): where a page ended, and of which list; opaque to callers."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from chassis.errors import InvalidArgument


def encode(request: Message, position: Sequence[Any]) -> str:
    """
    Return the token of the page that follows.

    Args:
        request: The List or search request, with ``page_size`` and ``page_token``.
        position: Where this page ended: numbers and texts.
    """
    return _write([*position, _fingerprint(request)])


def decode(request: Message) -> list[Any]:
    """
    Return the position in a request's token; the caller knows of which kinds its parts have to be.

    Raises:
        InvalidArgument: The token is none that `encode` made (reason PAGE_TOKEN_MALFORMED), or another list's
            (PAGE_TOKEN_OF_OTHER_LIST).
    """
    token: str = request.page_token  # type: ignore[attr-defined]
    try:
        content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if not isinstance(content, list) or not content or _write(content) != token:
            raise malformed()
    except (ValueError, RecursionError):
        raise malformed() from None
    *position, fingerprint = content
    if fingerprint != _fingerprint(request):
        raise InvalidArgument(
            "page_token",
            "belongs to another list; filters and order have to stay the same",
            reason="PAGE_TOKEN_OF_OTHER_LIST",
        )
    return position


def _write(content: Sequence[Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def malformed() -> InvalidArgument:
    """Return the error for a token that no list gave."""
    return InvalidArgument("page_token", "is not one that a list gave", reason="PAGE_TOKEN_MALFORMED")


def _fingerprint(request: Message) -> str:
    """Return a digest of method, filters and order: a token is good for the list that gave it, not for another."""
    filters = type(request)()
    filters.CopyFrom(request)
    filters.ClearField("page_size")
    filters.ClearField("page_token")
    content = f"{request.DESCRIPTOR.full_name} ".encode() + filters.SerializeToString(deterministic=True)
    return hashlib.sha256(content).hexdigest()[:12]
