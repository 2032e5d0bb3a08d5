"""The panel: invitations, the eligibility rule at work, and its log."""

import asyncio
from uuid import uuid4

import pytest
from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import events_pb2
from austausch.forum.v1 import forum_pb2 as pb
from sqlalchemy import select

from chassis.identity import Role
from chassis.tables import OutboxEvent
from services.forum.model import Forum as ForumRow
from services.forum.model import Panelist as Row
from tests import factories as exchange_factories
from tests.calls import Caller, RunningService
from tests.forum.factories import (
    EXPERT,
    invite,
    make_conclusion,
    make_forum,
    make_group,
    national_expert,
    seat,
)
from tests.refusals import refused

Reason = pb.Eligibility


async def checks(coordinator: Caller, forum: pb.Forum) -> list[pb.EligibilityCheck]:
    """Return the log of a forum, newest first."""
    answer = await coordinator.ListEligibilityChecks(pb.ListEligibilityChecksRequest(parent=forum.name))
    return list(answer.eligibility_checks)


async def change(caller: Caller, panelist: pb.Panelist, **fields: object) -> pb.Panelist:
    changed = pb.Panelist(name=panelist.name, **fields)  # type: ignore[arg-type]
    return await caller.UpdatePanelist(pb.UpdatePanelistRequest(panelist=changed))


async def test_an_invitation_is_checked_logged_and_told(lone_forum: RunningService, coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    panelist = await invite(coordinator, forum)
    assert panelist.state == pb.Panelist.STATE_INVITED
    assert list(panelist.allowed_transitions) == ["accept", "decline", "withdraw"]
    assert panelist.eligibility.eligible
    (check,) = await checks(coordinator, forum)
    assert (check.panelist, check.occasion) == (panelist.name, pb.EligibilityCheck.OCCASION_INVITATION)
    assert check.eligibility == panelist.eligibility
    async with lone_forum.database.read() as session:
        (row,) = (await session.scalars(select(OutboxEvent))).all()
    event = events_pb2.PanelistInvited.FromString(row.payload)
    assert (event.forum.name, event.panelist.name) == (forum.name, panelist.name)
    assert (event.panelist.account, event.panelist.conflict_of_interest) == ("", "")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"politically_neutral": False}, "NOT_POLITICALLY_NEUTRAL"),
        ({"city": "cities/mannheim"}, "AFFILIATED_WITH_REVIEWED_CITY"),
        ({"residence_city": "cities/mannheim"}, "RESIDENT_OF_REVIEWED_CITY"),
        ({"has_conflict": True}, "CONFLICT_OF_INTEREST"),
    ],
)
async def test_an_ineligible_expert_is_not_invited_and_the_refusal_is_logged(
    coordinator: Caller, fields: dict[str, object], reason: str
) -> None:
    forum = await make_forum(coordinator)
    with refused("FAILED_PRECONDITION", "INELIGIBLE") as refusal:
        await invite(coordinator, forum, **fields)
    assert refusal.error.metadata["reasons"] == reason
    panel = await coordinator.ListPanelists(pb.ListPanelistsRequest(parent=forum.name))
    assert panel.total_size == 0
    (check,) = await checks(coordinator, forum)
    assert not check.eligibility.eligible
    assert (list(check.eligibility.reasons), check.panelist) == ([Reason.Reason.Value(f"REASON_{reason}")], "")


async def test_the_declaration_of_conflicts_may_follow_with_the_acceptance(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    panelist = await invite(coordinator, forum, conflict_of_interest="")
    assert list(panelist.eligibility.reasons) == [Reason.REASON_CONFLICT_NOT_DECLARED]
    with refused("FAILED_PRECONDITION", "INELIGIBLE"):
        await coordinator.AcceptPanelist(pb.AcceptPanelistRequest(name=panelist.name))
    accepted = await coordinator.AcceptPanelist(
        pb.AcceptPanelistRequest(name=panelist.name, conflict_of_interest="none")
    )
    assert (accepted.state, accepted.eligibility.eligible) == (pb.Panelist.STATE_ACCEPTED, True)
    assert [check.eligibility.eligible for check in await checks(coordinator, forum)] == [True, False, False]


async def test_the_cap_per_city_holds_for_concurrent_invitations(coordinator: Caller) -> None:
    forum = await make_forum(coordinator, panel_city_cap=2)
    attempts = await asyncio.gather(*(invite(coordinator, forum) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(attempt, pb.Panelist) for attempt in attempts) == 2
    with refused("FAILED_PRECONDITION", "INELIGIBLE") as refusal:
        await invite(coordinator, forum)
    assert refusal.error.metadata["reasons"] == "CITY_CAP_EXCEEDED"
    await invite(coordinator, forum, city="cities/bonn")


async def test_who_declines_leaves_the_place_to_another(coordinator: Caller) -> None:
    forum = await make_forum(coordinator, panel_city_cap=1)
    panelist = await invite(coordinator, forum)
    declined = await coordinator.DeclinePanelist(pb.DeclinePanelistRequest(name=panelist.name))
    assert (declined.state, list(declined.allowed_transitions)) == (pb.Panelist.STATE_DECLINED, [])
    await invite(coordinator, forum)
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await coordinator.AcceptPanelist(pb.AcceptPanelistRequest(name=panelist.name))


async def test_a_lower_cap_makes_the_latest_ineligible_only(coordinator: Caller) -> None:
    forum = await make_forum(coordinator, panel_city_cap=2)
    panelists = [await invite(coordinator, forum) for _ in range(2)]
    await coordinator.UpdateForum(pb.UpdateForumRequest(forum=pb.Forum(name=forum.name, panel_city_cap=1)))
    answers = [
        await coordinator.CheckEligibility(pb.CheckEligibilityRequest(name=panelist.name)) for panelist in panelists
    ]
    assert [answer.eligibility.eligible for answer in answers] == [True, False]


async def test_a_check_is_no_change_of_the_panelist(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    panelist = await invite(coordinator, forum)
    checked = await coordinator.CheckEligibility(pb.CheckEligibilityRequest(name=panelist.name))
    assert (checked.etag, checked.update_time) == (panelist.etag, panelist.update_time)
    assert checked.eligibility.check_time.ToDatetime() > panelist.eligibility.check_time.ToDatetime()


async def test_a_change_that_changes_nothing_is_checked_and_leaves_the_version(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    panelist = await invite(coordinator, forum)
    other = lone_forum.as_(Role.COORDINATOR, name="Somebody else")
    answer = await change(other, panelist, function=panelist.function, has_conflict=panelist.has_conflict)
    assert answer == await coordinator.GetPanelist(pb.GetPanelistRequest(name=panelist.name))
    assert (answer.etag, answer.update_time, answer.updater) == (panelist.etag, panelist.update_time, panelist.updater)
    newest, _ = await checks(coordinator, forum)
    assert newest.occasion == pb.EligibilityCheck.OCCASION_CHANGE
    assert newest.eligibility == answer.eligibility


async def test_a_check_that_waits_for_a_change_judges_what_was_changed(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    panelist = await seat(coordinator, forum)
    async with lone_forum.database.begin() as session:
        await session.get_for_update(ForumRow, forum.name)
        row = await session.get_for_update(Row, panelist.name)
        row.conflict_of_interest, row.has_conflict = "Advises a bidder.", True
        await session.flush()
        check = asyncio.ensure_future(
            coordinator.CheckEligibility(pb.CheckEligibilityRequest(name=panelist.name, request_id=str(uuid4())))
        )
        await asyncio.sleep(0.5)
        assert not check.done()
    checked = await check
    assert checked.has_conflict
    assert list(checked.eligibility.reasons) == [Reason.REASON_CONFLICT_OF_INTEREST]


async def test_blanks_declare_nothing(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    panelist = await invite(coordinator, forum, conflict_of_interest=" ")
    assert list(panelist.eligibility.reasons) == [Reason.REASON_CONFLICT_NOT_DECLARED]
    with refused("FAILED_PRECONDITION", "INELIGIBLE") as refusal:
        await coordinator.AcceptPanelist(pb.AcceptPanelistRequest(name=panelist.name, conflict_of_interest="\n"))
    assert refusal.error.metadata["reasons"] == "CONFLICT_NOT_DECLARED"


async def test_the_log_of_a_panelist_is_asked_for_in_its_own_forum(coordinator: Caller) -> None:
    here, there = await make_forum(coordinator), await make_forum(coordinator, "elsewhere")
    for forum in (here, there):
        await coordinator.CreatePanelist(
            pb.CreatePanelistRequest(parent=forum.name, panelist=national_expert(), panelist_id="professor")
        )
    request = pb.ListEligibilityChecksRequest(parent=here.name, panelist=f"{there.name}/panelists/professor")
    assert not (await coordinator.ListEligibilityChecks(request)).eligibility_checks
    request.panelist = f"{here.name}/panelists/professor"
    assert len((await coordinator.ListEligibilityChecks(request)).eligibility_checks) == 1


async def test_an_account_sits_once_on_a_panel(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    await invite(coordinator, forum, account=EXPERT)
    with refused("ALREADY_EXISTS", "ACCOUNT_ON_PANEL"):
        await invite(coordinator, forum, account=EXPERT)


async def test_every_write_of_an_expert_is_checked_and_logged(lone_forum: RunningService, coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    panelist = await seat(coordinator, forum)
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    group = await make_group(coordinator, forum, members=[panelist.name])
    conclusion = await make_conclusion(expert, forum, working_groups=[group.name])
    await expert.UpdateConclusion(
        pb.UpdateConclusionRequest(conclusion=pb.Conclusion(name=conclusion.name, dissent="Nicht einstimmig."))
    )
    await change(coordinator, panelist, residence_city="cities/mannheim")
    with refused("PERMISSION_DENIED", "INELIGIBLE") as refusal:
        await make_conclusion(expert, forum)
    assert refusal.error.metadata["reasons"] == "RESIDENT_OF_REVIEWED_CITY"
    log = await checks(coordinator, forum)
    writes = [check for check in log if check.occasion == pb.EligibilityCheck.OCCASION_WRITE]
    assert [check.eligibility.eligible for check in writes] == [False, True, True]
    assert {check.panelist for check in writes} == {panelist.name}


async def test_an_expert_writes_only_after_accepting(lone_forum: RunningService, coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    await invite(coordinator, forum, account=EXPERT)
    with refused("PERMISSION_DENIED"):
        await make_conclusion(lone_forum.as_(Role.EXPERT, subject=EXPERT), forum)


async def test_an_expert_accepts_for_itself_only(lone_forum: RunningService, coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    own = await invite(coordinator, forum, account=EXPERT)
    other = await invite(coordinator, forum, account="accounts/other")
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    for verb, request in (("Accept", pb.AcceptPanelistRequest), ("Withdraw", pb.WithdrawPanelistRequest)):
        with refused("PERMISSION_DENIED"):
            await getattr(expert, f"{verb}Panelist")(request(name=other.name))
        await getattr(expert, f"{verb}Panelist")(request(name=own.name))


async def test_an_expert_changes_its_own_declaration_and_nothing_else(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    own = await seat(coordinator, forum)
    other = await invite(coordinator, forum, account="accounts/other")
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    changed = await change(expert, own, conflict_of_interest="Advises a bidder.", has_conflict=True)
    assert list(changed.eligibility.reasons) == [Reason.REASON_CONFLICT_OF_INTEREST]
    with refused("PERMISSION_DENIED"):
        await change(expert, own, residence_city="cities/haifa")
    with refused("PERMISSION_DENIED"):
        await change(expert, other, conflict_of_interest="none")


async def test_an_expert_may_send_all_that_it_read_of_its_place_back(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    place = await seat(coordinator, forum)
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    read = await expert.GetPanelist(pb.GetPanelistRequest(name=place.name))
    read.conflict_of_interest = "none at all"
    changed = await expert.UpdatePanelist(pb.UpdatePanelistRequest(panelist=read))
    assert changed.conflict_of_interest == "none at all"
    assert (changed.function, changed.account) == (place.function, EXPERT)


async def test_an_expert_sees_the_private_fields_of_nobody_else(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    own = await seat(coordinator, forum)
    other = await invite(coordinator, forum, account="accounts/other", residence_city="cities/bonn")
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    seen = {
        panelist.name: panelist
        for panelist in (await expert.ListPanelists(pb.ListPanelistsRequest(parent=forum.name))).panelists
    }
    assert (seen[own.name].account, seen[own.name].conflict_of_interest) == (EXPERT, "none")
    hidden = seen[other.name]
    assert (hidden.account, hidden.residence_city, hidden.conflict_of_interest) == ("", "", "")
    assert not hidden.HasField("eligibility")
    assert list(hidden.allowed_transitions) == []


async def test_deleting_a_panelist_leaves_the_log_without_it(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    panelist = await invite(coordinator, forum)
    group = await make_group(coordinator, forum, members=[panelist.name])
    await coordinator.DeletePanelist(pb.DeletePanelistRequest(name=panelist.name))
    (check,) = await checks(coordinator, forum)
    assert (check.panelist, check.eligibility.eligible) == ("", True)
    assert list((await coordinator.GetWorkingGroup(pb.GetWorkingGroupRequest(name=group.name))).members) == []


async def test_while_the_exchange_service_is_away_nobody_is_judged_by_its_partnership(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    with refused("UNAVAILABLE", "EXCHANGE_AWAY") as refusal:
        await invite(coordinator, forum, origin="ORIGIN_PARTNER_CITY", city="cities/haifa")
    assert "exchange service" in refusal.error.message
    assert await checks(coordinator, forum) == []


async def test_an_expert_from_abroad_names_a_city(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    with refused("INVALID_ARGUMENT", "EXPERT_CITY_REQUIRED") as refusal:
        await invite(coordinator, forum, origin="ORIGIN_FRIENDSHIP_CITY", city="")
    assert refusal.error.violations[0].field == "panelist.city"


@pytest.mark.parametrize("kind", ["KIND_PARTNERSHIP", "KIND_FRIENDSHIP", "KIND_PROJECT", "KIND_CONTACT"])
async def test_an_expert_comes_from_an_active_partnership_or_friendship(
    exchange: RunningService, forum: RunningService, kind: str
) -> None:
    office, coordinator = exchange.as_(Role.COORDINATOR), forum.as_(Role.COORDINATOR)
    partnership = await exchange_factories.partnership(office, kind=kind)
    made = await make_forum(coordinator)
    request = pb.CreatePanelistRequest(
        parent=made.name, panelist=national_expert(origin="ORIGIN_PARTNER_CITY", city=partnership.city)
    )
    with refused("FAILED_PRECONDITION", "INELIGIBLE") as refusal:
        await coordinator.CreatePanelist(request)
    assert refusal.error.metadata["reasons"] == "NOT_FROM_PARTNER_CITY"
    name = partnership.name
    if kind != "KIND_CONTACT":
        await office.ApprovePartnership(exchange_pb2.ApprovePartnershipRequest(name=name))
        await office.SignPartnership(exchange_pb2.SignPartnershipRequest(name=name))
    await office.ActivatePartnership(exchange_pb2.ActivatePartnershipRequest(name=name))
    if kind in ("KIND_PROJECT", "KIND_CONTACT"):
        with refused("FAILED_PRECONDITION", "INELIGIBLE"):
            await coordinator.CreatePanelist(request)
        return
    panelist = await coordinator.CreatePanelist(request)
    assert panelist.eligibility.eligible
    await office.SuspendPartnership(exchange_pb2.SuspendPartnershipRequest(name=name))
    checked = await coordinator.CheckEligibility(pb.CheckEligibilityRequest(name=panelist.name))
    assert list(checked.eligibility.reasons) == [Reason.REASON_NOT_FROM_PARTNER_CITY]
