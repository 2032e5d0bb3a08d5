"""The cities that come as guests besides the one that a visit is arranged with."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm.attributes import set_committed_value

from chassis.database import Session
from chassis.errors import FailedPrecondition, InvalidArgument
from services.exchange import queries
from services.exchange.model import AgendaItem, City, Delegate, Visit

FIELD = "visit.other_guest_cities"


async def invite(session: Session, visit: Visit, cities: Sequence[str]) -> None:
    """
    Let these and no other cities come as guests as well; agenda items no longer expect those that do not come.

    Args:
        visit: New, or locked.
        cities: Resource names, in the order in which they are shown.

    Raises:
        InvalidArgument: A city does not exist (reason REFERENCE_NOT_FOUND), or hosts or travels anyhow
            (CITY_TAKES_PART_ALREADY).
        FailedPrecondition: A city that would not come any more has delegates; reason GUEST_CITY_HAS_DELEGATES, metadata
            `city`, `city_title` and `delegates`, how many.
    """
    guests = await queries.get_all_referenced(session, City, cities, FIELD)
    ids = [city.id for city in guests]
    for city in guests:
        if city.id in (visit.city_id, visit.home_city_id):
            metadata = {"city": city.name, "city_title": city.display_name}
            words = f"{city.display_name} takes part already"
            raise InvalidArgument(FIELD, words, reason="CITY_TAKES_PART_ALREADY", metadata=metadata)
    gone = set(visit.other_guest_ids or ()) - set(ids)
    if gone:
        await _require_no_delegates(session, visit, gone)
        items = await session.scalars(
            select(AgendaItem)
            .where(AgendaItem.visit_id == visit.id, AgendaItem.delegation_ids.overlap(gone))
            .with_for_update(of=AgendaItem)
        )
        for item in items:
            item.delegation_ids = [city_id for city_id in item.delegation_ids if city_id not in gone]
    visit.other_guest_ids = tuple(ids)
    # As the row says once it is loaded: none has to be asked for it.
    set_committed_value(visit, "other_guest_display_names", tuple(city.display_name for city in guests))


async def _require_no_delegates(session: Session, visit: Visit, city_ids: set[str]) -> None:
    counted = (
        select(City, func.count())
        .join(Delegate, Delegate.city_id == City.id)
        .where(Delegate.visit_id == visit.id, City.id.in_(city_ids))
        .group_by(City.id)
        .order_by(City.display_name)
    )
    for city, delegates in await session.execute(counted):
        raise FailedPrecondition(
            f"{city.display_name} has {delegates} delegates on the visit; take them off first.",
            reason="GUEST_CITY_HAS_DELEGATES",
            metadata={"city": city.name, "city_title": city.display_name, "delegates": str(delegates)},
        )
