"""Experts write until the last day of their forum has ended where the city under review lies."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from austausch.forum.v1 import forum_pb2 as pb

from chassis.identity import Role
from services.forum.model import Forum
from tests import factories as exchange_factories
from tests.calls import Caller, RunningService
from tests.factories import day
from tests.forum.factories import EXPERT, invite, make_conclusion, make_forum, make_group, make_recommendation, seat
from tests.refusals import refused

LAST_DAY = date(2027, 3, 28)  # Clocks are put forward in Berlin.
BERLIN = ZoneInfo("Europe/Berlin")
# Whenever it is, the one is a day ahead of the other, or two.
AHEAD, BEHIND = "Pacific/Kiritimati", "Etc/GMT+12"


@pytest.mark.parametrize(
    ("moment", "over"),
    [
        (datetime(2027, 3, 28, 0, 0, tzinfo=BERLIN), False),
        (datetime(2027, 3, 28, 21, 59, 59, tzinfo=UTC), False),
        (datetime(2027, 3, 28, 22, 0, tzinfo=UTC), True),
        (datetime(2027, 3, 29, 0, 0, tzinfo=BERLIN), True),
    ],
)
def test_a_forum_ends_when_its_last_day_does(moment: datetime, over: bool) -> None:
    assert Forum(end_date=LAST_DAY).is_over(moment, BERLIN) is over
    assert Forum(end_date=LAST_DAY).is_over_everywhere(moment) in (over, None)
    assert not Forum(end_date=None).is_over(moment, BERLIN)
    assert Forum(end_date=None).is_over_everywhere(moment) is False


@pytest.mark.parametrize(
    ("moment", "over"),
    [
        (datetime(2027, 3, 28, 9, 59, 59, tzinfo=UTC), False),
        (datetime(2027, 3, 28, 10, 0, tzinfo=UTC), None),
        (datetime(2027, 3, 29, 11, 59, 59, tzinfo=UTC), None),
        (datetime(2027, 3, 29, 12, 0, tzinfo=UTC), True),
    ],
)
def test_around_its_end_the_time_zone_decides(moment: datetime, over: bool | None) -> None:
    assert Forum(end_date=LAST_DAY).is_over_everywhere(moment) is over


async def seated(coordinator: Caller, forum: pb.Forum) -> tuple[pb.WorkingGroup, pb.Conclusion, pb.Recommendation]:
    """Seat the expert in a group of its own, with a draft to work on."""
    group = await make_group(coordinator, forum, members=[(await seat(coordinator, forum)).name])
    conclusion = await make_conclusion(coordinator, forum, working_groups=[group.name])
    return group, conclusion, await make_recommendation(coordinator, conclusion)


async def test_after_the_end_experts_read_and_write_no_more(lone_forum: RunningService, coordinator: Caller) -> None:
    forum = await make_forum(coordinator, end_date=day(date(2026, 1, 31)))
    group, conclusion, recommendation = await seated(coordinator, forum)
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    changed = pb.Conclusion(name=conclusion.name, text="Anders.")
    worded = pb.Recommendation(name=recommendation.name, text="Anders.")
    writes = [
        make_conclusion(expert, forum, working_groups=[group.name]),
        expert.UpdateConclusion(pb.UpdateConclusionRequest(conclusion=changed)),
        make_recommendation(expert, conclusion),
        expert.UpdateRecommendation(pb.UpdateRecommendationRequest(recommendation=worded)),
    ]
    for write in writes:
        with refused("FAILED_PRECONDITION", "FORUM_OVER") as refusal:
            await write
        assert refusal.metadata == {
            "forum": forum.name,
            "forum_title": forum.title,
            "end_date": "2026-01-31",
        }
    assert not (await expert.GetWorkingGroup(pb.GetWorkingGroupRequest(name=group.name))).writable
    assert not (await expert.GetConclusion(pb.GetConclusionRequest(name=conclusion.name))).editable
    assert not (await expert.GetRecommendation(pb.GetRecommendationRequest(name=recommendation.name))).editable
    changed.title = "Das Büro schreibt weiter"
    assert (await coordinator.UpdateConclusion(pb.UpdateConclusionRequest(conclusion=changed))).editable


def accept(panelist: pb.Panelist) -> pb.AcceptPanelistRequest:
    return pb.AcceptPanelistRequest(name=panelist.name)


async def test_after_the_end_an_expert_declines_an_invitation_and_accepts_it_no_more(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator, end_date=day(date(2026, 1, 31)))
    invited = await invite(coordinator, forum, account=EXPERT)
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    with refused("FAILED_PRECONDITION", "FORUM_OVER") as refusal:
        await expert.AcceptPanelist(accept(invited))
    assert refusal.metadata == {"forum": forum.name, "forum_title": forum.title, "end_date": "2026-01-31"}
    unchanged = await expert.GetPanelist(pb.GetPanelistRequest(name=invited.name))
    assert (unchanged.etag, list(unchanged.allowed_transitions)) == (invited.etag, ["decline", "withdraw"])
    declined = await expert.DeclinePanelist(pb.DeclinePanelistRequest(name=invited.name))
    assert declined.state == pb.Panelist.STATE_DECLINED


async def test_an_acceptance_that_is_repeated_after_the_end_gets_its_first_answer(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    invited = await invite(coordinator, forum, account=EXPERT)
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    request = pb.AcceptPanelistRequest(name=invited.name, request_id=str(uuid4()))
    first = await expert.AcceptPanelist(request)
    ended = pb.Forum(name=forum.name, end_date=day(date(2026, 1, 31)))
    await coordinator.UpdateForum(pb.UpdateForumRequest(forum=ended))
    assert await expert.AcceptPanelist(request) == first


async def test_drafts_that_are_repeated_after_the_end_get_their_first_answer(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    group, conclusion, _ = await seated(coordinator, forum)
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    text = {"title": "Vorbild", "text": "Die Verwaltung ist Vorbild.", "language": "de"}
    drafts = (
        pb.CreateConclusionRequest(
            parent=forum.name, conclusion=pb.Conclusion(working_groups=[group.name], **text), request_id=str(uuid4())
        ),
        pb.CreateRecommendationRequest(
            parent=forum.name,
            recommendation=pb.Recommendation(conclusion=conclusion.name, **text),
            request_id=str(uuid4()),
        ),
    )
    first = [await expert.CreateConclusion(drafts[0]), await expert.CreateRecommendation(drafts[1])]
    ended = pb.Forum(name=forum.name, end_date=day(date(2026, 1, 31)))
    await coordinator.UpdateForum(pb.UpdateForumRequest(forum=ended))
    assert [await expert.CreateConclusion(drafts[0]), await expert.CreateRecommendation(drafts[1])] == first


async def test_after_the_end_the_office_still_takes_down_who_accepted(coordinator: Caller) -> None:
    forum = await make_forum(coordinator, end_date=day(date(2026, 1, 31)))
    invited = await invite(coordinator, forum, account=EXPERT)
    assert (await coordinator.AcceptPanelist(accept(invited))).state == pb.Panelist.STATE_ACCEPTED


@pytest.mark.parametrize(("zone", "over"), [(AHEAD, True), (BEHIND, False)])
async def test_the_last_day_is_that_of_the_city_under_review(
    exchange: RunningService, forum: RunningService, zone: str, over: bool
) -> None:
    reviewed = await exchange_factories.city(exchange.as_(Role.COORDINATOR), time_zone=zone)
    coordinator = forum.as_(Role.COORDINATOR)
    last_day = datetime.now(ZoneInfo(BEHIND)).date()
    ending = await make_forum(coordinator, city=reviewed.name, end_date=day(last_day))
    group, conclusion, _ = await seated(coordinator, ending)
    expert = forum.as_(Role.EXPERT, subject=EXPERT)
    invited = await invite(coordinator, ending, account="accounts/invited")
    guest = forum.as_(Role.EXPERT, subject="accounts/invited")
    assert (await expert.GetConclusion(pb.GetConclusionRequest(name=conclusion.name))).editable
    if over:
        with refused("FAILED_PRECONDITION", "FORUM_OVER"):
            await make_conclusion(expert, ending, working_groups=[group.name])
        with refused("FAILED_PRECONDITION", "FORUM_OVER"):
            await guest.AcceptPanelist(accept(invited))
    else:
        await make_conclusion(expert, ending, working_groups=[group.name])
        await guest.AcceptPanelist(accept(invited))


async def test_while_the_exchange_service_is_away_only_the_hours_around_the_end_wait_for_it(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    expert = lone_forum.as_(Role.EXPERT, subject=EXPERT)
    behind = datetime.now(ZoneInfo(BEHIND)).date()
    for number, (last_day, told) in enumerate(((behind, False), (behind + timedelta(days=3), True))):
        forum = await make_forum(coordinator, f"forum-{number}", end_date=day(last_day))
        group, _, _ = await seated(coordinator, forum)
        if told:
            await make_conclusion(expert, forum, working_groups=[group.name])
        else:
            with refused("UNAVAILABLE", "CITY_DAY_UNCERTAIN"):
                await make_conclusion(expert, forum, working_groups=[group.name])
