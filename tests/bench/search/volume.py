"""How fast the search is on a large collection, at the service and beside PostgreSQL's full-text search."""

import asyncio
import contextlib
import re
import resource
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import LiteralString
from unittest import mock

import numpy as np
import psycopg
from austausch.knowledge.v1.knowledge_pb2 import SearchLearningsRequest, SearchLearningsResponse
from grpc.aio import AioRpcError

from chassis.identity import Role
from chassis.migrate import migrate
from deploy import embedded
from services.knowledge import __main__ as knowledge
from services.knowledge.language_model import WheelModel
from services.knowledge.search.documents import Document
from services.knowledge.search.index import SearchIndex
from services.knowledge.vocabulary.importing import import_own_topics
from tests.bench.search.drawn_queries import DrawnQuery, draw_queries
from tests.bench.search.generator import GeneratedLearning, generate
from tests.calls import Keys, RunningService
from tests.conftest import knowledge_settings, run_service
from tests.knowledge.factories import create_request

BATCH = 5_000
CHANGES = 30
PAGE_SIZE = 25
"""Results a page, as the web pages ask for."""
LEAST_RATIO = 20
GOALS = {"words p50": 5.0, "words p99": 50.0, "both p50": 60.0}
_COLUMNS = (
    "id", "create_time", "update_time", "updater", "version", "title", "language", "observation", "discussion",
    "conclusion", "recommendation", "topics", "sdg_targets", "cities", "source", "source_title", "remedial_action",
    "owner", "department", "author", "author_name", "validator", "validator_name", "visibility", "state",
    "reject_reason", "successor",
)  # fmt: skip


# Any of the words, counted, and the first page ranked.
_SELECT_RANKED: LiteralString = """
    SELECT id, ts_rank(words, query) AS rank, count(*) OVER () FROM full_text, to_tsquery('simple', %(wanted)s) AS query
    WHERE words @@ query ORDER BY rank DESC LIMIT 25
"""
# What a search answers: whole learnings that are in use with what matched marked, and how all are spread.
_SELECT_ANSWER: LiteralString = """
    WITH asked AS MATERIALIZED (SELECT to_tsquery('simple', %(wanted)s) AS query),
    found AS MATERIALIZED (
        SELECT id, ts_rank(words, query) AS rank, topics, cities, sdg_targets, language, department, state,
            extract(year FROM create_time) AS year
        FROM full_text JOIN learnings USING (id), asked
        WHERE words @@ query AND state NOT IN ('rejected', 'superseded')
    ),
    facets AS (
        SELECT 'topic' AS facet, topic AS value, count(*) FROM found, unnest(topics) AS topic GROUP BY topic
        UNION ALL SELECT 'city', city, count(*) FROM found, unnest(cities) AS city GROUP BY city
        UNION ALL SELECT 'target', target, count(*) FROM found, unnest(sdg_targets) AS target GROUP BY target
        UNION ALL SELECT 'language', language, count(*) FROM found GROUP BY language
        UNION ALL SELECT 'department', department, count(*) FROM found GROUP BY department
        UNION ALL SELECT 'state', state, count(*) FROM found GROUP BY state
        UNION ALL SELECT 'year', year::text, count(*) FROM found GROUP BY year
    ),
    page AS (SELECT id, rank FROM found ORDER BY rank DESC, id LIMIT 25)
    SELECT (SELECT json_agg(facets) FROM facets), rank, learnings.*,
        ts_headline('simple', concat_ws(' ', title, observation, discussion, conclusion, recommendation), query)
    FROM page JOIN learnings USING (id), asked ORDER BY rank DESC, id
"""


@dataclass(frozen=True, slots=True)
class Times:
    """How long answers took, in milliseconds."""

    values: Sequence[float]

    def at(self, percent: float) -> float:
        """Return the time within which so many per cent of the answers came."""
        return float(np.percentile(self.values, percent))


def measure_volume(folder: Path, count: int, questions: int) -> str:
    """
    Return a table of what was measured.

    Args:
        count: How many learnings.
        questions: How many queries are drawn from them, each asked once.
    """
    return asyncio.run(_measure(folder, count, draw_queries(questions, documents=count)))


async def _measure(folder: Path, documents: int, queries: Sequence[DrawnQuery]) -> str:
    indexing = await asyncio.to_thread(_measure_indexing, folder / "engine", min(documents, 100_000))
    with embedded.postgres(folder / "postgres", durable=False) as postgres, embedded.nats(folder / "nats") as nats:
        url = postgres.url_for("postgres")
        await asyncio.to_thread(migrate, url, "services.knowledge", messaging=True)
        await import_own_topics(url)
        _fill(url, documents)
        (folder / "keys").mkdir()
        keys = Keys.make(folder / "keys")

        @contextlib.asynccontextmanager
        async def run(
            *, has_model: bool, index: str = "index", peers: str = ""
        ) -> AsyncIterator[tuple[RunningService, float]]:
            key = {"KNOWLEDGE_PEERS_ADDRESS": peers, "KNOWLEDGE_SIGNING_KEY": keys.private["knowledge"]}
            settings = knowledge_settings(folder / index) | key
            models = contextlib.nullcontext() if has_model else mock.patch.object(knowledge, "load_models", _no_models)
            started = time.perf_counter()
            with models:
                async with run_service("knowledge", url, nats, keys, **settings) as service:
                    await _wait(lambda: _is_complete(service, documents, has_model=has_model))
                    yield service, time.perf_counter() - started

        async with run(has_model=False) as (peer, filled), run(has_model=False, index="new", peers=peer.address) as new:
            received = new[1]
        async with run(has_model=False) as (service, restarted):
            words = await _ask(service, queries)
            found = [await _measure_change(service, number) for number in range(CHANGES)]
        async with run(has_model=True) as (service, _):
            both = await _ask(service, queries)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        full_text = Times(list(_ask_postgres(url, _SELECT_RANKED, queries)))
        whole_answers = Times(list(_ask_postgres(url, _SELECT_ANSWER, queries)))
    disk = sum(path.stat().st_size for path in (folder / "index").rglob("*") if path.is_file()) / 1e6
    goal = f"≥ {LEAST_RATIO}"
    rows = [
        (
            "search by words, p50 / p90 / p99",
            _format(words),
            f"{GOALS['words p50']:.0f} / – / {GOALS['words p99']:.0f} ms",
        ),
        ("search by words and meaning, p50 / p90 / p99", _format(both), f"{GOALS['both p50']:.0f} / – / – ms"),
        ("PostgreSQL full text, ids of the first page only, p50 / p90 / p99", _format(full_text), ""),
        ("… times as long as the search by words, p50 / all together", _format_ratio(full_text, words), goal),
        ("PostgreSQL full text, with facets and snippets, p50 / p90 / p99", _format(whole_answers), ""),
        ("… times as long as the search by words, p50 / all together", _format_ratio(whole_answers, words), goal),
        ("a change found after, p50 / p99", f"{Times(found).at(50):.0f} / {Times(found).at(99):.0f} ms", "– / 1000 ms"),
        ("documents indexed per second of processor time", f"{indexing:,.0f}", "5,000"),
        ("first filling of the index from PostgreSQL", f"{filled:.0f} s", ""),
        ("… taken from another replica, level", f"{received:.1f} s", ""),
        ("restart until it answers, level", f"{restarted:.1f} s", "5 s"),
        ("memory, with all vectors", f"{memory:,.0f} MB", ""),
        ("index on disk", f"{disk:,.0f} MB", ""),
    ]
    heading = (
        f"{documents:,} generated learnings (100 to 300 words, Zipf-distributed, ten languages), {len(queries)} queries"
        f" drawn from them, each asked once at the service, {PAGE_SIZE} results a page:"
    )
    return "\n".join(
        [
            heading,
            "",
            "| | measured | goal |",
            "|---|---|---|",
            *(f"| {name} | {value} | {goal} |" for name, value, goal in rows),
        ]
    )


def _no_models(*_folders: object) -> list[object]:
    return []


def _format(times: Times) -> str:
    return " / ".join(f"{times.at(percent):.1f}" for percent in (50, 90, 99)) + " ms"


def _format_ratio(times: Times, others: Times) -> str:
    return f"{times.at(50) / others.at(50):.1f} / {sum(times.values) / sum(others.values):.1f}"


def _measure_indexing(folder: Path, count: int) -> float:
    """Return how many documents a second of processor time takes in."""
    index, spent = SearchIndex(folder), 0.0
    for learnings in _batched(generate(count), BATCH):
        batch = list(map(_make_document, learnings))
        started = time.process_time()
        index.put(batch)
        spent += time.process_time() - started
    index.close()
    return count / spent


def _fill(url: str, count: int) -> None:
    """Write the learnings and vectors of no meaning for them."""
    model, random = WheelModel(), np.random.default_rng(0)
    with psycopg.connect(url) as connection:
        for batch in _batched(generate(count), BATCH):
            with connection.cursor().copy(f"COPY learnings ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
                for learning in batch:
                    copy.write_row(_make_row(learning))
            vectors = random.standard_normal((len(batch), model.dimensions)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            with connection.cursor().copy(
                "COPY learning_vectors (id, model, language, digest, vector) FROM STDIN"
            ) as copy:
                for learning, vector in zip(batch, vectors.astype(np.float16), strict=True):
                    copy.write_row((_make_id(learning), model.id, learning.language, b"", vector.tobytes()))
            connection.commit()
        connection.execute("ANALYZE")
        connection.execute(
            "CREATE TABLE full_text AS SELECT id, to_tsvector('simple', concat_ws(' ', title, observation, discussion,"
            " conclusion, recommendation)) AS words FROM learnings"
        )
        connection.execute("CREATE INDEX ON full_text USING gin (words)")
        connection.commit()


def _batched(learnings: Iterable[GeneratedLearning], size: int) -> Iterator[list[GeneratedLearning]]:
    rest = iter(learnings)
    while batch := list(islice(rest, size)):
        yield batch


def _make_id(learning: GeneratedLearning) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, learning.id))


def _make_row(learning: GeneratedLearning) -> tuple[object, ...]:
    assigned = learning.state in ("lesson_identified", "implemented", "validated", "embedded")
    validated = learning.state in ("validated", "embedded")
    return (
        _make_id(learning), learning.create_time, learning.create_time, "", 1, learning.title, learning.language,
        learning.observation, learning.discussion, learning.conclusion, learning.recommendation, list(learning.topics),
        list(learning.sdg_targets), list(learning.cities), "", "", "Es tun" if assigned else "",
        learning.department if assigned else "", learning.department, learning.author, "",
        "accounts/validator" if validated else "", "", learning.visibility, learning.state,
        "Nein" if learning.state == "rejected" else "", "",
    )  # fmt: skip


def _make_document(learning: GeneratedLearning) -> Document:
    return Document(
        id=_make_id(learning),
        language=learning.language,
        title=learning.title,
        passages=[learning.observation, learning.discussion, learning.conclusion, learning.recommendation],
        context=[name.rpartition("/")[2] for name in (*learning.topics, *learning.cities)],
        topics=learning.topics,
        cities=learning.cities,
        sdg_targets=learning.sdg_targets,
        departments=[learning.department],
        state=learning.state,
        audience=[learning.visibility, learning.author],
        create_time=learning.create_time,
    )


async def _ask(service: RunningService, queries: Sequence[DrawnQuery]) -> Times:
    caller, times = service.as_(Role.COORDINATOR), []
    for query in queries:
        filters = {name: list(values) for name, values in query.filters.items()}
        request = SearchLearningsRequest(query=query.text, page_size=PAGE_SIZE, **filters)
        started = time.perf_counter()
        await caller.SearchLearnings(request)
        times.append((time.perf_counter() - started) * 1000)
    return Times(times)


async def _measure_change(service: RunningService, number: int) -> float:
    """Return the milliseconds from the answer to a create until a search finds it."""
    caller, word = service.as_(Role.COORDINATOR), f"quokka{number}x"
    await caller.CreateLearning(create_request(observation=f"Ein {word} in der Stadt."))
    started = time.perf_counter()

    async def is_found() -> bool:
        return (await caller.SearchLearnings(SearchLearningsRequest(query=f"+{word}"))).total_size == 1

    await _wait(is_found, pause=0.002)
    return (time.perf_counter() - started) * 1000


async def _is_complete(service: RunningService, documents: int, *, has_model: bool) -> bool:
    states = [1, 2, 3, 4, 5, 6, 7, 8]
    request = SearchLearningsRequest(page_size=1, states=states)
    answer = await service.as_(Role.COORDINATOR).SearchLearnings(request)
    is_known = answer.semantic_state == SearchLearningsResponse.SEMANTIC_STATE_COMPLETE
    return answer.total_size >= documents and (is_known or not has_model)


async def _wait(question: Callable[[], Awaitable[bool]], pause: float = 0.05) -> None:
    while True:
        with contextlib.suppress(AioRpcError):
            if await question():
                return
        await asyncio.sleep(pause)


def _ask_postgres(url: str, statement: LiteralString, queries: Sequence[DrawnQuery]) -> Iterator[float]:
    """Yield the milliseconds that PostgreSQL takes to answer each query; its filters are left out."""
    with psycopg.connect(url) as connection:
        for query in queries:
            wanted = " | ".join(re.findall(r"\w+", query.text)) or "x"
            started = time.perf_counter()
            connection.execute(statement, {"wanted": wanted}).fetchall()
            yield (time.perf_counter() - started) * 1000
