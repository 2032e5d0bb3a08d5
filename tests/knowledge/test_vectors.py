"""Vectors in memory: compared without what a language has in common, whatever comes, goes and changes meanwhile."""

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.knowledge.search.documents import get_key
from services.knowledge.search.vectors import (
    NO_MEANS,
    DocumentVector,
    LanguageMeans,
    Meaning,
    Vector,
    Vectors,
)

DIMENSIONS = 24
EVERYTHING = -2.0
_PRIOR_WEIGHT = 20


def normalize(vector: NDArray[np.floating]) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def make_languages(chance: np.random.Generator, *languages: str) -> dict[str, Vector]:
    """Return what the texts of each language have in common: more than what they are about."""
    return {language: 1.5 * normalize(chance.normal(size=DIMENSIONS)) for language in languages}


def make_documents(
    chance: np.random.Generator, offsets: Mapping[str, Vector], meanings: Sequence[Vector]
) -> list[DocumentVector]:
    """Return a document in each language of each meaning, ``<language><number>``."""
    return [
        DocumentVector(
            f"{language}{number}", language, normalize(offset + meaning + chance.normal(0, 0.02, DIMENSIONS))
        )
        for language, offset in offsets.items()
        for number, meaning in enumerate(meanings)
    ]


def list_scores(meaning: Meaning, ids: Sequence[str]) -> dict[str, float]:
    """Return how near documents are, by their ids."""
    names = {get_key(id_): id_ for id_ in ids}
    return {names[key]: score for key, score in meaning.list_nearest(EVERYTHING, 10_000)}


def find_nearest(meaning: Meaning, ids: Sequence[str]) -> str:
    """Return the id of the nearest document."""
    return next(iter(list_scores(meaning, ids)))


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(20261128)


def test_the_nearest_text_is_one_of_the_same_meaning_in_another_language(chance: np.random.Generator) -> None:
    offsets = make_languages(chance, "de", "ar")
    meanings = [normalize(chance.normal(size=DIMENSIONS)) for _ in range(60)]
    documents = make_documents(chance, offsets, meanings)
    by_id = {document.id: document for document in documents}
    vectors = Vectors(DIMENSIONS)
    vectors.put(documents)

    crossing, plain = 0, 0
    for number in range(60):
        query = by_id[f"de{number}"]
        others = [document for document in documents if document.id != query.id]
        plain += max(others, key=lambda other, query=query: float(other.vector @ query.vector)).id == f"ar{number}"
        meaning = vectors.compare(query.vector, {"de": 1.0}, 9).leave_out(get_key(query.id))
        crossing += find_nearest(meaning, list(by_id)) == f"ar{number}"

    assert plain == 0
    assert crossing >= 57


def test_a_few_texts_are_compared_by_what_is_known_of_their_languages(chance: np.random.Generator) -> None:
    offsets = make_languages(chance, "de", "ar")
    meanings = [normalize(chance.normal(size=DIMENSIONS)) for _ in range(3)]
    documents = make_documents(chance, offsets, meanings)[1:]  # Nobody has written it in German yet.
    common = {language: offset / np.sqrt(1.5**2 + 1) for language, offset in offsets.items()}
    query = normalize(offsets["de"] + meanings[0])

    def ask(means: LanguageMeans) -> str:
        vectors = Vectors(DIMENSIONS, means)
        vectors.put(documents)
        return find_nearest(vectors.compare(query, {"de": 1.0}, 9), [document.id for document in documents])

    assert ask(LanguageMeans(common, common, common)) == "ar0"
    assert ask(NO_MEANS) in {"de1", "de2"}


def test_a_query_in_an_uncertain_language_is_taken_as_both(chance: np.random.Generator) -> None:
    offsets = make_languages(chance, "de", "en")
    vectors = Vectors(DIMENSIONS)
    vectors.put(make_documents(chance, offsets, [normalize(chance.normal(size=DIMENSIONS)) for _ in range(40)]))
    ids = [f"{language}{number}" for language in offsets for number in range(40)]
    query = normalize(chance.normal(size=DIMENSIONS))

    def ask(**languages: float) -> NDArray[np.float64]:
        return np.array([list_scores(vectors.compare(query, languages, 1), ids)[id_] for id_ in ids])

    both = ask(de=0.5, en=0.5)
    assert not np.allclose(both, ask(de=1.0))
    assert np.linalg.norm(both - ask(de=1.0)) < np.linalg.norm(ask(en=1.0) - ask(de=1.0))


def test_variants_of_a_language_are_one_language(chance: np.random.Generator) -> None:
    offsets = make_languages(chance, "en", "cy")
    documents = make_documents(chance, offsets, [normalize(chance.normal(size=DIMENSIONS)) for _ in range(30)])
    plain, variants = Vectors(DIMENSIONS), Vectors(DIMENSIONS)
    plain.put(documents)
    variants.put(
        [
            DocumentVector(each.id, "en-GB" if number % 2 and each.language == "en" else each.language, each.vector)
            for number, each in enumerate(documents)
        ]
    )
    ids = [document.id for document in documents]
    query = documents[7].vector
    first, second = (list_scores(each.compare(query, {"en": 1.0}, 3), ids) for each in (plain, variants))
    assert first == pytest.approx(second)


def test_the_only_document_is_near_to_what_it_is_about(chance: np.random.Generator) -> None:
    vectors = Vectors(DIMENSIONS)
    document = DocumentVector("de", "de", normalize(chance.normal(size=DIMENSIONS)))
    vectors.put([document])
    ((_, score),) = vectors.compare(document.vector, {"de": 1.0}, 3).list_nearest(EVERYTHING, 1)
    assert score > 0.99


def test_an_unknown_language_is_compared_with_what_all_have_in_common(chance: np.random.Generator) -> None:
    offsets = make_languages(chance, "de")
    meanings = [normalize(chance.normal(size=DIMENSIONS)) for _ in range(20)]
    vectors = Vectors(DIMENSIONS)
    vectors.put(make_documents(chance, offsets, meanings))
    scores = list_scores(
        vectors.compare(normalize(offsets["de"] + meanings[3]), {"tlh": 1.0}, 4),
        ["de3"] + [f"de{number}" for number in range(20) if number != 3],
    )
    assert next(iter(scores)) == "de3"


def test_what_was_removed_is_not_compared(chance: np.random.Generator) -> None:
    documents = make_documents(
        chance, make_languages(chance, "de"), [normalize(chance.normal(size=DIMENSIONS)) for _ in range(10)]
    )
    vectors = Vectors(DIMENSIONS)
    vectors.put(documents)
    vectors.remove(["de0", "de4", "de9", "unknown", "de4"])
    assert len(vectors) == 7
    scores = list_scores(vectors.compare(documents[4].vector, {"de": 1.0}, 3), [each.id for each in documents])
    assert set(scores) == {"de1", "de2", "de3", "de5", "de6", "de7", "de8"}
    assert vectors.compare_to("de4") is None
    vectors.remove(scores)
    assert len(vectors) == 0
    assert vectors.compare(documents[4].vector, {"de": 1.0}, 3).list_nearest(EVERYTHING, 5) == []


def test_a_text_that_was_written_anew_replaces_the_old_one(chance: np.random.Generator) -> None:
    offsets = make_languages(chance, "de", "uk")
    meanings = [normalize(chance.normal(size=DIMENSIONS)) for _ in range(30)]
    documents = make_documents(chance, offsets, meanings)
    fresh, changed = Vectors(DIMENSIONS), Vectors(DIMENSIONS)
    fresh.put(documents)
    # Of another meaning, and in another language.
    changed.put([DocumentVector(each.id, "uk", documents[-1].vector) for each in documents])
    changed.put(documents)
    assert len(changed) == len(documents)
    ids = [document.id for document in documents]
    first, second = (list_scores(each.compare(meanings[3], {"de": 1.0}, 3), ids) for each in (fresh, changed))
    assert first == pytest.approx(second, abs=1e-5)


def test_similar_documents_do_not_include_the_document_itself(chance: np.random.Generator) -> None:
    offsets = make_languages(chance, "de", "zh")
    meanings = [normalize(chance.normal(size=DIMENSIONS)) for _ in range(120)]
    documents = make_documents(chance, offsets, meanings)
    vectors = Vectors(DIMENSIONS)
    vectors.put(documents)
    ids, crossing = [each.id for each in documents], 0
    for number in range(120):
        meaning = vectors.compare_to(f"de{number}")
        assert meaning is not None
        scores = list_scores(meaning, ids)
        assert set(scores) == set(ids) - {f"de{number}"}
        crossing += next(iter(scores)) == f"zh{number}"
    assert crossing >= 100
    assert vectors.compare_to("de999") is None


def test_a_collection_grows_beyond_the_room_that_it_began_with(chance: np.random.Generator) -> None:
    documents = [
        DocumentVector(str(number), "de", normalize(chance.normal(size=DIMENSIONS))) for number in range(5_000)
    ]
    vectors = Vectors(DIMENSIONS)
    for start in range(0, 5_000, 700):
        vectors.put(documents[start : start + 700])
    assert len(vectors) == 5_000
    for document in documents[::501]:
        nearest = vectors.compare(document.vector, {"de": 1.0}, 3).list_nearest(0.9, 1)
        assert [key for key, _ in nearest] == [get_key(document.id)]


def test_the_nearest_are_listed_from_a_floor_on_up_to_a_limit_and_equals_by_their_keys() -> None:
    keys = np.array([5, 3, 9, 1], np.int64)
    meaning = Meaning(keys, np.array([0.5, 0.5, 0.7, 0.1], np.float32))
    assert [key for key, _ in meaning.list_nearest(0.2, 10)] == [9, 3, 5]
    assert [key for key, _ in meaning.list_nearest(-1, 1)] == [9]
    assert meaning.list_nearest(0.8, 10) == []


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    """Draw what happens to documents: put with a language and a seed, or removed."""
    step = st.tuples(
        st.sampled_from([f"d{number}" for number in range(8)]),
        st.sampled_from(["de", "en", "zh", "remove"]),
        st.integers(0, 1_000),
    )
    return draw(st.lists(step, min_size=1, max_size=40))


@given(
    history=histories(), seed=st.integers(0, 1_000), language=st.sampled_from(["de", "en", "pl"]), known=st.booleans()
)
@settings(max_examples=150)
def test_whatever_happened_nearness_is_what_a_plain_computation_says(
    history: list[tuple[str, str, int]], seed: int, language: str, known: bool
) -> None:
    chance = np.random.default_rng(7)
    common = {each: 0.5 * normalize(chance.normal(size=DIMENSIONS)) for each in ("de", "en", "zh")}
    means = LanguageMeans(common, common, common) if known else NO_MEANS
    vectors = Vectors(DIMENSIONS, means)
    kept: dict[str, DocumentVector] = {}
    for id_, kind, number in history:
        if kind == "remove":
            vectors.remove([id_])
            kept.pop(id_, None)
            continue
        document = DocumentVector(id_, kind, normalize(np.random.default_rng(number).normal(size=DIMENSIONS)))
        vectors.put([document])
        kept[id_] = document
    query = normalize(np.random.default_rng(seed).normal(size=DIMENSIONS))

    found = list_scores(vectors.compare(query, {language: 1.0}, 5), list(kept))

    expected = compare_plainly(list(kept.values()), query, language, means)
    assert found == pytest.approx(expected, abs=2e-4)


def compare_plainly(
    documents: Sequence[DocumentVector], query: Vector, language: str, means: LanguageMeans
) -> dict[str, float]:
    """Return how near documents are to a query of five words, computed one by one."""
    known = np.mean(list(means.passages.values()), axis=0) if means.passages else np.zeros(DIMENSIONS)
    total = np.sum([each.vector for each in documents], axis=0) if documents else np.zeros(DIMENSIONS)
    everything = (total + _PRIOR_WEIGHT * known) / (len(documents) + _PRIOR_WEIGHT)

    def get_mean(wanted: str) -> NDArray[np.float64]:
        own = [each.vector for each in documents if each.language == wanted]
        prior = means.passages.get(wanted, everything)
        return np.asarray((np.sum(own, axis=0) + _PRIOR_WEIGHT * prior) / (len(own) + _PRIOR_WEIGHT))

    of_query = means.get_query_mean(language, 5)
    direction = query - (get_mean(language) if of_query is None else of_query)
    direction = direction / np.linalg.norm(direction)
    answer = {}
    for document in documents:
        centred = document.vector - get_mean(document.language)
        answer[document.id] = float(centred @ direction / np.linalg.norm(centred))
    return answer


def test_documents_come_and_go_while_others_are_compared(chance: np.random.Generator) -> None:
    documents = [
        DocumentVector(str(number), "de" if number % 2 else "tr", normalize(chance.normal(size=DIMENSIONS)))
        for number in range(3_000)
    ]
    vectors, stopped = Vectors(DIMENSIONS), threading.Event()
    vectors.put(documents[:500])
    failures: list[str] = []

    def ask() -> None:
        while not stopped.is_set():
            for document in documents[:50]:
                nearest = vectors.compare(document.vector, {"de": 0.5, "tr": 0.5}, 3).list_nearest(EVERYTHING, 3)
                # These are always there.
                if get_key(document.id) not in [key for key, _ in nearest]:
                    failures.append(document.id)
                vectors.compare_to(document.id)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    ids = [document.id for document in documents]
    remaining = set(ids)
    for start in range(500, 3_000, 250):
        vectors.put(documents[start : start + 250])
        vectors.put(documents[:50])
        gone = ids[start - 100 : start + 100]
        vectors.remove(gone)
        remaining.difference_update(gone)
    stopped.set()
    for asker in askers:
        asker.join()
    assert failures == []
    assert len(vectors) == len(remaining)
