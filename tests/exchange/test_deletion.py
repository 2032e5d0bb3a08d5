"""What nothing refers to can be deleted; else the refusal names what does."""

import asyncio
from typing import Any

import grpc
import pytest
from austausch.exchange.v1 import events_pb2
from austausch.exchange.v1 import exchange_pb2 as pb
from sqlalchemy import func, select

from chassis.status import from_rpc_error
from chassis.tables import OutboxEvent
from services.exchange.model import AgendaItem, Booking, Delegate
from tests import factories
from tests.calls import Caller, RunningService
from tests.exchange.conftest import DEPARTMENT
from tests.refusals import refused

KINDS = {
    "cities": "City",
    "partnerships": "Partnership",
    "exchanges": "Exchange",
    "visits": "Visit",
    "rooms": "Room",
    "people": "Person",
}


async def delete(caller: Caller, name: str, etag: str = "") -> None:
    """Delete something by its name."""
    kind = KINDS[name.partition("/")[0]]
    await getattr(caller, f"Delete{kind}")(getattr(pb, f"Delete{kind}Request")(name=name, etag=etag))


async def test_what_nothing_refers_to_is_deleted_from_the_leaves_to_the_root(coordinator: Caller) -> None:
    city = await factories.city(coordinator)
    partnership = await factories.partnership(coordinator, city.name)
    exchange = await factories.exchange(coordinator, partnership.name)
    visit = await factories.visit(coordinator, exchange.name)
    room = await factories.room(coordinator)
    person = await factories.person(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name, people=[person.name])
    for used, referrer, title in (
        (city, partnership.name, city.display_name),
        (partnership, exchange.name, exchange.title),
        (exchange, visit.name, visit.title),
    ):
        with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
            await delete(coordinator, used.name)
        assert refusal.metadata == {
            "resource": used.name,
            "referrers_0_name": referrer,
            "referrers_0_title": title,
            "referrers": "1",
        }
    for booked in (room, person):
        with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
            await delete(coordinator, booked.name)
        assert refusal.metadata["referrers_0_title"] == f"{visit.title}: Budget control in the directorates"
    for unused in (visit, exchange, partnership, city, room, person):
        with refused("ABORTED", "ETAG_MISMATCH"):
            await delete(coordinator, unused.name, etag="7")
        await delete(coordinator, unused.name, etag=unused.etag)
        with refused("NOT_FOUND"):
            await delete(coordinator, unused.name)


async def test_a_refusal_names_ten_and_counts_all(coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit = await factories.visit(coordinator)
    for hour in range(8, 20):
        times = {"start_time": factories.at(hour), "end_time": factories.at(hour + 1)}
        await factories.agenda_item(coordinator, visit.name, title=f"At {hour}", room=room.name, **times)
    with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await delete(coordinator, room.name)
    assert refusal.metadata["referrers"] == "12"
    titles = [refusal.metadata[f"referrers_{index}_title"] for index in (0, 9)]
    assert titles == [f"{visit.title}: At 19", f"{visit.title}: At 10"]
    assert "referrers_10_name" not in refusal.metadata


async def test_the_home_city_stays(coordinator: Caller) -> None:
    with refused("FAILED_PRECONDITION", "HOME_CITY"):
        await delete(coordinator, factories.HOME_CITY)


@pytest.mark.parametrize(
    ("verbs", "deletable"),
    [((), True), (("Approve",), True), (("Approve", "Sign", "Activate"), False), (("End",), False)],
)
async def test_a_partnership_is_deleted_in_preparation_only(
    coordinator: Caller, verbs: tuple[str, ...], deletable: bool
) -> None:
    partnership = await factories.partnership(coordinator)
    for verb in verbs:
        request = getattr(pb, f"{verb}PartnershipRequest")(name=partnership.name)
        await getattr(coordinator, f"{verb}Partnership")(request)
    stored = await coordinator.GetPartnership(pb.GetPartnershipRequest(name=partnership.name))
    assert stored.deletable is deletable
    if deletable:
        await delete(coordinator, partnership.name)
    else:
        with refused("FAILED_PRECONDITION", "NOT_IN_PREPARATION"):
            await delete(coordinator, partnership.name)


async def test_an_idea_goes_with_its_delegation_and_its_agenda_and_others_are_told(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator)
    delegate = await factories.delegate(coordinator, visit.name, display_name="Rhiannon Price")
    room = await factories.room(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name, people=[delegate.name])
    await delete(coordinator, visit.name)
    async with exchange.database.read() as session:
        for part in (Delegate, AgendaItem, Booking):
            assert await session.scalar(select(func.count()).select_from(part)) == 0
        told = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id.desc()))).first()
    assert told is not None
    assert told.type == "austausch.exchange.v1.VisitDeleted"
    assert events_pb2.VisitDeleted.FromString(told.payload).visit == visit.name
    await delete(coordinator, room.name)


async def test_what_is_more_than_an_idea_is_cancelled_instead(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    assert visit.deletable
    assert not (await factories.take(coordinator, visit.name, "agree")).deletable
    with refused("FAILED_PRECONDITION", "NOT_AN_IDEA") as refusal:
        await delete(coordinator, visit.name)
    assert refusal.metadata == {"state": "AGREED"}


async def test_a_member_deletes_its_own_ideas_and_its_departments_exchanges(
    coordinator: Caller, member: Caller, other_member: Caller
) -> None:
    exchange = await factories.exchange(coordinator, department=DEPARTMENT)
    own = await factories.visit(member, exchange.name)
    offices = await factories.visit(coordinator, exchange.name)
    seen = [await caller.GetVisit(pb.GetVisitRequest(name=own.name)) for caller in (member, other_member, coordinator)]
    assert [visit.deletable for visit in seen] == [True, False, True]
    for caller, name in ((other_member, own.name), (member, offices.name), (other_member, exchange.name)):
        with refused("PERMISSION_DENIED"):
            await delete(caller, name)
    await delete(member, own.name)
    await delete(coordinator, offices.name)
    await delete(member, exchange.name)


async def outcome(call: Any) -> str:
    try:
        await call
    except grpc.RpcError as error:
        return from_rpc_error(error).reason
    return "OK"


@pytest.mark.parametrize("kind", ["room", "person", "exchange"])
async def test_what_is_deleted_while_something_begins_to_refer_to_it_leaves_nothing_dangling(
    coordinator: Caller, kind: str
) -> None:
    visit = await factories.visit(coordinator)
    for number in range(8):
        times = {"start_time": factories.at(8 + number), "end_time": factories.at(9 + number)}
        if kind == "exchange":
            used = await factories.exchange(coordinator)
            refer = factories.visit(coordinator, used.name)
        else:
            used = await getattr(factories, kind)(coordinator)
            booked = {"room": used.name} if kind == "room" else {"people": [used.name]}
            refer = factories.agenda_item(coordinator, visit.name, **booked, **times)
        outcomes = await asyncio.gather(outcome(refer), outcome(delete(coordinator, used.name)))
        assert outcomes.count("OK") == 1, outcomes
