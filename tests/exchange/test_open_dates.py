"""An idea may have no dates yet, and no host department; whatever is more has both."""

from datetime import timedelta
from typing import Any

import pytest
from austausch.common.v1.names_pb2 import SearchNamesRequest
from austausch.exchange.v1 import calendars_pb2 as calendars_pb
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from google.protobuf.field_mask_pb2 import FieldMask

from tests import factories
from tests.calls import Caller
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused

DATES = {"start_date": day(FIRST_DAY), "end_date": day(FIRST_DAY + timedelta(days=4))}
OPEN: dict[str, Any] = {"start_date": None, "end_date": None}


async def update(caller: Caller, visit: pb.Visit, *also: str, **fields: Any) -> pb.Visit:
    """Change fields of a visit; those of `also` are emptied."""
    paths = FieldMask(paths=[*fields, *also])
    request = pb.UpdateVisitRequest(visit=pb.Visit(name=visit.name, **fields), update_mask=paths)
    return await caller.UpdateVisit(request)


async def list_visits(caller: Caller, **fields: Any) -> list[str]:
    """Return the names of the visits on all pages, two on each."""
    names: list[str] = []
    token = ""
    while token or not names:
        request = pb.ListVisitsRequest(page_size=2, page_token=token, **fields)
        answer = await caller.ListVisits(request)
        names += [visit.name for visit in answer.visits]
        token = answer.next_page_token
        if not token:
            assert answer.total_size == len(names)
            break
    return names


async def test_an_idea_has_dates_or_none(coordinator: Caller) -> None:
    idea = await factories.visit(coordinator, **OPEN, host_department="")
    assert not (idea.HasField("start_date") or idea.HasField("end_date"))
    assert list(idea.allowed_transitions) == ["cancel"]
    assert await coordinator.GetVisit(pb.GetVisitRequest(name=idea.name)) == idea
    dated = await update(coordinator, idea, **DATES)
    assert (dated.start_date, dated.end_date) == (DATES["start_date"], DATES["end_date"])
    again = await update(coordinator, idea, "start_date", "end_date")
    assert not (again.HasField("start_date") or again.HasField("end_date"))


@pytest.mark.parametrize(("given", "missing"), [("start_date", "end_date"), ("end_date", "start_date")])
async def test_one_date_without_the_other_is_refused_by_the_other(
    coordinator: Caller, given: str, missing: str
) -> None:
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await factories.visit(coordinator, **{missing: None})
    assert refusal.fields == [f"visit.{missing}"]
    idea = await factories.visit(coordinator, **OPEN)
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await update(coordinator, idea, **{given: DATES[given]})
    assert refusal.fields == [f"visit.{missing}"]
    dated = await factories.visit(coordinator)
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await update(coordinator, dated, missing)
    assert refusal.fields == [f"visit.{missing}"]


async def test_what_is_open_keeps_a_visit_from_being_agreed_on(coordinator: Caller) -> None:
    idea = await factories.visit(coordinator, **OPEN, host_department="")
    with refused("FAILED_PRECONDITION", "VISIT_INCOMPLETE") as refusal:
        await factories.take(coordinator, idea.name, "agree")
    assert refusal.metadata == {"fields": "visit.start_date,visit.end_date,visit.host_department"}
    dated = await update(coordinator, idea, **DATES)
    assert "agree" not in dated.allowed_transitions
    with refused("FAILED_PRECONDITION", "VISIT_INCOMPLETE") as refusal:
        await factories.take(coordinator, idea.name, "agree")
    assert refusal.metadata == {"fields": "visit.host_department"}
    complete = await update(coordinator, idea, host_department="Controlling")
    assert "agree" in complete.allowed_transitions
    assert (await factories.take(coordinator, idea.name, "agree")).state == pb.Visit.STATE_AGREED


async def test_what_is_agreed_on_keeps_its_dates_and_its_host(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.take(coordinator, visit.name, "agree")
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await update(coordinator, visit, "start_date", "end_date")
    assert refusal.fields == ["visit.start_date", "visit.end_date"]
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await update(coordinator, visit, "host_department")
    assert refusal.fields == ["visit.host_department"]


async def test_an_idea_without_dates_is_cancelled_and_never_postponed(coordinator: Caller) -> None:
    idea = await factories.visit(coordinator, **OPEN)
    with refused("FAILED_PRECONDITION", "DATES_OPEN"):
        await factories.take(coordinator, idea.name, "postpone")
    request = pb.PostponeVisitRequest(name=idea.name, reason="Ill", **DATES)
    with refused("FAILED_PRECONDITION", "DATES_OPEN"):
        await coordinator.PostponeVisit(request)
    cancelled = await factories.take(coordinator, idea.name, "cancel")
    assert (cancelled.state, cancelled.HasField("start_date")) == (pb.Visit.STATE_CANCELLED, False)
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await factories.take(coordinator, idea.name, "postpone")


async def test_items_have_no_time_as_long_as_the_visit_has_no_dates(coordinator: Caller) -> None:
    idea, room = await factories.visit(coordinator, **OPEN), await factories.room(coordinator)
    with refused("INVALID_ARGUMENT", "TIME_WITHOUT_DATES") as refusal:
        await factories.agenda_item(coordinator, idea.name, room=room.name)
    assert refusal.fields == ["agenda_item.start_time"]
    item = await factories.unplaced_item(
        coordinator, idea.name, room=room.name, earliest_start_time=at(9), latest_end_time=at(12)
    )
    change = pb.AgendaItem(name=item.name, start_time=at(9))
    with refused("INVALID_ARGUMENT", "TIME_WITHOUT_DATES"):
        await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=change))
    await update(coordinator, idea, **DATES)
    placed = await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=change))
    # What bounds it is an instant, which the first dates do not move.
    assert (placed.start_time, placed.earliest_start_time, placed.latest_end_time) == (at(9), at(9), at(12))


async def test_dates_are_not_opened_while_items_have_times(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name)
    await factories.unplaced_item(coordinator, visit.name)
    with refused("FAILED_PRECONDITION", "AGENDA_OUTSIDE_DATES") as refusal:
        await update(coordinator, visit, "start_date", "end_date")
    assert (refusal.metadata["items"], refusal.metadata["items_0_name"]) == ("1", item.name)
    assert refusal.metadata["items_0_field"] == "visit.start_date"
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=item.name))
    assert not (await update(coordinator, visit, "start_date", "end_date")).HasField("start_date")


async def test_a_programme_without_dates_is_neither_planned_nor_has_times_when_it_is_copied(
    coordinator: Caller,
) -> None:
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, earliest_start_time=at(8))
    idea = await factories.visit(coordinator, **OPEN)
    copy = pb.CopyProgrammeRequest(name=idea.name, source=visit.name)
    (item,) = (await coordinator.CopyProgramme(copy)).agenda_items
    assert (item.HasField("start_time"), item.HasField("earliest_start_time"), item.duration_minutes) == (
        False,
        False,
        60,
    )
    run = runs_pb.CreateScheduleRunRequest(parent=idea.name, schedule_run=runs_pb.ScheduleRun())
    with refused("FAILED_PRECONDITION", "DATES_OPEN"):
        await coordinator.CreateScheduleRun(run)
    target = await factories.visit(coordinator)
    back = pb.CopyProgrammeRequest(name=target.name, source=idea.name)
    (item,) = (await coordinator.CopyProgramme(back)).agenda_items
    assert not item.HasField("start_time")


async def test_a_person_may_be_in_an_idea_without_dates_and_elsewhere_until_it_has_some(coordinator: Caller) -> None:
    exchange = await factories.exchange(coordinator)
    visit = await factories.visit(coordinator, exchange.name)
    idea = await factories.visit(coordinator, exchange.name, **OPEN)
    for name in (visit.name, idea.name):
        await factories.delegate(coordinator, name, display_name="Rhiannon Price")
    with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY"):
        await update(coordinator, idea, **DATES)
    later = FIRST_DAY + timedelta(days=20)
    await update(coordinator, idea, start_date=day(later), end_date=day(later))
    with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY"):
        await update(coordinator, visit, end_date=day(later))


async def test_what_has_no_dates_comes_after_all_others_in_order_of_the_days(coordinator: Caller) -> None:
    exchange = (await factories.exchange(coordinator)).name
    visits = [await factories.visit(coordinator, exchange, **dates) for dates in (OPEN, DATES, OPEN, {}, OPEN)]
    undated = [visits[0].name, visits[2].name, visits[4].name]
    dated = [visits[1].name, visits[3].name]
    assert await list_visits(coordinator, exchange=exchange, order_by="start_date") == dated + undated
    newest_first = await list_visits(coordinator, exchange=exchange)
    assert newest_first == undated[::-1] + dated[::-1]
    assert await list_visits(coordinator, exchange=exchange, dates_open=True) == undated[::-1]
    assert await list_visits(coordinator, exchange=exchange, from_date=DATES["start_date"]) == dated[::-1]
    assert await list_visits(coordinator, exchange=exchange, to_date=DATES["end_date"]) == dated[::-1]
    first = pb.ListVisitsRequest(exchange=exchange, dates_open=True, to_date=DATES["end_date"])
    assert (await coordinator.ListVisits(first)).total_size == 0


async def test_what_has_no_dates_is_counted_in_no_time_and_speaks_against_none(coordinator: Caller) -> None:
    exchange = await factories.exchange(coordinator)
    await factories.visit(coordinator, exchange.name, **OPEN)
    span = {"from_date": DATES["start_date"], "to_date": DATES["end_date"]}
    counted = pb.CountVisitsRequest(period=pb.CountVisitsRequest.PERIOD_DAY, exchange=exchange.name, **span)
    assert (await coordinator.CountVisits(counted)).counts == []
    proposed = calendars_pb.ProposeDatesRequest(
        city=exchange.city, working_days=5, department="Dezernatscontrolling", page_size=1,
        earliest_date=DATES["start_date"], latest_date=day(FIRST_DAY + timedelta(days=30)),
    )  # fmt: skip
    (window,) = (await coordinator.ProposeDates(proposed)).windows
    assert calendars_pb.DateReason.KIND_OTHER_VISIT not in [reason.kind for reason in window.reasons]


async def test_an_idea_without_dates_is_found_by_its_name(coordinator: Caller) -> None:
    idea = await factories.visit(coordinator, **OPEN, title="Zoological gardens without any dates")
    (hit,) = (await coordinator.SearchExchangeNames(SearchNamesRequest(query="zoological gardens"))).hits
    assert (hit.name, hit.HasField("start_date")) == (idea.name, False)


async def test_who_proposed_an_idea_without_a_host_changes_it_and_nobody_without_a_department_does(
    coordinator: Caller, member: Caller, other_member: Caller
) -> None:
    exchange = await factories.exchange(coordinator)
    idea = await factories.visit(other_member, exchange.name, **OPEN, host_department="")
    assert idea.editable
    assert (await update(other_member, idea, **DATES)).HasField("start_date")
    with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_IN_CHARGE"):
        await update(member, idea, title="Mine")
