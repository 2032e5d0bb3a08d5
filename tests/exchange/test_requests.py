"""What holds for every resource: versions, request ids, pages, orders and the cost of a list."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from uuid import uuid4

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.latlng_pb2 import LatLng
from sqlalchemy import event

from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import day
from tests.refusals import refused


async def test_a_lost_update_is_refused_with_who_changed_it(
    coordinator: Caller, member: Caller, other_member: Caller
) -> None:
    visit = await factories.visit(coordinator)
    first = pb.Visit(name=visit.name, title="First", etag=visit.etag)
    changed = await member.UpdateVisit(pb.UpdateVisitRequest(visit=first))
    assert changed.updater == "Controlling"
    second = pb.Visit(name=visit.name, title="Second", etag=visit.etag)
    with refused("ABORTED", "ETAG_MISMATCH") as refusal:
        await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=second))
    seconds = changed.update_time.ToJsonString()[:19]
    assert refusal.metadata == {"updater": "Controlling", "update_time": f"{seconds}Z"}
    with refused("ABORTED", "ETAG_MISMATCH"):
        await factories.take(coordinator, visit.name, "agree", etag=visit.etag)
    assert (await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name))).title == "First"


async def test_of_concurrent_updates_of_one_version_one_wins(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    answers = await asyncio.gather(
        *(
            coordinator.UpdateVisit(
                pb.UpdateVisitRequest(visit=pb.Visit(name=visit.name, title=f"Title {number}", etag=visit.etag))
            )
            for number in range(6)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, pb.Visit) for answer in answers) == 1


async def test_a_child_has_a_version_of_its_own(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name)
    assert (await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name))).etag == visit.etag
    renamed = pb.AgendaItem(name=item.name, title="Anew", etag=item.etag)
    await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=renamed))
    with refused("ABORTED", "ETAG_MISMATCH"):
        await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=renamed))
    with refused("ABORTED", "ETAG_MISMATCH"):
        await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=item.name, etag=item.etag))


async def test_a_repeated_request_returns_the_first_answer(coordinator: Caller) -> None:
    exchange_name = (await factories.exchange(coordinator)).name
    visit = pb.Visit(
        title="Controllers",
        exchange=exchange_name,
        direction=pb.Visit.DIRECTION_INCOMING,
        start_date=day(date(2031, 5, 12)),
        end_date=day(date(2031, 5, 16)),
        host_department="Dezernatscontrolling",
    )
    request = pb.CreateVisitRequest(visit=visit, request_id=str(uuid4()))
    answers = await asyncio.gather(*(coordinator.CreateVisit(request) for _ in range(10)))
    await factories.take(coordinator, answers[0].name, "agree")
    answers.append(await coordinator.CreateVisit(request))
    assert all(answer == answers[0] for answer in answers)
    assert (await coordinator.ListVisits(pb.ListVisitsRequest())).total_size == 1
    request.visit.title = "Another"
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.CreateVisit(request)
    assert refusal.fields == ["request_id"]


async def test_a_repeated_transition_returns_the_first_answer(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    steps: list[tuple[str, dict[str, object]]] = [
        ("Agree", {}),
        ("Plan", {}),
        ("Confirm", {}),
        ("Postpone", {"reason": "Flood"}),
        ("Cancel", {"reason": "Flood"}),
    ]
    for verb, more in steps:
        request = getattr(pb, f"{verb}VisitRequest")(name=visit.name, etag=visit.etag, request_id=str(uuid4()), **more)
        call = getattr(coordinator, f"{verb}Visit")
        first, second = await asyncio.gather(call(request), call(request))
        assert first == second == await call(request)
        assert first.etag != visit.etag
        visit = first
    reported = await factories.visit(coordinator)
    await factories.take(coordinator, reported.name, "agree", "plan", "confirm", "start")
    report = pb.ReportVisitRequest(
        name=reported.name, debrief=factories.debrief("Monthly reports"), request_id=str(uuid4())
    )
    assert await coordinator.ReportVisit(report) == await coordinator.ReportVisit(report)


async def test_a_transition_of_a_partnership_that_is_repeated_returns_the_first_answer(coordinator: Caller) -> None:
    name = (await factories.exchange(coordinator)).partnership
    request = pb.ApprovePartnershipRequest(name=name, request_id=str(uuid4()))
    first = await coordinator.ApprovePartnership(request)
    await coordinator.SignPartnership(pb.SignPartnershipRequest(name=name))
    assert await coordinator.ApprovePartnership(request) == first


async def test_a_repeated_booking_is_answered_and_not_refused(coordinator: Caller) -> None:
    visit, room = await factories.visit(coordinator), await factories.room(coordinator)
    request = pb.CreateAgendaItemRequest(
        parent=visit.name,
        agenda_item=pb.AgendaItem(title="Talk", start_time=factories.at(9), end_time=factories.at(10), room=room.name),
        request_id=str(uuid4()),
    )
    answers = await asyncio.gather(*(coordinator.CreateAgendaItem(request) for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)


async def test_a_taken_id_is_refused(coordinator: Caller) -> None:
    await factories.city(coordinator, "swansea")
    await factories.room(coordinator, "ratssaal")
    await factories.person(coordinator, "interpreter")
    for call in (
        factories.city(coordinator, "swansea"),
        factories.room(coordinator, "ratssaal"),
        factories.person(coordinator, "interpreter"),
    ):
        with refused("ALREADY_EXISTS", "NAME_TAKEN"):
            await call


@pytest.mark.parametrize("order_by", ["start_date", "start_date desc", "title", "create_time desc", "update_time"])
async def test_pages_show_every_visit_once(coordinator: Caller, order_by: str) -> None:
    exchange_name = (await factories.exchange(coordinator)).name
    for number in range(7):
        first = day(date(2031, 5, 1 + number % 3))
        await factories.visit(coordinator, exchange_name, title=f"T{number % 2}", start_date=first, end_date=first)
    names, token = [], ""
    while True:
        request = pb.ListVisitsRequest(page_size=3, page_token=token, order_by=order_by)
        answer = await coordinator.ListVisits(request)
        names += [visit.name for visit in answer.visits]
        token = answer.next_page_token
        if not token:
            break
    whole = await coordinator.ListVisits(pb.ListVisitsRequest(order_by=order_by))
    assert names == [visit.name for visit in whole.visits]
    assert (len(set(names)), answer.total_size) == (7, 7)


async def test_an_unknown_order_is_refused_by_name(coordinator: Caller) -> None:
    for call in (
        coordinator.ListVisits(pb.ListVisitsRequest(order_by="reason")),
        coordinator.ListCities(pb.ListCitiesRequest(order_by="display_name; DROP TABLE cities")),
        coordinator.ListPartnerships(pb.ListPartnershipsRequest(order_by="kind")),
        coordinator.ListExchanges(pb.ListExchangesRequest(order_by="title sideways")),
    ):
        with refused("INVALID_ARGUMENT", "ORDER_UNKNOWN") as refusal:
            await call
        assert refusal.fields == ["order_by"]


async def test_lists_filter(coordinator: Caller) -> None:
    swansea = await factories.city(coordinator, "swansea")
    partnership = await factories.partnership(coordinator, swansea.name, kind=pb.Partnership.KIND_FRIENDSHIP)
    exchange = await factories.exchange(coordinator, partnership.name, topics=["water", "controlling"])
    visit = await factories.visit(coordinator, exchange.name)
    other = await factories.visit(coordinator, direction=pb.Visit.DIRECTION_OUTGOING, end_date=day(date(2031, 6, 30)))
    await factories.take(coordinator, other.name, "agree")

    async def visits(**filters: object) -> list[str]:
        answer = await coordinator.ListVisits(pb.ListVisitsRequest(**filters))
        return sorted(found.name for found in answer.visits)

    assert await visits(city="cities/swansea") == [visit.name]
    assert await visits(exchange=other.exchange) == [other.name]
    assert await visits(state=pb.Visit.STATE_AGREED) == [other.name]
    assert await visits(direction=pb.Visit.DIRECTION_INCOMING) == [visit.name]
    assert await visits(from_date=day(date(2031, 5, 17))) == [other.name]
    assert await visits(to_date=day(date(2031, 5, 11))) == []
    partnerships = await coordinator.ListPartnerships(
        pb.ListPartnershipsRequest(kind=pb.Partnership.KIND_FRIENDSHIP, state=pb.Partnership.STATE_INITIATED)
    )
    assert [found.name for found in partnerships.partnerships] == [partnership.name]
    exchanges = await coordinator.ListExchanges(
        pb.ListExchangesRequest(topic="water", partnership=partnership.name, kind=pb.Exchange.KIND_ADMINISTRATIVE)
    )
    assert [found.name for found in exchanges.exchanges] == [exchange.name]
    with refused("INVALID_ARGUMENT", "NAME_MALFORMED") as refusal:
        await coordinator.ListVisits(pb.ListVisitsRequest(city="swansea"))
    assert refusal.fields == ["city"]


async def test_a_list_shows_what_changed_since_and_what_each_caller_may_do(
    coordinator: Caller, member: Caller, other_member: Caller
) -> None:
    visit = await factories.visit(coordinator)

    async def listed(caller: Caller) -> pb.Visit:
        (found,) = (await caller.ListVisits(pb.ListVisitsRequest())).visits
        return found

    assert await listed(coordinator) == visit
    assert (await listed(member)).editable
    assert not (await listed(other_member)).editable
    exchange = await coordinator.GetExchange(pb.GetExchangeRequest(name=visit.exchange))
    exchange.title = "Controllers compare their reports"
    await coordinator.UpdateExchange(
        pb.UpdateExchangeRequest(exchange=exchange, update_mask=FieldMask(paths=["title"]))
    )
    assert (await listed(member)).exchange_title == "Controllers compare their reports"
    agreed = await factories.take(coordinator, visit.name, "agree")
    agreed.ClearField("consents")
    assert await listed(coordinator) == agreed
    assert list((await listed(member)).allowed_transitions) == ["plan"]


async def test_a_city_keeps_its_calendar_facts(coordinator: Caller) -> None:
    facts = {
        "local_name": "חיפה",
        "country_code": "IL",
        "time_zone": "Asia/Jerusalem",
        "working_week": [7, 1, 2, 3, 4],
        "languages": ["he", "ar"],
        "location": LatLng(latitude=32.8, longitude=34.99),
        "holiday_calendar": "IL",
    }
    haifa = await factories.city(coordinator, "haifa", **facts)
    assert haifa == await coordinator.GetCity(pb.GetCityRequest(name="cities/haifa"))
    assert list(haifa.working_week) == [7, 1, 2, 3, 4]
    without = pb.UpdateCityRequest(city=pb.City(name=haifa.name), update_mask=FieldMask(paths=["location"]))
    assert not (await coordinator.UpdateCity(without)).HasField("location")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("time_zone", "Europe/Nowhere", ["city.time_zone"]),
        ("time_zone", "../../etc/passwd", ["city.time_zone"]),
        ("time_zone", "Europe", ["city.time_zone"]),
        ("location", LatLng(latitude=91), ["city.location.latitude"]),
        ("location", LatLng(longitude=float("nan")), ["city.location.longitude"]),
        ("location", LatLng(latitude=-91, longitude=181), ["city.location.latitude", "city.location.longitude"]),
    ],
)
async def test_a_city_that_can_not_be_is_refused_by_name(
    coordinator: Caller, field: str, value: object, named: list[str]
) -> None:
    with refused("INVALID_ARGUMENT", "INVALID_FIELD" if "location" in named[0] else "TIME_ZONE_UNKNOWN") as refusal:
        await factories.city(coordinator, "nowhere", **{field: value})
    assert refusal.fields == named


async def test_a_partnership_goes_its_way(coordinator: Caller) -> None:
    partnership = await factories.partnership(coordinator)
    for verb, request in (
        ("Approve", pb.ApprovePartnershipRequest),
        ("Sign", pb.SignPartnershipRequest),
        ("Activate", pb.ActivatePartnershipRequest),
        ("Suspend", pb.SuspendPartnershipRequest),
        ("Activate", pb.ActivatePartnershipRequest),
        ("End", pb.EndPartnershipRequest),
    ):
        assert verb.lower() in partnership.allowed_transitions
        call = getattr(coordinator, f"{verb}Partnership")
        partnership = await call(request(name=partnership.name, etag=partnership.etag))
    assert (partnership.state, list(partnership.allowed_transitions)) == (pb.Partnership.STATE_ENDED, [])


async def test_the_home_city_is_no_partner_of_itself(coordinator: Caller) -> None:
    with refused("INVALID_ARGUMENT", "CITY_IS_HOME") as refusal:
        await factories.partnership(coordinator, factories.HOME_CITY)
    assert refusal.fields == ["partnership.city"]


@contextmanager
def statements(exchange: RunningService) -> Iterator[list[str]]:
    """Collect the SQL that the service runs in the block."""
    seen: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    engine = exchange.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", record)


async def test_a_list_costs_the_same_few_statements_however_long_it_is(
    exchange: RunningService, coordinator: Caller
) -> None:
    room = await factories.room(coordinator)
    visits = [await factories.visit(coordinator) for _ in range(4)]
    for hour in range(8, 12):
        await factories.agenda_item(
            coordinator, visits[0].name, room=room.name, start_time=factories.at(hour), end_time=factories.at(hour + 1)
        )
        await factories.delegate(coordinator, visits[0].name)
    for call in (
        lambda: coordinator.ListVisits(pb.ListVisitsRequest()),
        lambda: coordinator.ListExchanges(pb.ListExchangesRequest()),
        lambda: coordinator.ListPartnerships(pb.ListPartnershipsRequest()),
        lambda: coordinator.ListCities(pb.ListCitiesRequest()),
        lambda: coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visits[0].name)),
        lambda: coordinator.ListDelegates(pb.ListDelegatesRequest(parent=visits[0].name)),
    ):
        with statements(exchange) as seen:
            assert (await call()).total_size >= 4
        # The relay looks into the outbox meanwhile.
        assert len([statement for statement in seen if "outbox" not in statement]) <= 3
