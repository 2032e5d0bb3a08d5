"""Each city consents for its own side; the office may take down what others said."""

from typing import NamedTuple

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import FIRST_DAY, day
from tests.refusals import refused

IDEA, AGREED, PLANNED, CONFIRMED = (
    pb.Visit.STATE_IDEA,
    pb.Visit.STATE_AGREED,
    pb.Visit.STATE_PLANNED,
    pb.Visit.STATE_CONFIRMED,
)
MANNHEIM, SWANSEA, HEBRON = "cities/mannheim", "cities/swansea", "cities/hebron"


class World(NamedTuple):
    """An idea of a visit from Swansea, and Swansea's staff."""

    visit: pb.Visit
    partner: Caller


@pytest.fixture
async def world(exchange: RunningService, coordinator: Caller) -> World:
    for city_id in ("swansea", "hebron"):
        await factories.city(coordinator, city_id)
    partnership = await factories.partnership(coordinator, SWANSEA)
    visit = await factories.visit(coordinator, (await factories.exchange(coordinator, partnership.name)).name)
    return World(visit, exchange.as_(Role.PARTNER, city=SWANSEA, name="Swansea"))


async def agree(caller: Caller, visit: pb.Visit, *, own_side_only: bool = False) -> pb.Visit:
    return await caller.AgreeVisit(pb.AgreeVisitRequest(name=visit.name, own_side_only=own_side_only))


def list_consents(visit: pb.Visit) -> list[tuple[str, str, bool]]:
    return [(consent.city, consent.recorder, consent.taken_down) for consent in visit.consents]


async def test_the_office_takes_down_what_both_sides_want(coordinator: Caller, world: World) -> None:
    agreed = await agree(coordinator, world.visit)
    assert agreed.state == AGREED
    assert list_consents(agreed) == [
        (MANNHEIM, "International office", False),
        (SWANSEA, "International office", True),
    ]


async def test_a_visit_is_agreed_on_when_the_last_side_consents(coordinator: Caller, world: World) -> None:
    asked = await agree(coordinator, world.visit, own_side_only=True)
    assert (asked.state, list_consents(asked)) == (IDEA, [(MANNHEIM, "International office", False)])
    assert asked.etag != world.visit.etag
    seen = await world.partner.GetVisit(pb.GetVisitRequest(name=world.visit.name))
    assert list(seen.allowed_transitions) == ["agree"]
    agreed = await agree(world.partner, world.visit)
    assert agreed.state == AGREED
    assert list_consents(agreed)[1] == (SWANSEA, "Swansea", False)


async def test_a_partner_may_consent_first_and_is_not_asked_again(coordinator: Caller, world: World) -> None:
    first = await agree(world.partner, world.visit)
    assert (first.state, list(first.allowed_transitions)) == (IDEA, [])
    again = await agree(world.partner, world.visit)
    assert len(again.consents) == 1
    assert (await agree(coordinator, world.visit, own_side_only=True)).state == AGREED


async def test_consent_holds_for_the_dates_that_it_was_given_for(coordinator: Caller, world: World) -> None:
    await agree(world.partner, world.visit)
    moved = pb.Visit(name=world.visit.name, end_date=day(FIRST_DAY))
    changed = await coordinator.UpdateVisit(
        pb.UpdateVisitRequest(visit=moved, update_mask=FieldMask(paths=["end_date"]))
    )
    assert list_consents(changed) == []
    assert (await agree(coordinator, world.visit, own_side_only=True)).state == IDEA


async def test_every_guest_city_is_asked(coordinator: Caller, world: World, exchange: RunningService) -> None:
    wanted = pb.Visit(name=world.visit.name, other_guest_cities=[HEBRON])
    await coordinator.UpdateVisit(
        pb.UpdateVisitRequest(visit=wanted, update_mask=FieldMask(paths=["other_guest_cities"]))
    )
    await agree(world.partner, world.visit)
    assert (await agree(coordinator, world.visit, own_side_only=True)).state == IDEA
    hebron = exchange.as_(Role.PARTNER, city=HEBRON, name="Hebron")
    assert (await agree(hebron, world.visit)).state == AGREED


async def test_both_sides_confirm_the_programme(coordinator: Caller, world: World) -> None:
    visit = world.visit.name
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await world.partner.ConfirmVisit(pb.ConfirmVisitRequest(name=visit))
    await factories.take(coordinator, visit, "agree", "plan")
    asked = await coordinator.ConfirmVisit(pb.ConfirmVisitRequest(name=visit, own_side_only=True))
    assert asked.state == PLANNED
    confirmed = await world.partner.ConfirmVisit(pb.ConfirmVisitRequest(name=visit))
    assert confirmed.state == CONFIRMED
    assert [consent.step for consent in confirmed.consents] == [pb.Visit.Consent.STEP_AGREE] * 2 + [
        pb.Visit.Consent.STEP_CONFIRM
    ] * 2


async def test_a_postponed_visit_is_consented_to_anew(coordinator: Caller, world: World) -> None:
    await agree(coordinator, world.visit)
    postponed = await coordinator.PostponeVisit(pb.PostponeVisitRequest(name=world.visit.name, reason="Ill"))
    assert list_consents(postponed) == []


async def test_a_city_consents_to_no_visit_of_others(world: World, exchange: RunningService) -> None:
    hebron = exchange.as_(Role.PARTNER, city=HEBRON)
    with refused("PERMISSION_DENIED", "RESOURCE_NOT_VISIBLE"):
        await agree(hebron, world.visit)


async def test_a_partner_takes_no_other_step(world: World) -> None:
    for verb in ("plan", "close", "cancel"):
        with refused("PERMISSION_DENIED"):
            await factories.take(world.partner, world.visit.name, verb)


async def test_a_city_that_comes_later_can_still_agree(
    coordinator: Caller, world: World, exchange: RunningService
) -> None:
    await agree(coordinator, world.visit)
    invited = await coordinator.UpdateVisit(
        pb.UpdateVisitRequest(visit=pb.Visit(name=world.visit.name, other_guest_cities=[HEBRON]))
    )
    assert {"agree", "plan"} <= {*invited.allowed_transitions}
    hebron = exchange.as_(Role.PARTNER, city=HEBRON, name="Hebron")
    seen = await hebron.GetVisit(pb.GetVisitRequest(name=world.visit.name))
    assert list(seen.allowed_transitions) == ["agree"]
    assert not (await world.partner.GetVisit(pb.GetVisitRequest(name=world.visit.name))).allowed_transitions
    agreed = await agree(hebron, world.visit)
    assert (agreed.state, list_consents(agreed)[2]) == (AGREED, (HEBRON, "Hebron", False))
    assert "agree" not in (await coordinator.GetVisit(pb.GetVisitRequest(name=world.visit.name))).allowed_transitions
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await agree(coordinator, world.visit)


async def test_a_city_that_comes_later_can_still_confirm(coordinator: Caller, world: World) -> None:
    await factories.take(coordinator, world.visit.name, "agree", "plan", "confirm")
    await coordinator.UpdateVisit(
        pb.UpdateVisitRequest(visit=pb.Visit(name=world.visit.name, other_guest_cities=[HEBRON]))
    )
    confirmed = await coordinator.ConfirmVisit(pb.ConfirmVisitRequest(name=world.visit.name))
    assert confirmed.state == CONFIRMED
    assert (HEBRON, "International office", True) in list_consents(confirmed)


async def test_other_days_are_consented_to_anew_in_the_same_state(coordinator: Caller, world: World) -> None:
    await agree(coordinator, world.visit)
    moved = pb.UpdateVisitRequest(visit=pb.Visit(name=world.visit.name, end_date=day(FIRST_DAY)))
    assert "agree" in (await coordinator.UpdateVisit(moved)).allowed_transitions
    first = await agree(world.partner, world.visit)
    assert (first.state, [city for city, *_ in list_consents(first)]) == (AGREED, [SWANSEA])
    both = await agree(coordinator, world.visit, own_side_only=True)
    assert [city for city, *_ in list_consents(both)] == [SWANSEA, MANNHEIM]
