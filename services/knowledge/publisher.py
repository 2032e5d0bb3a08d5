"""
Tells the hub of this installation's learnings: of those that are public, and validated or embedded.

What the hub has to be told of is what differs from `sent_learnings`, found by one statement whenever learnings changed,
and every few seconds. So nothing is told that is not so, whatever happened in between, and nothing is left out: what
could not be told differs still. One replica at a time tells; the hub takes what it is told twice for one.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import structlog
from austausch.knowledge.v1 import hub_pb2 as pb
from google.protobuf import json_format
from prometheus_client import Gauge
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import Database
from chassis.notifications import listen, wait_until_set
from services.knowledge.convert_installation import publication_message
from services.knowledge.hub_client import HubClient, HubFailed, Membership
from services.knowledge.model import DELETED_VERSION, PROVEN, Learning, SentLearning, Visibility
from services.knowledge.publications import MAX_PUBLICATIONS

CHANNEL = "learnings"
POLL_SECONDS = 5.0
# The hub is away, or refuses everything: the pause doubles from the first to the last.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 1.0, 60.0
# A request has a megabyte at most. A learning alone may have half of it, in the longest of scripts.
MAX_CONTENT_BYTES = 300_000
_LOCK = select(func.pg_try_advisory_xact_lock(0x48554221))

log = structlog.get_logger(__name__)
waiting = Gauge("publications_waiting", "Learnings that the hub has to be told of")
refused = Gauge("publications_refused", "Learnings that the hub has refused as they are")
failing = Gauge("publishing_failing", "1 while the hub does not answer, or refuses everything")

_IS_PUBLIC = and_(
    Learning.installation_id.is_(None), Learning.visibility == Visibility.PUBLIC, Learning.state.in_(PROVEN)
)


class Publisher:
    """
    Publishes this installation's learnings to its hub, if it has one.

    Args:
        membership: Where, and as what; None where nothing is published.
    """

    def __init__(self, database: Database, membership: Membership | None) -> None:
        self._database = database
        self._membership = membership
        self._hub = f"{membership.hub} {membership.installation}" if membership else ""
        self._client = HubClient(membership) if membership else None
        self._wake = asyncio.Event()

    async def get_status(self) -> pb.PublishingStatus:
        """Return how far it has come."""
        if self._membership is None:
            return pb.PublishingStatus()
        is_ours = SentLearning.hub == self._hub
        is_published = and_(is_ours, SentLearning.version > 0, ~SentLearning.is_withdrawn, SentLearning.refusal == "")
        async with self._database.read() as session:
            published = await session.scalar(select(func.count()).where(is_published))
            refusals = await session.scalar(select(func.count()).where(is_ours, SentLearning.refusal != ""))
            due = [
                await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
                for statement in (self._select_public(), self._select_withdrawn())
            ]
        return pb.PublishingStatus(
            hub_uri=self._membership.hub,
            installation=self._membership.installation,
            published_count=published,
            waiting_count=sum(count or 0 for count in due),
            refused_count=refusals,
        )

    async def run(self) -> None:
        """Publish until cancelled; while the hub or the database is away it is tried again."""
        if self._client is None:
            return
        listener = asyncio.create_task(listen(self._database.url, CHANNEL, lambda _payload: self._wake.set()))
        pause = FIRST_PAUSE_SECONDS
        try:
            while True:
                self._wake.clear()
                try:
                    while await self._publish_batch(self._client):
                        pause = FIRST_PAUSE_SECONDS
                    await self._report()
                except HubFailed as failure:
                    log.warning("hub.retry", reason=failure.reason, seconds=pause)
                    failing.set(1)
                    await self._report()
                    # A hub that comes back is not asked by all its members at the same moment.
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret
                    pause = min(2 * pause, LAST_PAUSE_SECONDS)
                    continue
                except (SQLAlchemyError, OSError) as error:
                    log.warning("publisher.retry", error=str(error) or type(error).__name__)
                    await asyncio.sleep(FIRST_PAUSE_SECONDS)
                    continue
                failing.set(0)
                await wait_until_set(self._wake, POLL_SECONDS)
        finally:
            listener.cancel()

    async def _publish_batch(self, client: HubClient) -> bool:
        """
        Tell the hub of some learnings; return whether there were any.

        Raises:
            HubFailed: It was not told.
        """
        async with self._database.begin() as lock:
            if not await lock.scalar(_LOCK):
                return False  # Another replica is at it.
            batch = await self._read_batch()
            if not batch:
                return False
            await self._note_beforehand([each.learning for each in batch if each.HasField("content")])
            refusals = await asyncio.to_thread(client.publish, _compose(batch))
            if len(refusals) != len(batch):
                raise HubFailed("HUB_UNUSABLE")
            await self._note(batch, refusals)
        return True

    async def _read_batch(self) -> list[pb.Publication]:
        """Return what the hub is told next: withdrawals before anything else."""
        async with self._database.read() as session:
            withdrawn = await session.execute(self._select_withdrawn().limit(MAX_PUBLICATIONS))
            batch = [publication_message(f"learnings/{id_}", version, None) for id_, version in withdrawn]
            size = 0
            learnings = await session.scalars(self._select_public().limit(MAX_PUBLICATIONS - len(batch)))
            for learning in learnings:
                publication = publication_message(learning.name, learning.version, learning)
                size += publication.ByteSize()
                if batch and size > MAX_CONTENT_BYTES:
                    break
                batch.append(publication)
        return batch

    def _select_public(self) -> Select[Any]:
        """Return the statement for the learnings that the hub does not have as they are."""
        return (
            select(Learning)
            .outerjoin(SentLearning, and_(SentLearning.hub == self._hub, SentLearning.learning_id == Learning.id))
            .where(_IS_PUBLIC, or_(SentLearning.version.is_(None), SentLearning.version < Learning.version))
            .order_by(Learning.id)
        )

    def _select_withdrawn(self) -> Select[str, int]:
        """Return the statement for (id, version) of what the hub may have and shall not have."""
        version = func.coalesce(Learning.version, DELETED_VERSION)
        return (
            select(SentLearning.learning_id, version)
            .outerjoin(Learning, Learning.id == SentLearning.learning_id)
            .where(SentLearning.hub == self._hub, ~SentLearning.is_withdrawn, SentLearning.version < version)
            .where(or_(Learning.id.is_(None), ~_IS_PUBLIC))
            .order_by(SentLearning.learning_id)
        )

    async def _note_beforehand(self, names: Sequence[str]) -> None:
        """Note that the hub may have learnings from now on, whether or not it is known that it was told."""
        rows = [self._make_row(name, version=0, is_withdrawn=False, refusal="") for name in names]
        if rows:
            statement = insert(SentLearning)
            upsert = statement.on_conflict_do_update(
                index_elements=["hub", "learning_id"], set_={"is_withdrawn": statement.excluded.is_withdrawn}
            )
            async with self._database.begin() as session:
                await session.execute(upsert, rows)

    async def _note(self, batch: Sequence[pb.Publication], refusals: Sequence[str]) -> None:
        """Note what the hub has answered."""
        rows = [
            self._make_row(
                publication.learning,
                version=publication.version,
                is_withdrawn=not publication.HasField("content") and not refusal,
                refusal=refusal,
            )
            for publication, refusal in zip(batch, refusals, strict=True)
        ]
        statement = insert(SentLearning)
        changed = {name: statement.excluded[name] for name in ("version", "is_withdrawn", "refusal")}
        upsert = statement.on_conflict_do_update(index_elements=["hub", "learning_id"], set_=changed)
        async with self._database.begin() as session:
            await session.execute(upsert, rows)
        for publication, refusal in zip(batch, refusals, strict=True):
            if refusal:
                log.warning("hub.refused", learning=publication.learning, reason=refusal)

    def _make_row(self, name: str, **columns: Any) -> dict[str, Any]:
        return {"hub": self._hub, "learning_id": name.removeprefix("learnings/"), **columns}

    async def _report(self) -> None:
        status = await self.get_status()
        waiting.set(status.waiting_count)
        refused.set(status.refused_count)


def _compose(batch: Sequence[pb.Publication]) -> str:
    """Return a batch as it is signed and sent."""
    return json_format.MessageToJson(pb.PublicationBatch(publications=batch), indent=None, ensure_ascii=False)
