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

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest, SearchNamesResponse
from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    Select,
    Text,
    and_,
    any_,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import Database, Session
from chassis.folded_names import fold_name, list_grams

MAX_QUERY = 200
MAX_FOLDED = 400
MAX_WORDS = 8
DEFAULT_HITS = 5
MAX_HITS = 20
# Which way is quick depends on the words: a plan for any words would be slow for many.
SETTINGS = ("plan_cache_mode = force_custom_plan", "max_parallel_workers_per_gather = 0", "jit = off")
# A shorter word with another letter is another word; nobody finds the mistake in a longer one either.
MISSPELT_LENGTHS = range(4, 25)
# In more words, a mistake is not looked for.
MAX_MISSPELT_WORDS = 4
MAX_OWNERS = 20
# So many of a kind are looked at, the newest, before the best are taken.
MAX_CANDIDATES = 50

EXACT, WORDS, BEGINNINGS, PARTS, MISSPELT = 1.0, 0.9, 0.7, 0.5, 0.3
# How a word stands in a folded name, where it fits so well.
PATTERNS = {WORDS: " {} ", BEGINNINGS: " {}", PARTS: "{}"}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    What can be found of one kind.

    Attributes:
        model: The mapped class; it has a ``folded_name``.
        columns: What `hit` needs of a row, by name.
        hit: Makes the hit of a row, all but its score; the values are as JSON has them.
        newest: Tells which of two that fit as well comes first: the later.
        limit: Limits a statement to what the caller may see.
        owner: Another mapped class by whose name it is found as well, and the column with its id.
        years: The columns with its first and its last day, where it is found by its years as well.
    """

    model: Any
    columns: Mapping[str, Any]
    hit: Callable[[dict[str, Any]], NameHit]
    newest: Any
    limit: Callable[[Select[Any]], Select[Any]] = lambda statement: statement
    owner: tuple[Any, Any] | None = None
    years: tuple[Any, Any] | None = None


class SpeltWord(NamedTuple):
    """A word, and how it may be spelt in a name."""

    text: str
    patterns: list[str]
    """What a name is like that has it; any of them."""
    spellings: CTE
    """The patterns of each spelling, and the grams of a name that has one of them."""


class Candidate(NamedTuple):
    """A row that has every word somewhere."""

    number: int
    """Of its kind."""
    values: dict[str, Any]
    seconds: float
    """When it was, or will be."""
    name: str
    owner_name: str


async def search_names(database: Database, request: SearchNamesRequest, kinds: Sequence[Kind]) -> SearchNamesResponse:
    """
    Return what is called something like the query.

    Args:
        kinds: Those that the caller may list; among equally good ones, hits come in this order.
    """
    size = min(request.page_size or DEFAULT_HITS, MAX_HITS)
    words = fold_name(request.query[:MAX_QUERY])[:MAX_FOLDED].split()[:MAX_WORDS]
    if not words or not kinds:
        return SearchNamesResponse()
    async with database.read() as session:
        for setting in SETTINGS:
            await session.execute(text(f"SET LOCAL {setting}"))
        found = await _read(session, kinds, lambda kind: _select_fitting(kind, words, PARTS, MAX_CANDIDATES))
        counts = Counter(candidate.number for candidate in found)
        if many := [kinds[number] for number, count in counts.items() if count >= MAX_CANDIDATES]:
            # There are more of them, and better ones.
            found += await _read(
                session,
                kinds,
                lambda kind: [
                    statement
                    for fit in (EXACT, WORDS, BEGINNINGS)
                    if kind in many
                    for statement in _select_fitting(kind, words, fit, size)
                ],
            )
        scored = [(_judge(kinds[each.number], each, words), each) for each in found]
        if not found and 0 < sum(map(_may_be_misspelt, words)) <= MAX_MISSPELT_WORDS:
            spelt = [_spell(word) for word in words]
            nearly = await _read(session, kinds, lambda kind: _select_misspelt(kind, spelt))
            scored = [(MISSPELT, each) for each in nearly]
    return SearchNamesResponse(hits=_take_best(kinds, scored, size))


def _take_best(kinds: Sequence[Kind], scored: list[tuple[float, Candidate]], size: int) -> list[NameHit]:
    """Return the hits of the best of each kind, best first; a row may be found more than once."""
    scored.sort(key=lambda pair: (-pair[0], pair[1].number, -pair[1].seconds))
    taken: dict[int, dict[str, NameHit]] = {}
    for score, candidate in scored:
        of_kind = taken.setdefault(candidate.number, {})
        hit = kinds[candidate.number].hit(candidate.values)
        if len(of_kind) < size and hit.name not in of_kind:
            hit.score = score
            of_kind[hit.name] = hit
    return sorted((hit for of_kind in taken.values() for hit in of_kind.values()), key=lambda hit: -hit.score)


async def _read(
    session: Session, kinds: Sequence[Kind], select_of: Callable[[Kind], Sequence[Select[Any]]]
) -> list[Candidate]:
    """Return the rows of several kinds, asked for in one statement."""
    parts = [
        select(literal(number).label("number"), statement.subquery())
        for number, kind in enumerate(kinds)
        for statement in select_of(kind)
    ]
    return [Candidate(*row) for row in await session.execute(union_all(*parts))]


def _select_fitting(kind: Kind, words: Sequence[str], fit: float, size: int) -> list[Select[Any]]:
    """Return the statements for the newest rows that all the words fit at least so well."""
    if fit == EXACT:
        return [_select_newest(kind, size).where(*_are_like(kind, f"%  {' '.join(words)}  %"))]
    patterns = {word: [f"%{_place(word, fit)}%"] for word in words}
    own = []
    for word, (pattern,) in patterns.items():
        in_year = _is_in_year(kind, word)
        own += [or_(*in_year, condition) for condition in _are_like(kind, pattern)]
    return [_select_newest(kind, size).where(*own), *_select_by_owner(kind, patterns, size)]


def _select_misspelt(kind: Kind, words: Sequence[SpeltWord]) -> list[Select[Any]]:
    """Return the statements for rows that have the words, or some that differ from them by a letter."""
    keys = list(kind.model.__table__.primary_key)
    own = [or_(tuple_(*keys).in_(_select_spelt(kind, word)), *_is_in_year(kind, word.text)) for word in words]
    # Apart, so that the index for the order is not walked to its end in search of what is rare.
    some = kind.limit(select(*keys)).where(*own).limit(MAX_CANDIDATES).cte().prefix_with("MATERIALIZED")
    same = and_(*(column == some.c[column.name] for column in keys))
    patterns = {word.text: word.patterns for word in words}
    return [_select_newest(kind, MAX_CANDIDATES).join(some, same), *_select_by_owner(kind, patterns, MAX_CANDIDATES)]


def _select_spelt(kind: Kind, word: SpeltWord) -> Select[Any]:
    """Return the statement for the keys of the rows that have a word in one of its spellings."""
    table = kind.model.__table__.alias()
    spelling = word.spellings
    has_grams = func.name_grams(table.c.folded_name, type_=ARRAY(Text)).contains(spelling.c.grams)
    is_spelt = and_(has_grams, table.c.folded_name.like(any_(spelling.c.patterns)))
    return select(*table.primary_key).select_from(spelling.join(table, is_spelt))


def _select_by_owner(kind: Kind, patterns: Mapping[str, Sequence[str]], size: int) -> list[Select[Any]]:
    """Return the statement for the newest rows of which at least one word stands in the owner's name."""
    if kind.owner is None:
        return []
    owner, key = kind.owner

    def is_like(folded_name: Any, of_words: Sequence[str]) -> ColumnElement[bool]:
        return folded_name.like(any_(literal(of_words, ARRAY(Text))))

    anything = [pattern for several in patterns.values() for pattern in several]
    found = select(owner.id, owner.folded_name).where(is_like(owner.folded_name, anything)).limit(MAX_OWNERS).cte()
    each = [
        or_(is_like(found.c.folded_name, several), is_like(kind.model.folded_name, several), *_is_in_year(kind, word))
        for word, several in patterns.items()
    ]
    # Owner by owner: nothing tells PostgreSQL how few they are, and it would look through all rows in their order.
    newest = _select_newest(kind, size).where(key == found.c.id, *each).lateral()
    return [select(newest).select_from(found.join(newest, true())).order_by(newest.c.seconds.desc()).limit(size)]


def _select_newest(kind: Kind, size: int) -> Select[Any]:
    """Return the statement for the newest rows that the caller may see: a `Candidate` without its number."""
    pairs = [part for name, column in kind.columns.items() for part in (literal(name, Text), column)]
    owner_name: Any = literal("", Text)
    if kind.owner:
        owner, key = kind.owner
        owner_name = select(owner.folded_name).where(owner.id == key).correlate(kind.model).scalar_subquery()
    shown = (
        func.jsonb_build_object(*pairs).label("values"),
        cast(func.extract("epoch", kind.newest), Double).label("seconds"),
        kind.model.folded_name.label("name"),
        owner_name.label("owner_name"),
    )
    order = (kind.newest.desc(), kind.model.id.desc())
    return kind.limit(select(*shown).select_from(kind.model)).order_by(*order).limit(size)


def _judge(kind: Kind, candidate: Candidate, words: Sequence[str]) -> float:
    """Return how well a row fits that has every word somewhere."""
    if f"  {' '.join(words)}  " in candidate.name:
        return EXACT
    years = "".join(f" {day[:4]} " for column in kind.years or () if (day := candidate.values[column.key]))
    known_by = candidate.name + candidate.owner_name + years
    return min(next((fit for fit in PATTERNS if _place(word, fit) in known_by), PARTS) for word in words)


def _is_in_year(kind: Kind, word: str) -> list[ColumnElement[bool]]:
    """Return the condition that a row is of the year that the word is; none where it is no year."""
    if not kind.years or len(word) != 4 or not word.isdecimal() or not 1900 <= int(word) < 2100:
        return []
    first, last = kind.years
    return [and_(first <= date(int(word), 12, 31), last >= date(int(word), 1, 1))]


def _are_like(kind: Kind, pattern: str) -> list[ColumnElement[bool]]:
    """
    Return the conditions that a folded name is like a pattern: as the name shows it, and as the index finds it.

    Apart and in this order: to make the grams of a name takes a hundred times as long as to look at it.
    """
    return [kind.model.folded_name.like(pattern), _have_grams(kind, pattern)]


def _have_grams(kind: Kind, pattern: str) -> ColumnElement[bool]:
    """Return the condition that the index tells of a pattern; without one, true."""
    grams = _list_grams(pattern)
    folded = func.name_grams(kind.model.folded_name, type_=ARRAY(Text))
    return folded.contains(grams) if grams else true()


def _list_grams(pattern: str) -> list[str]:
    return sorted({gram for piece in pattern.split("%") for gram in list_grams(piece)})


def _place(word: str, fit: float) -> str:
    """Return what stands in a folded name that a word fits so well."""
    # Inside of another, two letters are a word in Chinese, but not in English.
    return PATTERNS[BEGINNINGS if fit == PARTS and word.isascii() and len(word) < 3 else fit].format(word)


def _may_be_misspelt(word: str) -> bool:
    """Return whether a word may be a misspelt one; a number never is."""
    return len(word) in MISSPELT_LENGTHS and not any(letter.isdigit() for letter in word)


def _spell(word: str) -> SpeltWord:
    """Return how a word may be spelt in a name: as it is and, where it may be misspelt, with a mistake at any place."""
    part = _place(word, PARTS)
    grams, patterns = [_list_grams(part)], [[f"%{part}%"]]
    for place in range(len(word) if _may_be_misspelt(word) else 0):
        # What stands before and behind is right, whatever was mistaken at this place.
        grams.append(_list_grams(f" {word[:place]}%{word[place + 2 :]}"))
        patterns.append(_misspell(word, place))
    # As values: a statement with hundreds of conditions takes longer to make than to answer.
    joined = (literal([",".join(each) for each in several], ARRAY(Text)) for several in (grams, patterns))
    pairs = func.unnest(*joined).table_valued("grams", "patterns").render_derived()
    columns = (
        func.string_to_array(pairs.c[name], ",", type_=ARRAY(Text)).label(name) for name in ("grams", "patterns")
    )
    return SpeltWord(word, [each for several in patterns for each in several], select(*columns).cte())


def _misspell(word: str, place: int) -> list[str]:
    """Return the patterns of what is meant if the mistake is at a place: a letter is wrong, too many or missing."""
    before, letter, behind = word[:place], word[place], word[place + 1 :]
    meant = [f"{before}_{behind}", f"{before}{behind}", f"{before}_{letter}{behind}"]
    if behind:
        meant.append(f"{before}{behind[0]}{letter}{behind[1:]}")
    return [f"% {word}%" for word in meant]
