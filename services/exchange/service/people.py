"""People of the host's side whom agenda items book."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.model import new_id
from chassis.paging import read_page
from services.exchange.convert_person import PERSON_FIELDS, person_columns, person_message
from services.exchange.deletion import delete_unused
from services.exchange.model import AgendaItem, Person

ORDERINGS = {"function": Person.function}


class PersonServicer(exchange_pb2_grpc.PersonServiceServicer):
    """Serves ``PersonService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetPerson(self, request: pb.GetPersonRequest, context: Any) -> pb.Person:
        async with self._database.read_once() as session:
            return person_message(await session.get_by_name(Person, request.name), identity())

    async def ListPeople(self, request: pb.ListPeopleRequest, context: Any) -> pb.ListPeopleResponse:
        async with self._database.read_once() as session:
            rows, token, total = await read_page(session, select(Person), Person, request, ORDERINGS, "function")
        people = [person_message(person, identity()) for person in rows]
        return pb.ListPeopleResponse(people=people, next_page_token=token, total_size=total)

    async def CreatePerson(self, request: pb.CreatePersonRequest, context: Any) -> pb.Person:
        return await answer_once(self._database, request, _create)

    async def UpdatePerson(self, request: pb.UpdatePersonRequest, context: Any) -> pb.Person:
        paths = updated_paths(request.update_mask, request.person, PERSON_FIELDS)
        async with self._database.begin() as session:
            person = await session.get_for_update(Person, request.person.name)
            person.check_etag(request.person.etag)
            person.assign(person_columns(request.person, paths))
            await session.flush()
            return person_message(person, identity())

    async def DeletePerson(self, request: pb.DeletePersonRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            # Who books somebody holds the row until the agenda item is written.
            person = await session.get_for_update(Person, request.name)
            person.check_etag(request.etag)
            items = select(AgendaItem).where(
                or_(
                    AgendaItem.people.contains([person.name]),
                    AgendaItem.optional_people.contains([person.name]),
                    AgendaItem.interpreter_id == person.id,
                )
            )
            items = items.order_by(AgendaItem.start_time.desc(), AgendaItem.id).options(joinedload(AgendaItem.visit))
            await delete_unused(session, person, items)
        return Empty()


async def _create(session: Session, request: pb.CreatePersonRequest) -> pb.Person:
    fields = person_columns(request.person)
    person = Person(id=request.person_id or new_id(), **fields)
    await session.insert_named(person)
    return person_message(person, identity())
