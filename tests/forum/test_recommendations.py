"""Recommendations: the whole way through the API, who may take which step, and what is told of it."""

import asyncio

import pytest
from austausch.forum.v1 import events_pb2
from austausch.forum.v1 import forum_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import select

from chassis.identity import Role
from chassis.tables import OutboxEvent
from tests.calls import Caller, RunningService
from tests.forum.factories import (
    DEPARTMENT,
    DUE,
    make_adopted,
    make_conclusion,
    make_forum,
    make_node,
    make_recommendation,
)
from tests.refusals import refused

State = pb.Recommendation
Answer = pb.Recommendation.Answer


@pytest.fixture
def member(lone_forum: RunningService) -> Caller:
    """A member of the department that owns the recommendations."""
    return lone_forum.as_(Role.MEMBER, name="Controllerin", department=DEPARTMENT)


@pytest.fixture
def outsider(lone_forum: RunningService) -> Caller:
    """A member of another department."""
    return lone_forum.as_(Role.MEMBER, subject="accounts/outsider", department="Fachbereich Bildung")


def answer(name: str, verdict: int = Answer.VERDICT_ACCEPTED) -> pb.AnswerRecommendationRequest:
    return pb.AnswerRecommendationRequest(name=name, verdict=verdict, reason="Passt zum Steuerungssystem.")


async def follow(caller: Caller, name: str, *, until: str) -> pb.Recommendation:
    """Take an adopted recommendation through its steps, including the one named."""
    recommendation = await caller.AnswerRecommendation(answer(name))
    steps = {
        "answer": None,
        "plan": pb.PlanRecommendationRequest(name=name, due_date=DUE),
        "start": pb.StartRecommendationRequest(name=name),
        "implement": pb.ImplementRecommendationRequest(name=name, evidence="Beschlussvorlage V 12/2027"),
    }
    for verb, request in steps.items():
        if request is not None:
            recommendation = await getattr(caller, f"{verb.capitalize()}Recommendation")(request)
        if verb == until:
            break
    return recommendation


async def test_a_recommendation_is_followed_to_its_verification(
    lone_forum: RunningService, coordinator: Caller, member: Caller
) -> None:
    forum = await make_forum(coordinator)
    node = await make_node(coordinator, forum, topics=["climate"])
    adopted = await make_adopted(coordinator, forum, nodes=[node.name])
    implemented = await follow(member, adopted.name, until="implement")
    assert implemented.answer.verdict == Answer.VERDICT_ACCEPTED
    assert (implemented.answer.answerer, implemented.answer.reason) == ("Controllerin", "Passt zum Steuerungssystem.")
    assert (implemented.due_date, implemented.implementer) == (DUE, "Controllerin")
    verified = await coordinator.VerifyRecommendation(pb.VerifyRecommendationRequest(name=adopted.name))
    assert (verified.state, verified.verifier) == (State.STATE_VERIFIED, "Internationales Büro")
    async with lone_forum.database.read() as session:
        rows = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))).all()
    assert [row.type.removeprefix("austausch.forum.v1.") for row in rows] == [
        "ConclusionAdopted",
        "RecommendationAnswered",
        "RecommendationPlanned",
        "RecommendationStarted",
        "RecommendationImplemented",
        "RecommendationVerified",
    ]
    for row in rows:
        assert list(getattr(events_pb2, row.type.rpartition(".")[2]).FromString(row.payload).topics) == ["climate"]
    told = events_pb2.RecommendationAnswered.FromString(rows[1].payload)
    assert (told.forum.name, told.conclusion.name) == (forum.name, adopted.conclusion)
    assert told.recommendation.answer == implemented.answer
    checked = events_pb2.RecommendationVerified.FromString(rows[5].payload)
    assert (checked.conclusion.name, checked.sdg_targets) == (adopted.conclusion, told.sdg_targets)
    assert (checked.recommendation.updater, checked.actor) == ("Internationales Büro", "accounts/coordinator")


async def test_an_answer_needs_a_verdict_and_a_reason(coordinator: Caller, member: Caller) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    with refused("INVALID_ARGUMENT") as refusal:
        await member.AnswerRecommendation(pb.AnswerRecommendationRequest(name=adopted.name))
    assert sorted(refusal.fields) == ["reason", "verdict"]


async def test_with_the_answer_a_coordinator_names_the_owner(lone_forum: RunningService, coordinator: Caller) -> None:
    conclusion = await make_conclusion(coordinator, await make_forum(coordinator))
    nobodys = await make_recommendation(coordinator, conclusion, owner_department="")
    lenient = await make_recommendation(coordinator, conclusion, owner_department="")
    await coordinator.AdoptConclusion(pb.AdoptConclusionRequest(name=conclusion.name))

    request = answer(nobodys.name)
    request.owner_department = DEPARTMENT
    answered = await coordinator.AnswerRecommendation(request)
    assert (answered.state, answered.owner_department) == (State.STATE_ANSWERED, DEPARTMENT)
    async with lone_forum.database.read() as session:
        told = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id.desc()))).first()
    assert told is not None
    assert events_pb2.RecommendationAnswered.FromString(told.payload).recommendation.owner_department == DEPARTMENT

    without = await coordinator.AnswerRecommendation(answer(lenient.name))
    assert (without.state, without.owner_department) == (State.STATE_ANSWERED, "")


async def test_a_department_answers_and_does_not_hand_its_recommendation_on(
    coordinator: Caller, member: Caller
) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    request = answer(adopted.name)
    request.owner_department = "Fachbereich Bildung"
    with refused("PERMISSION_DENIED"):
        await member.AnswerRecommendation(request)
    request.owner_department = DEPARTMENT
    assert (await member.AnswerRecommendation(request)).owner_department == DEPARTMENT


async def test_a_draft_is_not_answered(coordinator: Caller, member: Caller) -> None:
    draft = await make_recommendation(coordinator, await make_conclusion(coordinator, await make_forum(coordinator)))
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await member.AnswerRecommendation(answer(draft.name))


async def test_a_rejected_recommendation_is_not_planned(coordinator: Caller, member: Caller) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    rejected = await member.AnswerRecommendation(answer(adopted.name, Answer.VERDICT_REJECTED))
    assert list(rejected.allowed_transitions) == ["correct"]
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION") as refusal:
        await member.PlanRecommendation(pb.PlanRecommendationRequest(name=adopted.name, due_date=DUE))
    assert (refusal.error.metadata["state"], refusal.error.metadata["allowed"]) == ("ANSWERED", "correct")


async def test_of_concurrent_answers_one_counts(
    lone_forum: RunningService, coordinator: Caller, member: Caller
) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    requests = [answer(adopted.name, verdict) for verdict in (1, 2, 3, 1)]
    answers = await asyncio.gather(*map(member.AnswerRecommendation, requests), return_exceptions=True)
    assert sum(isinstance(each, pb.Recommendation) for each in answers) == 1
    async with lone_forum.database.read() as session:
        types = (await session.scalars(select(OutboxEvent.type))).all()
    assert types.count("austausch.forum.v1.RecommendationAnswered") == 1


async def test_another_department_takes_no_step(coordinator: Caller, member: Caller, outsider: Caller) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    with refused("PERMISSION_DENIED"):
        await outsider.AnswerRecommendation(answer(adopted.name))
    planned = await follow(member, adopted.name, until="plan")
    with refused("PERMISSION_DENIED"):
        await outsider.StartRecommendation(pb.StartRecommendationRequest(name=adopted.name))
    seen = await outsider.GetRecommendation(pb.GetRecommendationRequest(name=adopted.name))
    assert (list(planned.allowed_transitions), list(seen.allowed_transitions)) == (["start"], [])


async def test_the_owner_does_not_verify(lone_forum: RunningService, coordinator: Caller, member: Caller) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    await follow(member, adopted.name, until="implement")
    request = pb.VerifyRecommendationRequest(name=adopted.name)
    with refused("PERMISSION_DENIED"):
        await member.VerifyRecommendation(request)
    owner = lone_forum.as_(Role.COORDINATOR, Role.MEMBER, subject="accounts/owner", department=DEPARTMENT)
    with refused("PERMISSION_DENIED", "VERIFIER_IS_OWNER") as refusal:
        await owner.VerifyRecommendation(request)
    assert refusal.metadata == {"department": DEPARTMENT}
    seen = await owner.GetRecommendation(pb.GetRecommendationRequest(name=adopted.name))
    assert list(seen.allowed_transitions) == ["return"]


async def test_what_the_office_owns_another_of_it_verifies(lone_forum: RunningService, coordinator: Caller) -> None:
    office = "Internationales Büro"
    conclusion = await make_conclusion(coordinator, await make_forum(coordinator))
    owned = await make_recommendation(coordinator, conclusion, owner_department=office)
    await coordinator.AdoptConclusion(pb.AdoptConclusionRequest(name=conclusion.name))
    await follow(coordinator, owned.name, until="implement")
    request = pb.VerifyRecommendationRequest(name=owned.name)
    with refused("PERMISSION_DENIED", "VERIFIER_IS_IMPLEMENTER"):
        await coordinator.VerifyRecommendation(request)
    colleague = lone_forum.as_(Role.COORDINATOR, subject="accounts/colleague", name="Kollegin", department=office)
    seen = await colleague.GetRecommendation(pb.GetRecommendationRequest(name=owned.name))
    assert list(seen.allowed_transitions) == ["verify", "return"]
    verified = await colleague.VerifyRecommendation(request)
    assert (verified.state, verified.verifier) == (State.STATE_VERIFIED, "Kollegin")


async def test_who_reported_the_implementation_does_not_verify_it(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    await follow(coordinator, adopted.name, until="implement")
    request = pb.VerifyRecommendationRequest(name=adopted.name)
    with refused("PERMISSION_DENIED"):
        await coordinator.VerifyRecommendation(request)
    colleague = lone_forum.as_(Role.COORDINATOR, subject="accounts/colleague")
    assert (await colleague.VerifyRecommendation(request)).state == State.STATE_VERIFIED


async def test_what_is_not_done_comes_back_with_the_reason(
    lone_forum: RunningService, coordinator: Caller, member: Caller, outsider: Caller
) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    implemented = await follow(member, adopted.name, until="implement")
    request = pb.ReturnRecommendationRequest(name=adopted.name, reason="Die Präambel fehlt.", etag=implemented.etag)
    with refused("PERMISSION_DENIED"):
        await outsider.ReturnRecommendation(request)
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.ReturnRecommendation(pb.ReturnRecommendationRequest(name=adopted.name))
    assert refusal.fields == ["reason"]
    returned = await coordinator.ReturnRecommendation(request)
    assert returned.state == State.STATE_IN_PROGRESS
    last = returned.last_return
    assert (last.reason, last.returner) == ("Die Präambel fehlt.", "Internationales Büro")
    assert last.HasField("return_time")
    with refused("ABORTED", "ETAG_MISMATCH"):
        await coordinator.ReturnRecommendation(request)
    request.etag = ""
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await coordinator.ReturnRecommendation(request)
    async with lone_forum.database.read() as session:
        told = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id.desc()))).first()
    assert told is not None
    event = events_pb2.RecommendationReturned.FromString(told.payload)
    assert (event.recommendation.last_return, event.actor) == (last, "accounts/coordinator")
    again = pb.ImplementRecommendationRequest(name=adopted.name, evidence="Präambel, Seite 3")
    assert (await member.ImplementRecommendation(again)).last_return == last, "who verifies sees what was missing"
    verified = await coordinator.VerifyRecommendation(pb.VerifyRecommendationRequest(name=adopted.name))
    assert verified.state == State.STATE_VERIFIED


async def test_an_answer_is_corrected_until_it_is_planned(
    lone_forum: RunningService, coordinator: Caller, member: Caller, outsider: Caller
) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    correction = pb.CorrectRecommendationRequest(name=adopted.name, verdict=Answer.VERDICT_PARTLY, reason="Nur Teil 1.")
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await member.CorrectRecommendation(correction)
    first = await member.AnswerRecommendation(answer(adopted.name, Answer.VERDICT_REJECTED))
    with refused("PERMISSION_DENIED"):
        await outsider.CorrectRecommendation(correction)
    correction.etag = adopted.etag
    with refused("ABORTED", "ETAG_MISMATCH"):
        await member.CorrectRecommendation(correction)
    correction.etag = first.etag
    corrected = await member.CorrectRecommendation(correction)
    assert (corrected.state, corrected.answer.verdict) == (State.STATE_ANSWERED, Answer.VERDICT_PARTLY)
    assert corrected.answer.reason == "Nur Teil 1."
    assert list(corrected.former_answers) == [first.answer]
    assert list(corrected.allowed_transitions) == ["correct", "plan"]
    async with lone_forum.database.read() as session:
        told = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id.desc()))).first()
    assert told is not None
    event = events_pb2.RecommendationAnswered.FromString(told.payload)
    assert (event.recommendation.answer, list(event.recommendation.former_answers)) == (
        corrected.answer,
        [first.answer],
    )
    await member.PlanRecommendation(pb.PlanRecommendationRequest(name=adopted.name, due_date=DUE))
    correction.etag = ""
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await member.CorrectRecommendation(correction)


async def test_a_plan_needs_a_due_date_and_keeps_the_stored_one(coordinator: Caller, member: Caller) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    await follow(member, adopted.name, until="answer")
    plan = pb.PlanRecommendationRequest(name=adopted.name)
    with refused("INVALID_ARGUMENT", "DUE_DATE_REQUIRED") as refusal:
        await member.PlanRecommendation(plan)
    assert refusal.error.violations[0].field == "due_date"
    dated = pb.Recommendation(name=adopted.name, due_date=DUE)
    await member.UpdateRecommendation(pb.UpdateRecommendationRequest(recommendation=dated))
    assert (await member.PlanRecommendation(plan)).due_date == DUE


async def test_after_the_adoption_only_the_follow_up_changes(coordinator: Caller, member: Caller) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))

    async def change(caller: Caller, **fields: object) -> pb.Recommendation:
        changed = pb.Recommendation(name=adopted.name, **fields)  # type: ignore[arg-type]
        return await caller.UpdateRecommendation(pb.UpdateRecommendationRequest(recommendation=changed))

    with refused("FAILED_PRECONDITION", "ADOPTED"):
        await change(coordinator, text="Anders.")
    with refused("PERMISSION_DENIED"):
        await change(member, owner_department="Kämmerei")
    assert (await change(member, evidence="Protokoll", text=adopted.text)).evidence == "Protokoll"
    assert (await change(coordinator, owner_department="Kämmerei")).owner_department == "Kämmerei"
    with refused("PERMISSION_DENIED"):
        await change(member, evidence="Anderes Protokoll")


async def test_what_is_planned_keeps_a_due_date_and_what_is_implemented_its_evidence(
    coordinator: Caller, member: Caller
) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))

    async def empty(*paths: str) -> pb.Recommendation:
        request = pb.UpdateRecommendationRequest(
            recommendation=pb.Recommendation(name=adopted.name), update_mask=FieldMask(paths=paths)
        )
        return await member.UpdateRecommendation(request)

    await follow(member, adopted.name, until="plan")
    assert (await empty("evidence")).state == State.STATE_PLANNED
    with refused("INVALID_ARGUMENT", "DUE_DATE_REQUIRED") as refusal:
        await empty("due_date")
    assert refusal.fields == ["recommendation.due_date"]
    await member.StartRecommendation(pb.StartRecommendationRequest(name=adopted.name))
    await member.ImplementRecommendation(pb.ImplementRecommendationRequest(name=adopted.name, evidence="Protokoll"))
    with refused("INVALID_ARGUMENT", "EVIDENCE_REQUIRED") as refusal:
        await empty("evidence")
    assert refusal.fields == ["recommendation.evidence"]


async def test_a_verified_recommendation_never_changes(coordinator: Caller, member: Caller) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    await follow(member, adopted.name, until="implement")
    await coordinator.VerifyRecommendation(pb.VerifyRecommendationRequest(name=adopted.name))
    changed = pb.Recommendation(name=adopted.name)
    request = pb.UpdateRecommendationRequest(recommendation=changed, update_mask=FieldMask(paths=["evidence"]))
    with refused("FAILED_PRECONDITION", "VERIFIED"):
        await coordinator.UpdateRecommendation(request)


async def test_of_two_concurrent_changes_one_is_lost_to_nobody(coordinator: Caller, member: Caller) -> None:
    adopted = await make_adopted(coordinator, await make_forum(coordinator))
    requests = [
        pb.UpdateRecommendationRequest(
            recommendation=pb.Recommendation(name=adopted.name, etag=adopted.etag, evidence=evidence)
        )
        for evidence in ("one", "other")
    ]
    answers = await asyncio.gather(*map(member.UpdateRecommendation, requests), return_exceptions=True)
    (winner,) = [each for each in answers if isinstance(each, pb.Recommendation)]
    stored = await coordinator.GetRecommendation(pb.GetRecommendationRequest(name=adopted.name))
    assert stored.evidence == winner.evidence
    with refused("ABORTED", "ETAG_MISMATCH") as refusal:
        await member.UpdateRecommendation(requests[0])
    assert refusal.error.metadata["updater"] == "Controllerin"


async def test_lists_are_filtered_by_owner_state_and_conclusion(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    adopted = await make_adopted(coordinator, forum)
    conclusion = await make_conclusion(coordinator, forum)
    draft = await make_recommendation(coordinator, conclusion, owner_department="Kämmerei")

    async def names(**filters: object) -> list[str]:
        request = pb.ListRecommendationsRequest(parent=forum.name, **filters)  # type: ignore[arg-type]
        return [each.name for each in (await coordinator.ListRecommendations(request)).recommendations]

    assert await names() == [adopted.name, draft.name]
    assert await names(order_by="create_time desc") == [draft.name, adopted.name]
    assert await names(owner_department=DEPARTMENT) == [adopted.name]
    assert await names(state=State.STATE_DRAFT) == [draft.name]
    assert await names(states=[State.STATE_DRAFT, State.STATE_ADOPTED]) == [adopted.name, draft.name]
    assert await names(state=State.STATE_DRAFT, states=[State.STATE_ADOPTED]) == []
    assert await names(conclusion=adopted.conclusion) == [adopted.name]


async def test_a_department_finds_what_it_owns_however_its_name_is_typed(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    conclusion = await make_conclusion(coordinator, forum)
    typed = ["Straßenbau", " strassenbau ", "STRASSENBAU"]
    owned = [await make_recommendation(coordinator, conclusion, owner_department=name) for name in typed]
    await make_recommendation(coordinator, conclusion, owner_department="Tiefbau")
    await make_recommendation(coordinator, conclusion, owner_department="")

    async def names(department: str) -> list[str]:
        request = pb.ListRecommendationsRequest(parent=forum.name, owner_department=department)
        return [each.name for each in (await coordinator.ListRecommendations(request)).recommendations]

    for name in typed:
        assert await names(name) == [recommendation.name for recommendation in owned]
    assert await names("  ") == []
    assert await names("Straße") == []
