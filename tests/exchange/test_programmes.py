"""Delegations and programmes: what belongs to a visit, and what does not."""

from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from services.exchange.model import AgendaItem
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import at
from tests.refusals import refused


@pytest.mark.parametrize(
    ("start", "end", "field", "reason"),
    [
        (at(23, 59, days=-1), at(1), "agenda_item.start_time", "OUTSIDE_VISIT_DATES"),
        (at(23, days=4), at(0, 1, days=5), "agenda_item.end_time", "OUTSIDE_VISIT_DATES"),
        (at(9, days=5), at(10, days=5), "agenda_item.start_time", "OUTSIDE_VISIT_DATES"),
        (at(10), at(10), "agenda_item.end_time", "END_NOT_AFTER_START"),
        (at(10), at(9), "agenda_item.end_time", "END_NOT_AFTER_START"),
        (at(9), at(9, 1, days=1), "agenda_item.end_time", "AGENDA_ITEM_TOO_LONG"),
        (Timestamp(seconds=10**12), at(10), "agenda_item.start_time", "NO_SUCH_INSTANT"),
        (at(9), Timestamp(nanos=-1), "agenda_item.end_time", "NO_SUCH_INSTANT"),
    ],
)
async def test_an_item_outside_the_visits_dates_is_refused_by_name(
    coordinator: Caller, start: Timestamp, end: Timestamp, field: str, reason: str
) -> None:
    visit = await factories.visit(coordinator)
    with refused("INVALID_ARGUMENT", reason) as refusal:
        await factories.agenda_item(coordinator, visit.name, start_time=start, end_time=end)
    assert refusal.fields == [field]


async def test_dates_are_meant_in_the_hosts_time_zone(coordinator: Caller) -> None:
    qingdao = await factories.city(coordinator, "qingdao", country_code="CN", time_zone="Asia/Shanghai")
    partnership = await factories.partnership(coordinator, qingdao.name)
    exchange_name = (await factories.exchange(coordinator, partnership.name)).name
    visit = await factories.visit(coordinator, exchange_name, direction=pb.Visit.DIRECTION_OUTGOING)
    first_hour = {"start_time": at(0, zone="Asia/Shanghai"), "end_time": at(1, zone="Asia/Shanghai")}
    await factories.agenda_item(coordinator, visit.name, **first_hour)
    with refused("INVALID_ARGUMENT", "OUTSIDE_VISIT_DATES"):
        await factories.agenda_item(coordinator, visit.name, start_time=at(18, days=4), end_time=at(19, days=4))


async def test_rooms_and_people_have_to_exist_and_delegates_to_be_of_this_visit(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    stranger = await factories.delegate(coordinator, other.name)
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
        await factories.agenda_item(coordinator, visit.name, room="rooms/none")
    assert refusal.fields == ["agenda_item.room"]
    stranger_as_ours = f"{visit.name}/delegates/{stranger.name.rpartition('/')[2]}"
    for name in ("people/none", stranger.name, stranger_as_ours):
        with refused("INVALID_ARGUMENT", "NOT_OF_VISIT") as refusal:
            await factories.agenda_item(coordinator, visit.name, people=[name])
        assert refusal.fields == ["agenda_item.people"]


async def test_a_room_of_the_home_city_is_not_booked_for_a_visit_abroad(coordinator: Caller) -> None:
    room = await factories.room(coordinator, "ratssaal", display_name="Ratssaal")
    abroad = await factories.visit(coordinator, direction=pb.Visit.DIRECTION_OUTGOING)
    with refused("INVALID_ARGUMENT", "ROOM_NOT_AT_HOST") as refusal:
        await factories.agenda_item(coordinator, abroad.name, room=room.name)
    (violation,) = refusal.error.violations
    assert (violation.field, violation.metadata) == (
        "agenda_item.room",
        {"room": "rooms/ratssaal", "room_title": "Ratssaal"},
    )
    item = await factories.agenda_item(coordinator, abroad.name, place="Guildhall")
    moved = pb.AgendaItem(name=item.name, room=room.name)
    with refused("INVALID_ARGUMENT", "ROOM_NOT_AT_HOST"):
        await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=moved))


async def test_the_database_itself_keeps_home_rooms_at_home(exchange: RunningService, coordinator: Caller) -> None:
    await factories.room(coordinator, "ratssaal")
    abroad = await factories.visit(coordinator, direction=pb.Visit.DIRECTION_OUTGOING)
    item = await factories.agenda_item(coordinator, abroad.name)
    for change in ({"room_id": "ratssaal"}, {"room_id": "ratssaal", "city_abroad": ""}):
        statement = update(AgendaItem).where(AgendaItem.id == item.name.rpartition("/")[2]).values(**change)
        with pytest.raises(IntegrityError):
            await execute(exchange, statement)


async def execute(exchange: RunningService, statement: Any) -> None:
    async with exchange.database.begin() as session:
        await session.execute(statement)


async def test_an_interpreter_speaks_both_languages(coordinator: Caller) -> None:
    arabic = await factories.person(coordinator, "arabic", display_name="Amira", languages=["ar", "de"])
    english = await factories.person(coordinator, "english", languages=["en-GB", "de"])
    unknown = await factories.person(coordinator, "unknown")
    visit = await factories.visit(coordinator)
    bilingual = await factories.delegate(coordinator, visit.name, languages=["cy", "en", "de"])

    async def add(*people: str, languages: tuple[str, ...] = ("en", "de")) -> pb.AgendaItem:
        item = await factories.agenda_item(coordinator, visit.name, people=people, interpretation_languages=languages)
        await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=item.name))
        return item

    for people in ([arabic.name], [arabic.name, (await factories.delegate(coordinator, visit.name)).name]):
        with refused("INVALID_ARGUMENT", "INTERPRETER_LANGUAGES") as refusal:
            await add(*people)
        assert refusal.fields == ["agenda_item.interpretation_languages"]
    (violation,) = refusal.error.violations
    assert violation.metadata == {"languages": "en,de", "people": "Amira, Head of controlling"}
    await add(english.name)
    await add(english.name, arabic.name)
    await add(arabic.name, bilingual.name)
    await add(arabic.name, unknown.name)
    await add()
    await add(arabic.name, languages=())
    await add(arabic.name, languages=("de", "ar"))


async def test_an_interpreter_is_not_exchanged_for_one_of_other_languages(coordinator: Caller) -> None:
    arabic = await factories.person(coordinator, "arabic", languages=["ar", "de"])
    english = await factories.person(coordinator, "english", languages=["en", "de"])
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(
        coordinator, visit.name, people=[english.name], interpretation_languages=["en", "de"]
    )
    for change in (pb.AgendaItem(people=[arabic.name]), pb.AgendaItem(interpretation_languages=["ar", "de"])):
        change.name = item.name
        with refused("INVALID_ARGUMENT", "INTERPRETER_LANGUAGES"):
            await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=change))
    both = pb.AgendaItem(name=item.name, people=[arabic.name], interpretation_languages=["ar", "de"])
    await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=both))
    renamed = pb.AgendaItem(name=item.name, title="Wastewater")
    assert (await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=renamed))).title == "Wastewater"


async def test_an_item_of_one_visit_is_not_found_under_another(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name)
    elsewhere = item.name.replace(visit.name, other.name)
    with refused("NOT_FOUND"):
        await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=elsewhere))


async def test_a_delegation_has_one_head(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    head = await factories.delegate(coordinator, visit.name, head=True)
    second = await factories.delegate(coordinator, visit.name)
    with refused("ALREADY_EXISTS", "SECOND_HEAD") as refusal:
        await factories.delegate(coordinator, visit.name, head=True)
    assert "head" in refusal.error.message
    assert refusal.metadata == {"head": head.name, "head_title": head.function}
    promoted = pb.Delegate(name=second.name, head=True)
    with refused("ALREADY_EXISTS"):
        await coordinator.UpdateDelegate(pb.UpdateDelegateRequest(delegate=promoted))
    await factories.delegate(coordinator, other.name, head=True)
    demoted = pb.UpdateDelegateRequest(delegate=pb.Delegate(name=head.name), update_mask=FieldMask(paths=["head"]))
    await coordinator.UpdateDelegate(demoted)
    assert (await coordinator.UpdateDelegate(pb.UpdateDelegateRequest(delegate=promoted))).head


async def test_a_delegation_is_listed_in_protocol_order_over_pages(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    for rank in (0, 3, 1, 0, 2):
        await factories.delegate(coordinator, visit.name, rank=rank)
    ranks, token = [], ""
    while True:
        answer = await coordinator.ListDelegates(
            pb.ListDelegatesRequest(parent=visit.name, page_size=2, page_token=token)
        )
        ranks += [delegate.rank for delegate in answer.delegates]
        token = answer.next_page_token
        if not token:
            break
    assert (ranks, answer.total_size) == ([1, 2, 3, 0, 0], 5)


async def test_a_programme_is_listed_by_time(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    for hour in (14, 9, 11):
        await factories.agenda_item(coordinator, visit.name, start_time=at(hour), end_time=at(hour + 1))
    listed = await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))
    assert [item.start_time for item in listed.agenda_items] == [at(9), at(11), at(14)]


async def test_a_programme_shows_the_visit_who_comes_and_what_happens_when(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.delegate(coordinator, (await factories.visit(coordinator)).name)
    second, first = [await factories.delegate(coordinator, visit.name, rank=rank) for rank in (2, 1)]
    later, earlier = [
        await factories.agenda_item(coordinator, visit.name, start_time=at(hour), end_time=at(hour + 1))
        for hour in (14, 9)
    ]
    programme = await coordinator.GetProgramme(pb.GetProgrammeRequest(name=f"{visit.name}/programme"))
    assert (programme.name, programme.visit) == (
        f"{visit.name}/programme",
        await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name)),
    )
    assert list(programme.delegates) == [first, second]
    assert list(programme.agenda_items) == [earlier, later]


@pytest.mark.parametrize(
    "words",
    [
        "Ratssaal 🏛️👩🏽‍💼",
        "غرفة المجلس \u202b(عربي)\u202c",
        "<script>alert(1)</script>",
        "'; DROP TABLE visits; --",
        "zero\u200bwidth \ufeff and a\u0301",
    ],
)
async def test_text_of_any_kind_comes_back_as_it_was_sent(coordinator: Caller, words: str) -> None:
    visit = await factories.visit(coordinator, title=words, purpose=words)
    await factories.delegate(coordinator, visit.name, function=words, dietary_needs=words)
    stored = await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name))
    delegates = (await coordinator.ListDelegates(pb.ListDelegatesRequest(parent=visit.name))).delegates
    assert (stored.title, stored.purpose) == (words, words)
    assert (delegates[0].function, delegates[0].dietary_needs) == (words, words)


async def test_nul_is_refused_by_name(coordinator: Caller) -> None:
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await factories.room(coordinator, display_name="Rats\0saal")
    assert refusal.fields == ["room.display_name"]
