"""Who may see and do what with one row. Which roles may call an RPC at all is tested for every RPC elsewhere."""

from typing import NamedTuple

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.identity import Role, service_identity
from tests import factories
from tests.calls import Caller, RunningService
from tests.refusals import refused


class World(NamedTuple):
    """A visit from each of two cities, and Swansea's staff."""

    ours: pb.Visit
    theirs: pb.Visit
    partner: Caller


@pytest.fixture
async def world(exchange: RunningService, coordinator: Caller) -> World:
    visits = []
    for city_id in ("swansea", "hebron"):
        city = await factories.city(coordinator, city_id)
        partnership = await factories.partnership(coordinator, city.name)
        exchange_name = (await factories.exchange(coordinator, partnership.name)).name
        visits.append(await factories.visit(coordinator, exchange_name))
    return World(*visits, exchange.as_(Role.PARTNER, city="cities/swansea", name="Swansea"))


async def test_a_partner_sees_its_own_citys_and_nothing_else(world: World) -> None:
    partner = world.partner
    visits = await partner.ListVisits(pb.ListVisitsRequest())
    assert ([visit.name for visit in visits.visits], visits.total_size) == ([world.ours.name], 1)
    exchanges = await partner.ListExchanges(pb.ListExchangesRequest())
    assert [(e.city, e.editable) for e in exchanges.exchanges] == [("cities/swansea", False)]
    partnerships = await partner.ListPartnerships(pb.ListPartnershipsRequest())
    assert [(p.city, list(p.allowed_transitions)) for p in partnerships.partnerships] == [("cities/swansea", [])]
    other = await partner.ListVisits(pb.ListVisitsRequest(city="cities/hebron"))
    assert other.total_size == 0


async def test_a_partner_is_not_told_what_exists_elsewhere(coordinator: Caller, world: World) -> None:
    partner, theirs = world.partner, world.theirs
    item = await factories.agenda_item(coordinator, theirs.name)
    delegate = await factories.delegate(coordinator, theirs.name)
    partnership = (await coordinator.GetExchange(pb.GetExchangeRequest(name=theirs.exchange))).partnership
    for call in (
        partner.GetVisit(pb.GetVisitRequest(name=theirs.name)),
        partner.GetVisit(pb.GetVisitRequest(name="visits/none")),
        partner.GetExchange(pb.GetExchangeRequest(name=theirs.exchange)),
        partner.GetExchange(pb.GetExchangeRequest(name="exchanges/none")),
        partner.GetPartnership(pb.GetPartnershipRequest(name=partnership)),
        partner.GetPartnership(pb.GetPartnershipRequest(name="partnerships/none")),
        partner.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name)),
        partner.GetDelegate(pb.GetDelegateRequest(name=delegate.name)),
        partner.ListDelegates(pb.ListDelegatesRequest(parent=theirs.name)),
        partner.ListDelegates(pb.ListDelegatesRequest(parent="visits/none")),
        partner.ListAgendaItems(pb.ListAgendaItemsRequest(parent=theirs.name)),
        factories.delegate(partner, theirs.name),
        factories.delegate(partner, "visits/none"),
        partner.DeleteDelegate(pb.DeleteDelegateRequest(name=delegate.name)),
    ):
        with refused("PERMISSION_DENIED"):
            await call


async def test_a_partner_without_a_city_sees_nothing(exchange: RunningService, world: World) -> None:
    nobody = exchange.as_(Role.PARTNER)
    assert (await nobody.ListVisits(pb.ListVisitsRequest())).total_size == 0
    with refused("PERMISSION_DENIED"):
        await nobody.GetVisit(pb.GetVisitRequest(name=world.ours.name))


async def test_a_partner_fills_in_the_delegation_that_travels(world: World) -> None:
    partner = world.partner
    seen = await partner.GetVisit(pb.GetVisitRequest(name=world.ours.name))
    assert (seen.editable, seen.delegation_editable, list(seen.allowed_transitions)) == (False, True, ["agree"])
    delegate = await factories.delegate(partner, world.ours.name, head=True)
    renamed = pb.Delegate(name=delegate.name, function="Director of finance", etag=delegate.etag)
    changed = await partner.UpdateDelegate(pb.UpdateDelegateRequest(delegate=renamed))
    assert (changed.function, changed.head, changed.updater) == ("Director of finance", True, "Swansea")
    await partner.DeleteDelegate(pb.DeleteDelegateRequest(name=delegate.name))


async def test_a_partner_leaves_the_home_citys_delegation_alone(coordinator: Caller, world: World) -> None:
    outgoing = await factories.visit(coordinator, world.ours.exchange, direction=pb.Visit.DIRECTION_OUTGOING)
    seen = await world.partner.GetVisit(pb.GetVisitRequest(name=outgoing.name))
    assert not seen.delegation_editable
    with refused("PERMISSION_DENIED"):
        await factories.delegate(world.partner, outgoing.name)


async def test_a_member_proposes_and_works_on_what_its_department_hosts(
    coordinator: Caller, member: Caller, world: World
) -> None:
    exchange = await factories.exchange(member, (await coordinator.GetExchange(
        pb.GetExchangeRequest(name=world.ours.exchange))).partnership)  # fmt: skip
    visit = await factories.visit(member, exchange.name)
    assert (exchange.editable, visit.editable, visit.state) == (True, True, pb.Visit.STATE_IDEA)
    assert list(visit.allowed_transitions) == ["cancel"]
    await factories.delegate(member, visit.name)
    await factories.agenda_item(member, visit.name)
    renamed = pb.Visit(name=visit.name, title="Controllers, once more")
    assert (await member.UpdateVisit(pb.UpdateVisitRequest(visit=renamed))).title == "Controllers, once more"
    with refused("PERMISSION_DENIED"):
        await factories.take(member, visit.name, "agree")
    agreed = await factories.take(coordinator, visit.name, "agree")
    assert list(agreed.allowed_transitions) == ["plan", "cancel", "postpone"]
    seen = await member.GetVisit(pb.GetVisitRequest(name=visit.name))
    assert list(seen.allowed_transitions) == ["plan"]
    await factories.take(member, visit.name, "plan")
    await factories.take(coordinator, visit.name, "confirm")
    assert (await factories.take(member, visit.name, "start", "report")).state == pb.Visit.STATE_REPORTED


async def test_a_member_only_reads_what_another_department_hosts(
    coordinator: Caller, other_member: Caller, world: World
) -> None:
    visit = await other_member.GetVisit(pb.GetVisitRequest(name=world.ours.name))
    assert (visit.editable, visit.delegation_editable, list(visit.allowed_transitions)) == (False, False, [])
    delegate = await factories.delegate(coordinator, visit.name)
    assert await other_member.GetDelegate(pb.GetDelegateRequest(name=delegate.name)) == delegate
    await factories.take(coordinator, visit.name, "agree")
    for call in (
        other_member.UpdateVisit(pb.UpdateVisitRequest(visit=pb.Visit(name=visit.name, title="Ours"))),
        other_member.UpdateExchange(pb.UpdateExchangeRequest(exchange=pb.Exchange(name=visit.exchange, title="Ours"))),
        factories.take(other_member, visit.name, "plan"),
        factories.delegate(other_member, visit.name),
        factories.agenda_item(other_member, visit.name),
    ):
        with refused("PERMISSION_DENIED"):
            await call
    with refused("NOT_FOUND"):
        await other_member.GetVisit(pb.GetVisitRequest(name="visits/none"))


async def test_of_an_outgoing_visit_the_department_that_leads_the_exchange_is_in_charge(
    exchange: RunningService, coordinator: Caller, member: Caller
) -> None:
    led_by_the_member = await factories.exchange(coordinator)
    outgoing = {"direction": pb.Visit.DIRECTION_OUTGOING, "host_department": "Waterworks"}
    visit = await factories.visit(coordinator, led_by_the_member.name, **outgoing)
    namesake = exchange.as_(
        Role.MEMBER, name="Waterworks at home", department="Waterworks", subject="accounts/namesake"
    )
    await factories.take(coordinator, visit.name, "agree")
    seen = await namesake.GetVisit(pb.GetVisitRequest(name=visit.name))
    assert (seen.editable, seen.delegation_editable, list(seen.allowed_transitions)) == (False, False, [])
    with refused("PERMISSION_DENIED"):
        await factories.take(namesake, visit.name, "plan")
    seen = await member.GetVisit(pb.GetVisitRequest(name=visit.name))
    assert (seen.editable, seen.delegation_editable, list(seen.allowed_transitions)) == (True, True, ["plan"])
    await factories.delegate(member, visit.name)
    await factories.take(member, visit.name, "plan")
    listed = (await member.ListVisits(pb.ListVisitsRequest(exchange=led_by_the_member.name))).visits
    assert [(each.name, each.editable) for each in listed] == [(visit.name, True)]


async def test_of_an_incoming_visit_the_department_that_only_leads_the_exchange_is_not_in_charge(
    coordinator: Caller, member: Caller
) -> None:
    visit = await factories.visit(coordinator, host_department="Waterworks")
    assert not (await member.GetVisit(pb.GetVisitRequest(name=visit.name))).editable


async def test_the_spelling_of_a_department_may_differ_in_case_and_in_blanks_around_it(
    coordinator: Caller, member: Caller
) -> None:
    exchange = await factories.exchange(coordinator, department=" dezernatscontrolling ")
    visit = await factories.visit(coordinator, exchange.name, host_department="DEZERNATSCONTROLLING ")
    assert (await member.GetExchange(pb.GetExchangeRequest(name=exchange.name))).editable
    assert (await member.GetVisit(pb.GetVisitRequest(name=visit.name))).editable


async def test_who_proposes_a_visit_works_on_it_as_long_as_it_is_an_idea(
    coordinator: Caller, other_member: Caller, world: World
) -> None:
    idea = await factories.visit(other_member, world.ours.exchange)
    assert (idea.editable, idea.delegation_editable, list(idea.allowed_transitions)) == (True, True, ["cancel"])
    renamed = pb.Visit(name=idea.name, title="Controllers and engineers")
    assert (await other_member.UpdateVisit(pb.UpdateVisitRequest(visit=renamed))).title == renamed.title
    await factories.agenda_item(other_member, idea.name)
    with refused("PERMISSION_DENIED"):
        await factories.take(other_member, idea.name, "plan")
    await factories.take(coordinator, idea.name, "agree")
    agreed = await other_member.GetVisit(pb.GetVisitRequest(name=idea.name))
    assert (agreed.editable, list(agreed.allowed_transitions)) == (False, [])
    for call in (
        other_member.UpdateVisit(pb.UpdateVisitRequest(visit=renamed)),
        factories.take(other_member, idea.name, "cancel"),
    ):
        with refused("PERMISSION_DENIED"):
            await call


async def test_a_member_calls_off_an_idea_of_its_own_and_no_other(
    member: Caller, other_member: Caller, world: World
) -> None:
    idea = await factories.visit(other_member, world.ours.exchange)
    with refused("PERMISSION_DENIED"):
        await factories.take(member, idea.name, "cancel")
    assert (await factories.take(other_member, idea.name, "cancel")).state == pb.Visit.STATE_CANCELLED


async def test_a_partner_is_told_the_functions_of_the_hosts_and_no_more(coordinator: Caller, world: World) -> None:
    interpreter = await factories.person(coordinator, "interpreter", display_name="Eva Ernst")
    guide = await factories.person(coordinator, "guide", function="Guide")
    delegate = await factories.delegate(coordinator, world.ours.name)
    booked = [interpreter.name, delegate.name, guide.name]
    made = await factories.agenda_item(coordinator, world.ours.name, people=booked)
    seen = (await world.partner.ListAgendaItems(pb.ListAgendaItemsRequest(parent=world.ours.name))).agenda_items[0]
    assert seen == made
    assert list(seen.people_functions) == ["Interpreter English–German", "", "Guide"]
    fewer = pb.AgendaItem(name=made.name, people=[guide.name])
    changed = await coordinator.UpdateAgendaItem(
        pb.UpdateAgendaItemRequest(agenda_item=fewer, update_mask=FieldMask(paths=["people"]))
    )
    assert list(changed.people_functions) == ["Guide"]
    with refused("PERMISSION_DENIED"):
        await world.partner.ListPeople(pb.ListPeopleRequest())


async def test_a_programme_shows_each_reader_no_more_than_its_parts_do(
    exchange: RunningService, coordinator: Caller, world: World
) -> None:
    await factories.delegate(coordinator, world.ours.name)
    await factories.agenda_item(coordinator, world.ours.name)
    ours, theirs = (pb.GetProgrammeRequest(name=f"{visit.name}/programme") for visit in (world.ours, world.theirs))
    seen = await world.partner.GetProgramme(ours)
    assert seen.visit == await world.partner.GetVisit(pb.GetVisitRequest(name=world.ours.name))
    assert (len(seen.delegates), len(seen.agenda_items)) == (1, 1)
    with refused("PERMISSION_DENIED"):
        await world.partner.GetProgramme(theirs)
    administrator = exchange.as_(Role.ADMINISTRATOR)
    seen = await administrator.GetProgramme(ours)
    assert (len(seen.delegates), len(seen.agenda_items)) == (0, 1)
    with refused("NOT_FOUND"):
        await administrator.GetProgramme(pb.GetProgrammeRequest(name="visits/none/programme"))


async def test_only_a_coordinator_makes_a_learning_of_a_debrief_public(
    coordinator: Caller, member: Caller, world: World
) -> None:
    await factories.take(coordinator, world.ours.name, "agree", "plan", "confirm", "start")
    debrief = factories.debrief("Monthly reports", "Public hearings")
    debrief.entries[0].visibility = pb.DebriefEntry.VISIBILITY_PARTNERS
    debrief.entries[1].visibility = pb.DebriefEntry.VISIBILITY_PUBLIC
    request = pb.ReportVisitRequest(name=world.ours.name, debrief=debrief)
    with refused("PERMISSION_DENIED") as refusal:
        await member.ReportVisit(request)
    assert refusal.error.message == "Only a coordinator makes a learning public."
    assert (await coordinator.ReportVisit(request)).debrief == debrief
    assert (await member.GetVisit(pb.GetVisitRequest(name=world.ours.name))).debrief == debrief


async def test_who_may_not_report_is_told_so_before_anything_about_the_debrief(
    coordinator: Caller, member: Caller, other_member: Caller, world: World
) -> None:
    await factories.take(coordinator, world.ours.name, "agree", "plan", "confirm", "start")
    debrief = factories.debrief("Public hearings")
    debrief.entries[0].visibility = pb.DebriefEntry.VISIBILITY_PUBLIC
    with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_IN_CHARGE"):
        await other_member.ReportVisit(pb.ReportVisitRequest(name=world.ours.name, debrief=debrief))
    with refused("NOT_FOUND"):
        await member.ReportVisit(pb.ReportVisitRequest(name="visits/none", debrief=debrief))
    with refused("ABORTED", "ETAG_MISMATCH"):
        await member.ReportVisit(pb.ReportVisitRequest(name=world.ours.name, etag="0", debrief=debrief))


async def test_a_member_without_a_department_hosts_nothing(exchange: RunningService, coordinator: Caller) -> None:
    leaderless = await factories.exchange(coordinator, department="")
    nobody = exchange.as_(Role.MEMBER)
    renamed = pb.Exchange(name=leaderless.name, title="Mine")
    with refused("PERMISSION_DENIED"):
        await nobody.UpdateExchange(pb.UpdateExchangeRequest(exchange=renamed))


async def test_an_administrator_who_is_a_partner_too_sees_no_other_delegates(
    exchange: RunningService, world: World
) -> None:
    both = exchange.as_(Role.ADMINISTRATOR, Role.PARTNER, city="cities/swansea")
    assert (await both.ListVisits(pb.ListVisitsRequest())).total_size == 2
    await both.ListDelegates(pb.ListDelegatesRequest(parent=world.ours.name))
    with refused("PERMISSION_DENIED"):
        await both.ListDelegates(pb.ListDelegatesRequest(parent=world.theirs.name))


async def test_another_service_reads_every_partnership_and_exchange(exchange: RunningService, world: World) -> None:
    forum = exchange.as_identity(service_identity("forum"))
    assert (await forum.ListPartnerships(pb.ListPartnershipsRequest(city="cities/hebron"))).total_size == 1
    assert (await forum.ListExchanges(pb.ListExchangesRequest())).total_size == 2
    with refused("PERMISSION_DENIED"):
        await forum.ListVisits(pb.ListVisitsRequest())
