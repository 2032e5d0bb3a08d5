"""
Search by name: what is called something like the query, best first, of several kinds of resources at once.

Every word of the query has to be found, in any order, in the folded name (`chassis.folded_names`) or in what else a
resource of the kind is known by. How well it fits decides, and then the kind's own order:

1. the name is the query;
2. each word of the query is a word of the name;
3. each begins one;
4. each stands somewhere in it;
5. a word differs by one letter: replaced, missing, too many, or two changed places. Asked only where nothing else is
   found.
"""

from collections import ChainMap, Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest, SearchNamesResponse
from sqlalchemy import text

from chassis.database import Database
from chassis.folded_names import fold_name
from chassis.name_statements import (
    BEGINNINGS,
    EXACT,
    MAX_CANDIDATES,
    MISSPELT,
    PARTS,
    PATTERNS,
    WORDS,
    Kind,
    describe_words,
    may_be_misspelt,
    place_word,
    select_kinds,
)

MAX_QUERY = 200
MAX_FOLDED = 400
MAX_WORDS = 8
DEFAULT_HITS = 5
MAX_HITS = 20
# In more words, a mistake is not looked for.
MAX_MISSPELT_WORDS = 4
# Which way is quick depends on the words: a plan for any words would be slow for many.
PLAN_EACH = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)"
)


class Candidate(NamedTuple):
    """A row that has every word somewhere."""

    kind: Kind
    values: dict[str, Any]
    seconds: float
    """When it was, or will be."""
    name: str
    owner_name: str


async def search_names(
    database: Database, request: SearchNamesRequest, kinds: Sequence[Kind], own: Mapping[str, str] | None
) -> SearchNamesResponse:
    """
    Return what is called something like the query.

    Args:
        kinds: Those that the caller may list; among equally good ones, hits come in this order.
        own: The parameters of the kinds' `own`; None for a caller who sees every row.
    """
    size = min(request.page_size or DEFAULT_HITS, MAX_HITS)
    words = fold_name(request.query[:MAX_QUERY])[:MAX_FOLDED].split()[:MAX_WORDS]
    if not words or not kinds:
        return SearchNamesResponse()
    async with database.read() as session:
        await session.execute(PLAN_EACH)

        async def read(kinds: Sequence[Kind], *fits: float, size: int = MAX_CANDIDATES) -> list[Candidate]:
            """Return the newest rows that the words fit, of several kinds in one statement."""
            shapes, values = zip(*(describe_words(words, fit) for fit in fits), strict=True)
            statement = select_kinds(tuple(kinds), shapes, sees_all=own is None)
            rows = await session.execute(statement, {"size": size, **ChainMap(*values), **(own or {})})
            return [Candidate(kinds[number], *row) for number, *row in rows]

        found = await read(kinds, PARTS)
        counts = Counter(candidate.kind for candidate in found)
        if many := [kind for kind, count in counts.items() if count >= MAX_CANDIDATES]:
            # There are more of them, and better ones.
            found += await read(many, EXACT, WORDS, BEGINNINGS, size=size)
        scored = [(_judge(each, words), each) for each in found]
        if not found and 0 < sum(map(may_be_misspelt, words)) <= MAX_MISSPELT_WORDS:
            scored = [(MISSPELT, each) for each in await read(kinds, MISSPELT)]
    return SearchNamesResponse(hits=_take_best(kinds, scored, size))


def _take_best(kinds: Sequence[Kind], scored: list[tuple[float, Candidate]], size: int) -> list[NameHit]:
    """Return the hits of the best of each kind, best first; a row may be found more than once."""
    scored.sort(key=lambda pair: (-pair[0], kinds.index(pair[1].kind), -pair[1].seconds))
    taken: dict[Kind, dict[str, NameHit]] = {}
    for score, candidate in scored:
        of_kind = taken.setdefault(candidate.kind, {})
        hit = candidate.kind.hit(candidate.values)
        if len(of_kind) < size and hit.name not in of_kind:
            hit.score = score
            of_kind[hit.name] = hit
    return sorted((hit for of_kind in taken.values() for hit in of_kind.values()), key=lambda hit: -hit.score)


def _judge(candidate: Candidate, words: Sequence[str]) -> float:
    """Return how well a row fits that has every word somewhere."""
    if f"  {' '.join(words)}  " in candidate.name:
        return EXACT
    years = "".join(f" {day[:4]} " for column in candidate.kind.years or () if (day := candidate.values[column.key]))
    known_by = candidate.name + candidate.owner_name + years
    return min(next((fit for fit in PATTERNS if place_word(word, fit) in known_by), PARTS) for word in words)
