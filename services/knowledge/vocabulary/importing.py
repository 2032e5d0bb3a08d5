"""
The import of a SKOS file into the tables of topics: all of it or, when anything fails, nothing.

The file is copied, statement by statement, into a temporary table of the database, which can sort and join what does
not fit into memory; the topics are made of it there, in the same transaction.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from chassis.database_urls import connect
from services.knowledge.vocabulary.folding import fold_label, make_slug
from services.knowledge.vocabulary.statements import MalformedFile, Statement

OWN_FILE = Path(__file__).parent / "municipal-topics.ttl"
# PostgreSQL tells this channel when a vocabulary has changed.
CHANNEL = "topics"
# Two imports at once take turns.
LOCK = 5_206_000_002
BATCH = 10_000
COLUMNS = ("subject", "kind", "language", "value", "folded", "slug")

STAGE = """
    SET LOCAL work_mem = '64MB';
    SET LOCAL gin_pending_list_limit = '256MB';
    CREATE TEMPORARY TABLE staged (
        subject text NOT NULL, kind text NOT NULL, language text NOT NULL, value text NOT NULL, folded text, slug text
    ) ON COMMIT DROP;
"""
# Labels and definitions that are nodes of their own say their text elsewhere in the file.
RESOLVE_NODES = """
    INSERT INTO staged
    SELECT node.subject, substr(node.kind, 6), said.language, said.value, said.folded, said.slug
    FROM staged node JOIN staged said ON said.kind = 'text' AND said.subject = node.value
    WHERE node.kind LIKE 'node:%'
"""
# A concept has a preferred label. Without a scheme, what its URI begins with stands for one.
FIND_CONCEPTS = r"""
    CREATE TEMPORARY TABLE concepts ON COMMIT DROP AS
    SELECT subject AS uri, NULL::text AS id,
        coalesce(min(value) FILTER (WHERE kind = 'scheme'), regexp_replace(subject, '[^#/:]*$', '')) AS scheme,
        coalesce(min(value) FILTER (WHERE kind = 'notation'), '') AS notation,
        bool_or(kind = 'deprecated') AS withdrawn,
        coalesce(jsonb_object_agg(language, value) FILTER (WHERE kind = 'definition'), '{}') AS definitions,
        rtrim(left(coalesce(
            substring(subject FROM '[#/:]([a-z]{3,}(?:-[a-z0-9]+)*)$'),
            (array_agg(slug ORDER BY language <> 'en', language NOT LIKE 'en-%', language <> 'de', language, slug)
                FILTER (WHERE kind = 'preferred' AND slug <> ''))[1],
            'topic'
        ), 63), '-') AS slug
    FROM staged
    GROUP BY subject
    HAVING bool_or(kind = 'preferred') AND NOT bool_or(kind = 'other') AND subject NOT LIKE '\_:%';
    CREATE UNIQUE INDEX ON concepts (uri);
    ANALYZE concepts;
"""
# What has a slug keeps it. Where another topic has the one that a new concept would get, its URI tells them apart.
NAME_CONCEPTS = """
    UPDATE concepts SET id = topics.id FROM topics WHERE topics.uri = concepts.uri;
    UPDATE concepts SET id = CASE
        WHEN alike.number = 1 AND NOT EXISTS (SELECT FROM topics WHERE topics.id = concepts.slug)
        THEN concepts.slug
        ELSE rtrim(left(concepts.slug, 52), '-') || '-' || left(md5(concepts.uri), 10) END
    FROM (
        SELECT uri, row_number() OVER (PARTITION BY slug ORDER BY uri) AS number
        FROM concepts WHERE id IS NULL
    ) AS alike
    WHERE alike.uri = concepts.uri
"""
WRITE_TOPICS = """
    WITH links AS (
        SELECT staged.subject, staged.kind, coalesce(concepts.id, topics.id) AS id
        FROM staged
        LEFT JOIN concepts ON concepts.uri = staged.value
        LEFT JOIN topics ON topics.uri = staged.value
        WHERE staged.kind IN ('broader', 'related') AND staged.value <> staged.subject
    ), relations AS (
        SELECT subject,
            array_agg(DISTINCT id) FILTER (WHERE kind = 'broader') AS broader,
            array_agg(DISTINCT id) FILTER (WHERE kind = 'related') AS related
        FROM links WHERE id IS NOT NULL GROUP BY subject
    )
    INSERT INTO topics (id, uri, scheme, notation, broader, related, definitions, withdrawn)
    SELECT id, uri, scheme, notation, coalesce(broader, '{}'), coalesce(related, '{}'), definitions, withdrawn
    FROM concepts LEFT JOIN relations ON relations.subject = concepts.uri
    ON CONFLICT (uri) DO UPDATE SET scheme = excluded.scheme, notation = excluded.notation,
        broader = excluded.broader, related = excluded.related, definitions = excluded.definitions,
        withdrawn = excluded.withdrawn
"""
# SKOS allows one preferred label in a language: of several, the others are alternatives.
FIND_LABELS = """
    CREATE TEMPORARY TABLE labels ON COMMIT DROP AS
    SELECT DISTINCT ON (topic_id, language, label)
        topic_id, language, label, kind = 'preferred' AND number = 1 AS preferred, folded
    FROM (
        SELECT concepts.id AS topic_id, language, value AS label, kind, folded,
            row_number() OVER (PARTITION BY subject, language, kind ORDER BY value) AS number
        FROM staged JOIN concepts ON concepts.uri = staged.subject
        WHERE kind IN ('preferred', 'alternative')
    ) AS said
    ORDER BY topic_id, language, label, preferred DESC;
    CREATE UNIQUE INDEX ON labels (topic_id, language, label);
    ANALYZE labels;
"""
# A label that stays as it is is not written: of a large vocabulary, the next edition changes little.
REMOVE_LABELS = """
    DELETE FROM topic_labels USING concepts
    WHERE topic_labels.topic_id = concepts.id AND NOT EXISTS (
        SELECT FROM labels WHERE (labels.topic_id, labels.language, labels.label)
            = (topic_labels.topic_id, topic_labels.language, topic_labels.label)
    )
"""
WRITE_LABELS = """
    INSERT INTO topic_labels AS present (topic_id, language, label, preferred, folded)
    SELECT topic_id, language, label, preferred, folded FROM labels
    ON CONFLICT (topic_id, language, label) DO UPDATE SET preferred = excluded.preferred, folded = excluded.folded
    WHERE (present.preferred, present.folded) <> (excluded.preferred, excluded.folded)
"""
# Learnings here, and exchanges elsewhere, may hold a concept that the file has no more: it keeps its labels.
WITHDRAW_TOPICS = """
    UPDATE topics SET withdrawn = true
    WHERE NOT withdrawn AND scheme IN (SELECT scheme FROM concepts)
        AND NOT EXISTS (SELECT FROM concepts WHERE concepts.uri = topics.uri)
"""
# New labels wait in a list beside their index, which is quicker written so: a third less time for a million.
FINISH_INDEX = "SELECT gin_clean_pending_list('ix_topic_labels_folded'); ANALYZE topics, topic_labels"
RECORD_IMPORT = """
    INSERT INTO topic_imports (file, digest, import_time) VALUES ($1, $2, now())
    ON CONFLICT (file) DO UPDATE SET digest = excluded.digest, import_time = excluded.import_time
"""


@dataclass(frozen=True)
class Imported:
    """How many concepts and labels a file had, and how many topics are withdrawn since it has them no more."""

    concepts: int
    labels: int
    withdrawn: int


async def import_topics(url: str, path: Path, report: Callable[[str], object] = lambda _step: None) -> Imported:
    """
    Take the concepts of a SKOS file into the vocabulary, in place of those of an earlier edition.

    Args:
        url: ``postgresql://…`` of the knowledge service's database.
        path: The file.
        report: Told what is being done.

    Raises:
        MalformedFile: The file breaks the rules of its syntax, or has no concept.
        OSError: The file cannot be read, or the database does not answer.
        asyncpg.PostgresError: The database refuses.
    """
    connection = await _connect(url)
    try:
        async with connection.transaction():
            return await _import(connection, path, report)
    finally:
        await connection.close()


async def import_own_topics(url: str) -> None:
    """Bring the vocabulary that comes with this version into the database, unless it is there; raises as above."""
    connection = await _connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            if not await _has_own_topics(connection):
                await _import(connection, OWN_FILE, lambda _step: None)
    finally:
        await connection.close()


async def has_own_topics(url: str) -> bool:
    """Return whether the vocabulary that comes with this version is in a database of the newest schema."""
    connection = await _connect(url)
    try:
        return await _has_own_topics(connection)
    finally:
        await connection.close()


async def _has_own_topics(connection: Any) -> bool:
    digest: str | None = await connection.fetchval("SELECT digest FROM topic_imports WHERE file = $1", OWN_FILE.name)
    return digest == _digest(OWN_FILE)


def read_own_labels() -> list[tuple[str, str, str, bool]]:
    """Return slug, language, label and whether it is the preferred one, as our own file has them, topic by topic."""
    from services.knowledge.vocabulary.skos import read_statements  # brings pyoxigraph, which nothing that serves needs

    labels = [
        (said.subject.rpartition(":")[2], said.language, said.value, said.kind == "preferred")
        for said in read_statements(OWN_FILE)
        if said.kind in ("preferred", "alternative")
    ]
    return sorted(labels)


async def _connect(url: str) -> Any:
    return await connect(url, server_settings={"application_name": "austausch import-topics"})


async def _import(connection: Any, path: Path, report: Callable[[str], object]) -> Imported:
    from services.knowledge.vocabulary.skos import read_statements

    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
    await connection.execute(STAGE)
    count = 0
    statements = read_statements(path, lambda share: report(f"{share:4.0%} read, {count:,} statements"))
    while batch := list(islice(statements, BATCH)):
        await connection.copy_records_to_table("staged", columns=COLUMNS, records=_make_rows(batch))
        count += len(batch)
    report(f"{count:,} statements read; finding the concepts")
    await connection.execute("ANALYZE staged")
    await connection.execute(RESOLVE_NODES)
    await connection.execute(FIND_CONCEPTS)
    concepts = await connection.fetchval("SELECT count(*) FROM concepts")
    if not concepts:
        raise MalformedFile(f"{path.name}: there is no SKOS concept with a preferred label in it")
    report(f"writing {concepts:,} concepts")
    await connection.execute(NAME_CONCEPTS)
    await connection.execute(WRITE_TOPICS)
    report("finding the labels")
    await connection.execute(FIND_LABELS)
    labels = await connection.fetchval("SELECT count(*) FROM labels")
    report(f"writing {labels:,} labels")
    await connection.execute(REMOVE_LABELS)
    await connection.execute(WRITE_LABELS)
    tag: str = await connection.execute(WITHDRAW_TOPICS)
    await connection.execute(FINISH_INDEX)
    await connection.execute(RECORD_IMPORT, path.name, _digest(path))
    await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
    return Imported(concepts, labels, int(tag.rpartition(" ")[2]))


def _make_rows(statements: Iterable[Statement]) -> list[tuple[str | None, ...]]:
    return [
        (
            *statement,
            fold_label(statement.value) if statement.kind in ("preferred", "alternative", "text") else None,
            make_slug(statement.value) if statement.kind in ("preferred", "text") else None,
        )
        for statement in statements
    ]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
