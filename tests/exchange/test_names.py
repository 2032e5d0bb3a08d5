"""Search by name: what is called something like the query, in any script, best first, within the caller's rights."""

import contextlib
from collections.abc import Iterable
from datetime import date
from typing import Any

import grpc
import pytest
from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import venues_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.refusals import refused

PLACES = {
    "lodz": ("Lodz", "Łódź"),
    "klaipeda": ("Klaipeda", "Klaipėda"),
    "chernivtsi": ("Chernivtsi", "Чернівці"),
    "diyarbakir": ("Diyarbakir", "DİYARBAKIR"),
    "hebron": ("Hebron", "الخَلِيل"),
    "haifa": ("Haifa", "חֵיפָה"),
    "qingdao": ("Qingdao", "青岛市"),
    "thessaloniki": ("Thessaloniki", "ΘΕΣΣΑΛΟΝΊΚΗΣ"),
    "tromso": ("Tromso", "Tromsø"),
    "windsor": ("Windsor", ""),
}


async def search(caller: Caller, query: str, **more: Any) -> list[NameHit]:
    return list((await caller.SearchExchangeNames(SearchNamesRequest(query=query, **more))).hits)


async def find(caller: Caller, query: str, kind: NameHit.Kind, **more: Any) -> list[str]:
    """Return the titles of the hits of a kind."""
    return [hit.title for hit in await search(caller, query, **more) if hit.kind == kind]


@pytest.fixture
async def places(coordinator: Caller) -> Caller:
    """The international office, with cities of many scripts."""
    for city_id, (english, local) in PLACES.items():
        await factories.city(coordinator, city_id, display_name=english, local_name=local)
    return coordinator


@pytest.fixture
async def exchange_name(coordinator: Caller) -> str:
    """An exchange with Swansea."""
    await factories.city(coordinator, "swansea")
    bond = await factories.partnership(coordinator, "cities/swansea", theme="Young people")
    return (await factories.exchange(coordinator, bond.name)).name


async def make_visits(caller: Caller, exchange: str, titles: Iterable[str]) -> None:
    """Make visits, each a month after the one before."""
    for number, title in enumerate(titles):
        day = factories.day(date(2030 + number // 12, number % 12 + 1, 5))
        await factories.visit(caller, exchange, title=title, start_date=day, end_date=day)


@pytest.mark.parametrize(
    ("query", "city"),
    [
        ("lodz", "Lodz"),
        ("ŁÓDŹ", "Lodz"),
        ("Łod", "Lodz"),
        ("klaipeda", "Klaipeda"),
        ("KLAIPĖDA", "Klaipeda"),
        ("чернівці", "Chernivtsi"),
        ("ЧЕРНІВЦІ", "Chernivtsi"),
        ("чернив", "Chernivtsi"),
        ("diyarbakır", "Diyarbakir"),
        ("Diyarbakir", "Diyarbakir"),
        ("DİYARB", "Diyarbakir"),
        ("الخليل", "Hebron"),
        ("خليل", "Hebron"),
        ("חיפה", "Haifa"),
        ("חיפ", "Haifa"),
        ("青岛", "Qingdao"),
        ("岛市", "Qingdao"),
        ("Θεσσαλονίκη", "Thessaloniki"),
        ("tromsö", "Tromso"),
        ("ТРОМСО", ""),
        ("windsr", "Windsor"),
        ("widnsor", "Windsor"),
        ("windsorr", "Windsor"),
        ("xindsor", "Windsor"),
        ("чернвці", "Chernivtsi"),
        ("ｗｉｎｄｓｏｒ", "Windsor"),
    ],
)
async def test_a_city_is_found_however_its_name_is_typed(places: Caller, query: str, city: str) -> None:
    assert (await find(places, query, NameHit.KIND_CITY))[:1] == ([city] if city else [])


async def test_what_fits_better_comes_first_and_then_the_later_visit(coordinator: Caller, exchange_name: str) -> None:
    titles = ["Controlling", "Old controlling", "Controllings", "Steuercontrolling", "New controlling", "Else"]
    await make_visits(coordinator, exchange_name, titles)

    hits = [hit for hit in await search(coordinator, "controlling") if hit.kind == NameHit.KIND_VISIT]

    best = ["Controlling", "New controlling", "Old controlling", "Controllings", "Steuercontrolling"]
    assert [hit.title for hit in hits] == best
    assert [hit.score for hit in hits] == [1.0, 0.9, 0.9, 0.7, 0.5]


async def test_of_a_kind_as_many_come_as_are_asked_for_the_best(coordinator: Caller, exchange_name: str) -> None:
    await make_visits(coordinator, exchange_name, ["Water", *(f"Water works {number}" for number in range(25))])

    assert (await find(coordinator, "water", NameHit.KIND_VISIT))[:2] == ["Water", "Water works 24"]
    for asked, given_ in ((0, 5), (1, 1), (7, 7), (20, 20), (1000, 20)):
        assert len(await find(coordinator, "water", NameHit.KIND_VISIT, page_size=asked)) == given_
    with refused("INVALID_ARGUMENT"):
        await search(coordinator, "water", page_size=-1)


async def test_every_word_counts_in_any_order_and_may_stand_in_the_citys_name_or_be_the_year(
    coordinator: Caller, exchange_name: str
) -> None:
    await make_visits(coordinator, exchange_name, [f"Budget talks {number}" for number in range(13)])

    for query in ("talks budget", "swansea budget", "buget swansea", "SWANS talk"):
        assert len(await find(coordinator, query, NameHit.KIND_VISIT)) == 5
    assert await find(coordinator, "swansea 2031", NameHit.KIND_VISIT) == ["Budget talks 12"]
    assert await find(coordinator, "budget haifa", NameHit.KIND_VISIT) == []
    assert await find(coordinator, "budget budget 7", NameHit.KIND_VISIT) == ["Budget talks 7"]


async def test_a_number_is_never_taken_for_a_misspelt_one(coordinator: Caller, exchange_name: str) -> None:
    await make_visits(coordinator, exchange_name, ["Agenda 2030"])

    assert await find(coordinator, "Agenda 2031", NameHit.KIND_VISIT) == []


async def test_every_kind_is_found_with_what_tells_it_from_others(coordinator: Caller, exchange_name: str) -> None:
    visit = await factories.visit(coordinator, exchange_name, title="Swansea's controllers")
    await factories.venue(coordinator, "swansea-house", display_name="Swansea house", address="Rathausplatz 2")
    await factories.room(coordinator, "swansea-hall", display_name="Swansea hall", address="Rathausplatz 1")
    await factories.person(coordinator, "guide", function="Guide for Swansea", department="Protocol")
    await factories.person(coordinator, "named", function="Guide", display_name="Sw Ansea", department="Swansea desk")

    hits = {hit.name: hit for hit in await search(coordinator, "swansea")}

    kinds = {hit.kind for hit in hits.values()}
    assert kinds == {*range(NameHit.KIND_CITY, NameHit.KIND_ROOM + 1), NameHit.KIND_VENUE}
    assert hits["cities/swansea"].score == 1
    found = hits[visit.name]
    assert (found.title, found.city_display_name, found.start_date) == (visit.title, "Swansea", visit.start_date)
    assert hits["rooms/swansea-hall"].detail == "Rathausplatz 1"
    assert hits["venues/swansea-house"].detail == "Rathausplatz 2"
    assert (hits["people/guide"].title, hits["people/guide"].detail) == ("Guide for Swansea", "Protocol")
    assert (hits["people/named"].title, hits["people/named"].detail) == ("Sw Ansea", "Guide")
    assert (hits[exchange_name].title, hits[exchange_name].detail) == (
        "Controlling in the directorates",
        "Dezernatscontrolling",
    )
    bond = next(hit for hit in hits.values() if hit.kind == NameHit.KIND_PARTNERSHIP)
    assert (bond.title, bond.detail) == ("Swansea", "Young people")
    assert await find(coordinator, "young", NameHit.KIND_PARTNERSHIP) == ["Swansea"]


async def test_what_is_renamed_is_found_by_its_new_name_only(coordinator: Caller, exchange_name: str) -> None:
    visit = await factories.visit(coordinator, exchange_name, title="Waterworks")
    await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=pb.Visit(name=visit.name, title="Theatre")))

    assert await find(coordinator, "waterworks", NameHit.KIND_VISIT) == []
    assert await find(coordinator, "theatre", NameHit.KIND_VISIT) == ["Theatre"]


LISTS = {
    NameHit.KIND_CITY: ("ListCities", pb.ListCitiesRequest, "cities"),
    NameHit.KIND_PARTNERSHIP: ("ListPartnerships", pb.ListPartnershipsRequest, "partnerships"),
    NameHit.KIND_EXCHANGE: ("ListExchanges", pb.ListExchangesRequest, "exchanges"),
    NameHit.KIND_VISIT: ("ListVisits", pb.ListVisitsRequest, "visits"),
    NameHit.KIND_PERSON: ("ListPeople", pb.ListPeopleRequest, "people"),
    NameHit.KIND_ROOM: ("ListRooms", pb.ListRoomsRequest, "rooms"),
    NameHit.KIND_VENUE: ("ListVenues", venues_pb2.ListVenuesRequest, "venues"),
}


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.SERVICE, Role.INSTALLATION)])
@pytest.mark.parametrize("query", ["council", "cuoncil"])
async def test_a_role_finds_what_it_may_list_and_nothing_else(
    exchange: RunningService, coordinator: Caller, role: Role, query: str
) -> None:
    for city_id in ("swansea", "hebron"):
        await factories.city(coordinator, city_id, display_name=f"Council {city_id}")
        bond = await factories.partnership(coordinator, f"cities/{city_id}", theme="Council")
        series = await factories.exchange(coordinator, bond.name, title="Council")
        await factories.visit(coordinator, series.name, title="Council")
    await factories.venue(coordinator, display_name="Council house")
    await factories.room(coordinator, display_name="Council chamber")
    await factories.person(coordinator, function="Council guide")
    caller = exchange.as_(role, city="cities/swansea")
    listed = set()
    for rpc, request, field in LISTS.values():
        with contextlib.suppress(grpc.RpcError):
            answer = await getattr(caller, rpc)(request(page_size=1000))
            listed |= {each.name for each in getattr(answer, field) if each.name != factories.HOME_CITY}

    found = {hit.name for hit in await search(caller, query, page_size=20)}

    assert found == listed


async def test_nobody_else_searches(exchange: RunningService, coordinator: Caller) -> None:
    with refused("UNAUTHENTICATED"):
        await exchange.without_identity().SearchExchangeNames(SearchNamesRequest(query="x"))


async def test_a_partner_without_a_city_finds_cities_only(
    exchange: RunningService, coordinator: Caller, exchange_name: str
) -> None:
    await factories.visit(coordinator, exchange_name, title="Swansea")

    hits = await search(exchange.as_(Role.PARTNER), "swansea")

    assert {hit.kind for hit in hits} == {NameHit.KIND_CITY}


ODD = [
    "",
    " ",
    "%",
    "_",
    "\\",
    "'",
    '"',
    "% _%",
    "\x01\x7f",
    "‏‎",
    "a" * 100_000,
    "wasser " * 20_000,
    "\ufdfa" * 200,
    "½",
    "😀",
]


@pytest.mark.parametrize("query", ODD)
async def test_any_text_is_a_query(places: Caller, query: str) -> None:
    await search(places, query)


async def test_signs_are_no_wildcards(places: Caller) -> None:
    for query in ("%", "_", "____", "%%", "\\", "*"):
        assert await search(places, query) == []


async def test_nul_is_refused_with_a_reason(coordinator: Caller) -> None:
    with refused("INVALID_ARGUMENT") as refusal:
        await search(coordinator, "a\0b")
    assert refusal.reasons == {"query": "NUL_CHARACTER"}


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)


@given(query=texts)
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
async def test_whatever_is_typed_is_answered(coordinator: Caller, query: str) -> None:
    await search(coordinator, query)
