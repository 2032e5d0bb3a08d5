"""The index on disk: opened or made anew, fed, and searched."""

import errno
import fcntl
import json
import os
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

from services.knowledge.search.analysis import get_terms, has_digit, is_unspaced, list_words, normalize
from services.knowledge.search.documents import FACETS, Document, Facet, Filters, Hit, Order, Page, get_key
from services.knowledge.search.expansion import Expansion, expand
from services.knowledge.search.languages import get_primary
from services.knowledge.search.lexicon import Lexicon
from services.knowledge.search.matching import (
    build_beginning_query,
    build_demands,
    build_filters,
    build_term_query,
    build_words_query,
    get_ideal_score,
    silence,
)
from services.knowledge.search.query import Query
from services.knowledge.search.vectors import Meaning

SCHEMA_VERSION = 3
"""Raise it with every change of fields or analysis: the index is then built anew."""
FACET_SIZE = 100
NEAREST = 100
"""So many documents, at most, are found by their meaning."""
FLOOR = 0.1
"""Documents that are farther from the query than this cosine have nothing to do with it."""
CLOSE = 0.4
"""A document that is so near says the same as the query."""
WORDS_WEIGHT = 0.5
"""What the words count beside the meaning, of 1."""
CONVEXITY = 1.5
_CHECKPOINT = "checkpoint.json"
_DOCUMENTS = "documents"
# What goes away by itself: no space, too many files, no memory, an interrupted call.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EROFS})
_PASSING_TEXTS = tuple(text for number in _PASSING for text in (f"os error {number})", f"code: {number},"))
_WRITER_BYTES = 64_000_000
_CENTURY_SECONDS = 3_155_760_000
_NEWEST_LEAD = 0.05
"""How far the newest document is ahead of an equal one that is a century older."""


class IndexDamaged(Exception):
    """The files of the index are missing or cannot be used: it has to be made anew (`SearchIndex.clear`)."""


class IndexFailed(Exception):
    """It does not work at the moment, a full disk for example; what it holds is as it was."""


class IndexInUse(Exception):
    """Another process has the index open."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and what it looked for."""

    page: Page
    expansions: Sequence[Expansion]


class SearchIndex:
    """
    A full-text index in a folder of its own, held by one process at a time.

    Every method may block and is safe to call from any thread. The index remembers a *checkpoint*, a value of its
    user's own that says how far it has read.

    Raises:
        IndexDamaged: The files are missing or damaged, or it is closed; from every method but `clear` and `close`.
        IndexFailed: It does not work at the moment; from the same.
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
        self._index: tantivy.Index | None = None
        self._writer: tantivy.IndexWriter | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise IndexInUse(f"{folder} is in use by another process") from None
        try:
            self._open()
        except IndexDamaged:
            self.clear()

    def clear(self) -> None:
        """Make the index anew: empty, without a checkpoint. Removes what other versions left, too."""
        with self._writing:
            self._index = self._writer = None
            for path in self._root.glob("v*"):
                shutil.rmtree(path, ignore_errors=True)
            self._open()

    def remove_other_versions(self) -> None:
        """Remove what other versions of the code or of tantivy left."""
        for path in self._root.glob("v*"):
            if path != self._folder:
                shutil.rmtree(path, ignore_errors=True)

    def read_checkpoint(self) -> Any:
        """Return what `write_checkpoint` was told last; `None` for a new index, or where it cannot be read."""
        try:
            return json.loads((self._folder / _CHECKPOINT).read_text())
        except (OSError, ValueError):
            return None

    def write_checkpoint(self, checkpoint: Any) -> None:
        """Keep a checkpoint, a JSON value, across restarts; what it stands for has been put in."""
        with self._writing, self._report_failure():
            scratch = self._folder / f"{_CHECKPOINT}.new"
            with scratch.open("w") as file:
                file.write(json.dumps(checkpoint))
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self._folder / _CHECKPOINT)

    def put(self, documents: Iterable[Document], *, generation: int = 0) -> None:
        """
        Put documents in, in place of those with the same id; they are on disk and can be found when this returns.

        Args:
            generation: See `remove_before`.
        """
        with self._change() as writer:
            words: dict[str, set[str]] = {}
            for document in documents:
                writer.delete_documents_by_term("key", get_key(document.id))
                writer.add_document(_make_document(document, generation, words))
            # First the words: a document whose words are not known would be found by less.
            self._lexicon.add(words)
            self._lexicon.commit()

    def remove(self, ids: Iterable[str]) -> None:
        """Take documents out; nothing finds or counts them when this returns."""
        with self._change() as writer:
            for id_ in ids:
                writer.delete_documents_by_term("key", get_key(id_))

    def remove_before(self, generation: int) -> None:
        """Take out the documents that were put in with a lower number."""
        with self._change() as writer:
            earlier = tantivy.Query.range_query(
                self._schema, "generation", tantivy.FieldType.Integer, upper_bound=generation, include_upper=False
            )
            writer.delete_documents_by_query(earlier)

    def search(
        self,
        query: Query,
        filters: Filters,
        *,
        meaning: Meaning | None = None,
        order: Order = Order.RELEVANCE,
        cursor: tuple[float, int] | None = None,
        limit: int = 50,
    ) -> Found:
        """
        Return a stretch of what matches, with counts over all of it.

        Args:
            meaning: How near documents are to the query; None where that is not known.
            cursor: Where the stretch before ended.
        """
        with self._report_failure() as index:
            view = _Search(index.searcher(), self._lexicon, self._schema, query, filters, meaning, order)
            return view.run(cursor, limit)

    def close(self) -> None:
        """Release the files for another process."""
        with self._writing:
            self._abandon()
            self._index = None
            self._lock.close()

    def __len__(self) -> int:
        """How many documents can be found."""
        with self._report_failure() as index:
            return int(index.searcher().num_docs)

    @contextmanager
    def _change(self) -> Iterator[tantivy.IndexWriter]:
        """Commit what is written in the block, and let it be found; nothing of it where that fails."""
        with self._writing, self._report_failure() as index:
            try:
                if self._writer is None:
                    self._writer = index.writer(_WRITER_BYTES, num_threads=1)
                yield self._writer
                self._writer.commit()
                index.reload()
            except BaseException:
                # A writer that failed once never writes again.
                self._abandon()
                raise

    def _abandon(self) -> None:
        self._writer = None
        self._lexicon.abandon()

    @contextmanager
    def _report_failure(self) -> Iterator[tantivy.Index]:
        if self._index is None:
            raise IndexDamaged(f"{self._folder} is closed")
        try:
            yield self._index
        except (ValueError, OSError) as error:
            # What can be opened is not damaged: the disk is full, or too many files are open.
            with _report_damage(self._folder):
                self._open_files()
            raise IndexFailed(f"{self._folder}: {error}") from error
        except BaseException as error:
            _raise_if_panic(self._folder, error)
            raise

    def _open(self) -> None:
        with _report_damage(self._folder):
            (self._folder / _DOCUMENTS).mkdir(parents=True, exist_ok=True)
            self._index = self._open_files()
            self._lexicon = Lexicon(self._folder / "words")

    def _open_files(self) -> tantivy.Index:
        index = tantivy.Index(self._schema, str(self._folder / _DOCUMENTS))
        index.register_tokenizer("terms", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
        index.config_reader("manual")
        index.reload()
        return index


class _Search:
    """One search: a view of the index as it was when it began."""

    def __init__(
        self,
        searcher: tantivy.Searcher,
        lexicon: Lexicon,
        schema: tantivy.Schema,
        query: Query,
        filters: Filters,
        meaning: Meaning | None,
        order: Order,
    ) -> None:
        self._schema = schema
        self._searcher = searcher
        self._documents = self._searcher.num_docs
        self._filters = (filters, query.filters)
        self._audience = filters.audience
        self._visible = build_filters(schema, [Filters(audience=filters.audience)])
        self._counts: dict[str, int] = {}
        self._expansions = expand(query.units, lexicon, self._count, self._count_beginning)
        self._words = build_words_query(schema, self._expansions, self._documents)
        self._demands = build_demands(schema, self._expansions)
        self._order = order if query.units or order is not Order.RELEVANCE else Order.NEWEST
        self._nearest = self._find_nearest(meaning) if meaning and query.units else {}
        self._wanted = self._build_wanted()

    def run(self, cursor: tuple[float, int] | None, limit: int) -> Found:
        filtered = self._filter(self._wanted)
        if self._order is Order.RELEVANCE:
            ranked, total = self._rank(filtered, cursor, limit + 1)
        else:
            ranked, total = self._list(filtered, cursor, limit + 1)
        hits = [
            Hit(self._searcher.doc(address)["id"][0], float(score), key in self._nearest)
            for score, key, address in ranked[:limit]
        ]
        following = (ranked[limit - 1][0], ranked[limit - 1][1]) if 0 < limit < len(ranked) else None
        if self._order is not Order.RELEVANCE:
            hits = [Hit(hit.id, 0.0, hit.by_meaning) for hit in hits]
        return Found(Page(hits, total, self._count_facets(filtered), following), self._expansions)

    def _count(self, term: str) -> int:
        """Count the documents with a term that the searcher may see."""
        if term not in self._counts:
            if self._audience is None and len(term) > 1:
                self._counts[term] = self._searcher.doc_freq("words", term)
            else:
                self._counts[term] = self._count_visible(build_term_query(self._schema, term))
        return self._counts[term]

    def _count_beginning(self, beginning: str) -> int:
        return self._count_visible(build_beginning_query(self._schema, beginning))

    def _count_visible(self, query: tantivy.Query) -> int:
        visible = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *self._visible])
        return int(self._searcher.search(visible, 1).count)  # type: ignore[attr-defined]

    def _find_nearest(self, meaning: Meaning) -> dict[int, float]:
        """Return key and nearness, from 0 to 1, of the documents that are closest in meaning."""
        allowed = [*build_filters(self._schema, self._filters), *self._demands]
        looked_at = NEAREST
        while True:
            ranked = meaning.list_nearest(FLOOR, looked_at)
            near = ranked
            if allowed and ranked:
                among = tantivy.Query.term_set_query(self._schema, "key", [key for key, _ in ranked])
                query = tantivy.Query.boolean_query([(tantivy.Occur.Must, among), *allowed])
                hits = self._searcher.search(query, len(ranked), count=False).hits
                keys = set(self._read_keys([address for _, address in hits]))
                near = [(key, score) for key, score in ranked if key in keys]
            if len(near) >= NEAREST or len(ranked) < looked_at:
                break
            looked_at *= 4
        near = near[:NEAREST]
        if not near:
            return {}
        best = max(near[0][1], CLOSE)
        return {key: (score - FLOOR) / max(best - FLOOR, 1e-6) for key, score in near}

    def _build_wanted(self) -> tantivy.Query:
        if not self._nearest:
            return self._words
        near = tantivy.Query.term_set_query(self._schema, "key", list(self._nearest))
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, self._words), (tantivy.Occur.Should, silence(near))])

    def _filter(self, query: tantivy.Query, leave_out: str | None = None) -> tantivy.Query:
        filters = build_filters(self._schema, self._filters, leave_out)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *filters, *self._demands])

    def _rank(
        self, filtered: tantivy.Query, cursor: tuple[float, int] | None, wanted: int
    ) -> tuple[list[tuple[float, int, tantivy.DocAddress]], int]:
        """Return score, key and place of the best documents after a cursor, and how many there are in all."""
        near = self._rank_nearest(filtered)
        limit = wanted + len(near)
        while True:
            found = self._searcher.search(filtered, limit, weight_by_field="recency")
            total = int(found.count)  # type: ignore[attr-defined]
            hits = found.hits
            keys = self._read_keys([address for _, address in hits])
            full = self._get_full_score(hits)
            merged = [
                (self._weigh_words(float(score), full), key, address)
                for (score, address), key in zip(hits, keys, strict=True)
                if key not in near
            ]
            # Where the list of words ends, what comes by meaning only may be misplaced among what was not read.
            end = merged[-1][0] if len(hits) < total and merged else -1.0
            merged += [
                (self._weigh_words(score, full) + meant, key, address) for key, (score, meant, address) in near.items()
            ]
            merged.sort(key=lambda entry: (-entry[0], entry[1]))
            if cursor is not None:
                merged = [entry for entry in merged if (-entry[0], entry[1]) > (-cursor[0], cursor[1])]
            complete = [entry for entry in merged if entry[0] > end or end < 0]
            if len(complete) >= wanted or len(hits) >= total:
                return complete[:wanted], total
            limit *= 4

    def _get_full_score(self, hits: Sequence[tuple[Any, tantivy.DocAddress]]) -> float:
        """Return the score of a document in which every word occurs, or the best one, if that is higher."""
        best = float(hits[0][0]) if hits else 0.0
        return max(best, get_ideal_score(self._expansions, self._documents)) or 1.0

    def _weigh_words(self, score: float, full: float) -> float:
        """Return what a score of the words counts: that some of the words occur says less than their share."""
        return (WORDS_WEIGHT if self._nearest else 1.0) * (score / full) ** CONVEXITY

    def _rank_nearest(self, filtered: tantivy.Query) -> dict[int, tuple[float, float, tantivy.DocAddress]]:
        """Return by key what each document near in meaning scores by its words, by its meaning, and its place."""
        if not self._nearest:
            return {}
        among = tantivy.Query.term_set_query(self._schema, "key", list(self._nearest))
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, filtered), (tantivy.Occur.Must, silence(among))])
        hits = self._searcher.search(query, len(self._nearest), count=False, weight_by_field="recency").hits
        keys = self._read_keys([address for _, address in hits])
        return {
            key: (float(score), (1 - WORDS_WEIGHT) * self._nearest[key], address)
            for (score, address), key in zip(hits, keys, strict=True)
        }

    def _list(
        self, filtered: tantivy.Query, cursor: tuple[float, int] | None, wanted: int
    ) -> tuple[list[tuple[float, int, tantivy.DocAddress]], int]:
        """Return place in the order, key and place of the documents after a cursor, and how many there are in all."""
        field = "newest" if self._order is Order.NEWEST else "most_applied"
        rest = filtered
        if cursor is not None:
            after = tantivy.Query.range_query(
                self._schema, field, tantivy.FieldType.Integer, upper_bound=int(cursor[0]), include_upper=False
            )
            rest = tantivy.Query.boolean_query([(tantivy.Occur.Must, filtered), (tantivy.Occur.Must, after)])
        found = self._searcher.search(rest, wanted, order_by_field=field)
        total = int(found.count)  # type: ignore[attr-defined]
        if cursor is not None:
            total = int(self._searcher.search(filtered, 1).count)  # type: ignore[attr-defined]
        keys = self._read_keys([address for _, address in found.hits])
        return [(place, key, address) for (place, address), key in zip(found.hits, keys, strict=True)], total

    def _read_keys(self, addresses: list[tantivy.DocAddress]) -> list[int]:
        return self._searcher.fast_field_values("key", addresses) if addresses else []  # type: ignore[return-value]

    def _count_facets(self, filtered: tantivy.Query) -> dict[str, Facet]:
        own = [facet for facet in FACETS if getattr(self._filters[0], facet)]
        facets = self._aggregate(filtered, [facet for facet in FACETS if facet not in own])
        for facet in own:
            facets |= self._aggregate(self._filter(self._wanted, leave_out=facet), [facet])
        return facets

    def _aggregate(self, query: tantivy.Query, facets: Sequence[str]) -> dict[str, Facet]:
        if not facets:
            return {}
        fields = {facet: "language" if facet == "languages" else facet for facet in facets}
        wanted = {facet: {"terms": {"field": field, "size": FACET_SIZE}} for facet, field in fields.items()}
        answer = self._searcher.aggregate(query, wanted)
        return {
            facet: Facet(
                sorted(
                    ((bucket["key"], int(bucket["doc_count"])) for bucket in answer[facet]["buckets"]),
                    key=lambda pair: (-pair[1], pair[0]),
                ),
                is_cut=bool(answer[facet].get("sum_other_doc_count")),
            )
            for facet in facets
        }


@contextmanager
def _report_damage(folder: Path) -> Iterator[None]:
    """Turn what tantivy raises over missing or broken files into `IndexDamaged`."""
    try:
        yield
    except (ValueError, OSError) as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in _PASSING or any(text in str(error) for text in _PASSING_TEXTS):
            raise IndexFailed(f"{folder}: {error}") from error
        raise IndexDamaged(f"{folder}: {error}") from error
    except BaseException as error:
        _raise_if_panic(folder, error)
        raise


def _raise_if_panic(folder: Path, error: BaseException) -> None:
    """Raise `IndexDamaged` for a panic in Rust, which some broken files cause; its class cannot be imported."""
    if type(error).__name__ == "PanicException":
        raise IndexDamaged(f"{folder}: {error}") from error


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("key", indexed=True, fast=True)
    builder.add_integer_field("generation", indexed=True, fast=True)
    for name in ("topics", "cities", "sdg_targets", "language", "departments", "years", "states"):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("sdg_goals", "languages", "audience"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("newest", "most_applied"):
        builder.add_integer_field(name, fast=True, indexed=True)
    builder.add_float_field("recency", fast=True)
    builder.add_text_field("words", tokenizer_name="terms", index_option="position")
    builder.add_text_field("title", tokenizer_name="terms", index_option="position")
    builder.add_text_field("characters", tokenizer_name="terms", index_option="basic")
    return builder.build()


def _make_document(document: Document, generation: int, words: dict[str, set[str]]) -> tantivy.Document:
    """Return what the index holds of a document; adds its words to those of its language."""
    made = tantivy.Document()
    key, primary = get_key(document.id), get_primary(document.language)
    created = document.create_time.astimezone(UTC)
    made.add_text("id", document.id)
    made.add_integer("key", key)
    made.add_integer("generation", generation)
    for field, values in (
        ("topics", document.topics),
        ("cities", document.cities),
        ("sdg_targets", document.sdg_targets),
        ("sdg_goals", {target.split(".")[0] for target in document.sdg_targets}),
        ("departments", document.departments),
        ("audience", document.audience),
        ("languages", {primary, document.language.lower()}),
        ("language", (primary,)),
        ("years", (f"{created.year}",)),
        ("states", (document.state,) if document.state else ()),
    ):
        for value in values:
            made.add_text(field, value)
    # Ties are broken by the id, in each order: by some of the bits of its key.
    seconds = int(created.timestamp())
    made.add_integer("newest", int(created.timestamp() * 1_000_000) << 12 | key & 0xFFF)
    made.add_integer("most_applied", min(document.application_count, 2**16) << 46 | max(seconds, 0) << 12 | key & 0xFFF)
    recency = min(max(created.timestamp() / _CENTURY_SECONDS, 0.0), 1.0)
    made.add_float("recency", _NEWEST_LEAD * recency + (key & 0xFFF) * 1e-7)
    known = words.setdefault(primary, set())
    unspaced: set[str] = set()
    for place, text in enumerate((document.title, *document.passages, *document.context)):
        found = list_words(normalize(text))
        known.update(word for word in found if not (is_unspaced(word) or has_digit(word)))
        terms = " ".join(map(get_terms, found))
        made.add_text("words", terms)
        if place == 0:
            made.add_text("title", terms)
        if not terms.isascii():
            unspaced.update(char for word in found if is_unspaced(word) for char in word)
    if unspaced:
        made.add_text("characters", " ".join(sorted(unspaced)))
    return made
