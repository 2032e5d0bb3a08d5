"""Where learnings were applied, and what came of it."""

from datetime import UTC, datetime
from typing import Any

from austausch.knowledge.v1 import knowledge_pb2 as pb
from austausch.knowledge.v1 import knowledge_pb2_grpc
from austausch.knowledge.v1.events_pb2 import ApplicationDeleted, LearningApplied
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select, update

from chassis.database import Database, Session
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.outbox import emit
from chassis.paging import read_page
from services.knowledge import convert, queries, rights
from services.knowledge.model import Application, Learning

ORDERINGS = {"create_time": Application.create_time}


class ApplicationServicer(knowledge_pb2_grpc.ApplicationServiceServicer):
    """Serves ``ApplicationService``. Every write locks the learning, whose row counts them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetApplication(self, request: pb.GetApplicationRequest, context: Any) -> pb.Application:
        async with self._database.read() as session:
            await queries.get_visible(session, _get_learning_name(request.name))
            return convert.application_message(await session.get_by_name(Application, request.name), identity())

    async def ListApplications(self, request: pb.ListApplicationsRequest, context: Any) -> pb.ListApplicationsResponse:
        async with self._database.read() as session:
            learning = await queries.get_visible(session, request.parent)
            statement = select(Application).where(Application.learning_id == learning.id)
            rows, token, total = await read_page(
                session, statement, Application, request, ORDERINGS, "create_time desc"
            )
        applications = [convert.application_message(application, identity()) for application in rows]
        return pb.ListApplicationsResponse(applications=applications, next_page_token=token, total_size=total)

    async def CreateApplication(self, request: pb.CreateApplicationRequest, context: Any) -> pb.Application:
        return await answer_once(self._database, request, _create)

    async def DeleteApplication(self, request: pb.DeleteApplicationRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            learning = await queries.get_visible(session, _get_learning_name(request.name), lock=True)
            application = await session.get_for_update(Application, request.name)
            rights.require_application_deleter(identity(), application)
            application.check_etag(request.etag)
            await session.delete(application)
            await _count(session, learning, -1)
            emit(session, ApplicationDeleted(application=application.name), application.name)
        return Empty()


async def _create(session: Session, request: pb.CreateApplicationRequest) -> pb.Application:
    caller = identity()
    learning = await queries.get_visible(session, request.parent, lock=True)
    columns = convert.application_columns(request.application)
    application = Application(
        learning_id=learning.id,
        author=caller.subject,
        author_name=caller.name,
        **columns | {"department": columns["department"] or caller.department},
    )
    application.require_complete()
    application.require_past(datetime.now(UTC).date())
    session.add(application)
    await _count(session, learning, 1)
    event = LearningApplied(
        learning=convert.learning_message(learning), application=convert.application_message(application)
    )
    emit(session, event, learning.name)
    return convert.application_message(application, caller)


async def _count(session: Session, learning: Learning, more: int) -> None:
    """Take down in a learning, which is locked, that it was applied so much more often: its version stays."""
    await session.flush()
    await session.execute(
        update(Learning)
        .where(Learning.id == learning.id)
        .values(application_count=Learning.application_count + more, update_time=Learning.update_time)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(learning, ["application_count"])


def _get_learning_name(name: str) -> str:
    """Return the name of the learning that an application belongs to."""
    return f"learnings/{Application.parse(name)['learning_id']}"
