"""Searches as tests make them: of an index that follows the database within a moment."""

from typing import Any

from austausch.knowledge.v1.knowledge_pb2 import SearchLearningsRequest, SearchLearningsResponse

from tests.calls import Caller
from tests.knowledge.eventually import eventually


async def search(caller: Caller, query: str = "", **filters: Any) -> SearchLearningsResponse:
    """Return what a search finds, once the index is there."""
    request = SearchLearningsRequest(query=query, **filters)
    return await eventually(lambda: caller.SearchLearnings(request))


async def wait_for_meaning(caller: Caller, count: int, *, seconds: float = 60.0) -> None:
    """Wait until there are so many learnings, and the meaning of all of them is known."""

    async def ask() -> SearchLearningsResponse | None:
        answer = await caller.SearchLearnings(SearchLearningsRequest())
        is_known = answer.semantic_state == SearchLearningsResponse.SEMANTIC_STATE_COMPLETE
        return answer if is_known and answer.total_size == count else None

    await eventually(ask, seconds=seconds)


async def wait_for_total(caller: Caller, query: str, count: int, *, seconds: float = 60.0, **filters: Any) -> list[str]:
    """Return the titles of what is found, as soon as it is as much as expected."""

    async def ask() -> SearchLearningsResponse | None:
        answer = await caller.SearchLearnings(SearchLearningsRequest(query=query, **filters))
        return answer if answer.total_size == count else None

    answer = await eventually(ask, seconds=seconds)
    return [result.learning.title for result in answer.results]
