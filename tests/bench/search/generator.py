"""
Collections of any size to measure the search on: learnings of 100 to 300 real words in ten languages.

Words come as often as in real text (`words.py`), so their frequencies follow Zipf's law; a learning repeats the words
of its subject; compounds, amounts and file numbers never seen before keep coming, so that the vocabulary grows with
the collection (Heaps' law). Nothing means anything: whether the right learning is found, the judged set tells.

The n-th learning of a seed is always the same, however many are asked for, as long as numpy and the word lists are.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from tests.bench.search.administration import (
    CITIES,
    DEPARTMENTS,
    HEADS,
    LANGUAGES,
    MODIFIERS,
    SDG_TARGETS,
    STATES,
    TOPICS,
    VISIBILITIES,
)
from tests.bench.search.words import read_words

# Learnings are made so many at a time: numpy is quick only with many numbers at once.
BATCH = 1_000
SHORTEST, LONGEST = 100, 300
LAST_DAY = datetime(2026, 6, 30, tzinfo=UTC)
YEARS = 10
AUTHORS = 2_000
# Of the words of a learning, so many are of its subject, compounds, names or numbers.
SUBJECT_SHARE = 0.15
COMPOUND_SHARE = 0.03
NUMBER_SHARE = 0.01
# The words of a subject are neither the commonest of the language nor the rarest.
SUBJECT_WORDS = 300
SUBJECT_RANKS = range(200, 20_000)
TITLE_WORDS = range(3, 10)
SENTENCE_WORDS = range(6, 20)
# Chinese is written without spaces.
_SPACE = dict.fromkeys(LANGUAGES, " ") | {"zh": ""}
_STOP = dict.fromkeys(LANGUAGES, ". ") | {"zh": "。"}


@dataclass(frozen=True, slots=True)
class GeneratedLearning:
    """A learning of plain values, with all that the search reads."""

    id: str
    """A UUID in text form, in the order of numbers."""
    language: str
    title: str
    observation: str
    discussion: str
    conclusion: str
    recommendation: str
    topics: tuple[str, ...]
    sdg_targets: tuple[str, ...]
    cities: tuple[str, ...]
    department: str
    author: str
    state: str
    visibility: str
    create_time: datetime


def generate(count: int, seed: int = 0) -> Iterator[GeneratedLearning]:
    """Yield the first `count` learnings of a seed, as they are made."""
    for first in range(0, count, BATCH):
        yield from make_batch(first // BATCH, seed)[: count - first]


def make_batch(number: int, seed: int) -> list[GeneratedLearning]:
    """Return the learnings from `number * BATCH` on of a seed, as many as `BATCH`."""
    random = np.random.default_rng([seed, number])
    languages = random.choice(list(LANGUAGES), BATCH, p=list(LANGUAGES.values()))
    subjects = _draw_zipf(random, len(TOPICS), BATCH)
    facts = _draw_facts(random, subjects)
    texts: dict[int, tuple[Any, ...]] = {}
    for language in LANGUAGES:
        places = np.flatnonzero(languages == language)
        texts.update(zip(places.tolist(), _write_texts(random, language, subjects[places]), strict=True))
    return [
        GeneratedLearning(f"{number * BATCH + place:08x}-0000-7000-8000-000000000000", language, *texts[place], *fact)
        for place, (language, fact) in enumerate(zip(languages.tolist(), facts, strict=True))
    ]


def _draw_zipf(random: np.random.Generator, kinds: int, count: int, shift: int = 1) -> np.ndarray:
    """Draw numbers below `kinds`; the smaller, the more often, and with a large `shift` not much more often."""
    weights = 1 / (np.arange(kinds) + shift)
    return random.choice(kinds, count, p=weights / weights.sum())


def _draw_facts(random: np.random.Generator, subjects: np.ndarray) -> list[tuple[Any, ...]]:
    """Draw what is known about each learning besides its text: topics, targets, cities and all that follows."""
    topics = zip(subjects, _draw_zipf(random, len(TOPICS), BATCH), random.integers(0, 3, BATCH), strict=True)
    targets = zip(random.integers(0, len(SDG_TARGETS), (BATCH, 2)), random.integers(0, 3, BATCH), strict=True)
    cities = zip(_draw_zipf(random, len(CITIES), BATCH), random.random(BATCH), strict=True)
    # More is written every year, in office hours.
    days = (1 - random.power(1.7, BATCH)) * YEARS * 365.25
    seconds = LAST_DAY.timestamp() - days.astype(int) * 86_400 + random.integers(7 * 3600, 18 * 3600, BATCH)
    times = [datetime.fromtimestamp(second, UTC) for second in seconds.tolist()]
    return list(
        zip(
            [_unique(TOPICS, (first, second)[:many]) for first, second, many in topics],
            [_unique(SDG_TARGETS, pair[:many]) for pair, many in targets],
            [("cities/mannheim", CITIES[city]) if chance < 0.7 else (CITIES[city],) for city, chance in cities],
            [DEPARTMENTS[place] for place in _draw_zipf(random, len(DEPARTMENTS), BATCH)],
            [f"accounts/{place:04x}" for place in _draw_zipf(random, AUTHORS, BATCH)],
            random.choice(list(STATES), BATCH, p=list(STATES.values())).tolist(),
            random.choice(list(VISIBILITIES), BATCH, p=list(VISIBILITIES.values())).tolist(),
            times,
            strict=True,
        )
    )


def _unique(names: Sequence[str], places: Iterable[int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names[place] for place in places))


def _write_texts(random: np.random.Generator, language: str, subjects: np.ndarray) -> Iterator[tuple[str, ...]]:
    """Yield title, observation, discussion, conclusion and recommendation about each subject."""
    lengths = random.integers(SHORTEST, LONGEST + 1, len(subjects))
    words = _draw_words(random, language, np.repeat(subjects, lengths))
    title_lengths = random.choice(TITLE_WORDS, len(subjects)).tolist()
    sentence_lengths = random.choice(SENTENCE_WORDS, len(words) // SENTENCE_WORDS[0] + len(subjects) * 4).tolist()
    space, stop = _SPACE[language], _STOP[language]

    def write(start: int, end: int) -> str:
        sentences = []
        while start < end:
            next_start = min(start + sentence_lengths.pop(), end)
            sentence = space.join(words[start:next_start])
            sentences.append(sentence[:1].upper() + sentence[1:])
            start = next_start
        return stop.join(sentences) + stop[0]

    end = 0
    for length, title_length in zip(lengths.tolist(), title_lengths, strict=True):
        start, end = end, end + length
        title = start + title_length
        parts = (title, *(title + (end - title) * share // 20 for share in (6, 14, 17)), end)
        yield (space.join(words[start:title]).capitalize(), *map(write, parts[:-1], parts[1:]))


def _draw_words(random: np.random.Generator, language: str, subjects: np.ndarray) -> list[str]:
    """Draw as many words as there are subjects, each about its subject or about nothing."""
    vocabulary = _prepare_vocabulary(language)
    count = len(subjects)
    places = np.searchsorted(vocabulary.cumulated, random.random(count))
    of_subject = np.flatnonzero(random.random(count) < SUBJECT_SHARE)
    ranks = _draw_zipf(random, SUBJECT_WORDS, len(of_subject), shift=20)
    places[of_subject] = vocabulary.subjects[subjects[of_subject], ranks]
    words: list[str] = vocabulary.words[places].tolist()
    for place in np.flatnonzero(random.random(count) < NUMBER_SHARE).tolist():
        words[place] = _write_number(random)
    if language == "de":
        for place in np.flatnonzero(random.random(count) < COMPOUND_SHARE).tolist():
            words[place] = _join_compound(random)
    return words


@dataclass(frozen=True)
class _Vocabulary:
    words: np.ndarray
    cumulated: np.ndarray
    subjects: np.ndarray
    """Places of the words of each subject."""


@cache
def _prepare_vocabulary(language: str) -> _Vocabulary:
    words, shares = read_words(language)
    # Which words a subject has is the same for every seed: collections may differ, the language does not.
    random = np.random.default_rng(0)
    ranks = range(SUBJECT_RANKS.start, min(SUBJECT_RANKS.stop, len(words)))
    subjects = np.array([random.choice(ranks, SUBJECT_WORDS, replace=False) for _ in TOPICS])
    cumulated = np.cumsum(shares)
    cumulated[-1] = 1
    return _Vocabulary(np.array(words, dtype=object), cumulated, subjects)


def _write_number(random: np.random.Generator) -> str:
    kind, number = random.random(), int(random.integers(1, 100_000))
    if kind < 0.3:
        return str(2010 + number % 25)
    if kind < 0.6:
        return f"{number % 500},{number % 10}"
    if kind < 0.7:
        return f"§ {number % 400}"
    return f"{number // 1000}.{number % 40}/{number}"


def _join_compound(random: np.random.Generator) -> str:
    # Squares prefer the first of each list, as some words are preferred.
    chances = random.random(4)
    modifiers = [MODIFIERS[int(chance * chance * len(MODIFIERS))] for chance in chances[:2]]
    head = HEADS[int(chances[2] * chances[2] * len(HEADS))]
    return "".join(modifiers[: 1 if chances[3] < 0.8 else 2]) + head
