"""
What learnings mean: their vectors, made by workers, kept in PostgreSQL, compared in memory.

A learning that is written is enqueued in the same transaction; a worker embeds it and writes its vector; every replica
follows the vectors as its index follows the learnings. A vector is of one model only. While a new model has not yet
embedded everything, the former one goes on answering, if it is still there; then it is let go.

What no vector is known of, above all after a change of the model, is enqueued apart from what is written now, which so
need not wait for it.
"""

import asyncio
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import structlog
from prometheus_client import Gauge
from sqlalchemy import Row, Text, any_, bindparam, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import SQLAlchemyError

from chassis.background_threads import make_background_threads
from chassis.database import Database
from chassis.notifications import listen, wait_until_set
from chassis.work_queue import Progress, Queue, Worker, enqueue
from services.knowledge.changes import START, Changes, Horizon, get_table, read_horizon, stamp_foreign_rows
from services.knowledge.language_means import load_means
from services.knowledge.language_model import LanguageModel
from services.knowledge.model import DeletedLearning, Learning, LearningVector
from services.knowledge.search.analysis import is_unspaced, join_terms, list_words, normalize
from services.knowledge.search.language_detection import guess_languages
from services.knowledge.search.vectors import DocumentVector, Meaning, Vectors

EMBED = Queue("knowledge.embed", batch=16)
EMBED_MISSING = Queue("knowledge.embed_missing", batch=16)
CHANNEL = "learning_vectors"
POLL_SECONDS = 5.0
# What is looked at of a query for its meaning; of these, the model reads so many tokens that it takes no longer than
# 0.15 s (`MAX_QUERY_TOKENS`). A page of text would take seconds, and means no more than its beginning.
QUERY_CHARACTERS = 500
ENQUEUE_BATCH = 5_000
# How often is looked for what has no vector although no work is left: its task was lost, or given up.
RETRY_SECONDS = 600.0
_LEAST_LETTERS = 3
_HANGUL = re.compile("[\uac00-\ud7a3]")
_SERVES_FROM = 0.98
"""A new model answers once it knows so much of what the former one knows."""

_LEARNINGS, _VECTORS, _DELETED = (get_table(model) for model in (Learning, LearningVector, DeletedLearning))
_IDS = bindparam("ids", type_=ARRAY(Text))
_TEXTS = ("title", "observation", "discussion", "conclusion", "recommendation", "remedial_action")
# As PostgreSQL computes it: so it can say itself which vectors are of an earlier text.
_DIGEST = func.sha256(
    func.convert_to(func.concat_ws("\n", _LEARNINGS.c.language, *(_LEARNINGS.c[name] for name in _TEXTS)), "UTF8")
)
_SELECT_TEXTS = select(
    _LEARNINGS.c.id, _LEARNINGS.c.language, _DIGEST.label("digest"), *(_LEARNINGS.c[name] for name in _TEXTS)
).where(_LEARNINGS.c.id == any_(_IDS))
_SELECT_CURRENT = select(_LEARNINGS.c.id, _DIGEST.label("digest")).where(_LEARNINGS.c.id == any_(_IDS))

log = structlog.get_logger(__name__)
known = Gauge("learning_vectors", "Learnings whose meaning is compared", ["model"])


class SemanticState(StrEnum):
    """Whether meaning is compared besides words."""

    OFF = "off"
    INCOMPLETE = "incomplete"
    COMPLETE = "complete"


class Semantics:
    """
    The vectors of the learnings, and the models that make them.

    Args:
        database: The knowledge service's.
        models: The model that is wanted, then the one until now, if that is another; none: meaning is not compared.
    """

    def __init__(self, database: Database, models: Sequence[LanguageModel]) -> None:
        self._database = database
        self._models = models
        self.workers = [Worker(queue, database, self.embed) for queue in (EMBED, EMBED_MISSING)]
        self._threads = make_background_threads(len(self.workers), "embedding")
        if models:
            # The first query need not wait for what this loads, and that it fails is seen at the start.
            guess_languages("")
        self._means = {model.id: load_means(model) for model in models}
        self._vectors = self._make_vectors()
        self._wake = asyncio.Event()

    def get_state(self, documents: int) -> SemanticState:
        """
        Return whether meaning is compared.

        Args:
            documents: How many learnings there are.
        """
        if not self._models:
            return SemanticState.OFF
        is_complete = len(self._vectors[self._choose_model().id]) >= documents
        return SemanticState.COMPLETE if is_complete else SemanticState.INCOMPLETE

    def get_model(self) -> str:
        """Return the id of the model that answers; "" where there is none."""
        return self._choose_model().id if self._models else ""

    def count_known(self) -> int:
        """Return of how many learnings the meaning can be compared."""
        return len(self._vectors[self._choose_model().id]) if self._models else 0

    async def get_progress(self) -> Progress | None:
        """Return how far the work of its queues is; None while NATS does not answer."""
        progress = await asyncio.gather(*(worker.get_progress() for worker in self.workers))
        known_ = [each for each in progress if each]
        if len(known_) < len(progress):
            return None
        return Progress(*(sum(getattr(each, name) for each in known_) for name in ("waiting", "in_hand", "dead")))

    async def compare(self, text: str, reader_language: str) -> Meaning | None:
        """
        Return how near the learnings are to a text; None without a model, or where there is nothing to compare.

        A letter or two, or a number, mean nothing by themselves: it would be chance which learnings are nearest.

        Args:
            reader_language: Primary subtag of the language that its writer reads; "" where it is not known.
        """
        if not self._models or not has_meaning(text):
            return None
        model = self._choose_model()
        vectors = self._vectors[model.id]
        return await asyncio.to_thread(compare_query, model, vectors, text, reader_language) if len(vectors) else None

    def find_similar(self, id_: str) -> Meaning | None:
        """Return how near the other learnings are to one; None where nothing is known of it."""
        if not self._models:
            return None
        return self._vectors[self._choose_model().id].compare_to(id_)

    async def embed(self, ids: Sequence[str]) -> None:
        """
        Write the vectors of learnings; those that are up to date, or gone, stay as they are.

        The former model embeds, too, what is written while it still answers. Without a model, what is known of them is
        forgotten: it is of an earlier text.
        """
        if not self._models:
            async with self._database.begin() as session:
                await session.execute(delete(_VECTORS).where(_VECTORS.c.id == any_(_IDS)), {"ids": list(ids)})
            return
        wanted, *former = self._models
        await self._embed(wanted, ids)
        for model in former:
            # Not in memory: whoever only works does not follow the vectors.
            if await self._has_vectors(model):
                await self._embed(model, ids)

    async def _embed(self, model: LanguageModel, ids: Sequence[str]) -> None:
        texts = await self._read_texts(ids)
        done = await self._read_digests(ids, model)
        stale = [id_ for id_, row in texts.items() if row.digest != done.get(id_)]
        if not stale:
            return
        passages = [_join_texts(texts[id_]) for id_ in stale]
        vectors = await asyncio.get_running_loop().run_in_executor(self._threads, model.embed_passages, passages)
        async with self._database.begin() as session:
            # Another worker may have embedded a newer text meanwhile.
            statement = _SELECT_CURRENT.with_for_update(read=True)
            current = {row.id: row.digest for row in await session.execute(statement, {"ids": stale})}
            rows = [
                {
                    "id": id_,
                    "model": model.id,
                    "language": texts[id_].language,
                    "digest": texts[id_].digest,
                    "vector": vector.astype(np.float16).tobytes(),
                }
                for id_, vector in zip(stale, vectors, strict=True)
                if current.get(id_) == texts[id_].digest
            ]
            if rows:
                upsert = insert(_VECTORS)
                changed = {name: upsert.excluded[name] for name in ("language", "digest", "vector")}
                await session.execute(upsert.on_conflict_do_update(index_elements=["id", "model"], set_=changed), rows)

    async def run(self) -> None:
        """Follow the vectors until cancelled, and see to it that every learning gets one; an error is tried again."""
        if not self._models:
            return
        listener = asyncio.create_task(listen(self._database.url, CHANNEL, lambda _payload: self._wake.set()))
        loop = asyncio.get_running_loop()
        database, due, missing = "", float("-inf"), float("inf")
        try:
            while True:
                self._wake.clear()
                try:
                    horizon = await read_horizon(self._database)
                    if horizon.database != database:
                        await self._begin()
                        database = horizon.database
                        horizon = await read_horizon(self._database)  # With what it stamped.
                    await self._follow(horizon)
                    if loop.time() > due and await self._is_idle():
                        before, missing = missing, await self._enqueue_missing()
                        if not missing:
                            await self._drop_others()
                        # Where it became less, the rest may be done by the next time; else it was given up.
                        due = loop.time() + (POLL_SECONDS if 0 < missing < before else RETRY_SECONDS)
                except (SQLAlchemyError, OSError) as error:
                    log.warning("vectors.retry", error=str(error) or type(error).__name__)
                    await asyncio.sleep(0.5)
                    continue
                await wait_until_set(self._wake, POLL_SECONDS)
        finally:
            listener.cancel()

    async def _begin(self) -> None:
        await stamp_foreign_rows(self._database, _VECTORS)
        self._vectors = self._make_vectors()
        columns = (_VECTORS.c.id, _VECTORS.c.revision, _VECTORS.c.language, _VECTORS.c.vector)
        self._changes = {
            model.id: Changes(self._database, _VECTORS, select(*columns).where(_VECTORS.c.model == model.id), START)
            for model in self._models
        }
        self._deleted = Changes(self._database, _DELETED, select(_DELETED.c.id, _DELETED.c.revision))

    async def _follow(self, horizon: Horizon) -> None:
        """Take in what workers wrote, and forget what was deleted."""
        for model in self._models:
            vectors = self._vectors[model.id]
            async for rows in self._changes[model.id].read_round(horizon):
                await asyncio.to_thread(vectors.put, [_read_vector(row) for row in rows])
            known.labels(model.id).set(len(vectors))
        async for rows in self._deleted.read_round(horizon):
            for vectors in self._vectors.values():
                vectors.remove(row.id for row in rows)

    async def _is_idle(self) -> bool:
        """Return whether no work is left: else what is missing may be on its way."""
        progress = await self.get_progress()
        return progress is not None and not (progress.waiting or progress.in_hand)

    async def _enqueue_missing(self) -> int:
        """Have every learning embedded of whose text the wanted model made no vector; return how many there are."""
        wanted = self._models[0]
        is_known = exists().where(
            _VECTORS.c.id == _LEARNINGS.c.id,
            _VECTORS.c.model == wanted.id,
            or_(_VECTORS.c.revision >= _LEARNINGS.c.revision, _VECTORS.c.digest == _DIGEST),
        )
        last, total = "", 0
        while True:
            statement = select(_LEARNINGS.c.id).where(_LEARNINGS.c.id > last, ~is_known).order_by(_LEARNINGS.c.id)
            async with self._database.begin() as session:
                ids = list(await session.scalars(statement.limit(ENQUEUE_BATCH)))
                enqueue(session, EMBED_MISSING, ids)
            if not ids:
                break
            last, total = ids[-1], total + len(ids)
        if total:
            log.info("vectors.enqueued", learnings=total, model=wanted.id)
        return total

    async def _drop_others(self) -> None:
        """Let the former model go, and drop the vectors of all but the wanted one."""
        wanted = self._models[0]
        for model in self._models[1:]:
            del self._vectors[model.id]
            known.remove(model.id)
        self._models = [wanted]
        async with self._database.begin() as session:
            await session.execute(delete(_VECTORS).where(_VECTORS.c.model != wanted.id))

    def _make_vectors(self) -> dict[str, Vectors]:
        return {model.id: Vectors(model.dimensions, self._means[model.id]) for model in self._models}

    def _choose_model(self) -> LanguageModel:
        wanted, *former = self._models
        if former and len(self._vectors[wanted.id]) < _SERVES_FROM * len(self._vectors[former[0].id]):
            return former[0]
        return wanted

    async def _has_vectors(self, model: LanguageModel) -> bool:
        async with self._database.read_once() as session:
            return bool(await session.scalar(select(exists().where(_VECTORS.c.model == model.id))))

    async def _read_texts(self, ids: Sequence[str]) -> dict[str, Row[Any]]:
        async with self._database.read_once() as session:
            return {row.id: row for row in (await session.execute(_SELECT_TEXTS, {"ids": list(ids)})).all()}

    async def _read_digests(self, ids: Sequence[str], model: LanguageModel) -> dict[str, bytes]:
        statement = select(_VECTORS.c.id, _VECTORS.c.digest).where(
            _VECTORS.c.id == any_(_IDS), _VECTORS.c.model == model.id
        )
        async with self._database.read_once() as session:
            return {row.id: row.digest for row in (await session.execute(statement, {"ids": list(ids)})).all()}


def has_meaning(text: str) -> bool:
    """Return whether a text has a word: three letters at least, or one character of a script of syllables or signs."""
    return any(
        is_unspaced(word) or _HANGUL.search(word) or sum(map(str.isalpha, word)) >= _LEAST_LETTERS
        for word in list_words(normalize(text[:QUERY_CHARACTERS]))
    )


def compare_query(model: LanguageModel, vectors: Vectors, text: str, reader_language: str = "") -> Meaning:
    """
    Return how near documents are to a text.

    Args:
        vectors: What the same model made of the documents.
        reader_language: As `Semantics.compare`.
    """
    text = text[:QUERY_CHARACTERS]
    length = len(join_terms(list_words(text)).split())
    return vectors.compare(model.embed_query(text), guess_languages(text, reader_language), length)


def _join_texts(row: Row[Any]) -> str:
    return "\n".join(text for name in _TEXTS if (text := getattr(row, name)))


def _read_vector(row: Row[Any]) -> DocumentVector:
    return DocumentVector(row.id, row.language, np.frombuffer(row.vector, np.float16).astype(np.float32))
