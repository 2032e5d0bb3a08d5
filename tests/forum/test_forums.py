"""Forums and their trees through the API."""

import asyncio
import uuid

import pytest
from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date

from chassis.identity import Role
from services.forum.model import Forum as Row
from tests import factories as exchange_factories
from tests.calls import Caller, RunningService
from tests.forum.factories import DUE, invite, make_adopted, make_conclusion, make_forum, make_group, make_node
from tests.refusals import refused


async def test_a_forum_is_stored_under_the_slug_it_was_given(coordinator: Caller) -> None:
    made = await make_forum(
        coordinator, panel_city_cap=2, start_date=Date(year=2018, month=5, day=1), purpose="Qualitätssicherung"
    )
    got = await coordinator.GetForum(pb.GetForumRequest(name="forums/leitbild-mannheim-2030"))
    assert got == made
    assert (got.title, got.panel_city_cap, got.updater) == ("Leitbild Mannheim 2030", 2, "Internationales Büro")


async def test_a_taken_slug_is_refused_even_at_the_same_moment(coordinator: Caller) -> None:
    attempts = await asyncio.gather(*(make_forum(coordinator) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(attempt, pb.Forum) for attempt in attempts) == 1
    with refused("ALREADY_EXISTS", "NAME_TAKEN"):
        await make_forum(coordinator)


async def test_a_forum_cannot_end_before_it_starts(coordinator: Caller) -> None:
    first, last = Date(year=2018, month=5, day=2), Date(year=2018, month=5, day=1)
    with refused("INVALID_ARGUMENT", "LAST_DAY_BEFORE_FIRST") as refusal:
        await make_forum(coordinator, start_date=first, end_date=last)
    assert refusal.error.violations[0].field == "forum.end_date"


async def test_whether_a_visit_exists_is_not_guessed_while_nobody_can_tell(coordinator: Caller) -> None:
    with refused("UNAVAILABLE", "VISIT_UNCERTAIN"):
        await make_forum(coordinator, visit="visits/0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d")
    forum = await make_forum(coordinator)
    with refused("UNAVAILABLE", "VISIT_UNCERTAIN"):
        changed = pb.Forum(name=forum.name, visit="visits/0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d")
        await coordinator.UpdateForum(pb.UpdateForumRequest(forum=changed, update_mask=FieldMask(paths=["visit"])))


async def test_nobody_is_asked_about_a_visit_that_a_forum_keeps(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    async with lone_forum.database.begin() as session:
        row = await session.get_by_name(Row, forum.name)
        row.visit = "visits/0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d"
    read = await coordinator.GetForum(pb.GetForumRequest(name=forum.name))
    read.title = "Leitbild"
    changed = await coordinator.UpdateForum(pb.UpdateForumRequest(forum=read))
    assert (changed.title, changed.visit) == ("Leitbild", read.visit)


async def test_a_day_that_does_not_exist_is_refused(coordinator: Caller) -> None:
    with refused("INVALID_ARGUMENT", "NO_SUCH_DAY") as refusal:
        await make_forum(coordinator, start_date=Date(year=2018, month=2, day=30))
    assert refusal.error.violations[0].field == "forum.start_date"


async def test_an_update_changes_only_what_the_mask_names(coordinator: Caller) -> None:
    made = await make_forum(coordinator, purpose="Reflektieren")
    changed = pb.Forum(name=made.name, title="Leitbild", purpose="", etag=made.etag)
    answer = await coordinator.UpdateForum(
        pb.UpdateForumRequest(forum=changed, update_mask=FieldMask(paths=["purpose"]))
    )
    assert (answer.title, answer.purpose) == (made.title, "")
    assert answer.etag != made.etag


async def test_of_two_concurrent_updates_one_is_refused_and_told_by_whom(coordinator: Caller) -> None:
    made = await make_forum(coordinator)
    requests = [
        pb.UpdateForumRequest(forum=pb.Forum(name=made.name, etag=made.etag, title=title)) for title in ("A", "B")
    ]
    answers = await asyncio.gather(*map(coordinator.UpdateForum, requests), return_exceptions=True)
    assert sorted(isinstance(answer, pb.Forum) for answer in answers) == [False, True]
    with refused("ABORTED", "ETAG_MISMATCH") as refusal:
        await coordinator.UpdateForum(requests[0])
    assert refusal.error.metadata["updater"] == "Internationales Büro"


async def test_a_repeated_request_gets_the_first_answer(coordinator: Caller) -> None:
    request = pb.CreateForumRequest(
        forum=pb.Forum(title="Leitbild", city="cities/mannheim", language="de"), request_id=str(uuid.uuid4())
    )
    answers = [await coordinator.CreateForum(request) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    listed = await coordinator.ListForums(pb.ListForumsRequest())
    assert listed.total_size == 1


async def test_a_repeat_gets_the_first_answer_though_the_visit_was_deleted_since(
    exchange: RunningService, forum: RunningService
) -> None:
    office, coordinator = exchange.as_(Role.COORDINATOR), forum.as_(Role.COORDINATOR)
    await exchange_factories.home_city(office)
    swansea = await exchange_factories.city(office, "swansea")
    series = await exchange_factories.exchange(
        office, (await exchange_factories.partnership(office, swansea.name)).name
    )
    visit = await exchange_factories.visit(office, series.name)
    request = pb.CreateForumRequest(
        forum=pb.Forum(title="Leitbild", city="cities/mannheim", language="de", visit=visit.name),
        request_id=str(uuid.uuid4()),
    )
    first = await coordinator.CreateForum(request)
    await office.DeleteVisit(exchange_pb2.DeleteVisitRequest(name=visit.name))
    assert await coordinator.CreateForum(request) == first


async def test_pages_show_every_forum_once(coordinator: Caller) -> None:
    made = [await make_forum(coordinator, f"forum-{number}", title=f"Forum {number}") for number in range(5)]
    seen, token = [], ""
    while True:
        answer = await coordinator.ListForums(pb.ListForumsRequest(page_size=2, page_token=token))
        assert answer.total_size == 5
        seen += answer.forums
        if not (token := answer.next_page_token):
            break
    assert seen == made


async def test_the_steering_chain_can_be_expressed(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    parent, chain = "", []
    for kind in ("STRATEGIC_GOAL", "TOP_INDICATOR", "MANAGEMENT_GOAL", "BUDGET_PRODUCT"):
        node = await make_node(coordinator, forum, kind=f"KIND_{kind}", parent=parent, code=f"1.{len(chain)}")
        chain.append(node)
        parent = node.name
    charter = await make_node(coordinator, forum, kind="KIND_COMMITMENT", title="Aalborg Commitments", code="9")
    measure = await make_node(
        coordinator, forum, kind="KIND_MEASURE", parent=parent, fulfils=[charter.name], sdg_targets=["11.3", "13"]
    )
    listed = await coordinator.ListSubjectNodes(pb.ListSubjectNodesRequest(parent=forum.name))
    assert {node.name: node.parent for node in listed.subject_nodes} == {
        node.name: node.parent for node in [*chain, charter, measure]
    }
    assert list(measure.fulfils) == [charter.name]
    only = pb.ListSubjectNodesRequest(parent=forum.name, kind=pb.SubjectNode.KIND_COMMITMENT)
    assert list((await coordinator.ListSubjectNodes(only)).subject_nodes) == [charter]


async def test_a_node_has_topics_in_any_script_each_once(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    node = await make_node(coordinator, forum, topics=["gru\u0308nfla\u0308chen", "grünflächen", "水资源"])
    assert list(node.topics) == ["grünflächen", "水资源"]
    request = pb.UpdateSubjectNodeRequest(
        subject_node=pb.SubjectNode(name=node.name, etag=node.etag), update_mask=FieldMask(paths=["topics"])
    )
    assert list((await coordinator.UpdateSubjectNode(request)).topics) == []
    for topics, field in ((["Not a slug"], "topics[0]"), (["same", "same"], "topics"), (["t"] * 31, "topics")):
        with refused("INVALID_ARGUMENT") as refusal:
            await make_node(coordinator, forum, topics=topics)
        assert f"subject_node.{field}" in refusal.fields


async def test_a_node_cannot_become_its_own_ancestor(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    top = await make_node(coordinator, forum)
    below = await make_node(coordinator, forum, parent=top.name)
    deepest = await make_node(coordinator, forum, parent=below.name)
    for target in (top, below, deepest):
        with refused("INVALID_ARGUMENT", "OWN_ANCESTOR") as refusal:
            moved = pb.SubjectNode(name=top.name, parent=target.name)
            await coordinator.UpdateSubjectNode(pb.UpdateSubjectNodeRequest(subject_node=moved))
        assert refusal.error.violations[0].field == "subject_node.parent"


async def test_two_moves_at_once_close_no_cycle(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    one, other = [await make_node(coordinator, forum) for _ in range(2)]
    moves = [pb.SubjectNode(name=one.name, parent=other.name), pb.SubjectNode(name=other.name, parent=one.name)]
    requests = [pb.UpdateSubjectNodeRequest(subject_node=move) for move in moves]
    answers = await asyncio.gather(*map(coordinator.UpdateSubjectNode, requests), return_exceptions=True)
    assert sorted(isinstance(answer, pb.SubjectNode) for answer in answers) == [False, True]


async def test_a_node_stays_within_its_forum(coordinator: Caller) -> None:
    forum, elsewhere = [await make_forum(coordinator, name) for name in ("here", "elsewhere")]
    stranger = await make_node(coordinator, elsewhere, kind="KIND_COMMITMENT")
    for field in ("parent", "fulfils"):
        with refused("INVALID_ARGUMENT", "NOT_IN_FORUM") as refusal:
            await make_node(coordinator, forum, **{field: stranger.name if field == "parent" else [stranger.name]})
        assert refusal.error.violations[0].field == f"subject_node.{field}"


async def test_only_commitments_are_fulfilled_and_they_stay_commitments(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    goal = await make_node(coordinator, forum)
    with refused("INVALID_ARGUMENT", "NOT_A_COMMITMENT"):
        await make_node(coordinator, forum, fulfils=[goal.name])
    charter = await make_node(coordinator, forum, kind="KIND_COMMITMENT")
    await make_node(coordinator, forum, kind="KIND_MEASURE", fulfils=[charter.name])
    with refused("FAILED_PRECONDITION", "COMMITMENT_FULFILLED"):
        changed = pb.SubjectNode(name=charter.name, kind="KIND_MEASURE")
        await coordinator.UpdateSubjectNode(pb.UpdateSubjectNodeRequest(subject_node=changed))


async def test_a_change_of_references_alone_is_a_new_version(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    charter = await make_node(coordinator, forum, kind="KIND_COMMITMENT")
    measure = await make_node(coordinator, forum, kind="KIND_MEASURE", fulfils=[charter.name])
    request = pb.UpdateSubjectNodeRequest(
        subject_node=pb.SubjectNode(name=measure.name, etag=measure.etag), update_mask=FieldMask(paths=["fulfils"])
    )
    answer = await coordinator.UpdateSubjectNode(request)
    assert list(answer.fulfils) == []
    with refused("ABORTED", "ETAG_MISMATCH"):
        await coordinator.UpdateSubjectNode(request)


async def test_a_code_is_given_once_in_a_forum(coordinator: Caller) -> None:
    forum, elsewhere = [await make_forum(coordinator, name) for name in ("here", "elsewhere")]
    await make_node(coordinator, forum, code="1.2")
    await make_node(coordinator, elsewhere, code="1.2")
    with refused("ALREADY_EXISTS", "CODE_TAKEN"):
        await make_node(coordinator, forum, code="1.2")


@pytest.mark.parametrize("user", ["child", "fulfilment", "group", "conclusion"])
async def test_a_node_in_use_cannot_be_deleted(coordinator: Caller, user: str) -> None:
    forum = await make_forum(coordinator)
    node = await make_node(coordinator, forum, kind="KIND_COMMITMENT")
    referrer: pb.SubjectNode | pb.WorkingGroup | pb.Conclusion
    match user:
        case "child":
            referrer = await make_node(coordinator, forum, parent=node.name)
        case "fulfilment":
            referrer = await make_node(coordinator, forum, fulfils=[node.name])
        case "group":
            referrer = await make_group(coordinator, forum, nodes=[node.name])
        case "conclusion":
            referrer = await make_conclusion(coordinator, forum, nodes=[node.name])
    with refused("FAILED_PRECONDITION", "IN_USE") as refusal:
        await coordinator.DeleteSubjectNode(pb.DeleteSubjectNodeRequest(name=node.name))
    assert refusal.metadata == {
        "resource": node.name,
        "referrers_0_name": referrer.name,
        "referrers_0_title": referrer.title,
        "referrers": "1",
    }


async def test_a_node_in_use_names_ten_of_what_refers_to_it_and_counts_all(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    node = await make_node(coordinator, forum)
    below = [await make_node(coordinator, forum, parent=node.name) for _ in range(9)]
    owner = await make_group(coordinator, forum, nodes=[node.name])
    await make_conclusion(coordinator, forum, nodes=[node.name])
    with refused("FAILED_PRECONDITION", "IN_USE") as refusal:
        await coordinator.DeleteSubjectNode(pb.DeleteSubjectNodeRequest(name=node.name))
    named = [refusal.metadata[f"referrers_{place}_name"] for place in range(10)]
    assert (named, refusal.metadata["referrers"]) == ([*(each.name for each in below), owner.name], "11")


async def test_an_unused_node_is_deleted(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    charter = await make_node(coordinator, forum, kind="KIND_COMMITMENT")
    measure = await make_node(coordinator, forum, fulfils=[charter.name])
    await coordinator.DeleteSubjectNode(pb.DeleteSubjectNodeRequest(name=measure.name))
    await coordinator.DeleteSubjectNode(pb.DeleteSubjectNodeRequest(name=charter.name))
    with refused("NOT_FOUND"):
        await coordinator.GetSubjectNode(pb.GetSubjectNodeRequest(name=charter.name))


async def test_a_node_is_owned_by_one_working_group(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    nodes = [(await make_node(coordinator, forum)).name for _ in range(2)]
    owner = await make_group(coordinator, forum, nodes=nodes)
    with refused("ALREADY_EXISTS", "NODE_OWNED"):
        await make_group(coordinator, forum, title="Klima", nodes=nodes[:1])
    given_up = pb.WorkingGroup(name=owner.name, nodes=nodes[1:])
    await coordinator.UpdateWorkingGroup(
        pb.UpdateWorkingGroupRequest(working_group=given_up, update_mask=FieldMask(paths=["nodes"]))
    )
    other = await make_group(coordinator, forum, title="Klima", nodes=nodes[:1])
    assert list(other.nodes) == nodes[:1]


async def test_a_working_group_that_a_conclusion_names_stays(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    group = await make_group(coordinator, forum)
    conclusion = await make_conclusion(coordinator, forum, working_groups=[group.name])
    with refused("FAILED_PRECONDITION", "IN_USE") as refusal:
        await coordinator.DeleteWorkingGroup(pb.DeleteWorkingGroupRequest(name=group.name))
    assert (refusal.metadata["referrers_0_name"], refusal.metadata["referrers"]) == (conclusion.name, "1")
    await coordinator.DeleteConclusion(pb.DeleteConclusionRequest(name=conclusion.name))
    await coordinator.DeleteWorkingGroup(pb.DeleteWorkingGroupRequest(name=group.name))


async def test_a_repeated_transition_returns_the_first_answer(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    invited = await invite(coordinator, forum, account="accounts/expert")
    adopted = await make_adopted(coordinator, forum)
    draft = await make_conclusion(coordinator, forum, title="Bildung")
    verdict = pb.Recommendation.Answer.VERDICT_ACCEPTED
    steps = [
        ("AcceptPanelist", pb.AcceptPanelistRequest(name=invited.name, etag=invited.etag)),
        ("CheckEligibility", pb.CheckEligibilityRequest(name=invited.name)),
        ("WithdrawPanelist", pb.WithdrawPanelistRequest(name=invited.name)),
        ("AdoptConclusion", pb.AdoptConclusionRequest(name=draft.name)),
        (
            "AnswerRecommendation",
            pb.AnswerRecommendationRequest(name=adopted.name, verdict=verdict, reason="Yes"),
        ),
        ("PlanRecommendation", pb.PlanRecommendationRequest(name=adopted.name, due_date=DUE)),
    ]
    answers = []
    for method, request in steps:
        request.request_id = str(uuid.uuid4())
        answers.append(await getattr(coordinator, method)(request))
    for (method, request), answer in zip(steps, answers, strict=True):
        assert await getattr(coordinator, method)(request) == answer
    checks = await coordinator.ListEligibilityChecks(pb.ListEligibilityChecksRequest(parent=forum.name))
    asked = [check for check in checks.eligibility_checks if check.occasion == pb.EligibilityCheck.OCCASION_REQUEST]
    assert len(asked) == 1


async def test_a_change_that_changes_nothing_leaves_the_version_to_those_who_have_seen_it(coordinator: Caller) -> None:
    made = await make_forum(coordinator)
    same = pb.Forum(name=made.name, title=made.title)
    assert await coordinator.UpdateForum(pb.UpdateForumRequest(forum=same)) == made
    other = await coordinator.UpdateForum(pb.UpdateForumRequest(forum=pb.Forum(name=made.name, title="Leitbild")))
    assert other.etag != made.etag
    assert other.update_time.ToDatetime() > made.update_time.ToDatetime()


async def test_a_change_that_changes_nothing_of_a_part_leaves_its_version(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    charter = await make_node(coordinator, forum, kind="KIND_COMMITMENT")
    node = await make_node(coordinator, forum, parent=charter.name, fulfils=[charter.name])
    panelist = await invite(coordinator, forum)
    group = await make_group(coordinator, forum, nodes=[node.name], members=[panelist.name])
    conclusion = await make_conclusion(coordinator, forum, working_groups=[group.name], nodes=[node.name, charter.name])
    other = lone_forum.as_(Role.COORDINATOR, name="Somebody else")
    updates = [
        (other.UpdateSubjectNode, pb.UpdateSubjectNodeRequest(subject_node=node)),
        (other.UpdateWorkingGroup, pb.UpdateWorkingGroupRequest(working_group=group)),
        (other.UpdateConclusion, pb.UpdateConclusionRequest(conclusion=conclusion)),
    ]
    for update, request in updates:
        assert await update(request) == request.ListFields()[0][1]
