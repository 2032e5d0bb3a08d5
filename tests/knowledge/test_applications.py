"""Where learnings were applied: who records it, who reads it, how often; and what it leaves as it is."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from austausch.knowledge.v1 import events_pb2
from austausch.knowledge.v1.knowledge_pb2 import (
    Application,
    CreateApplicationRequest,
    DeleteApplicationRequest,
    DeleteLearningRequest,
    GetApplicationRequest,
    GetLearningRequest,
    Learning,
    ListApplicationsRequest,
    ListApplicationsResponse,
    ListLearningsRequest,
    RejectLearningRequest,
    UpdateLearningRequest,
)
from google.type.date_pb2 import Date
from sqlalchemy import func, select

from chassis.convert import date_message
from chassis.identity import Role
from chassis.tables import OutboxEvent
from services.knowledge.model import Application as Row
from tests.calls import Caller, RunningService
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import CONTROLLING, create_request
from tests.knowledge.searching import search
from tests.refusals import refused

WATER = "Stadtentwässerung"


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR)


@pytest.fixture
def member(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.MEMBER, department=CONTROLLING)


@pytest.fixture
async def learning(coordinator: Caller) -> Learning:
    return await coordinator.CreateLearning(create_request())


def application(learning: Learning, request_id: str = "", **fields: Any) -> CreateApplicationRequest:
    values = {"result": "Das Controlling sitzt jetzt im Fachbereich."}
    return CreateApplicationRequest(
        parent=learning.name, application=Application(**{**values, **fields}), request_id=request_id
    )


async def get(caller: Caller, learning: Learning) -> Learning:
    return await caller.GetLearning(GetLearningRequest(name=learning.name))


async def list_applications(caller: Caller, learning: Learning, **paging: Any) -> ListApplicationsResponse:
    return await caller.ListApplications(ListApplicationsRequest(parent=learning.name, **paging))


async def delete(caller: Caller, name: str, etag: str = "") -> None:
    await caller.DeleteApplication(DeleteApplicationRequest(name=name, etag=etag))


async def test_a_department_records_that_it_applied_a_learning(member: Caller, learning: Learning) -> None:
    day = Date(year=2026, month=5, day=4)
    made = await member.CreateApplication(application(learning, outcome="OUTCOME_PARTLY", applied_date=day))
    assert made.name.startswith(f"{learning.name}/applications/")
    assert made.result == "Das Controlling sitzt jetzt im Fachbereich."
    assert (made.department, made.author, made.author_name) == (CONTROLLING, "accounts/member", "Member")
    assert (made.outcome, made.applied_date) == (Application.OUTCOME_PARTLY, day)
    assert made.deletable
    assert await member.GetApplication(GetApplicationRequest(name=made.name)) == made
    assert list((await list_applications(member, learning)).applications) == [made]
    assert (await get(member, learning)).application_count == 1


async def test_outcome_and_day_need_not_be_said_and_another_department_can_be_named(
    coordinator: Caller, learning: Learning
) -> None:
    made = await coordinator.CreateApplication(application(learning, department=WATER))
    assert made.department == WATER
    assert made.outcome == Application.OUTCOME_UNSPECIFIED
    assert not made.HasField("applied_date")


@pytest.mark.parametrize(("fields", "path"), [
    ({"department": ""}, "application.department"),
    ({"department": " "}, "application.department"),
    ({"department": "x" * 201}, "application.department"),
    ({"department": WATER, "result": ""}, "application.result"),
    ({"department": WATER, "result": " \n"}, "application.result"),
    ({"department": WATER, "result": "x" * 10001}, "application.result"),
    ({"department": WATER, "outcome": 9}, "application.outcome"),
    ({"department": WATER, "applied_date": Date(year=2026, month=2, day=30)}, "application.applied_date"),
])  # fmt: skip
async def test_bad_input_is_refused_by_its_field(
    coordinator: Caller, learning: Learning, fields: dict[str, Any], path: str
) -> None:
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.CreateApplication(application(learning, **fields))
    assert [violation.field for violation in refusal.error.violations] == [path]
    assert (await get(coordinator, learning)).application_count == 0


async def test_whether_it_helped_is_not_said_before_it_was_applied(coordinator: Caller, learning: Learning) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    later = date_message(tomorrow + timedelta(days=1))
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.CreateApplication(
            application(learning, department=WATER, outcome="OUTCOME_HELPED", applied_date=later)
        )
    assert refusal.reasons == {"application.applied_date": "OUTCOME_BEFORE_DAY"}
    for fields in ({"outcome": "OUTCOME_HELPED", "applied_date": date_message(tomorrow)}, {"applied_date": later}):
        await coordinator.CreateApplication(application(learning, department=WATER, **fields))
    assert (await get(coordinator, learning)).application_count == 2


async def test_an_application_leaves_the_learning_to_those_who_edit_it(
    knowledge: RunningService, coordinator: Caller, member: Caller, learning: Learning
) -> None:
    await knowledge.as_(Role.MEMBER, department=WATER, subject="accounts/other").CreateApplication(
        application(learning)
    )
    after = await get(coordinator, learning)
    assert (after.etag, after.update_time, after.updater) == (learning.etag, learning.update_time, learning.updater)
    change = Learning(name=learning.name, title="Better", etag=learning.etag)
    changed = await coordinator.UpdateLearning(UpdateLearningRequest(learning=change))
    assert (changed.title, changed.application_count) == ("Better", 1)


async def test_a_learning_is_applied_in_whatever_state_it_is(member: Caller, learning: Learning) -> None:
    made = await member.CreateLearning(create_request())
    await member.RejectLearning(RejectLearningRequest(name=made.name, reason="Doppelt"))
    await member.CreateApplication(application(made))
    assert (await get(member, made)).application_count == 1


async def test_who_may_not_see_the_learning_learns_nothing_of_it(
    knowledge: RunningService, coordinator: Caller, learning: Learning
) -> None:
    partner = knowledge.as_(Role.PARTNER, city="cities/swansea")
    made = await coordinator.CreateApplication(application(learning, department=WATER))
    none = Learning(name="learnings/none")
    for hidden, name in ((learning, made.name), (none, f"{none.name}/applications/none")):
        with refused("NOT_FOUND"):
            await list_applications(partner, hidden)
        with refused("NOT_FOUND"):
            await partner.GetApplication(GetApplicationRequest(name=name))
    with refused("NOT_FOUND"):
        await coordinator.CreateApplication(application(none, department=WATER))

    shared = Learning(name=learning.name, visibility=Learning.VISIBILITY_PARTNERS)
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=shared))
    (seen,) = (await list_applications(partner, learning)).applications
    assert seen.name == made.name
    assert not seen.deletable


async def test_an_application_belongs_to_its_learning_only(coordinator: Caller, learning: Learning) -> None:
    made = await coordinator.CreateApplication(application(learning, department=WATER))
    other = await coordinator.CreateLearning(create_request())
    elsewhere = made.name.replace(learning.name, other.name)
    with refused("NOT_FOUND"):
        await coordinator.GetApplication(GetApplicationRequest(name=elsewhere))
    with refused("NOT_FOUND"):
        await delete(coordinator, elsewhere)
    assert (await list_applications(coordinator, other)).total_size == 0


async def test_its_author_and_coordinators_delete_an_application(
    knowledge: RunningService, coordinator: Caller, member: Caller, learning: Learning
) -> None:
    colleague = knowledge.as_(Role.MEMBER, department=CONTROLLING, subject="accounts/colleague")
    first, second = [await member.CreateApplication(application(learning)) for _ in range(2)]
    seen = await colleague.GetApplication(GetApplicationRequest(name=first.name))
    assert not seen.deletable
    with refused("PERMISSION_DENIED", "APPLICATION_OF_OTHERS"):
        await delete(colleague, first.name)
    with refused("ABORTED", "ETAG_MISMATCH"):
        await delete(member, first.name, etag="7")
    await delete(member, first.name, etag=first.etag)
    await delete(coordinator, second.name)
    with refused("NOT_FOUND"):
        await delete(coordinator, second.name)
    after = await get(coordinator, learning)
    assert (after.application_count, after.etag) == (0, learning.etag)


async def test_a_repeat_is_counted_once_and_all_who_come_at_once_are_counted(
    knowledge: RunningService, learning: Learning
) -> None:
    callers = [
        knowledge.as_(Role.MEMBER, department=f"Department {number}", subject=f"accounts/{number}")
        for number in range(5)
    ]
    requests = [application(learning, request_id=str(uuid.uuid4())) for _ in callers]
    answers = await asyncio.gather(
        *(
            caller.CreateApplication(request)
            for caller, request in zip(callers, requests, strict=True)
            for _ in range(2)
        )
    )
    assert answers[::2] == answers[1::2]
    assert (await get(callers[0], learning)).application_count == len(callers)
    assert (await list_applications(callers[0], learning)).total_size == len(callers)


async def test_a_deleted_learning_takes_its_applications_with_it(
    knowledge: RunningService, coordinator: Caller, member: Caller, learning: Learning
) -> None:
    made = await member.CreateApplication(application(learning))
    await coordinator.DeleteLearning(DeleteLearningRequest(name=learning.name))
    with refused("NOT_FOUND"):
        await member.GetApplication(GetApplicationRequest(name=made.name))
    async with knowledge.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Row)) == 0


async def test_applications_come_in_pages_the_latest_first(member: Caller, learning: Learning) -> None:
    made = [(await member.CreateApplication(application(learning))).name for _ in range(5)]
    seen: list[str] = []
    token = ""
    while page := await list_applications(member, learning, page_size=2, page_token=token):
        assert page.total_size == 5
        seen += [each.name for each in page.applications]
        if not (token := page.next_page_token):
            break
    assert seen == made[::-1]


async def test_learnings_are_listed_by_how_often_they_were_applied(member: Caller) -> None:
    for title, times in (("never", 0), ("thrice", 3), ("once", 1), ("also never", 0)):
        made = await member.CreateLearning(create_request(title=title))
        for _ in range(times):
            await member.CreateApplication(application(made))
    seen: list[str] = []
    request = ListLearningsRequest(order_by="application_count desc", page_size=1)
    while True:
        answer = await member.ListLearnings(request)
        seen += [learning.title for learning in answer.learnings]
        if not (token := answer.next_page_token):
            break
        request.page_token = token
    assert seen == ["thrice", "once", "also never", "never"]


async def test_a_search_brings_what_was_applied_most_first(member: Caller) -> None:
    made = {title: await member.CreateLearning(create_request(title=title)) for title in ("never", "twice", "once")}
    for title in ("twice", "once", "twice"):
        await member.CreateApplication(application(made[title]))

    async def is_in_order() -> bool:
        answer = await search(member, "Controlling", order_by="application_count desc")
        return [result.learning.title for result in answer.results] == ["twice", "once", "never"]

    assert await eventually(is_in_order)


async def test_a_search_shows_how_often_what_it_found_was_applied(member: Caller, learning: Learning) -> None:
    await eventually(lambda: _found(member))
    await member.CreateApplication(application(learning))
    (result,) = (await search(member, "Controlling")).results
    assert result.learning.application_count == 1


async def _found(caller: Caller) -> int:
    return (await search(caller, "Controlling")).total_size


async def test_others_are_told_of_it(knowledge: RunningService, member: Caller, learning: Learning) -> None:
    made = await member.CreateApplication(application(learning))
    await delete(member, made.name)
    async with knowledge.database.read() as session:
        rows = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))).all()
    _recorded, applied, deleted = rows
    told = events_pb2.LearningApplied.FromString(applied.payload)
    assert applied.type == "austausch.knowledge.v1.LearningApplied"
    assert (told.learning.name, told.learning.application_count) == (learning.name, 1)
    assert (told.application.name, told.application.result) == (made.name, made.result)
    assert not told.application.deletable
    assert deleted.type == "austausch.knowledge.v1.ApplicationDeleted"
    assert events_pb2.ApplicationDeleted.FromString(deleted.payload).application == made.name
