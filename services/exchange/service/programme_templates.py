"""Programmes that are kept without a visit."""

from typing import Any

from austausch.exchange.v1 import programme_templates_pb2 as pb
from austausch.exchange.v1 import programme_templates_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select
from sqlalchemy.orm import defer

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.paging import read_page
from services.exchange import convert_programme_template as convert
from services.exchange import programme_copies, queries
from services.exchange.model import ProgrammeTemplate, Visit

ORDERINGS = {"title": ProgrammeTemplate.title}


class ProgrammeTemplateServicer(programme_templates_pb2_grpc.ProgrammeTemplateServiceServicer):
    """Serves ``ProgrammeTemplateService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetProgrammeTemplate(self, request: pb.GetProgrammeTemplateRequest, context: Any) -> pb.ProgrammeTemplate:
        async with self._database.read_once() as session:
            return convert.template_message(await session.get_by_name(ProgrammeTemplate, request.name))

    async def ListProgrammeTemplates(
        self, request: pb.ListProgrammeTemplatesRequest, context: Any
    ) -> pb.ListProgrammeTemplatesResponse:
        statement = select(ProgrammeTemplate).options(defer(ProgrammeTemplate.items))
        async with self._database.read_once() as session:
            rows, token, total = await read_page(session, statement, ProgrammeTemplate, request, ORDERINGS, "title")
        templates = [convert.template_message(template, with_items=False) for template in rows]
        return pb.ListProgrammeTemplatesResponse(programme_templates=templates, next_page_token=token, total_size=total)

    async def CreateProgrammeTemplate(
        self, request: pb.CreateProgrammeTemplateRequest, context: Any
    ) -> pb.ProgrammeTemplate:
        return await answer_once(self._database, request, _create)

    async def UpdateProgrammeTemplate(
        self, request: pb.UpdateProgrammeTemplateRequest, context: Any
    ) -> pb.ProgrammeTemplate:
        message = request.programme_template
        paths = updated_paths(request.update_mask, message, convert.TEMPLATE_FIELDS)
        async with self._database.begin() as session:
            template = await session.get_for_update(ProgrammeTemplate, message.name)
            template.check_etag(message.etag)
            template.assign(convert.template_columns(message, paths))
            await session.flush()
            return convert.template_message(template)

    async def DeleteProgrammeTemplate(self, request: pb.DeleteProgrammeTemplateRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            template = await session.get_for_update(ProgrammeTemplate, request.name)
            template.check_etag(request.etag)
            await session.delete(template)
        return Empty()


async def _create(session: Session, request: pb.CreateProgrammeTemplateRequest) -> pb.ProgrammeTemplate:
    visit = await queries.get_referenced(session, Visit, request.source, "source")
    template = ProgrammeTemplate(
        direction=visit.direction,
        **convert.template_columns(request.programme_template),
        **convert.items_columns(await programme_copies.read_items(session, visit)),
    )
    session.add(template)
    await session.flush()
    return convert.template_message(template)
