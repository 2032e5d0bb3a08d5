"""What is decided about learnings while a visit is planned is kept."""

import asyncio

from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1 import lessons_pb2 as pb

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.refusals import refused

ACCEPTED, DISMISSED, OPEN = (
    pb.VisitLesson.DECISION_ACCEPTED,
    pb.VisitLesson.DECISION_DISMISSED,
    pb.VisitLesson.DECISION_OPEN,
)


async def decide(caller: Caller, visit: exchange_pb2.Visit, learning: str, decision: int) -> pb.VisitLesson:
    name = f"{visit.name}/lessons/{learning}"
    return await caller.DecideVisitLesson(pb.DecideVisitLessonRequest(name=name, decision=decision))  # type: ignore[arg-type]


async def list_lessons(caller: Caller, visit: exchange_pb2.Visit) -> list[tuple[str, int]]:
    listed = await caller.ListVisitLessons(pb.ListVisitLessonsRequest(parent=visit.name))
    return [(lesson.learning, lesson.decision) for lesson in listed.visit_lessons]


async def test_a_decision_is_kept_with_who_made_it_and_can_be_changed(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    first = await decide(coordinator, visit, "flags", ACCEPTED)
    assert (first.learning, first.updater) == ("learnings/flags", "International office")
    await decide(coordinator, visit, "lunch", DISMISSED)
    await decide(coordinator, other, "flags", DISMISSED)
    assert await list_lessons(coordinator, visit) == [("learnings/lunch", DISMISSED), ("learnings/flags", ACCEPTED)]
    await decide(coordinator, visit, "flags", OPEN)
    assert await list_lessons(coordinator, visit) == [("learnings/flags", OPEN), ("learnings/lunch", DISMISSED)]


async def test_many_who_decide_at_once_leave_one_decision(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await asyncio.gather(*(decide(coordinator, visit, "flags", ACCEPTED) for _ in range(8)))
    assert await list_lessons(coordinator, visit) == [("learnings/flags", ACCEPTED)]


async def test_only_who_plans_the_visit_decides_and_not_once_it_is_over(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator, host_department="Kultur")
    with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_IN_CHARGE"):
        await decide(exchange.as_(Role.MEMBER, department="Wasser"), visit, "flags", ACCEPTED)
    with refused("PERMISSION_DENIED", "ROLE_MISSING"):
        await decide(exchange.as_(Role.PARTNER, city=visit.guest_city), visit, "flags", ACCEPTED)
    await factories.take(coordinator, visit.name, "cancel")
    with refused("FAILED_PRECONDITION", "VISIT_OVER"):
        await decide(coordinator, visit, "flags", ACCEPTED)


async def test_the_decisions_go_with_an_idea_that_is_deleted(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await decide(coordinator, visit, "flags", ACCEPTED)
    await coordinator.DeleteVisit(exchange_pb2.DeleteVisitRequest(name=visit.name))
    with refused("NOT_FOUND"):
        await list_lessons(coordinator, visit)
