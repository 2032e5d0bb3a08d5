"""The judged set holds together, and its measures measure what they say."""

from collections import Counter

import pytest

from tests.bench.search.judged_set import KINDS, LANGUAGES, JudgedLearning, JudgedQuery, read_learnings, read_queries
from tests.bench.search.metrics import hit_at, mrr_at, recall_at

# Kinds about German compounds, and about papers of a German council.
GERMAN_KINDS = {"official_title", "compound_part", "compound_joined", "compound_split"}
FOUND = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]


@pytest.fixture(scope="module")
def learnings() -> dict[str, JudgedLearning]:
    return {learning.id: learning for learning in read_learnings()}


@pytest.fixture(scope="module")
def queries() -> list[JudgedQuery]:
    return read_queries()


def test_ids_are_unique(queries: list[JudgedQuery]) -> None:
    learning_ids = [learning.id for learning in read_learnings()]
    query_ids = [query.id for query in queries]
    assert len(set(learning_ids)) == len(learning_ids)
    assert len(set(query_ids)) == len(query_ids)


def test_no_query_is_asked_twice(queries: list[JudgedQuery]) -> None:
    texts = Counter(query.query.casefold() for query in queries)
    assert [text for text, times in texts.items() if times > 1] == []


def test_every_learning_says_something_in_a_known_language(learnings: dict[str, JudgedLearning]) -> None:
    for learning in learnings.values():
        assert learning.language in LANGUAGES
        assert learning.id.endswith(f"-{learning.language}")
        assert learning.title
        assert learning.observation
        assert learning.topics
        assert learning.sdg_targets
        assert all(city.startswith("cities/") for city in learning.cities)


def test_every_language_has_enough_learnings(learnings: dict[str, JudgedLearning]) -> None:
    counts = Counter(learning.language for learning in learnings.values())
    assert sum(counts.values()) >= 440
    assert min(counts[language] for language in LANGUAGES) >= 35


def test_every_judged_id_exists_and_is_graded(learnings: dict[str, JudgedLearning], queries: list[JudgedQuery]) -> None:
    for query in queries:
        assert query.relevant
        assert query.relevant.keys() <= learnings.keys()
        assert set(query.relevant.values()) <= {1, 2}


def test_every_kind_has_enough_queries_in_each_language_that_it_is_about(queries: list[JudgedQuery]) -> None:
    counts = Counter((query.kind, query.language) for query in queries)
    assert {kind for kind, _ in counts} == set(KINDS)
    for kind in KINDS:
        assert sum(count for (of_kind, _), count in counts.items() if of_kind == kind) >= 20
        # Chinese words have no forms, and a typo in them is another word.
        without = {"zh"} if kind in {"typo", "inflection"} else set()
        expected = {"de"} if kind in GERMAN_KINDS else set(LANGUAGES) - without
        assert {language for of_kind, language in counts if of_kind == kind} == expected


def test_what_a_crossed_query_should_find_is_in_other_languages(
    learnings: dict[str, JudgedLearning], queries: list[JudgedQuery]
) -> None:
    for query in queries:
        if query.kind.endswith("_crossed"):
            assert query.language not in {learnings[relevant].language for relevant in query.relevant}


def test_recall_is_the_share_of_the_relevant_that_was_found() -> None:
    assert recall_at(10, FOUND, {"b", "j", "k", "z"}) == 0.5
    assert recall_at(2, FOUND, {"a", "b"}) == 1
    assert recall_at(10, [], {"a"}) == 0
    assert recall_at(10, ["a", "a"], {"a", "b"}) == 0.5


def test_the_reciprocal_rank_is_that_of_the_first_relevant() -> None:
    assert mrr_at(10, FOUND, {"a", "b"}) == 1
    assert mrr_at(10, FOUND, {"d", "j"}) == 0.25
    assert mrr_at(10, FOUND, {"k"}) == 0


def test_a_hit_needs_one_relevant() -> None:
    assert hit_at(10, FOUND, {"j", "z"}) == 1
    assert hit_at(9, FOUND, {"j", "z"}) == 0


@pytest.mark.parametrize("measure", [recall_at, mrr_at, hit_at])
def test_a_query_without_anything_relevant_is_not_measured(measure: object) -> None:
    with pytest.raises(ValueError, match="relevant"):
        measure(10, FOUND, set())  # type: ignore[operator]
