"""Visits with several guest cities: each has its own delegation, and its staff see and fill in that one."""

from typing import NamedTuple

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import FIRST_DAY, day
from tests.refusals import refused

SWANSEA, HEBRON, HAIFA = "cities/swansea", "cities/hebron", "cities/haifa"


class Conference(NamedTuple):
    """A visit from Swansea to which Hebron and Haifa come as well, and the staff of two of them."""

    visit: pb.Visit
    swansea: Caller
    hebron: Caller


@pytest.fixture
async def conference(exchange: RunningService, coordinator: Caller) -> Conference:
    for city_id in ("swansea", "hebron", "haifa"):
        await factories.city(coordinator, city_id)
    partnership = await factories.partnership(coordinator, SWANSEA)
    exchange_name = (await factories.exchange(coordinator, partnership.name)).name
    visit = await factories.visit(coordinator, exchange_name, other_guest_cities=[HEBRON, HAIFA])
    staff = (exchange.as_(Role.PARTNER, city=city, name=city) for city in (SWANSEA, HEBRON))
    return Conference(visit, *staff)


async def change_guests(caller: Caller, visit: pb.Visit, cities: list[str]) -> pb.Visit:
    wanted = pb.Visit(name=visit.name, other_guest_cities=cities)
    mask = FieldMask(paths=["other_guest_cities"])
    return await caller.UpdateVisit(pb.UpdateVisitRequest(visit=wanted, update_mask=mask))


async def test_the_other_guests_are_shown_in_the_order_given(coordinator: Caller, conference: Conference) -> None:
    visit = conference.visit
    assert list(visit.other_guest_cities) == [HEBRON, HAIFA]
    assert list(visit.other_guest_city_display_names) == ["Hebron", "Haifa"]
    changed = await change_guests(coordinator, visit, [HAIFA, HEBRON])
    assert list(changed.other_guest_city_display_names) == ["Haifa", "Hebron"]
    assert changed.etag != visit.etag
    listed = await coordinator.ListVisits(pb.ListVisitsRequest())
    assert list(listed.visits[0].other_guest_city_display_names) == ["Haifa", "Hebron"]


@pytest.mark.parametrize(
    ("city", "reason"),
    [
        ("cities/nowhere", "REFERENCE_NOT_FOUND"),
        (SWANSEA, "CITY_TAKES_PART_ALREADY"),
        ("cities/mannheim", "CITY_TAKES_PART_ALREADY"),
    ],
)
async def test_a_city_that_cannot_be_another_guest_is_refused(
    coordinator: Caller, conference: Conference, city: str, reason: str
) -> None:
    with refused("INVALID_ARGUMENT") as refusal:
        await change_guests(coordinator, conference.visit, [HAIFA, city])
    assert refusal.reasons == {"visit.other_guest_cities": reason}


async def test_every_guest_finds_the_visit_and_other_cities_do_not(
    exchange: RunningService, conference: Conference, coordinator: Caller
) -> None:
    for partner in (conference.swansea, conference.hebron):
        assert (await partner.GetVisit(pb.GetVisitRequest(name=conference.visit.name))).delegation_editable
        assert (await partner.ListVisits(pb.ListVisitsRequest())).total_size == 1
    assert (await coordinator.ListVisits(pb.ListVisitsRequest(city=HAIFA))).total_size == 1
    await factories.city(coordinator, "kilis")
    stranger = exchange.as_(Role.PARTNER, city="cities/kilis")
    assert (await stranger.ListVisits(pb.ListVisitsRequest())).total_size == 0
    with refused("PERMISSION_DENIED", "RESOURCE_NOT_VISIBLE"):
        await stranger.GetVisit(pb.GetVisitRequest(name=conference.visit.name))


async def test_a_calendar_counts_the_visit_for_each_guest(coordinator: Caller, conference: Conference) -> None:
    counted = await coordinator.CountVisits(
        pb.CountVisitsRequest(
            from_date=day(FIRST_DAY), to_date=day(FIRST_DAY), period=pb.CountVisitsRequest.PERIOD_MONTH
        )
    )
    assert [(each.city, each.visits) for each in counted.counts] == [(HAIFA, 1), (HEBRON, 1), (SWANSEA, 1)]


async def test_staff_fill_in_and_see_the_delegation_of_their_own_city(
    coordinator: Caller, conference: Conference
) -> None:
    visit, swansea, hebron = conference
    theirs = await factories.delegate(hebron, visit.name, head=True)
    ours = await factories.delegate(swansea, visit.name, head=True)
    guests = await factories.delegate(coordinator, visit.name, city=HAIFA, head=True)
    assert [each.city for each in (theirs, ours, guests)] == [HEBRON, SWANSEA, HAIFA]
    assert theirs.city_display_name == "Hebron"
    listed = await hebron.ListDelegates(pb.ListDelegatesRequest(parent=visit.name))
    assert [each.name for each in listed.delegates] == [theirs.name]
    programme = await hebron.GetProgramme(pb.GetProgrammeRequest(name=f"{visit.name}/programme"))
    assert [each.name for each in programme.delegates] == [theirs.name]
    with refused("NOT_FOUND"):
        await hebron.GetDelegate(pb.GetDelegateRequest(name=ours.name))
    with refused("NOT_FOUND"):
        await hebron.DeleteDelegate(pb.DeleteDelegateRequest(name=ours.name))
    with refused("PERMISSION_DENIED", "NOT_IN_CHARGE_OF_DELEGATION"):
        await factories.delegate(hebron, visit.name, city=SWANSEA)
    with refused("PERMISSION_DENIED", "NOT_IN_CHARGE_OF_DELEGATION"):
        moved = pb.Delegate(name=theirs.name, city=SWANSEA)
        await hebron.UpdateDelegate(pb.UpdateDelegateRequest(delegate=moved, update_mask=FieldMask(paths=["city"])))
    assert (await coordinator.ListDelegates(pb.ListDelegatesRequest(parent=visit.name))).total_size == 3


async def test_each_delegation_has_one_head(coordinator: Caller, conference: Conference) -> None:
    visit = conference.visit.name
    await factories.delegate(coordinator, visit, city=HEBRON, head=True)
    other = await factories.delegate(coordinator, visit, city=HAIFA, head=True)
    with refused("ALREADY_EXISTS", "SECOND_HEAD"):
        await factories.delegate(coordinator, visit, city=HEBRON, head=True)
    with refused("ALREADY_EXISTS", "SECOND_HEAD"):
        moved = pb.Delegate(name=other.name, city=HEBRON)
        await coordinator.UpdateDelegate(
            pb.UpdateDelegateRequest(delegate=moved, update_mask=FieldMask(paths=["city"]))
        )


async def test_nobody_travels_for_a_city_that_is_no_guest(coordinator: Caller, conference: Conference) -> None:
    with refused("INVALID_ARGUMENT") as refusal:
        await factories.delegate(coordinator, conference.visit.name, city="cities/mannheim")
    assert refusal.reasons == {"delegate.city": "NOT_A_GUEST_CITY"}


async def test_people_of_one_name_from_two_cities_travel_together(coordinator: Caller, conference: Conference) -> None:
    for city in (HEBRON, HAIFA):
        await factories.delegate(coordinator, conference.visit.name, city=city, display_name="Sami Haddad")


async def test_an_item_books_the_delegation_of_a_city_and_whoever_joins_it(
    coordinator: Caller, conference: Conference
) -> None:
    visit = conference.visit.name
    first = await factories.delegate(coordinator, visit, city=HEBRON)
    await factories.agenda_item(coordinator, visit, delegations=[HEBRON])
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit, people=[first.name])
    later = await factories.delegate(coordinator, visit, city=HEBRON)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit, people=[later.name])
    elsewhere = await factories.delegate(coordinator, visit, city=HAIFA)
    await factories.agenda_item(coordinator, visit, people=[elsewhere.name])
    # Who changes the delegation is no longer expected there.
    moved = pb.Delegate(name=later.name, city=SWANSEA)
    await coordinator.UpdateDelegate(pb.UpdateDelegateRequest(delegate=moved, update_mask=FieldMask(paths=["city"])))
    await factories.agenda_item(coordinator, visit, people=[later.name])


async def test_an_item_expects_no_city_that_is_no_guest(coordinator: Caller, conference: Conference) -> None:
    with refused("INVALID_ARGUMENT") as refusal:
        await factories.agenda_item(coordinator, conference.visit.name, delegations=[HEBRON, "cities/mannheim"])
    assert refusal.reasons == {"agenda_item.delegations": "NOT_A_GUEST_CITY"}


async def test_a_city_that_does_not_come_any_more_leaves_the_programme(
    coordinator: Caller, conference: Conference
) -> None:
    visit = conference.visit
    item = await factories.agenda_item(coordinator, visit.name, delegations=[HEBRON, HAIFA])
    guest = await factories.delegate(coordinator, visit.name, city=HEBRON)
    with refused("FAILED_PRECONDITION", "GUEST_CITY_HAS_DELEGATES") as refusal:
        await change_guests(coordinator, visit, [HAIFA])
    assert refusal.metadata == {"city": HEBRON, "city_title": "Hebron", "delegates": "1"}
    await coordinator.DeleteDelegate(pb.DeleteDelegateRequest(name=guest.name))
    await change_guests(coordinator, visit, [HAIFA])
    kept = await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name))
    assert list(kept.delegations) == [HAIFA]


async def test_a_city_that_comes_is_not_deleted(coordinator: Caller, conference: Conference) -> None:
    with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await coordinator.DeleteCity(pb.DeleteCityRequest(name=HAIFA))
    assert refusal.metadata["referrers_0_name"] == conference.visit.name


async def read_item(caller: Caller, item: pb.AgendaItem) -> list[pb.AgendaItem]:
    """Return an agenda item as each of the calls shows it that can."""
    visit = item.name.partition("/agendaItems/")[0]
    (listed,) = (await caller.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit))).agenda_items
    programme = await caller.GetProgramme(pb.GetProgrammeRequest(name=f"{visit}/programme"))
    return [await caller.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name)), listed, *programme.agenda_items]


async def test_a_programme_names_only_those_whom_its_reader_may_see(
    exchange: RunningService, coordinator: Caller, conference: Conference
) -> None:
    visit = conference.visit.name
    ours, theirs, speaker = [
        (await factories.delegate(coordinator, visit, city=city)).name for city in (SWANSEA, HEBRON, HEBRON)
    ]
    mayor = (await factories.person(coordinator, "mayor", function="Mayor")).name
    interpreter = (await factories.person(coordinator, language_pairs=["de-en"])).name
    item = await factories.agenda_item(
        coordinator,
        visit,
        notes="Mind the budget",
        people=[mayor, ours, theirs],
        optional_people=[speaker],
        speaking_people=[mayor, speaker],
        interpretation_languages=["de", "en"],
        interpreter=interpreter,
    )
    for seen in await read_item(coordinator, item):
        assert (list(seen.people), list(seen.optional_people), seen.notes) == (
            [mayor, ours, theirs], [speaker], "Mind the budget",
        )  # fmt: skip

    for seen in await read_item(conference.swansea, item):
        assert list(zip(seen.people, seen.people_functions, strict=True)) == [(mayor, "Mayor"), (ours, "")]
        assert (list(seen.optional_people), list(seen.optional_people_functions)) == ([], [])
        assert (list(seen.speaking_people), seen.interpreter, seen.notes) == ([mayor], interpreter, "")
    for seen in await read_item(conference.hebron, item):
        assert (list(seen.people), list(seen.optional_people)) == ([mayor, theirs], [speaker])
        assert list(seen.speaking_people) == [mayor, speaker]

    for seen in await read_item(exchange.as_(Role.ADMINISTRATOR), item):
        assert not (seen.people or seen.people_functions or seen.optional_people or seen.speaking_people)
        assert (seen.interpreter, seen.interpreter_function, seen.notes) == ("", "", "Mind the budget")
