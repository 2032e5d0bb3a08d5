"""Telling the knowledge service of events, and looking at what became of them."""

from austausch.knowledge.v1.knowledge_pb2 import Learning, ListLearningsRequest, ListLearningsResponse
from google.protobuf.message import Message

from chassis.identity import Role
from chassis.outbox import emit
from tests.calls import Caller, RunningService
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import GERMAN_ENTRY, visit_reported


class Producer:
    """Tells the knowledge service of events, as other services do: by an outbox."""

    def __init__(self, service: RunningService, knowledge: RunningService) -> None:
        self._service = service
        self._caller = knowledge.as_(Role.COORDINATOR)
        self._told = 0

    async def tell(self, *events: Message) -> None:
        """Tell of events, one after the other, and wait until they have arrived."""
        for event in events:
            async with self._service.database.begin() as session:
                emit(session, event)
            self._told += 1
            marker = f"visits/marker-{self._told}"
            async with self._service.database.begin() as session:
                emit(session, visit_reported({**GERMAN_ENTRY, "title": "marker"}, name=marker))
            await eventually(lambda source=marker: self._arrived(source))

    async def _arrived(self, source: str) -> bool:
        return bool((await self._caller.ListLearnings(ListLearningsRequest(source=source))).total_size)


async def list_learnings(caller: Caller, source: str) -> list[Learning]:
    """Return the learnings of a source, oldest first."""
    request = ListLearningsRequest(source=source, order_by="create_time")
    answer: ListLearningsResponse = await caller.ListLearnings(request)
    return list(answer.learnings)
