"""Rows as servicers need them: those that the caller may see, those that a request refers to, new ones under an id."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, select, update

from chassis.database import Session
from chassis.errors import InvalidArgument, NotFound, PermissionDenied
from chassis.identity import Role, identity
from chassis.model import Resource, now
from services.exchange import rights
from services.exchange.model import AgendaItem, Delegate, Exchange, Partnership, Visit

Row = TypeVar("Row", bound=Resource)
OfCity = TypeVar("OfCity", Partnership, Exchange, Visit)


async def get_visible(
    session: Session,
    model: type[OfCity],
    name: str,
    *,
    lock: bool = False,
    all_cities: frozenset[Role] = rights.ALL_CITIES,
) -> OfCity:
    """
    Return a row that the caller may see, locked if asked to.

    Args:
        all_cities: Roles that see every city's; any other caller sees its own city's.

    Raises:
        NotFound: There is none; only who sees every city's is told.
        PermissionDenied: It belongs to another city, or there is none; reason RESOURCE_NOT_VISIBLE.
    """
    caller = identity()
    denied = PermissionDenied(f"You may not see {name}.", reason="RESOURCE_NOT_VISIBLE", metadata={"resource": name})
    try:
        row = await (session.get_for_update if lock else session.get_by_name)(model, name)
    except NotFound:
        if caller.has(*all_cities):
            raise
        raise denied from None
    if not rights.may_see(caller, row, all_cities):
        raise denied
    return row


def filter_visible(statement: Select[OfCity], model: type[OfCity]) -> Select[OfCity]:
    """Return the statement, limited to the rows that the caller may see."""
    caller = identity()
    if caller.has(*rights.ALL_CITIES):
        return statement
    return statement.where(model.concerning(rights.get_own_city_id(caller)))


def select_delegates(visit: str) -> tuple[Select[Delegate], dict[str, str]]:
    """
    Return the statement for a visit's delegates, limited to those that the caller may see, and its parameters.

    It finds none as well where there is no such visit: `get_visible` says which.
    """
    caller = identity()
    values = {"visit_id": Visit.parse(visit)["id"]}
    if caller.has(*rights.ALL_DELEGATES):
        return _select_delegates(own=False), values
    return _select_delegates(own=True), values | {"city_id": rights.get_own_city_id(caller)}


@cache
def _select_delegates(*, own: bool) -> Select[Delegate]:
    statement = select(Delegate).where(Delegate.visit_id == bindparam("visit_id"))
    if not own:
        return statement
    own_city: ColumnElement[str] = bindparam("city_id")
    seen = select(Visit.id).where(Visit.concerning(own_city))
    return statement.where(Delegate.city_id == own_city, Delegate.visit_id.in_(seen))


async def note_part_change(session: Session, visit: Visit) -> None:
    """Take down that a visit's delegation or agenda changes now, which is no change of the visit: its version stays."""
    await session.flush()
    await session.execute(
        update(Visit)
        .where(Visit.id == visit.id)
        .values(part_change_time=now(), part_changer=identity().name, update_time=Visit.update_time)
        .execution_options(synchronize_session=False)
    )


async def lock_agenda(session: Session, name: str) -> Visit:
    """
    Return a visit, locked, for a caller who may change its agenda.

    Raises:
        NotFound: There is none; only who sees every city's is told.
        PermissionDenied: It belongs to another city (reason RESOURCE_NOT_VISIBLE) or department
            (NOT_DEPARTMENT_IN_CHARGE).
        FailedPrecondition: It is over (reason VISIT_OVER), or postponed without new dates (NEW_DATES_DUE).
    """
    visit = await get_visible(session, Visit, name, lock=True)
    rights.require_visit_editor(identity(), visit)
    visit.require_open()
    visit.require_dates()
    return visit


def get_visit_name(model: type[AgendaItem | Delegate], name: str) -> str:
    """Return the name of the visit that a row below it belongs to."""
    return f"visits/{model.parse(name)['visit_id']}"


def read_id(model: type[Resource], name: str, field: str) -> str:
    """
    Return the id in a name that a List request filters by.

    Raises:
        InvalidArgument: It is not a name of this kind; reason NAME_MALFORMED.
    """
    try:
        return model.parse(name)["id"]
    except NotFound:
        raise InvalidArgument(
            field, f"is not a name such as {model.NAME}", reason="NAME_MALFORMED", metadata={"example": model.NAME}
        ) from None


async def get_referenced(session: Session, model: type[Row], name: str, field: str) -> Row:
    """
    Return the row that a request refers to.

    Raises:
        InvalidArgument: There is none; reason REFERENCE_NOT_FOUND.
    """
    try:
        return await session.get_by_name(model, name)
    except NotFound:
        raise make_reference_error(field, name) from None


async def get_all_referenced(session: Session, model: type[Row], names: Sequence[str], field: str) -> list[Row]:
    """
    Return the rows that a list of a request refers to, in its order; nobody deletes them or changes keys meanwhile.

    Raises:
        InvalidArgument: Some do not exist; reason REFERENCE_NOT_FOUND.
    """
    if not names:
        return []
    table: Any = model
    rows = select(model).where(table.id.in_([model.parse(name)["id"] for name in names]))
    found = {row.name: row for row in await session.scalars(rows.with_for_update(of=model, key_share=True, read=True))}
    if missing := [name for name in names if name not in found]:
        raise make_reference_error(field, *missing)
    return [found[name] for name in names]


def make_reference_error(field: str, *names: str) -> InvalidArgument:
    """Return what is wrong with a field that refers to what does not exist; reason REFERENCE_NOT_FOUND."""
    words = f"{', '.join(names)} {'does' if len(names) == 1 else 'do'} not exist"
    return InvalidArgument(field, words, reason="REFERENCE_NOT_FOUND", metadata={"resources": ",".join(names)})


def require_different(names: Iterable[str], field: str, resource: str) -> None:
    """
    Raise where a batch changes something twice: which of the changes holds would be chance.

    Args:
        names: What is changed, in the order of the request.
        field: The list in the request, e.g. ``changes``.
        resource: The field of each change that has the name, e.g. ``delegate``.

    Raises:
        InvalidArgument: One is there twice; reason NAMED_TWICE.
    """
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise InvalidArgument(f"{field}[{index}].{resource}.name", "is changed twice", reason="NAMED_TWICE")
        seen.add(name)
