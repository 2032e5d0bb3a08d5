"""The judged set: learnings, and queries of which it is known what they should find. See `judged/README.md`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "judged"

KINDS = (
    "question",
    "question_crossed",
    "sentence_crossed",
    "sdg_crossed",
    "official_title",
    "keywords",
    "compound_part",
    "compound_joined",
    "compound_split",
    "typo",
    "inflection",
    "prefix",
)
LANGUAGES = ("de", "en", "cy", "pl", "uk", "he", "ar", "tr", "lt", "zh")


@dataclass(frozen=True, slots=True)
class JudgedLearning:
    """A learning, with the fields that the search reads."""

    id: str
    language: str
    title: str
    observation: str
    discussion: str
    conclusion: str
    recommendation: str
    topics: tuple[str, ...]
    sdg_targets: tuple[str, ...]
    cities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query, and every learning that answers it."""

    id: str
    kind: str
    """One of `KINDS`."""
    language: str
    query: str
    relevant: Mapping[str, int]
    """Grade by the learning's id: 2 answers the query, 1 is related to it."""


def read_learnings() -> list[JudgedLearning]:
    """Return all judged learnings."""
    lists = {"topics", "sdg_targets", "cities"}
    return [
        JudgedLearning(**{name: tuple(value) if name in lists else value for name, value in line.items()})
        for line in _read_lines("learnings.jsonl")
    ]


def read_queries() -> list[JudgedQuery]:
    """Return all judged queries, kind by kind."""
    return [JudgedQuery(**line) for line in _read_lines("queries.jsonl")]


def _read_lines(name: str) -> Iterator[dict[str, Any]]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
