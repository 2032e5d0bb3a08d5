"""
Tells the hub of this installation's learnings: of those that are public, and validated or embedded.

What the hub has to be told of is what differs from `sent_learnings`, found by one statement whenever learnings changed,
and every few seconds. So nothing is told that is not so, whatever happened in between, and nothing is left out: what
could not be told differs still. One replica at a time tells; the hub takes what it is told twice for one.

Where the hub fails at a request, and may fail at what it says, one learning at a time is told until one passes. What
failed alone is set aside until all others are told, so that no text holds the others up.
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
from chassis.health import PartFailed
from chassis.notifications import listen, wait_until_set
from services.knowledge.convert_installation import publication_message
from services.knowledge.hub_client import HubClient, HubFailed, Membership
from services.knowledge.model import DELETED_VERSION, PROVEN, Learning, SentLearning, Visibility
from services.knowledge.received_publications import MAX_PUBLICATIONS

CHANNEL = "learnings"
POLL_SECONDS = 5.0
# The hub is away, or refuses everything: the pause doubles from the first to the last.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 1.0, 60.0
# So many failures in a row are the hub's, whatever it is told: it gets a pause.
MAX_FAILURES = 5
# A request has a megabyte at most. A learning alone may have half of it, in the longest of scripts.
MAX_CONTENT_BYTES = 300_000
_LOCK = select(func.pg_try_advisory_xact_lock(0x48554221))

log = structlog.get_logger(__name__)
waiting = Gauge("publications_waiting", "Learnings that the hub has to be told of")
refused = Gauge("publications_refused", "Learnings that the hub has refused as they are")
failing = Gauge("publishing_failing", "1 while the hub does not answer, or fails at what it is told")

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
        self._failures = 0
        """How many requests in a row the hub failed at, for what they say as far as can be told."""
        self._reason = ""
        """Of the last of them."""
        self._failing = ""
        """Why the hub is told nothing at the moment."""
        self._set_aside: set[str] = set()
        """Ids of learnings at which the hub failed, which are told again once all others are."""

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

    async def check(self) -> None:
        """
        Look whether the hub takes what it is told.

        Raises:
            PartFailed: With the reason that it gives, or as of `HubFailed`.
        """
        if self._failing:
            raise PartFailed(self._failing)

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
                        if not self._failures:
                            pause = FIRST_PAUSE_SECONDS
                    await self._report()
                except HubFailed as failure:
                    log.warning("hub.retry", reason=failure.reason, seconds=pause)
                    failing.set(1)
                    self._failing = failure.reason
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
                self._failing = ""
                await wait_until_set(self._wake, POLL_SECONDS)
        finally:
            listener.cancel()

    async def _publish_batch(self, client: HubClient) -> bool:
        """
        Tell the hub of some learnings; return whether there may be more.

        Raises:
            HubFailed: It was not told, and there is nothing else to try before a pause.
        """
        async with self._database.begin() as lock:
            if not await lock.scalar(_LOCK):
                return False  # Another replica is at it.
            batch = await self._read_batch()
            if not batch:
                if self._set_aside:
                    self._set_aside.clear()
                    raise HubFailed(self._reason, is_for_all=False)
                return False
            await self._note_beforehand([each.learning for each in batch if each.HasField("content")])
            try:
                refusals = await asyncio.to_thread(client.publish, _compose(batch))
                if len(refusals) != len(batch):
                    raise HubFailed("HUB_UNUSABLE", is_for_all=False)
            except HubFailed as failure:
                self._bear(failure, batch)
                return True
            self._failures = 0
            await self._note(batch, refusals)
        return True

    def _bear(self, failure: HubFailed, batch: Sequence[pb.Publication]) -> None:
        """
        Have something else told than what the hub failed at.

        Raises:
            HubFailed: It fails at everything.
        """
        if failure.is_for_all:
            raise failure
        self._failures += 1
        self._reason = failure.reason
        log.warning("hub.failed", learnings=[each.learning for each in batch], reason=failure.reason)
        if len(batch) == 1:
            self._set_aside.add(_read_id(batch[0].learning))
        if self._failures % MAX_FAILURES == 0:
            raise failure

    async def _read_batch(self) -> list[pb.Publication]:
        """
        Return what the hub is told next, of what is not set aside: withdrawals alone, while there are any; only one
        learning as long as the hub fails.
        """
        limit = 1 if self._failures else MAX_PUBLICATIONS
        set_aside = list(self._set_aside)
        async with self._database.read() as session:
            is_next = SentLearning.learning_id.not_in(set_aside)
            withdrawn = await session.execute(self._select_withdrawn().where(is_next).limit(limit))
            batch = [publication_message(f"learnings/{id_}", version, None) for id_, version in withdrawn]
            if batch:
                return batch
            size = 0
            is_next = Learning.id.not_in(set_aside)
            for learning in await session.scalars(self._select_public().where(is_next).limit(limit)):
                publication = publication_message(learning.name, learning.version, learning)
                size += publication.ByteSize()
                if batch and size > MAX_CONTENT_BYTES:
                    break
                batch.append(publication)
        return batch

    def _select_public(self) -> Select[Any]:
        """
        Return the statement for the learnings that the hub does not have as they are.

        First those that it has as they were: it takes their changes also where there is no room for others.
        """
        return (
            select(Learning)
            .outerjoin(SentLearning, and_(SentLearning.hub == self._hub, SentLearning.learning_id == Learning.id))
            .where(_IS_PUBLIC, or_(SentLearning.version.is_(None), SentLearning.version < Learning.version))
            .order_by(func.coalesce(SentLearning.version, 0) == 0, Learning.id)
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
        return {"hub": self._hub, "learning_id": _read_id(name), **columns}

    async def _report(self) -> None:
        status = await self.get_status()
        waiting.set(status.waiting_count)
        refused.set(status.refused_count)


def _read_id(name: str) -> str:
    """Return the id of a learning, of its resource name."""
    return name.removeprefix("learnings/")


def _compose(batch: Sequence[pb.Publication]) -> str:
    """Return a batch as it is signed and sent."""
    return json_format.MessageToJson(pb.PublicationBatch(publications=batch), indent=None, ensure_ascii=False)
