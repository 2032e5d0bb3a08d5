"""The index on disk: opened or made anew, fed, and searched."""

import fcntl
import json
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tantivy

from services.knowledge.search.analysis import (
    COMPOUNDING,
    PLAIN,
    build_analyzers,
    choose_analysis,
    find_distinct_words,
    list_heads,
    normalize,
    space_words,
)
from services.knowledge.search.documents import Document, Filters, Hit, Page
from services.knowledge.search.query import ANALYSES, HEADS, WEIGHTS, Query, field_name

SCHEMA_VERSION = 2
"""Raise it with every change of fields or analysis: the index is then built anew."""
FACETS = ("topics", "cities", "sdg_targets", "languages")
FACET_SIZE = 100
_CHECKPOINT = "checkpoint.json"
_WRITER_BYTES = 32_000_000
_CENTURY_SECONDS = 3_155_760_000


class IndexDamaged(Exception):
    """The files of the index are missing or cannot be used: it has to be made anew (`SearchIndex.clear`)."""


class IndexInUse(Exception):
    """Another process has the index open."""


@dataclass(frozen=True, slots=True)
class _Files:
    """The open index."""

    index: tantivy.Index
    writer: tantivy.IndexWriter


class SearchIndex:
    """
    A full-text index in a folder of its own, held by one process at a time.

    Every method may block and is safe to call from any thread. The index remembers a *checkpoint*, a value of its
    user's own that says how far it has read.

    Raises:
        IndexDamaged: The files are missing or damaged, or it is closed; from every method but `clear` and `close`.
    """

    def __init__(self, folder: Path) -> None:
        """
        Open the index below a folder; made empty when there is none that this version can read.

        Raises:
            IndexInUse: Another process has it open.
            OSError: The folder cannot be written.
        """
        self._root = folder
        # Also by tantivy's version, so that an update of the library never meets files of another format.
        self._folder = folder / re.sub(r"\W+", "-", f"v{SCHEMA_VERSION} tantivy {version('tantivy')}")
        self._schema = _build_schema()
        self._writing = threading.Lock()
        self._files: _Files | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise IndexInUse(f"{folder} is in use by another process") from None
        try:
            self._files = self._open()
        except IndexDamaged:
            self.clear()

    def clear(self) -> None:
        """Make the index anew: empty, without a checkpoint. Removes what other versions left, too."""
        with self._writing:
            self._files = None
            for path in self._root.glob("v*"):
                shutil.rmtree(path, ignore_errors=True)
            self._files = self._open()

    def read_checkpoint(self) -> Any:
        """Return what `write_checkpoint` was told last; `None` for a new index, or where it cannot be read."""
        try:
            return json.loads((self._folder / _CHECKPOINT).read_text())
        except (OSError, ValueError):
            return None

    def write_checkpoint(self, checkpoint: Any) -> None:
        """Keep a checkpoint, a JSON value, across restarts; what it stands for has been put in."""
        with self._writing, self._use_files():
            scratch = self._folder / f"{_CHECKPOINT}.new"
            scratch.write_text(json.dumps(checkpoint))
            scratch.replace(self._folder / _CHECKPOINT)

    def put(self, documents: Iterable[Document]) -> None:
        """Put documents in, in place of those with the same id; they are on disk and can be found when this returns."""
        with self._writing, self._use_files() as files:
            for document in documents:
                files.writer.delete_documents_by_term("id", document.id)
                files.writer.add_document(_tantivy_document(document))
            files.writer.commit()
            files.index.reload()

    def search(self, query: Query, filters: Filters, *, offset: int = 0, limit: int = 50) -> Page:
        """Return a stretch of what matches, best first (newest first without words), with counts over all of it."""
        with self._use_files() as files:
            searcher = files.index.searcher()
            wanted = query.to_tantivy(self._schema)
            filtered = _build_filtered_query(self._schema, wanted, filters)
            # Tantivy makes room for offset + limit hits, whatever there is, and takes no limit of 0.
            room = min(limit, max(searcher.num_docs - offset, 0))
            found = searcher.search(
                filtered,
                room or 1,
                offset=offset if room else 0,
                weight_by_field="recency" if query.units else None,
                order_by_field=None if query.units else "created",
            )
            hits = [
                Hit(searcher.doc(address)["id"][0], float(key) if query.units else 0.0)
                for key, address in found.hits[:room]
            ]
            own = [facet for facet in FACETS if getattr(filters, facet)]
            facets = _count_facets(searcher, filtered, [facet for facet in FACETS if facet not in own])
            for facet in own:
                others = _build_filtered_query(self._schema, wanted, filters, leave_out=facet)
                facets |= _count_facets(searcher, others, [facet])
            return Page(hits, int(found.count), facets)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Release the files for another process."""
        with self._writing:
            if self._files is not None:
                self._files.writer.wait_merging_threads()
            self._files = None
            self._lock.close()

    def __len__(self) -> int:
        """How many documents can be found."""
        with self._use_files() as files:
            return int(files.index.searcher().num_docs)

    @contextmanager
    def _use_files(self) -> Iterator[_Files]:
        if self._files is None:
            raise IndexDamaged(f"{self._folder} is closed")
        with _report_damage(self._folder):
            yield self._files

    def _open(self) -> _Files:
        with _report_damage(self._folder):
            self._folder.mkdir(exist_ok=True)
            index = tantivy.Index(self._schema, str(self._folder))
            for name, analyzer in build_analyzers().items():
                index.register_tokenizer(name, analyzer)
            index.config_reader("manual")
            files = _Files(index, index.writer(_WRITER_BYTES, num_threads=1))
            index.reload()
        return files


@contextmanager
def _report_damage(folder: Path) -> Iterator[None]:
    """Turn what tantivy raises over missing or broken files into `IndexDamaged`."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise IndexDamaged(f"{folder}: {error}") from error
    except BaseException as error:
        # A panic in Rust, which some broken files cause; its class cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise IndexDamaged(f"{folder}: {error}") from error


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    for name in FACETS:
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("sdg_goals", "states", "audience"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("created", fast=True)
    builder.add_float_field("recency", fast=True)
    for part in WEIGHTS:
        for analysis in ANALYSES:
            builder.add_text_field(field_name(part, analysis), tokenizer_name=analysis, index_option="position")
    builder.add_text_field(HEADS, tokenizer_name=COMPOUNDING, index_option="basic")
    return builder.build()


def _tantivy_document(document: Document) -> tantivy.Document:
    made = tantivy.Document()
    made.add_text("id", document.id)
    made.add_text("states", document.state)
    made.add_text("languages", document.language)
    for field, values in (
        ("topics", document.topics),
        ("cities", document.cities),
        ("sdg_targets", document.sdg_targets),
        ("sdg_goals", {target.split(".")[0] for target in document.sdg_targets}),
        ("audience", document.audience),
    ):
        for value in values:
            made.add_text(field, value)
    created = document.create_time.astimezone(UTC)
    made.add_integer("created", int(created.timestamp() * 1_000_000))
    made.add_float("recency", min(max(created.timestamp() / _CENTURY_SECONDS, 0.0), 1.0))
    own = dict.fromkeys((PLAIN, choose_analysis(document.language)))
    for part, texts, analyses in (
        ("title", [document.title], own),
        ("text", document.passages, own),
        ("context", document.context, ANALYSES),  # in whatever language the source was named
    ):
        for text in map(space_words, texts):
            for analysis in analyses:
                made.add_text(field_name(part, analysis), text)
    if COMPOUNDING in own:
        distinct = find_distinct_words(normalize(" ".join((document.title, *document.passages))))
        made.add_text(HEADS, space_words(" ".join({head for word in distinct for head in list_heads(word)})))
    return made


def _build_filtered_query(
    schema: tantivy.Schema, wanted: tantivy.Query, filters: Filters, leave_out: str | None = None
) -> tantivy.Query:
    must = [_build_any_query(schema, "states", filters.states)] if filters.states else []
    if filters.audience is not None:
        must.append(_build_any_query(schema, "audience", filters.audience))
    for field in FACETS:
        values = getattr(filters, field)
        if not values or field == leave_out:
            continue
        query = _build_any_query(schema, field, values)
        if field == "sdg_targets":
            goals = _build_any_query(schema, "sdg_goals", [value for value in values if "." not in value])
            query = tantivy.Query.boolean_query([(tantivy.Occur.Should, query), (tantivy.Occur.Should, goals)])
        must.append(query)
    # A filter says yes or no; it must not add to the score.
    silent = [(tantivy.Occur.Must, tantivy.Query.const_score_query(query, 0.0)) for query in must]
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, wanted), *silent])


def _build_any_query(schema: tantivy.Schema, field: str, values: Sequence[str]) -> tantivy.Query:
    # A term_set_query would build an automaton for each search: a fifth of a millisecond.
    terms = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, field, value)) for value in values]
    return tantivy.Query.boolean_query(terms)


def _count_facets(
    searcher: tantivy.Searcher, query: tantivy.Query, facets: Sequence[str]
) -> dict[str, list[tuple[str, int]]]:
    if not facets:
        return {}
    wanted = {facet: {"terms": {"field": facet, "size": FACET_SIZE}} for facet in facets}
    answer = searcher.aggregate(query, wanted)
    return {
        facet: sorted(
            ((bucket["key"], int(bucket["doc_count"])) for bucket in answer[facet]["buckets"]),
            key=lambda pair: (-pair[1], pair[0]),
        )
        for facet in facets
    }
