"""
Lists by pages (aip.dev/158, aip.dev/132): keyset paging, so a page costs the same wherever it lies and nothing is
skipped or shown twice while rows come and go.
"""

import operator
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from google.protobuf.message import Message
from sqlalchemy import Integer, Select, and_, bindparam, func, inspect, or_, select, tuple_

from chassis import page_token
from chassis.database import Session
from chassis.errors import InvalidArgument
from chassis.model import Resource

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000

Model = TypeVar("Model", bound=Resource)
# Statement → order and whether it goes on from a token → what `_prepare` made of it; a sixth of a list's work.
_PREPARED: WeakKeyDictionary[Select[Any], dict[tuple[str, bool, bool], tuple[Select[Any], Select[Any]]]] = (
    WeakKeyDictionary()
)


async def read_page(
    session: Session,
    statement: Select[Model],
    model: type[Model],
    request: Message,
    orderings: Mapping[str, Any],
    default: str = "create_time",
    values: Mapping[str, Any] | None = None,
) -> tuple[Sequence[Model], str, int]:
    """
    Return one page of a list.

    Args:
        statement: All rows that the caller may see and asked for, unordered: the model, or a `Bundle` of its columns.
            One that is the same for many calls, with `bindparam` for what differs, is prepared once, in half the time.
        request: The List request, with ``page_size``, ``page_token`` and, where there is a choice, ``order_by``.
        orderings: What the list can be ordered by: name of the order → column that is never NULL.
        default: Order where the request names none, e.g. ``start_date desc``.
        values: What the statement's parameters stand for.

    Returns:
        The rows, the token of the next page (empty on the last one), and the number of rows over all pages.

    Raises:
        InvalidArgument: The list can't be ordered so (reason ORDER_UNKNOWN), the size is negative (PAGE_SIZE_NEGATIVE),
            or the token is none (PAGE_TOKEN_MALFORMED) or another list's (PAGE_TOKEN_OF_OTHER_LIST).
    """
    size = read_page_size(request)
    field, descending = _parse_order(getattr(request, "order_by", "") or default, orderings)
    # Rows that are equal in what they are ordered by are told apart by the whole key: an id may be one of many alike.
    column, key = orderings[field], [getattr(model, part.key) for part in inspect(model).primary_key]
    values = dict(values or {}, page_limit=size + 1)
    after = bool(request.page_token)  # type: ignore[attr-defined]
    if after:
        value, last = _read_position(page_token.decode(request), column, len(key))
        values |= {"page_after": value, **{f"page_after_{index}": part for index, part in enumerate(last)}}
    prepared = _PREPARED.setdefault(statement, {})
    way = (field, descending, after)
    if way not in prepared:
        prepared[way] = _prepare(statement, column, key, descending, after=after)
    statement, all_rows = prepared[way]
    pairs: Sequence[Any] = (await session.execute(statement, values)).all()
    total = pairs[0][1] if pairs else await session.scalar(all_rows, values) or 0 if after else 0
    rows = [row for row, _ in pairs]
    if len(rows) <= size:
        return rows, "", total
    rows = rows[:size]
    position = [getattr(rows[-1], each.key) for each in (column, *key)]
    return rows, page_token.encode(request, [_as_json(part) for part in position]), total


def read_page_size(request: Message) -> int:
    """
    Return how many rows a page of a List or search request has at most (aip.dev/158).

    Raises:
        InvalidArgument: It is negative; reason PAGE_SIZE_NEGATIVE.
    """
    size: int = request.page_size  # type: ignore[attr-defined]
    if size < 0:
        raise InvalidArgument("page_size", "can't be negative", reason="PAGE_SIZE_NEGATIVE")
    return min(size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def _prepare(
    statement: Select[Any], column: Any, key: Sequence[Any], descending: bool, *, after: bool
) -> tuple[Select[Any], Select[Any]]:
    """
    Return the statement for a page and the one for the number of all rows.

    The total comes with the rows, in one statement; only an empty page after the first has to ask for it.
    """
    all_rows = select(func.count()).select_from(statement.with_only_columns(*key).order_by(None).subquery())
    if after:
        beyond = operator.lt if descending else operator.gt
        value = bindparam("page_after", type_=column.type)
        last = tuple_(*(bindparam(f"page_after_{index}", type_=part.type) for index, part in enumerate(key)))
        statement = statement.where(or_(beyond(column, value), and_(column == value, beyond(tuple_(*key), last))))
    ways = [each.desc() if descending else each for each in (column, *key)]
    statement = statement.order_by(None).order_by(*ways).limit(bindparam("page_limit", type_=Integer))
    return statement.add_columns(all_rows.scalar_subquery()), all_rows


def _parse_order(order_by: str, orderings: Mapping[str, Any]) -> tuple[str, bool]:
    words = order_by.split()
    if not words or words[0] not in orderings or words[1:] not in ([], ["asc"], ["desc"]):
        raise InvalidArgument(
            "order_by",
            f"can be {', '.join(orderings)}, each with an optional desc",
            reason="ORDER_UNKNOWN",
            metadata={"allowed": ",".join(orderings)},
        )
    return words[0], words[1:] == ["desc"]


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _read_position(position: Sequence[Any], column: Any, parts: int) -> tuple[Any, Sequence[str]]:
    """
    Return the values of the ordering column and of the key in the row after which a page begins.

    Raises:
        InvalidArgument: They are none that these columns can have; reason PAGE_TOKEN_MALFORMED.
    """
    try:
        plain, *last = position
        kind = column.type.python_type
        value = kind.fromisoformat(plain) if kind in (date, datetime) else kind(plain)
        if len(last) != parts or _as_json(value) != plain or "\0" in "".join([str(value), *last]):
            raise ValueError(position)
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            raise ValueError(position)
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError(position)
            value = value.astimezone(UTC)
    except (ValueError, TypeError, ArithmeticError):
        raise page_token.malformed() from None
    return value, last
