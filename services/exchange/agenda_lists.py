"""Lists of agenda items, of one visit or of all that the caller may see: their statements, each built once."""

from functools import cache
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from sqlalchemy import Select, bindparam, select

from chassis.convert import read_date
from chassis.identity import identity
from services.exchange import rights
from services.exchange.model import AgendaItem, Visit
from services.exchange.visit_lists import DAY_FILTERS, FILTERS

# In place of a visit (aip.dev/159).
EVERY_VISIT = "visits/-"


def select_listed(request: pb.ListAgendaItemsRequest) -> tuple[Select[AgendaItem], dict[str, Any]]:
    """
    Return the statement for the items of a list, unordered, and what its parameters stand for.

    It finds none as well where there is no such visit, or the caller may not see it.

    Raises:
        InvalidArgument: A filter is no day; reason NO_SUCH_DAY or YEAR_OUT_OF_RANGE.
    """
    values: dict[str, Any] = {
        name: read_date(getattr(request, name), name) for name in DAY_FILTERS if request.HasField(name)
    }
    if not identity().has(*rights.ALL_CITIES):
        values["own_city"] = rights.get_own_city_id(identity())
    of_visits = frozenset(values)
    if request.parent != EVERY_VISIT:
        values["visit_id"] = Visit.parse(request.parent)["id"]
    return _select_listed(of_visits, of_one="visit_id" in values), values


@cache
def _select_listed(of_visits: frozenset[str], *, of_one: bool) -> Select[AgendaItem]:
    statement = select(AgendaItem)
    if of_one:
        statement = statement.where(AgendaItem.visit_id == bindparam("visit_id"))
    if of_visits:
        visits = select(Visit.id).where(*(FILTERS[name] for name in sorted(of_visits)))
        statement = statement.where(AgendaItem.visit_id.in_(visits))
    return statement
