"""Visits: dates, states and debriefs, through the public surface."""

import random
from datetime import date

import pytest
from austausch.exchange.v1 import events_pb2
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from sqlalchemy import inspect, select

from chassis.identity import Role
from chassis.tables import OutboxEvent
from services.exchange.model import Visit
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import at, day
from tests.refusals import refused


async def events(exchange: RunningService) -> list[str]:
    """Return the types of the events in the outbox, oldest first."""
    async with exchange.database.read() as session:
        types = await session.scalars(select(OutboxEvent.type).order_by(OutboxEvent.id))
        return [kind.rpartition(".")[2] for kind in types]


async def last_event(exchange: RunningService) -> OutboxEvent:
    async with exchange.database.read() as session:
        return (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id.desc()).limit(1))).one()


async def test_a_visit_goes_its_way_and_each_step_is_an_event(exchange: RunningService, coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    assert visit.state == pb.Visit.STATE_IDEA
    assert list(visit.allowed_transitions) == ["agree", "cancel", "postpone"]
    closed = await factories.take(coordinator, visit.name, "agree", "plan", "confirm", "start", "report", "close")
    assert closed.state == pb.Visit.STATE_CLOSED
    assert (list(closed.allowed_transitions), closed.editable) == ([], False)
    changed = ["VisitChanged"] * 4
    assert await events(exchange) == ["PartnershipChanged", "VisitCreated", *changed, "VisitReported", "VisitChanged"]


async def test_a_reported_visit_tells_what_was_learned_and_by_whom(
    exchange: RunningService, coordinator: Caller, member: Caller
) -> None:
    visit = await factories.visit(coordinator)
    await factories.take(coordinator, visit.name, "agree", "plan", "confirm", "start")
    reported = await factories.take(member, visit.name, "report")
    stored = await last_event(exchange)
    event = events_pb2.VisitReported.FromString(stored.payload)
    assert (event.author, event.author_display_name) == ("accounts/member", "Controlling")
    assert event.visit.debrief == reported.debrief == factories.debrief("Monthly reports replace quarterly ones")
    assert (event.visit.name, list(event.exchange.topics)) == (visit.name, ["controlling"])
    assert stored.headers["ce-subject"] == visit.name
    # What a caller may do says nothing to others.
    assert not event.visit.allowed_transitions
    assert not event.visit.editable


async def test_a_refused_step_changes_nothing_and_emits_nothing(exchange: RunningService, coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    before = await events(exchange)
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION") as refusal:
        await factories.take(coordinator, visit.name, "confirm")
    assert refusal.metadata["state"] == "IDEA"
    assert refusal.metadata["allowed"] == "agree,cancel,postpone"
    assert await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name)) == visit
    assert await events(exchange) == before


async def test_an_update_that_changes_nothing_emits_nothing(exchange: RunningService, coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    (partnership,) = (await coordinator.ListPartnerships(pb.ListPartnershipsRequest())).partnerships
    before = await events(exchange)
    assert await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=visit)) == visit
    assert await coordinator.UpdatePartnership(pb.UpdatePartnershipRequest(partnership=partnership)) == partnership
    assert await events(exchange) == before


async def test_a_visit_read_by_itself_has_all_that_a_transaction_reads_of_it(
    exchange: RunningService, coordinator: Caller
) -> None:
    name = (await factories.visit(coordinator)).name
    await factories.take(coordinator, name, "agree", "plan", "confirm", "start", "report")
    async with exchange.database.begin() as session:
        whole = await session.get_by_name(Visit, name)
    async with exchange.database.read_once() as session:
        read = await session.get_by_name(Visit, name)
    shown = [each.key for each in inspect(Visit).column_attrs if not each.deferred]
    assert {key: vars(read)[key] for key in shown} == {key: vars(whole)[key] for key in shown}


@pytest.mark.parametrize("seed", range(3))
async def test_the_verbs_offered_are_exactly_those_that_work(coordinator: Caller, seed: int) -> None:
    pick = random.Random(seed)
    exchange_name = (await factories.exchange(coordinator)).name
    visit = await factories.visit(coordinator, exchange_name)
    for _ in range(40):
        verb = pick.choice(list(factories.STEPS))
        if verb in visit.allowed_transitions:
            visit = await factories.take(coordinator, visit.name, verb)
        else:
            with refused("FAILED_PRECONDITION"):
                await factories.take(coordinator, visit.name, verb)
        if visit.state in (pb.Visit.STATE_CLOSED, pb.Visit.STATE_CANCELLED):
            visit = await factories.visit(coordinator, exchange_name)


async def test_a_postponed_visit_is_taken_up_again_with_new_dates(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    postponed = await factories.take(coordinator, visit.name, "agree", "postpone")
    assert list(postponed.allowed_transitions) == ["cancel", "postpone"]
    with refused("FAILED_PRECONDITION", "NEW_DATES_DUE"):
        await factories.take(coordinator, visit.name, "agree")
    with refused("FAILED_PRECONDITION", "NEW_DATES_DUE"):
        await factories.agenda_item(coordinator, visit.name)
    moved = pb.Visit(name=visit.name, start_date=day(date(2031, 9, 1)), end_date=day(date(2031, 9, 5)))
    assert "agree" in (await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=moved))).allowed_transitions
    agreed = await factories.take(coordinator, visit.name, "agree")
    assert (agreed.state, agreed.reason) == (pb.Visit.STATE_AGREED, "")


async def test_a_debrief_needs_an_entry_and_fits_into_an_event(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.take(coordinator, visit.name, "agree", "plan", "confirm", "start")
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await coordinator.ReportVisit(pb.ReportVisitRequest(name=visit.name, debrief=pb.Debrief(summary="Well.")))
    assert refusal.fields == ["debrief.entries"]
    entry = pb.DebriefEntry(title="Long", language="en", observation="x" * 8000, discussion="y" * 8000)
    with refused("INVALID_ARGUMENT", "DEBRIEF_TOO_LARGE") as refusal:
        await coordinator.ReportVisit(pb.ReportVisitRequest(name=visit.name, debrief=pb.Debrief(entries=[entry] * 40)))
    assert refusal.fields == ["debrief"]


@pytest.mark.parametrize(
    ("direction", "host", "zone"),
    [
        (pb.Visit.DIRECTION_INCOMING, "cities/mannheim", "Europe/Berlin"),
        (pb.Visit.DIRECTION_OUTGOING, "cities/swansea", "Europe/London"),
    ],
)
async def test_the_home_city_hosts_who_comes_and_visits_the_others(
    coordinator: Caller, direction: pb.Visit.Direction, host: str, zone: str
) -> None:
    swansea = await factories.city(coordinator, "swansea")
    partnership = await factories.partnership(coordinator, swansea.name)
    exchange_name = (await factories.exchange(coordinator, partnership.name)).name
    visit = await factories.visit(coordinator, exchange_name, direction=direction)
    assert (visit.host_city, visit.time_zone) == (host, zone)
    assert {visit.host_city, visit.guest_city} == {"cities/mannheim", "cities/swansea"}


@pytest.mark.parametrize(
    ("start", "end", "field", "reason"),
    [
        (Date(year=2031, month=2, day=30), Date(year=2031, month=3, day=1), "visit.start_date", "NO_SUCH_DAY"),
        (Date(year=2031, month=2), Date(year=2031, month=3, day=1), "visit.start_date", "NO_SUCH_DAY"),
        (Date(month=2, day=1), Date(year=2031, month=3, day=1), "visit.start_date", "NO_SUCH_DAY"),
        (Date(year=1899, month=2, day=1), Date(year=2031, month=3, day=1), "visit.start_date", "YEAR_OUT_OF_RANGE"),
        (Date(year=2031, month=2, day=1), Date(year=99999, month=3, day=1), "visit.end_date", "NO_SUCH_DAY"),
        (Date(year=2031, month=2, day=-1), Date(year=2031, month=3, day=1), "visit.start_date", "NO_SUCH_DAY"),
        (Date(year=2031, month=3, day=2), Date(year=2031, month=3, day=1), "visit.end_date", "LAST_DAY_BEFORE_FIRST"),
        (Date(year=2031, month=3, day=2), Date(year=2032, month=3, day=2), "visit.end_date", "VISIT_TOO_LONG"),
    ],
)
async def test_bad_dates_are_refused_by_name(
    coordinator: Caller, start: Date, end: Date, field: str, reason: str
) -> None:
    exchange_name = (await factories.exchange(coordinator)).name
    with refused("INVALID_ARGUMENT", reason) as refusal:
        await factories.visit(coordinator, exchange_name, start_date=start, end_date=end)
    assert refusal.fields == [field]
    listed = await coordinator.ListVisits(pb.ListVisitsRequest())
    assert listed.total_size == 0


async def test_a_visit_of_one_day_and_one_of_a_year_are_fine(coordinator: Caller) -> None:
    exchange_name = (await factories.exchange(coordinator)).name
    first = Date(year=2031, month=3, day=2)
    await factories.visit(coordinator, exchange_name, start_date=first, end_date=first)
    await factories.visit(coordinator, exchange_name, start_date=first, end_date=Date(year=2032, month=3, day=1))


async def test_new_dates_may_not_leave_agenda_items_outside(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    farewell = await factories.agenda_item(
        coordinator, visit.name, title="Farewell", start_time=at(9, days=4), end_time=at(10, days=4)
    )
    welcome = await factories.agenda_item(coordinator, visit.name, title="Welcome")
    visit = await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name))
    shorter = pb.Visit(name=visit.name, end_date=day(date(2031, 5, 15)))
    with refused("FAILED_PRECONDITION", "AGENDA_OUTSIDE_DATES") as refusal:
        await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=shorter))
    assert refusal.metadata["items_0_name"] == farewell.name
    assert await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name)) == visit
    within = pb.Visit(name=visit.name, start_date=day(date(2031, 5, 13)), end_date=day(date(2031, 5, 15)))
    with refused("FAILED_PRECONDITION", "AGENDA_OUTSIDE_DATES") as refusal:
        await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=within))
    assert refusal.metadata == {
        "items_0_name": welcome.name,
        "items_0_title": "Welcome",
        "items_0_start_time": "2031-05-12T07:00:00Z",
        "items_0_field": "visit.start_date",
        "items_1_name": farewell.name,
        "items_1_title": "Farewell",
        "items_1_start_time": "2031-05-16T07:00:00Z",
        "items_1_field": "visit.end_date",
        "items": "2",
    }


async def test_a_visit_that_is_over_does_not_change(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    delegate = await factories.delegate(coordinator, visit.name)
    item = await factories.agenda_item(coordinator, visit.name)
    await factories.take(coordinator, visit.name, "cancel")
    deletion = pb.DeleteDelegateRequest(name=delegate.name)
    renamed = pb.Visit(name=visit.name, title="Anew")
    for call in (
        coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=renamed)),
        factories.delegate(coordinator, visit.name),
        factories.agenda_item(coordinator, visit.name),
        coordinator.BatchEditDelegates(pb.BatchEditDelegatesRequest(parent=visit.name, deletions=[deletion])),
        coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=item.name)),
    ):
        with refused("FAILED_PRECONDITION", "VISIT_OVER"):
            await call


@pytest.mark.parametrize("verbs", [("cancel",), ("agree", "plan", "confirm", "start", "report", "close")])
async def test_a_delegate_is_erased_even_once_the_visit_is_over(
    coordinator: Caller, other_member: Caller, verbs: tuple[str, ...]
) -> None:
    visit = await factories.visit(coordinator)
    delegate = await factories.delegate(coordinator, visit.name, display_name="Rhiannon Price")
    item = await factories.agenda_item(coordinator, visit.name, people=[delegate.name])
    over = await factories.take(coordinator, visit.name, *verbs)
    assert (over.delegation_editable, over.delegates_removable) == (False, True)
    deletion = pb.DeleteDelegateRequest(name=delegate.name)
    with refused("PERMISSION_DENIED", "NOT_IN_CHARGE_OF_DELEGATION"):
        await other_member.DeleteDelegate(deletion)
    await coordinator.DeleteDelegate(deletion)
    assert not (await coordinator.ListDelegates(pb.ListDelegatesRequest(parent=visit.name))).delegates
    assert not (await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name))).people


async def test_what_a_visit_refers_to_has_to_exist(coordinator: Caller) -> None:
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
        await factories.visit(coordinator, "exchanges/none")
    assert refusal.fields == ["visit.exchange"]


async def test_exchange_and_direction_of_a_visit_stay(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    turned = pb.Visit(name=visit.name, direction=pb.Visit.DIRECTION_OUTGOING)
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=turned, update_mask=FieldMask(paths=["direction"])))
    assert refusal.fields == ["update_mask"]


async def test_without_a_home_city_no_visit_is_created(exchange: RunningService) -> None:
    caller = exchange.as_(Role.COORDINATOR)
    with refused("FAILED_PRECONDITION", "NO_HOME_CITY"):
        await factories.visit(caller)


async def test_the_last_change_of_a_visit_counts_delegation_and_agenda(
    exchange: RunningService, coordinator: Caller, member: Caller
) -> None:
    visit = await factories.visit(coordinator)
    assert (visit.last_change_time, visit.last_changer) == (visit.update_time, "International office")
    delegate = await factories.delegate(member, visit.name)
    item = await factories.agenda_item(coordinator, visit.name)
    renamed = pb.Delegate(name=delegate.name, function="Controller")
    moved = pb.AgendaItem(name=item.name, title="Welcome")
    changes = [
        (member.UpdateDelegate, pb.UpdateDelegateRequest(delegate=renamed), "Controlling"),
        (coordinator.UpdateAgendaItem, pb.UpdateAgendaItemRequest(agenda_item=moved), "International office"),
        (member.DeleteAgendaItem, pb.DeleteAgendaItemRequest(name=item.name), "Controlling"),
        (coordinator.DeleteDelegate, pb.DeleteDelegateRequest(name=delegate.name), "International office"),
    ]
    before = visit.last_change_time
    for call, request, changer in changes:
        await call(request)
        seen = await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name))
        (listed,) = (await coordinator.ListVisits(pb.ListVisitsRequest())).visits
        assert seen.last_changer == listed.last_changer == changer
        assert listed.last_change_time == seen.last_change_time
        assert seen.last_change_time.ToNanoseconds() > before.ToNanoseconds()
        assert (seen.update_time, seen.etag) == (visit.update_time, visit.etag), "the visit itself is as it was"
        before = seen.last_change_time
    retitled = pb.Visit(name=visit.name, title="Controllers again", etag=visit.etag)
    changed = await member.UpdateVisit(pb.UpdateVisitRequest(visit=retitled))
    assert (changed.last_change_time, changed.last_changer) == (changed.update_time, "Controlling")
