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

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest, SearchNamesResponse
from sqlalchemy import ColumnElement, Row, Select, Text, and_, any_, func, inspect, literal, or_, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import Database, Session
from chassis.folded_names import list_grams

MAX_QUERY = 200
MAX_FOLDED = 400
MAX_WORDS = 8
DEFAULT_HITS = 5
MAX_HITS = 20
# A shorter word with another letter is another word; nobody finds the mistake in a longer one either.
MISSPELT_LENGTHS = range(4, 25)
MAX_MISTAKES = 3
# So many are looked at, the first in the kind's order, before the best are taken.
MAX_CANDIDATES = 100

EXACT, WORDS, BEGINNINGS, PARTS, MISSPELT = 1.0, 0.9, 0.7, 0.5, 0.3
# How a word stands in a folded name, where it fits so well.
PATTERNS = {WORDS: " {} ", BEGINNINGS: " {}", PARTS: "{}"}

# Id → folded name.
Owners = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    What can be found of one kind.

    Attributes:
        model: The mapped class; it has a ``folded_name``.
        columns: What `hit` needs of a row, by the names of the attributes.
        hit: Makes the hit of a row, all but its score.
        order: Which of two that fit as well comes first.
        limit: Limits a statement to what the caller may see.
        owner: Another mapped class by whose name it is found as well, and the column with its id.
        years: The columns with its first and its last day, where it is found by its years as well.
    """

    model: Any
    columns: Sequence[Any]
    hit: Callable[[Row[Any]], NameHit]
    order: Sequence[Any]
    limit: Callable[[Select[Any]], Select[Any]] = lambda statement: statement
    owner: tuple[Any, Any] | None = None
    years: tuple[Any, Any] | None = None


async def search_names(database: Database, request: SearchNamesRequest, kinds: Sequence[Kind]) -> SearchNamesResponse:
    """
    Return what is called something like the query.

    Args:
        kinds: Those that the caller may list; among equally good ones, hits come in this order.
    """
    size = min(request.page_size or DEFAULT_HITS, MAX_HITS)
    async with database.read() as session:
        folded = await session.scalar(select(func.fold_name(request.query[:MAX_QUERY], type_=Text)))
        words = str(folded)[:MAX_FOLDED].split()[:MAX_WORDS]
        if not words:
            return SearchNamesResponse()
        # Which way is quick depends on the words; a plan for any words would be slow for many.
        await session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        hits = [hit for kind in kinds for hit in await _find(session, kind, words, size)]
        if not hits and any(map(_may_be_misspelt, words)):
            hits = [hit for kind in kinds for hit in await _find_misspelt(session, kind, words, size)]
    hits.sort(key=lambda hit: hit.score, reverse=True)
    return SearchNamesResponse(hits=hits)


async def _find(session: Session, kind: Kind, words: Sequence[str], size: int) -> list[NameHit]:
    """Return the best hits of a kind."""
    owners = await _find_owners(session, kind, [f"%{_place(word, PARTS)}%" for word in words])
    rows = await _read(session, kind, _have(kind, words, PARTS, owners), MAX_CANDIDATES)
    if len(rows) == MAX_CANDIDATES:
        # There are more, and better ones among them.
        found = await _read(session, kind, _are_like(kind, f"%  {' '.join(words)}  %"), size)
        for fit in (WORDS, BEGINNINGS):
            if len(found) < size:
                found |= await _read(session, kind, _have(kind, words, fit, owners), size)
        rows = found | rows
    fits = {key: _judge(kind, row, words, owners) for key, row in rows.items()}
    best = sorted(rows, key=lambda key: fits[key], reverse=True)[:size]
    return [_make_hit(kind, rows[key], fits[key]) for key in best]


async def _find_misspelt(session: Session, kind: Kind, words: Sequence[str], size: int) -> list[NameHit]:
    """Return hits of a kind that have, instead of the words that none has, some that differ by a letter."""
    owners = await _find_owners(session, kind, [f"%{_place(word, PARTS)}%" for word in words])
    some = (
        kind.limit(select(literal(1)).select_from(kind.model)).where(*_have(kind, [word], PARTS, owners))
        for word in words
    )
    known = (await session.execute(select(*(one.exists() for one in some)))).one()
    conditions: list[ColumnElement[bool]] = []
    mistakes = [word for word, is_known in zip(words, known, strict=True) if not is_known]
    if len(mistakes) > MAX_MISTAKES or not all(map(_may_be_misspelt, mistakes)):
        return []
    for word in mistakes:
        meant = {place: _misspell(word, place) for place in range(len(word))}
        of_meant = await _find_owners(session, kind, [pattern for several in meant.values() for pattern in several])
        ways = [_is_misspelt(kind, word, place, patterns) for place, patterns in meant.items()]
        conditions.append(or_(*ways, *_are_known_by(kind, word, of_meant)))
    conditions += _have(kind, [word for word in words if word not in mistakes], PARTS, owners)
    # Apart, so that the index for the order is not walked to its end in search of what is rare.
    keys = inspect(kind.model).primary_key
    found = kind.limit(select(*keys)).where(*conditions).limit(MAX_CANDIDATES).cte("found").prefix_with("MATERIALIZED")
    same = and_(*(key == found.c[key.name] for key in keys))
    rows = await session.execute(select(*keys, *kind.columns).join(found, same).order_by(*kind.order).limit(size))
    return [_make_hit(kind, row, MISSPELT) for row in rows]


async def _find_owners(session: Session, kind: Kind, patterns: Sequence[str]) -> Owners:
    """Return the owners whose names are like one of the patterns."""
    if kind.owner is None:
        return {}
    owner, _ = kind.owner
    like = owner.folded_name.like(any_(literal(patterns, ARRAY(Text))))
    return {row.id: row.folded_name for row in await session.execute(select(owner.id, owner.folded_name).where(like))}


async def _read(
    session: Session, kind: Kind, conditions: Iterable[ColumnElement[bool]], size: int
) -> dict[tuple[Any, ...], Row[Any]]:
    """Return the first rows in the kind's order that the caller may see, by their keys."""
    keys = inspect(kind.model).primary_key
    statement = kind.limit(select(*keys, kind.model.folded_name, *kind.columns)).where(*conditions)
    rows = await session.execute(statement.order_by(*kind.order).limit(size))
    return {tuple(row[: len(keys)]): row for row in rows}


def _judge(kind: Kind, row: Row[Any], words: Sequence[str], owners: Owners) -> float:
    """Return how well a row fits that has every word somewhere."""
    if f"  {' '.join(words)}  " in row.folded_name:
        return EXACT
    known_by = row.folded_name
    if kind.owner:
        known_by += owners.get(getattr(row, kind.owner[1].key), "")
    if kind.years:
        known_by += "".join(f" {getattr(row, day.key).year} " for day in kind.years)
    return min(next(fit for fit in (*PATTERNS, 0.0) if not fit or _place(word, fit) in known_by) for word in words)


def _make_hit(kind: Kind, row: Row[Any], score: float) -> NameHit:
    hit = kind.hit(row)
    hit.score = score
    return hit


def _have(kind: Kind, words: Sequence[str], fit: float, owners: Owners) -> list[ColumnElement[bool]]:
    """Return the conditions that all the words fit at least so well."""
    conditions = []
    for word in words:
        part = _place(word, fit)
        by_owner = _are_known_by(kind, word, {row_id: name for row_id, name in owners.items() if part in name})
        conditions += [or_(*by_owner, condition) for condition in _are_like(kind, f"%{part}%")]
    return conditions


def _are_known_by(kind: Kind, word: str, owners: Owners) -> list[ColumnElement[bool]]:
    """Return the conditions that a row is one of these owners', or of the year that the word is."""
    conditions: list[ColumnElement[bool]] = []
    if kind.owner and owners:
        conditions.append(kind.owner[1] == any_(literal(list(owners), ARRAY(Text))))
    if kind.years and len(word) == 4 and word.isdecimal() and 1900 <= int(word) < 2100:
        first, last = kind.years
        conditions.append(and_(first <= date(int(word), 12, 31), last >= date(int(word), 1, 1)))
    return conditions


def _are_like(kind: Kind, pattern: str) -> list[ColumnElement[bool]]:
    """
    Return the conditions that a folded name is like a pattern: as the index finds it, and as the name shows it.

    Apart, or else the grams of every name that the index finds would be made once more.
    """
    return [_have_grams(kind, pattern), kind.model.folded_name.like(pattern)]


def _is_misspelt(kind: Kind, word: str, place: int, meant: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a folded name has a word that differs from this one at a place."""
    # What stands before and behind is right, whatever was mistaken at this place.
    right = _have_grams(kind, f" {word[:place]}%{word[place + 2 :]}")
    return and_(kind.model.folded_name.like(any_(literal(meant, ARRAY(Text)))), right)


def _have_grams(kind: Kind, pattern: str) -> ColumnElement[bool]:
    """Return the condition that the index tells of a pattern; without one, true."""
    grams = sorted({gram for piece in pattern.split("%") for gram in list_grams(piece)})
    folded = func.name_grams(kind.model.folded_name, type_=ARRAY(Text))
    return folded.contains(grams) if grams else true()


def _place(word: str, fit: float) -> str:
    """Return what stands in a folded name that a word fits so well."""
    # Inside of another, two letters are a word in Chinese, but not in English.
    return PATTERNS[BEGINNINGS if fit == PARTS and word.isascii() and len(word) < 3 else fit].format(word)


def _may_be_misspelt(word: str) -> bool:
    """Return whether a word may be a misspelt one; a number never is."""
    return len(word) in MISSPELT_LENGTHS and not any(letter.isdigit() for letter in word)


def _misspell(word: str, place: int) -> list[str]:
    """Return the patterns of what is meant if the mistake is at a place: a letter is wrong, too many or missing."""
    before, letter, behind = word[:place], word[place], word[place + 1 :]
    meant = [f"{before}_{behind}", f"{before}{behind}", f"{before}_{letter}{behind}"]
    if behind:
        meant.append(f"{before}{behind[0]}{letter}{behind[1:]}")
    return [f"% {word}%" for word in meant]
