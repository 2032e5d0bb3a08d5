"""How good the search is on the judged set: by words, by meaning, and by both together."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from services.knowledge.language_means import load_means
from services.knowledge.language_model import WheelModel
from services.knowledge.search.documents import Document, Filters, get_key
from services.knowledge.search.index import SearchIndex
from services.knowledge.search.query import Query
from services.knowledge.search.vectors import DocumentVector, Meaning, Vectors
from services.knowledge.semantics import compare_query
from services.knowledge.topics import find_topics, make_expander
from services.knowledge.vocabulary.importing import read_own_labels
from tests.bench.search.judged_set import JudgedLearning, JudgedQuery, read_learnings, read_queries
from tests.bench.search.metrics import hit_at, mrr_at, recall_at

K = 10
MODES = ("words", "meaning", "both")
Search = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well one way to search answers some queries."""

    recall: float
    mrr: float
    hit: float

    def __str__(self) -> str:
        return f"{self.recall:.2f} / {self.mrr:.2f} / {self.hit:.2f}"


class JudgedCollection:
    """The judged learnings in an index of their own, with their vectors."""

    def __init__(self, folder: Path) -> None:
        learnings = read_learnings()
        self._index = SearchIndex(folder)
        self._index.put(make_document(learning) for learning in learnings)
        self._ids = {get_key(learning.id): learning.id for learning in learnings}
        self._model = WheelModel()
        self._vectors = Vectors(self._model.dimensions, load_means(self._model))
        vectors = self._model.embed_passages([join_texts(learning) for learning in learnings])
        self._vectors.put(
            DocumentVector(learning.id, learning.language, vector)
            for learning, vector in zip(learnings, vectors, strict=True)
        )
        self._expander = make_expander(read_own_labels())

    def get_searches(self) -> Mapping[str, Search]:
        """Return the ways to search: each returns the ids of the ten best."""
        return {"words": self._by_words, "meaning": self._by_meaning, "both": self._by_both}

    def _by_words(self, text: str) -> list[str]:
        return self._search(text, None)

    def _by_meaning(self, text: str) -> list[str]:
        return [self._ids[key] for key, _ in self._compare(text).list_nearest(-1, K)]

    def _by_both(self, text: str) -> list[str]:
        return self._search(text, self._compare(text))

    def _search(self, text: str, meaning: Meaning | None) -> list[str]:
        query = Query.parse(text)
        topics = find_topics(self._expander, query)
        page = self._index.search(query, Filters(), topics=topics, meaning=meaning, limit=K).page
        return [hit.id for hit in page.hits]

    def _compare(self, text: str) -> Meaning:
        return compare_query(self._model, self._vectors, Query.parse(text).text)


def measure_quality(folder: Path) -> str:
    """Return tables by kind of query and by pair of languages."""
    searches = JudgedCollection(folder).get_searches()
    queries = read_queries()
    languages = {learning.id: learning.language for learning in read_learnings()}
    found = {mode: {query.id: search(query.query) for query in queries} for mode, search in searches.items()}
    by_kind: dict[str, list[JudgedQuery]] = defaultdict(list)
    for query in queries:
        by_kind[query.kind].append(query)
    lines = [
        f"Recall@{K} / MRR@{K} / hit@{K} on {len(languages)} judged learnings, {len(queries)} queries:",
        "",
        "| kind | queries | by words | by meaning | by both |",
        "|---|---|---|---|---|",
    ]
    for kind, some in by_kind.items():
        cells = [str(_judge(some, found[mode])) for mode in MODES]
        lines.append(f"| {kind.replace('_', ' ')} | {len(some)} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_compare_languages(queries, found["both"], languages)])


def _judge(queries: Sequence[JudgedQuery], found: Mapping[str, Sequence[str]]) -> Quality:
    measures = [
        (recall_at(K, ids, query.relevant), mrr_at(K, ids, query.relevant), hit_at(K, ids, query.relevant))
        for query in queries
        for ids in [found[query.id]]
    ]
    return Quality(*(mean(values) for values in zip(*measures, strict=True)))


def _compare_languages(
    queries: Sequence[JudgedQuery], found: Mapping[str, Sequence[str]], languages: Mapping[str, str]
) -> list[str]:
    """Return how much of what a query should find in each language it finds, by the language of the query."""
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    for query in queries:
        for language in {languages[id_] for id_ in query.relevant}:
            wanted = [id_ for id_ in query.relevant if languages[id_] == language]
            shares[query.language, language].append(recall_at(K, found[query.id], wanted))
    names = sorted({language for pair in shares for language in pair})
    rows = [
        f"| {asked} | "
        + " | ".join(f"{mean(some):.2f}" if (some := shares.get((asked, told))) else "" for told in names)
        + " |"
        for asked in names
    ]
    return [
        f"Recall@{K} by both, by the language of the query (rows) and of what it should find (columns):",
        "",
        f"| | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
        *rows,
    ]


def join_texts(learning: JudgedLearning) -> str:
    """Return a learning's text as workers embed it."""
    return "\n".join(filter(None, (learning.title, *_list_passages(learning))))


def make_document(learning: JudgedLearning) -> Document:
    """Return what the index holds of a judged learning."""
    return Document(
        id=learning.id,
        language=learning.language,
        title=learning.title,
        passages=_list_passages(learning),
        context=[name.rpartition("/")[2].replace("-", " ") for name in (*learning.topics, *learning.cities)],
        topics=learning.topics,
        cities=learning.cities,
        sdg_targets=learning.sdg_targets,
        create_time=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _list_passages(learning: JudgedLearning) -> list[str]:
    return [learning.observation, learning.discussion, learning.conclusion, learning.recommendation]
