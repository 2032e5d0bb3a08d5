"""
Who travels when: a person is in one delegation at a time.

Whoever writes locks the travellers first, in one order as for bookings, and looks: the loser finds what the winner
wrote. The database refuses what would get by.
"""

from collections.abc import Collection, Iterable

from sqlalchemy import select, update

from chassis.database import Session
from chassis.error_metadata import MAX_LISTED, flatten_indexed
from chassis.errors import AlreadyExists
from chassis.identity import identity
from services.exchange import bookings, rights
from services.exchange.model import Delegate, Visit
from services.exchange.model.delegate import traveller


async def join(session: Session, visit: Visit, delegate: Delegate) -> None:
    """
    Write a delegate, new or changed, of a visit, which is locked.

    Raises:
        AlreadyExists: The person travels elsewhere on one of the days, with reason DELEGATE_TRAVELS_ALREADY; the
            metadata says where.
    """
    delegate.travel(visit)
    with session.no_autoflush:
        await _require_free(session, visit, [delegate.traveller] if delegate.traveller else [])
    session.add(delegate)
    await session.flush()


async def lock(session: Session, people: Iterable[tuple[str, str]]) -> None:
    """Lock those who are to travel until the transaction ends, each by the id of the city and the person's name."""
    await bookings.lock(session, {each for city_id, name in people if (each := traveller(city_id, name))})


async def reschedule(session: Session, visit: Visit) -> None:
    """
    Let the delegation of a visit, which is locked, travel on the days that the visit has now.

    Raises:
        AlreadyExists: As for `join`.
    """
    of_visit = select(Delegate.traveller).where(Delegate.visit_id == visit.id, Delegate.traveller != "")
    await _require_free(session, visit, list(await session.scalars(of_visit)))
    await session.execute(
        update(Delegate)
        .where(Delegate.visit_id == visit.id)
        # No change of a delegate: its version stays.
        .values(days_away=visit.days_away, update_time=Delegate.update_time)
        .execution_options(synchronize_session=False)
    )


async def _require_free(session: Session, visit: Visit, travellers: Collection[str]) -> None:
    """
    Raise unless people are in no other delegation on the days of a visit; they are locked until the transaction ends.

    Raises:
        AlreadyExists: They are; reason DELEGATE_TRAVELS_ALREADY, and the metadata says where.
    """
    if not travellers or visit.days_away is None:
        return
    await bookings.lock(session, travellers)
    clashes = (
        await session.execute(
            select(Delegate, Visit)
            .join(Visit, Visit.id == Delegate.visit_id)
            .where(
                Delegate.traveller.in_(travellers),
                Delegate.visit_id != visit.id,
                Delegate.days_away.overlaps(visit.days_away),
            )
            .order_by(Visit.start_date, Delegate.id)
        )
    ).all()
    if not clashes:
        return
    named = [_describe_clash(delegate, other) for delegate, other in clashes[:MAX_LISTED]]
    sentences = []
    for clash in named:
        where = f" in “{clash['conflict_title']}”" if "conflict" in clash else ""
        sentences.append(f"{clash['delegate_title']} travels{where} from {clash['start_date']} to {clash['end_date']}.")
    metadata = {**flatten_indexed("clashes", named), "clashes": str(len(clashes))}
    raise AlreadyExists(" ".join(sentences), reason="DELEGATE_TRAVELS_ALREADY", metadata=metadata)


def _describe_clash(delegate: Delegate, visit: Visit) -> dict[str, str]:
    """Return what the caller may know of one clash: the person, the days, and in whose delegation."""
    first, last = visit.get_dates()
    told = {
        "delegate_title": delegate.display_name,
        "start_date": first.isoformat(),
        "end_date": last.isoformat(),
    }
    if rights.may_see(identity(), visit, rights.ALL_DELEGATES):
        told |= {"conflict": delegate.name, "conflict_title": visit.title}
    return told
