"""The generated collections are what they say: the same each time, and distributed as real text is."""

import itertools
from collections import Counter

import numpy as np
import pytest

from tests.bench.search.administration import LANGUAGES
from tests.bench.search.drawn_queries import KINDS, DrawnQuery, draw_queries
from tests.bench.search.generator import LONGEST, SHORTEST, GeneratedLearning, generate

COUNT = 3_000


@pytest.fixture(scope="module")
def learnings() -> list[GeneratedLearning]:
    return list(generate(COUNT, seed=1))


@pytest.fixture(scope="module")
def queries() -> list[DrawnQuery]:
    return draw_queries(500, seed=1, documents=COUNT)


def read_text(learning: GeneratedLearning) -> str:
    fields = (learning.title, learning.observation, learning.discussion, learning.conclusion, learning.recommendation)
    return " ".join(fields).lower()


def read_german(learnings: list[GeneratedLearning]) -> list[list[str]]:
    return [read_text(learning).replace(".", "").split() for learning in learnings if learning.language == "de"]


def test_a_collection_is_the_same_each_time_however_many_are_asked_for(learnings: list[GeneratedLearning]) -> None:
    assert list(generate(1_234, seed=1)) == learnings[:1_234]
    assert next(generate(1, seed=2)) != learnings[0]


def test_learnings_are_made_as_they_are_asked_for() -> None:
    assert len(list(itertools.islice(generate(10**12), 5))) == 5


def test_each_learning_has_an_id_of_its_own_and_all_that_the_search_reads(learnings: list[GeneratedLearning]) -> None:
    assert len({learning.id for learning in learnings}) == COUNT
    for learning in learnings:
        assert learning.title
        assert learning.observation
        assert learning.cities
        assert learning.department
        if learning.language != "zh":
            # "§ 12" is written as two words.
            assert SHORTEST <= len(read_text(learning).split()) <= LONGEST * 1.05


def test_the_languages_are_mixed_as_they_should_be(learnings: list[GeneratedLearning]) -> None:
    counts = Counter(learning.language for learning in learnings)
    for language, share in LANGUAGES.items():
        assert counts[language] / COUNT == pytest.approx(share, abs=0.03)


def test_word_frequencies_follow_zipf(learnings: list[GeneratedLearning]) -> None:
    counts = Counter(itertools.chain.from_iterable(read_german(learnings)))
    frequencies = np.array([count for _, count in counts.most_common(3_000)])[10:]
    slope, _ = np.polyfit(np.log(np.arange(len(frequencies)) + 11), np.log(frequencies), 1)
    assert -1.3 < slope < -0.7


def test_the_vocabulary_grows_with_the_collection(learnings: list[GeneratedLearning]) -> None:
    texts = read_german(learnings)
    some, all_of_them = texts[: len(texts) // 4], texts
    growth = len(set(itertools.chain.from_iterable(all_of_them))) / len(set(itertools.chain.from_iterable(some)))
    # Heaps' law: four times the text has 4 ** beta times the words, with beta between .4 and .8 in real text.
    assert 4**0.4 < growth < 4**0.8


def test_more_is_written_in_later_years(learnings: list[GeneratedLearning]) -> None:
    years = Counter(learning.create_time.year for learning in learnings)
    assert len(years) >= 10
    assert years[2025] > 2 * years[2018] > 0


def test_queries_are_the_same_each_time_and_each_asked_once(queries: list[DrawnQuery]) -> None:
    assert draw_queries(500, seed=1, documents=COUNT) == queries
    assert len({query.text for query in queries}) == 500
    assert {query.kind for query in queries} == set(KINDS)


def test_what_is_asked_for_stands_in_the_collection(
    learnings: list[GeneratedLearning], queries: list[DrawnQuery]
) -> None:
    by_id = {learning.id: learning for learning in learnings}
    for query in queries:
        assert by_id[query.source.id] == query.source
        text = read_text(query.source)
        if query.source.language == "zh":
            continue
        if query.kind in {"words", "filtered", "prefix"}:
            assert all(word in text for word in query.text.split())
        if query.kind == "phrase":
            assert query.text.strip('"') in text.replace(". ", " ").replace("§ ", "")


def test_the_source_of_a_filtered_query_passes_the_filter(queries: list[DrawnQuery]) -> None:
    for query in queries:
        assert bool(query.filters) == (query.kind == "filtered")
        has = {"cities": query.source.cities, "topics": query.source.topics, "languages": (query.source.language,)}
        assert all(set(values) <= set(has[name]) for name, values in query.filters.items())
