"""Candidate dates are put to the cities that take part; one of them becomes the dates of the visit."""

import asyncio
from datetime import date, timedelta
from typing import NamedTuple
from uuid import uuid4

import pytest
from austausch.exchange.v1 import date_options_pb2 as options_pb
from austausch.exchange.v1 import exchange_pb2 as pb

from chassis.identity import Role
from services.exchange.model import Answer, DateOption
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused

YES, IF_NEED_BE, NO = (
    options_pb.DateOption.ANSWER_YES,
    options_pb.DateOption.ANSWER_IF_NEED_BE,
    options_pb.DateOption.ANSWER_NO,
)
SWANSEA, HEBRON = "cities/swansea", "cities/hebron"


class World(NamedTuple):
    """An idea without dates, to which Swansea and Hebron are invited, and Swansea's staff."""

    idea: pb.Visit
    partner: Caller


@pytest.fixture
async def world(exchange: RunningService, coordinator: Caller) -> World:
    for city_id in ("swansea", "hebron"):
        await factories.city(coordinator, city_id)
    partnership = await factories.partnership(coordinator, SWANSEA)
    of_swansea = (await factories.exchange(coordinator, partnership.name)).name
    idea = await factories.visit(coordinator, of_swansea, start_date=None, end_date=None, other_guest_cities=[HEBRON])
    return World(idea, exchange.as_(Role.PARTNER, city=SWANSEA, name="Swansea"))


async def put(
    caller: Caller, visit: pb.Visit, first: date = FIRST_DAY, length: int = 3, request_id: str = ""
) -> options_pb.DateOption:
    """Put dates to the cities."""
    option = options_pb.DateOption(start_date=day(first), end_date=day(first + timedelta(days=length - 1)))
    request = options_pb.CreateDateOptionRequest(parent=visit.name, date_option=option, request_id=request_id)
    return await caller.CreateDateOption(request)


async def answer(caller: Caller, option: options_pb.DateOption, given: int, city: str = "") -> options_pb.DateOption:
    request = options_pb.AnswerDateOptionRequest(name=option.name, answer=given, city=city)  # type: ignore[arg-type]
    return await caller.AnswerDateOption(request)


async def choose(caller: Caller, option: options_pb.DateOption, etag: str = "") -> pb.Visit:
    return await caller.ChooseDateOption(options_pb.ChooseDateOptionRequest(name=option.name, etag=etag))


async def list_options(caller: Caller, visit: pb.Visit) -> list[options_pb.DateOption]:
    return list((await caller.ListDateOptions(options_pb.ListDateOptionsRequest(parent=visit.name))).date_options)


async def test_partners_say_what_suits_and_the_office_takes_the_best(coordinator: Caller, world: World) -> None:
    later, sooner = (
        await put(coordinator, world.idea, FIRST_DAY + timedelta(days=7)),
        await put(coordinator, world.idea),
    )
    seen = await list_options(world.partner, world.idea)
    assert [option.name for option in seen] == [sooner.name, later.name]
    await answer(world.partner, sooner, NO)
    await answer(world.partner, later, YES)
    replied = await answer(coordinator, later, IF_NEED_BE, HEBRON)
    assert [(reply.city, reply.answer, reply.recorder, reply.taken_down) for reply in replied.replies] == [
        (SWANSEA, YES, "Swansea", False),
        (HEBRON, IF_NEED_BE, "International office", True),
    ]
    visit = await choose(coordinator, later, replied.etag)
    assert (visit.start_date, visit.end_date) == (later.start_date, later.end_date)
    assert visit.etag != world.idea.etag
    assert "agree" in visit.allowed_transitions
    assert len(await list_options(coordinator, world.idea)) == 2


async def test_a_city_may_change_its_mind_and_has_one_reply(coordinator: Caller, world: World) -> None:
    option = await put(coordinator, world.idea)
    await answer(world.partner, option, YES)
    await answer(coordinator, option, YES, HEBRON)
    changed = await answer(world.partner, option, NO)
    assert [(reply.city, reply.answer) for reply in changed.replies] == [(SWANSEA, NO), (HEBRON, YES)]


def test_a_reply_replaces_that_of_the_same_city_only() -> None:
    option = DateOption(replies=[])
    moment = factories.at(9).ToDatetime()
    for city_id, given in (("swansea", Answer.YES), ("hebron", Answer.NO), ("swansea", Answer.NO)):
        option.record(city_id, given, "Somebody", moment, taken_down=False)
    assert [(reply["city_id"], reply["answer"]) for reply in option.replies] == [("swansea", "no"), ("hebron", "no")]


async def test_who_takes_dates_that_somebody_spoke_about_since_is_told(coordinator: Caller, world: World) -> None:
    option = await put(coordinator, world.idea)
    await answer(world.partner, option, NO)
    with refused("ABORTED", "ETAG_MISMATCH"):
        await choose(coordinator, option, option.etag)
    request = options_pb.DeleteDateOptionRequest(name=option.name, etag=option.etag)
    with refused("ABORTED", "ETAG_MISMATCH"):
        await coordinator.DeleteDateOption(request)
    assert not (await coordinator.GetVisit(pb.GetVisitRequest(name=world.idea.name))).HasField("start_date")


async def test_two_cities_answer_at_once_and_both_are_heard(coordinator: Caller, world: World) -> None:
    option = await put(coordinator, world.idea)
    await asyncio.gather(answer(world.partner, option, YES), answer(coordinator, option, NO, HEBRON))
    (stored,) = await list_options(coordinator, world.idea)
    assert {(reply.city, reply.answer) for reply in stored.replies} == {(SWANSEA, YES), (HEBRON, NO)}


async def test_dates_are_put_once(coordinator: Caller, world: World) -> None:
    request_id = str(uuid4())
    first = await put(coordinator, world.idea, request_id=request_id)
    assert await put(coordinator, world.idea, request_id=request_id) == first
    with refused("ALREADY_EXISTS", "DATE_OPTION_EXISTS"):
        await put(coordinator, world.idea)
    await coordinator.DeleteDateOption(options_pb.DeleteDateOptionRequest(name=first.name))
    assert (await put(coordinator, world.idea)).name != first.name


async def test_dates_that_a_visit_cannot_have_are_refused_by_name(coordinator: Caller, world: World) -> None:
    for length, reason in ((0, "LAST_DAY_BEFORE_FIRST"), (400, "VISIT_TOO_LONG")):
        with refused("INVALID_ARGUMENT", reason) as refusal:
            await put(coordinator, world.idea, length=length)
        assert refusal.fields == ["date_option.end_date"]
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        option = options_pb.DateOption(start_date=day(FIRST_DAY))
        await coordinator.CreateDateOption(
            options_pb.CreateDateOptionRequest(parent=world.idea.name, date_option=option)
        )
    assert refusal.fields == ["date_option.end_date"]


async def test_there_are_twenty_at_most(coordinator: Caller, world: World) -> None:
    for number in range(20):
        await put(coordinator, world.idea, FIRST_DAY + timedelta(days=number))
    with refused("FAILED_PRECONDITION", "TOO_MANY_DATE_OPTIONS") as refusal:
        await put(coordinator, world.idea, FIRST_DAY + timedelta(days=20))
    assert refusal.metadata == {"max_options": "20"}


async def test_a_city_speaks_for_itself_and_only_where_it_takes_part(
    exchange: RunningService, coordinator: Caller, world: World, other_member: Caller
) -> None:
    option = await put(coordinator, world.idea)
    with refused("PERMISSION_DENIED", "REPLY_OF_OTHER_CITY"):
        await answer(world.partner, option, YES, HEBRON)
    stranger = exchange.as_(Role.PARTNER, city=(await factories.city(coordinator)).name)
    with refused("PERMISSION_DENIED", "RESOURCE_NOT_VISIBLE"):
        await answer(stranger, option, YES)
    with refused("PERMISSION_DENIED", "RESOURCE_NOT_VISIBLE"):
        await list_options(stranger, world.idea)
    with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_IN_CHARGE"):
        await answer(other_member, option, YES, SWANSEA)
    with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_IN_CHARGE"):
        await choose(other_member, option)
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await answer(coordinator, option, YES)
    assert refusal.fields == ["city"]
    for city in ("cities/mannheim", "cities/nowhere"):
        with refused("INVALID_ARGUMENT", "CITY_TAKES_NO_PART") as refusal:
            await answer(coordinator, option, YES, city)
        assert refusal.fields == ["city"]


async def test_what_is_agreed_on_is_settled(coordinator: Caller, world: World) -> None:
    option = await put(coordinator, world.idea)
    await choose(coordinator, option)
    await factories.take(coordinator, world.idea.name, "agree")
    with refused("FAILED_PRECONDITION", "DATES_SETTLED") as refusal:
        await put(coordinator, world.idea, FIRST_DAY + timedelta(days=7))
    assert refusal.metadata == {"state": "AGREED"}
    with refused("FAILED_PRECONDITION", "DATES_SETTLED"):
        await answer(world.partner, option, NO)
    with refused("FAILED_PRECONDITION", "DATES_SETTLED"):
        await choose(coordinator, option)


async def test_a_postponed_visit_finds_new_dates_the_same_way(coordinator: Caller, world: World) -> None:
    visit = await factories.visit(coordinator, world.idea.exchange)
    await factories.unplaced_item(coordinator, visit.name, earliest_start_time=at(9))
    await factories.take(coordinator, visit.name, "agree", "postpone")
    with refused("INVALID_ARGUMENT", "DATES_UNCHANGED") as refusal:
        await put(coordinator, visit, length=5)
    assert refusal.fields == ["date_option.start_date"]
    chosen = await choose(coordinator, await put(coordinator, visit, FIRST_DAY + timedelta(days=7)))
    assert (chosen.state, "agree" in chosen.allowed_transitions) == (pb.Visit.STATE_POSTPONED, True)
    (item,) = (await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))).agenda_items
    assert item.earliest_start_time == at(9, days=7)


async def test_a_postponed_visit_is_not_given_the_dates_that_it_was_taken_off(
    coordinator: Caller, world: World
) -> None:
    option = await put(coordinator, world.idea)
    await choose(coordinator, option)
    await factories.take(coordinator, world.idea.name, "agree", "postpone")
    with refused("INVALID_ARGUMENT", "DATES_UNCHANGED"):
        await choose(coordinator, option)


async def test_dates_on_which_somebody_travels_elsewhere_are_not_taken(coordinator: Caller, world: World) -> None:
    other = await factories.visit(coordinator, world.idea.exchange)
    for visit in (other, world.idea):
        await factories.delegate(coordinator, visit.name, display_name="Rhiannon Price")
    option = await put(coordinator, world.idea)
    with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY"):
        await choose(coordinator, option)


async def test_they_go_with_the_visit(coordinator: Caller, world: World) -> None:
    option = await put(coordinator, world.idea)
    await coordinator.DeleteVisit(pb.DeleteVisitRequest(name=world.idea.name))
    with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await choose(coordinator, option)
