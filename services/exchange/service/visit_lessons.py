"""Learnings that were taken up, or not, when visits were planned."""

from typing import Any

from austausch.exchange.v1 import lessons_pb2 as pb
from austausch.exchange.v1 import lessons_pb2_grpc
from sqlalchemy import select

from chassis.convert import enum_numbers, read_enum, resource_fields
from chassis.database import Database, Session
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.paging import read_page
from services.exchange import queries, rights
from services.exchange.model import Decision, Visit, VisitLesson

ORDERINGS = {"update_time": VisitLesson.update_time}
DECISIONS = enum_numbers(pb.VisitLesson.Decision.DESCRIPTOR, Decision)


class VisitLessonServicer(lessons_pb2_grpc.VisitLessonServiceServicer):
    """Serves ``VisitLessonService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListVisitLessons(self, request: pb.ListVisitLessonsRequest, context: Any) -> pb.ListVisitLessonsResponse:
        async with self._database.read() as session:
            visit = await queries.get_visible(session, Visit, request.parent)
            statement = select(VisitLesson).where(VisitLesson.visit_id == visit.id)
            rows, token, total = await read_page(
                session, statement, VisitLesson, request, ORDERINGS, "update_time desc"
            )
        lessons = [_lesson_message(lesson) for lesson in rows]
        return pb.ListVisitLessonsResponse(visit_lessons=lessons, next_page_token=token, total_size=total)

    async def DecideVisitLesson(self, request: pb.DecideVisitLessonRequest, context: Any) -> pb.VisitLesson:
        return await answer_once(self._database, request, _decide)


async def _decide(session: Session, request: pb.DecideVisitLessonRequest) -> pb.VisitLesson:
    parts = VisitLesson.parse(request.name)
    # The visit is locked: two who decide at once decide one after the other.
    visit = await queries.get_visible(session, Visit, f"visits/{parts['visit_id']}", lock=True)
    rights.require_visit_editor(identity(), visit)
    visit.require_open()
    lesson = await session.scalar(
        select(VisitLesson).where(VisitLesson.visit_id == visit.id, VisitLesson.id == parts["id"])
    )
    if lesson is None:
        lesson = VisitLesson(visit_id=visit.id, id=parts["id"])
        session.add(lesson)
    lesson.decision = read_enum(request, "decision", Decision)
    await session.flush()
    return _lesson_message(lesson)


def _lesson_message(lesson: VisitLesson) -> pb.VisitLesson:
    return pb.VisitLesson(
        learning=f"learnings/{lesson.id}", decision=DECISIONS[lesson.decision], **resource_fields(lesson)
    )
