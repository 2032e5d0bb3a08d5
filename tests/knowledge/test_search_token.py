"""Tokens of search pages that nobody gave: each is the caller's mistake, and nothing else."""

import base64
import json

import pytest
from austausch.knowledge.v1.knowledge_pb2 import SearchLearningsRequest
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from services.knowledge import search_token

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


def forged(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


@example(content="[" * 700)
@example(content="[" * 100_000)
@example(content='{"a":' * 100_000)
@example(content="1" * 10_000)
@example(content="[1e999, 1]")
@given(content=st.text(st.characters(exclude_categories=["Cs"])) | json_values.map(json.dumps))
def test_a_forged_token_is_an_invalid_argument(content: str) -> None:
    for token in (forged(content), content):
        if token:
            with pytest.raises(InvalidArgument, match="page_token"):
                search_token.decode(SearchLearningsRequest(query="budget", page_token=token))


def test_a_token_leads_on_in_its_own_search_only() -> None:
    token = search_token.encode(SearchLearningsRequest(query="budget"), 25)

    assert search_token.decode(SearchLearningsRequest(query="budget", page_token=token)) == 25
    with pytest.raises(InvalidArgument, match="another search"):
        search_token.decode(SearchLearningsRequest(query="bicycles", page_token=token))
