"""Items of every visit that the caller may see, as a calendar needs them."""

from datetime import timedelta

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import FIRST_DAY, at, day

EVERY_VISIT = "visits/-"


@pytest.fixture
async def visits(coordinator: Caller) -> list[pb.Visit]:
    """A visit from Swansea and one from Hebron a week later; each has a delegate, who takes part in an item."""
    made = []
    for weeks, city_id in enumerate(("swansea", "hebron")):
        city = await factories.city(coordinator, city_id)
        partnership = await factories.partnership(coordinator, city.name)
        exchange = await factories.exchange(coordinator, partnership.name)
        first = FIRST_DAY + timedelta(weeks=weeks)
        days = {"start_date": day(first), "end_date": day(first + timedelta(days=1))}
        visit = await factories.visit(coordinator, exchange.name, **days)
        delegate = await factories.delegate(coordinator, visit.name)
        times = {"start_time": at(9, days=7 * weeks), "end_time": at(10, days=7 * weeks)}
        await factories.agenda_item(
            coordinator, visit.name, title=city_id, people=[delegate.name], notes="For us.", **times
        )
        await factories.unplaced_item(coordinator, visit.name, title=f"{city_id}, some time")
        made.append(visit)
    return made


async def list_titles(caller: Caller, **fields: object) -> list[str]:
    request = pb.ListAgendaItemsRequest(parent=EVERY_VISIT, **fields)  # type: ignore[arg-type]
    return [item.title for item in (await caller.ListAgendaItems(request)).agenda_items]


async def test_items_of_every_visit_are_listed_by_time(coordinator: Caller, visits: list[pb.Visit]) -> None:
    titles = await list_titles(coordinator)
    assert titles[:2] == ["swansea", "hebron"]
    assert set(titles[2:]) == {"swansea, some time", "hebron, some time"}
    page = await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=EVERY_VISIT, page_size=1))
    assert page.total_size == 4
    assert (await list_titles(coordinator, page_size=1, page_token=page.next_page_token)) == ["hebron"]


async def test_they_are_those_of_visits_within_some_days(coordinator: Caller, visits: list[pb.Visit]) -> None:
    later = day(FIRST_DAY + timedelta(days=2))
    assert (await list_titles(coordinator, from_date=later))[0] == "hebron"
    assert set(await list_titles(coordinator, to_date=later)) == {"swansea", "swansea, some time"}
    assert await list_titles(coordinator, from_date=later, to_date=later) == []
    one = pb.ListAgendaItemsRequest(parent=visits[0].name, from_date=later)
    assert (await coordinator.ListAgendaItems(one)).total_size == 0


async def test_a_partner_lists_its_own_citys_without_what_it_may_not_see(
    exchange: RunningService, coordinator: Caller, visits: list[pb.Visit]
) -> None:
    partner = exchange.as_(Role.PARTNER, city="cities/swansea")
    listed = await partner.ListAgendaItems(pb.ListAgendaItemsRequest(parent=EVERY_VISIT))
    alone = await partner.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visits[0].name))
    assert listed.agenda_items == alone.agenda_items
    assert [(item.title, len(item.people), item.notes) for item in listed.agenda_items] == [
        ("swansea", 1, ""),
        ("swansea, some time", 0, ""),
    ]
    administrator = exchange.as_(Role.ADMINISTRATOR)
    seen = await administrator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=EVERY_VISIT))
    assert [len(item.people) for item in seen.agenda_items] == [0, 0, 0, 0]
    assert await list_titles(exchange.as_(Role.PARTNER)) == []
