"""
Tokens of search pages.

Search pages are counted off, unlike those of lists: relevance has no key to go on from. A document that is recorded
while someone turns pages can shift the ones behind it by a place.
"""

import base64
import hashlib
import json

from austausch.knowledge.v1.knowledge_pb2 import SearchLearningsRequest

from chassis.errors import InvalidArgument


def encode(request: SearchLearningsRequest, offset: int) -> str:
    """Return the token of the page that starts after `offset` results of a search."""
    return base64.urlsafe_b64encode(json.dumps([offset, _fingerprint(request)]).encode()).decode().rstrip("=")


def decode(request: SearchLearningsRequest) -> int:
    """
    Return how many results come before the page that is asked for.

    Raises:
        InvalidArgument: The token is none (reason PAGE_TOKEN_MALFORMED), or another search's
            (PAGE_TOKEN_OF_OTHER_LIST).
    """
    token = request.page_token
    if not token:
        return 0
    try:
        offset, fingerprint = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if not isinstance(offset, int) or not 0 < offset < 2**31:
            raise ValueError(offset)
    except (ValueError, TypeError, RecursionError):
        raise InvalidArgument("page_token", "is not one that a search gave", reason="PAGE_TOKEN_MALFORMED") from None
    if fingerprint != _fingerprint(request):
        raise InvalidArgument(
            "page_token",
            "belongs to another search; query and filters have to stay the same",
            reason="PAGE_TOKEN_OF_OTHER_LIST",
        )
    return offset


def _fingerprint(request: SearchLearningsRequest) -> str:
    filters = SearchLearningsRequest()
    filters.CopyFrom(request)
    filters.ClearField("page_size")
    filters.ClearField("page_token")
    return hashlib.sha256(filters.SerializeToString(deterministic=True)).hexdigest()[:12]
