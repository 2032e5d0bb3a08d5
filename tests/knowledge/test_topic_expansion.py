"""Words of a query name topics, in any language and form, at a cost that does not grow with the vocabulary."""

import time
from collections import defaultdict
from itertools import groupby
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.knowledge.vocabulary.expansion import Match, TopicExpander
from services.knowledge.vocabulary.folding import fold_label
from services.knowledge.vocabulary.importing import read_own_labels

TOPICS = [
    ("climate", [("en", "Climate", True), ("de", "Klima", True)]),
    ("climate-adaptation", [("en", "Adaptation of climate", False), ("en", "Climate adaptation", True)]),
    ("water", [("de", "Wasser", True), ("zh", "水", True)]),
    ("thirst", [("en", "Need for water", True), ("de", "Wasser", False)]),
]


def strip_ending(word: str) -> str:
    """A light stemmer, for which "of" and "for" do not count."""
    return "" if word in ("of", "for") else word.rstrip("es")


def keep(word: str, _language: str) -> str:
    """Return a word as it is."""
    return word


def split_words(label: str) -> list[str]:
    """Return the words of a label, without case and accents; each Chinese character is one."""
    return fold_label(label).split()


@pytest.fixture(scope="module")
def expander() -> TopicExpander:
    return TopicExpander(TOPICS, lambda word, _language: strip_ending(word), split_words)


def spans(matches: list[Match]) -> list[tuple[str, int, int]]:
    return [(match.slug, match.start, match.end) for match in matches]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("climate", [("climate", 0, 1)]),
        ("the climates change", [("climate", 1, 2)]),
        ("our climate adaptation", [("climate-adaptation", 1, 3)]),
        ("adaptation climate", [("climate-adaptation", 0, 2)]),
        ("adaptation of the climate", [("climate", 3, 4)]),
        ("climate wasser", [("climate", 0, 1), ("water", 1, 2), ("thirst", 1, 2)]),
        ("need water for wasser", [("thirst", 0, 2), ("water", 3, 4), ("thirst", 3, 4)]),
        ("净 水", [("water", 1, 2)]),
        ("adaptation", []),
        ("of for", []),
        ("", []),
    ],
)
def test_the_longest_labels_are_found_in_any_form(
    expander: TopicExpander, query: str, found: list[tuple[str, int, int]]
) -> None:
    assert spans(expander.find_concepts(query.split())) == found


def test_a_topic_brings_its_labels_in_all_languages_the_preferred_first(expander: TopicExpander) -> None:
    (match,) = expander.find_concepts(["climate", "adaptation"])
    assert match.labels == {"en": [["climate", "adaptation"], ["adaptation", "of", "climate"]]}
    assert expander.find_concepts(["水"])[0].labels == {"de": [["wasser"]], "zh": [["水"]]}


def test_labels_without_words_and_endless_ones_name_nothing() -> None:
    expander = TopicExpander([("x", [("en", "…", True), ("en", "word " * 30, False)]), ("none", [])], keep, split_words)
    assert len(expander) == 2
    assert expander.find_concepts(["word"] * 50) == []


def read_own_topics() -> list[tuple[str, list[tuple[str, str, bool]]]]:
    labels = defaultdict(list)
    for slug, *label in read_own_labels():
        labels[slug].append(tuple(label))
    return list(labels.items())


@pytest.fixture(scope="module")
def own() -> TopicExpander:
    return TopicExpander(read_own_topics(), keep, split_words)


def test_every_label_of_our_vocabulary_names_its_topic(own: TopicExpander) -> None:
    for slug, labels in read_own_topics():
        for _language, label, _preferred in labels:
            words = split_words(label)
            found = {match.slug for match in own.find_concepts(words) if (match.start, match.end) == (0, len(words))}
            assert slug in found, label


@given(st.lists(st.sampled_from(["climate", "adaptation", "of", "wasser", "水", "x"]), max_size=12))
def test_matches_never_share_a_word_unless_they_share_all(expander: TopicExpander, words: list[str]) -> None:
    matches = spans(expander.find_concepts(words))
    places = [set(range(start, end)) for (start, end), _ in groupby(matches, key=itemgetter(1, 2))]
    assert sum(map(len, places)) == len(set().union(*places))


def test_a_query_costs_no_more_in_a_large_vocabulary(own: TopicExpander) -> None:
    many = ((f"topic-{number}", [("en", f"alpha beta {number}", True), ("de", f"gamma {number}", True)])
            for number in range(50_000))  # fmt: skip
    large = TopicExpander([*read_own_topics(), *many], keep, split_words)
    query = [
        "wie",
        "hat",
        "die",
        "stadt",
        "ihr",
        "abwasser",
        "und",
        "die",
        "klimaanpassung",
        "in",
        "den",
        "griff",
        "bekommen",
        "alpha",
        "beta",
        "7",
    ]
    times = {}
    for name, expander in (("small", own), ("large", large)):
        started = time.thread_time()
        for _ in range(200):
            expander.find_concepts(query)
        times[name] = (time.thread_time() - started) / 200
    assert {match.slug for match in large.find_concepts(query)} >= {"wastewater", "climate-adaptation", "topic-7"}
    assert times["large"] < max(5 * times["small"], 0.002)
