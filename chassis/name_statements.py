"""
Statements that look for names (`chassis.name_search`): made once for all words, which are their parameters.

To make one takes ten times as long as to answer it: it asks for several kinds at once, each in several ways.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from austausch.common.v1.names_pb2 import NameHit
from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Date,
    Double,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.folded_names import list_grams

EXACT, WORDS, BEGINNINGS, PARTS, MISSPELT = 1.0, 0.9, 0.7, 0.5, 0.3
# How a word stands in a folded name, where it fits so well.
PATTERNS = {WORDS: " {} ", BEGINNINGS: " {}", PARTS: "{}"}
# A shorter word with another letter is another word; nobody finds the mistake in a longer one either.
MISSPELT_LENGTHS = range(4, 25)
MAX_OWNERS = 20
# So many of a kind are looked at, the newest, before the best are taken.
MAX_CANDIDATES = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """
    What can be found of one kind.

    Attributes:
        model: The mapped class; it has a ``folded_name``.
        columns: What `hit` needs of a row, by name.
        hit: Makes the hit of a row, all but its score; the values are as JSON has them.
        newest: Tells which of two that fit as well comes first: the later.
        own: Holds of the rows of a caller who may not see all of them; its parameters come with the search.
        owner: Another mapped class by whose name it is found as well, and the column with its id.
        years: The columns with its first and its last day, where it is found by its years as well.
    """

    model: Any
    columns: Mapping[str, Any]
    hit: Callable[[dict[str, Any]], NameHit]
    newest: Any
    own: ColumnElement[bool] | None = None
    owner: tuple[Any, Any] | None = None
    years: tuple[Any, Any] | None = None


class Shape(NamedTuple):
    """What a statement depends on of the words that it asks for; all else are its parameters."""

    fit: float
    """How well a name has to fit at least."""
    have_grams: tuple[bool, ...]
    """Of each piece that has to stand in a name, a word or all of them, whether the index can tell of it."""
    are_years: tuple[bool, ...]
    """Of each word, whether it may be a year."""


def describe_words(words: Sequence[str], fit: float) -> tuple[Shape, dict[str, Any]]:
    """Return what the statement for names that the words fit so well depends on, and its parameters."""
    pieces = [f"  {' '.join(words)}  "] if fit == EXACT else [place_word(word, fit) for word in words]
    patterns = [[f"%{piece}%"] for piece in pieces]
    grams = [list_grams(piece) for piece in pieces]
    values: dict[str, Any] = {}
    if fit == MISSPELT:
        for number, word in enumerate(words):
            spelt_grams, spelt = _spell(word)
            patterns[number] = [each for several in spelt for each in several]
            values[_name("spelt_grams", fit, number)] = list(map(",".join, spelt_grams))
            values[_name("spelt_patterns", fit, number)] = list(map(",".join, spelt))
    for number, (of_piece, like) in enumerate(zip(grams, patterns, strict=True)):
        values[_name("grams", fit, number)] = of_piece
        values[_name("patterns", fit, number)] = like
    values[_name("patterns", fit)] = [each for several in patterns for each in several]
    years = list(map(_read_year, words))
    for number, year in enumerate(years):
        if year:
            values[_name("year_start", fit, number)] = date(year, 1, 1)
            values[_name("year_end", fit, number)] = date(year, 12, 31)
    return Shape(fit, tuple(map(bool, grams)), tuple(map(bool, years))), values


@lru_cache(maxsize=256)
def select_kinds(kinds: tuple[Kind, ...], shapes: tuple[Shape, ...], *, sees_all: bool) -> CompoundSelect[Any]:
    """
    Return the statement for the newest rows of several kinds that words fit.

    Each has the place of its kind, the values of its columns, its time in seconds, its name and its owner's. The
    parameters are those of `describe_words` for each of the shapes, ``size``, the most of a kind, and those of the
    kinds' `own` where the caller does not see all.
    """
    parts = [
        select(literal(number).label("number"), statement.subquery())
        for number, kind in enumerate(kinds)
        for shape in shapes
        for statement in _select_fitting(kind, shape, sees_all=sees_all)
    ]
    return union_all(*parts)


def place_word(word: str, fit: float) -> str:
    """Return what stands in a folded name that a word fits so well."""
    # Inside of another, two letters are a word in Chinese, but not in English.
    if fit <= PARTS:
        fit = BEGINNINGS if word.isascii() and len(word) < 3 else PARTS
    return PATTERNS[fit].format(word)


def may_be_misspelt(word: str) -> bool:
    """Return whether a word may be a misspelt one; a number never is."""
    return len(word) in MISSPELT_LENGTHS and not any(letter.isdigit() for letter in word)


def _select_fitting(kind: Kind, shape: Shape, *, sees_all: bool) -> list[Select[Any]]:
    """Return the statements for the newest rows that all the words fit so well."""
    newest = _select_newest(kind, sees_all=sees_all)
    if shape.fit == EXACT:
        return [newest.where(*_are_like(kind, shape, 0))]
    if shape.fit == MISSPELT:
        newest = newest.join(some := _select_misspelt(kind, shape, sees_all=sees_all), _has_same_key(kind, some))
    else:
        words = range(len(shape.are_years))
        years = [_are_in_year(kind, shape, number) for number in words]
        newest = newest.where(*(or_(*years[n], like) for n in words for like in _are_like(kind, shape, n)))
    return [newest, *_select_by_owner(kind, shape, sees_all=sees_all)]


def _select_misspelt(kind: Kind, shape: Shape, *, sees_all: bool) -> CTE:
    """Return the keys of rows that have the words, or some that differ from them by a letter."""
    keys = list(kind.model.__table__.primary_key)
    each = [
        or_(tuple_(*keys).in_(_select_spelt(kind, number)), *_are_in_year(kind, shape, number))
        for number in range(len(shape.are_years))
    ]
    # Apart, so that the index for the order is not walked to its end in search of what is rare.
    found = _restrict(select(*keys), kind, sees_all=sees_all).where(*each).limit(MAX_CANDIDATES)
    return found.cte().prefix_with("MATERIALIZED")


def _has_same_key(kind: Kind, some: CTE) -> ColumnElement[bool]:
    return and_(*(column == some.c[column.name] for column in kind.model.__table__.primary_key))


def _select_spelt(kind: Kind, number: int) -> Select[Any]:
    """Return the statement for the keys of the rows that have a word in one of its spellings."""
    table = kind.model.__table__.alias()
    spelling = _list_spellings(number)
    has_grams = func.name_grams(table.c.folded_name, type_=ARRAY(Text)).contains(spelling.c.grams)
    is_spelt = and_(has_grams, table.c.folded_name.like(any_(spelling.c.patterns)))
    return select(*table.primary_key).select_from(spelling.join(table, is_spelt))


@lru_cache
def _list_spellings(number: int) -> CTE:
    """Return, of a word, the patterns of each spelling, and the grams of a name that has one of them."""
    # As values: a statement with hundreds of conditions takes longer to read than to answer.
    joined = (_bind_texts(what, MISSPELT, number) for what in ("spelt_grams", "spelt_patterns"))
    pairs = func.unnest(*joined).table_valued("grams", "patterns").render_derived()
    columns = (
        func.string_to_array(pairs.c[name], ",", type_=ARRAY(Text)).label(name) for name in ("grams", "patterns")
    )
    return select(*columns).cte()


def _select_by_owner(kind: Kind, shape: Shape, *, sees_all: bool) -> list[Select[Any]]:
    """Return the statement for the newest rows of which at least one word stands in the owner's name."""
    if kind.owner is None:
        return []
    owner, key = kind.owner
    anything = owner.folded_name.like(any_(_bind_texts("patterns", shape.fit)))
    found = select(owner.id, owner.folded_name).where(anything).limit(MAX_OWNERS).cte()
    each = []
    for number in range(len(shape.are_years)):
        patterns = any_(_bind_texts("patterns", shape.fit, number))
        is_like = (name.like(patterns) for name in (found.c.folded_name, kind.model.folded_name))
        each.append(or_(*is_like, *_are_in_year(kind, shape, number)))
    # Owner by owner: nothing tells PostgreSQL how few they are, and it would look through all rows in their order.
    newest = _select_newest(kind, sees_all=sees_all).where(key == found.c.id, *each).lateral()
    statement = select(newest).select_from(found.join(newest, true()))
    return [statement.order_by(newest.c.seconds.desc()).limit(_SIZE)]


def _select_newest(kind: Kind, *, sees_all: bool) -> Select[Any]:
    """Return the statement for the newest rows that the caller may see."""
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
    statement = _restrict(select(*shown).select_from(kind.model), kind, sees_all=sees_all)
    return statement.order_by(kind.newest.desc(), kind.model.id.desc()).limit(_SIZE)


def _restrict(statement: Select[Any], kind: Kind, *, sees_all: bool) -> Select[Any]:
    """Return the statement, limited to the rows that the caller may see."""
    return statement if sees_all or kind.own is None else statement.where(kind.own)


def _are_like(kind: Kind, shape: Shape, number: int) -> list[ColumnElement[bool]]:
    """
    Return the conditions that a piece stands in a name: as the name shows it, and as the index finds it.

    Apart and in this order: to make the grams of a name takes a hundred times as long as to look at it.
    """
    like = kind.model.folded_name.like(any_(_bind_texts("patterns", shape.fit, number)))
    if not shape.have_grams[number]:
        return [like]
    folded = func.name_grams(kind.model.folded_name, type_=ARRAY(Text))
    return [like, folded.contains(_bind_texts("grams", shape.fit, number))]


def _are_in_year(kind: Kind, shape: Shape, number: int) -> list[ColumnElement[bool]]:
    """Return the condition that a row is of the year that the word is; none where it is no year."""
    if not kind.years or not shape.are_years[number]:
        return []
    first, last = kind.years
    start, end = (bindparam(_name(what, shape.fit, number), type_=Date) for what in ("year_start", "year_end"))
    return [and_(first <= end, last >= start)]


def _read_year(word: str) -> int | None:
    """Return the year that a word is."""
    if len(word) != 4 or not word.isdecimal():
        return None
    return year if 1900 <= (year := int(word)) < 2100 else None


def _spell(word: str) -> tuple[list[list[str]], list[list[str]]]:
    """Return the grams and the patterns of a word, and of each that may be meant by it."""
    part = place_word(word, PARTS)
    grams, patterns = [list_grams(part)], [[f"%{part}%"]]
    for mistake in range(len(word) if may_be_misspelt(word) else 0):
        # What stands before and behind is right, whatever was mistaken at this place.
        right = (f" {word[:mistake]}", word[mistake + 2 :])
        grams.append(sorted({gram for piece in right for gram in list_grams(piece)}))
        patterns.append(_misspell(word, mistake))
    return grams, patterns


def _misspell(word: str, mistake: int) -> list[str]:
    """Return the patterns of what is meant if the mistake is at a place: a letter is wrong, too many or missing."""
    before, letter, behind = word[:mistake], word[mistake], word[mistake + 1 :]
    meant = [f"{before}_{behind}", f"{before}{behind}", f"{before}_{letter}{behind}"]
    if behind:
        meant.append(f"{before}{behind[0]}{letter}{behind[1:]}")
    return [f"% {word}%" for word in meant]


_SIZE: BindParameter[int] = bindparam("size", type_=Integer)


def _bind_texts(what: str, fit: float, number: int | None = None) -> BindParameter[Any]:
    return bindparam(_name(what, fit, number), type_=ARRAY(Text))


def _name(what: str, fit: float, number: int | None = None) -> str:
    """Return the name of a parameter, of one word or of all."""
    return f"{what}_{fit * 10:.0f}" if number is None else f"{what}_{fit * 10:.0f}_{number}"
