"""Lists and counts of visits: what they can be filtered by and ordered by, and their statements, each built once."""

from functools import cache
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from sqlalchemy import Date, Select, Text, and_, bindparam, cast, func, inspect, literal_column, or_, select, true
from sqlalchemy.orm import Bundle

from chassis.convert import read_date, read_enum
from chassis.identity import identity
from services.exchange import queries, rights
from services.exchange.model import City, Direction, Exchange, Visit, VisitState
from services.exchange.model.visit import NO_DAY

ORDERINGS = {
    "start_date": Visit.start_order,
    "create_time": Visit.create_time,
    "update_time": Visit.update_time,
    "title": Visit.title,
}

FILTERS = {
    "own_city": Visit.concerning(bindparam("own_city", type_=Text)),
    "exchange": Visit.exchange_id == bindparam("exchange"),
    "city": Visit.concerning(bindparam("city", type_=Text)),
    "state": Visit.state == bindparam("state"),
    "direction": Visit.direction == bindparam("direction"),
    "from_date": Visit.end_date >= bindparam("from_date"),
    "to_date": Visit.start_order <= bindparam("to_date"),
    "dates_open": Visit.start_order == literal_column(NO_DAY),
}

DAY_FILTERS = {"from_date", "to_date"}
UNLISTED = {"consents", "debrief", "folded_name"}
# What is counted by, as PostgreSQL calls it.
UNITS = {
    pb.CountVisitsRequest.PERIOD_DAY: "day",
    pb.CountVisitsRequest.PERIOD_WEEK: "week",
    pb.CountVisitsRequest.PERIOD_MONTH: "month",
}
# A list shows the rest of a visit. Plain values instead of mapped rows: half the work of a list.
LISTED: Bundle[Any] = Bundle(
    "visit", *(getattr(Visit, column.key) for column in inspect(Visit).column_attrs if column.key not in UNLISTED)
)


def read_filters(request: pb.ListVisitsRequest | pb.CountVisitsRequest) -> dict[str, Any]:
    """
    Return the names of the `FILTERS` that hold for a list or a count, with their values.

    Raises:
        InvalidArgument: A filter is no name (reason NAME_MALFORMED) or no day (NO_SUCH_DAY, YEAR_OUT_OF_RANGE).
    """
    values: dict[str, Any] = {}
    if not identity().has(*rights.ALL_CITIES):
        values["own_city"] = rights.get_own_city_id(identity())
    if request.exchange:
        values["exchange"] = queries.read_id(Exchange, request.exchange, "exchange")
    if request.city:
        values["city"] = queries.read_id(City, request.city, "city")
    if request.state:
        values["state"] = read_enum(request, "state", VisitState)
    if request.direction:
        values["direction"] = read_enum(request, "direction", Direction)
    if isinstance(request, pb.ListVisitsRequest):
        if request.dates_open:
            values["dates_open"] = True
        if request.with_dates_open:
            values["with_dates_open"] = True
    if request.HasField("from_date"):
        values["from_date"] = read_date(request.from_date, "from_date")
    if request.HasField("to_date"):
        values["to_date"] = read_date(request.to_date, "to_date")
    return values


@cache
def select_listed(filters: frozenset[str]) -> Select[Any]:
    """Return the statement for the visits of a list, unordered, as rows of `LISTED`."""
    days = [FILTERS[name] for name in sorted(filters & DAY_FILTERS)]
    if days and "with_dates_open" in filters:
        days = [or_(and_(*days), FILTERS["dates_open"])]
    return select(LISTED).where(*(FILTERS[name] for name in sorted(filters & FILTERS.keys() - DAY_FILTERS)), *days)


@cache
def select_counts(unit: str, filters: frozenset[str]) -> Select[Any]:
    """Return the statement that counts visits by city and by the days, weeks or months in which they begin."""
    first = bindparam("from_date", type_=Date)
    begun = cast(func.date_trunc(unit, func.greatest(Visit.start_date, first)), Date)
    # The first week or month may begin before the span.
    day = func.greatest(begun, first).label("day")
    # A visit counts for each city that takes part.
    cities = func.unnest(func.array_append(Visit.other_guest_ids, Visit.city_id))
    city = cities.table_valued("id", name="partner").render_derived()
    counted = select(city.c.id, day, func.count()).select_from(Visit).join(city, true())
    counted = counted.where(*(FILTERS[name] for name in sorted(filters)))
    return counted.group_by(city.c.id, "day").order_by(city.c.id, "day")
