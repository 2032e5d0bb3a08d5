"""Our own vocabulary is whole: ten languages, one slug and one label for each concept, all goals."""

from collections import Counter, defaultdict
from importlib.resources import files

import pyoxigraph
import pytest

SKOS = "http://www.w3.org/2004/02/skos/core#"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
DCT_TITLE = "http://purl.org/dc/terms/title"
SCHEME = "urn:austausch:topics"
LANGUAGES = {"de", "en", "cy", "pl", "uk", "he", "ar", "tr", "lt", "zh"}
# Learnings and exchanges have held these since the first release.
FIRST = {
    "administrative-exchange": ("Verwaltungsaustausch", "Administrative exchange"),
    "budget": ("Haushalt", "Budget"),
    "climate": ("Klima", "Climate"),
    "controlling": ("Controlling", "Controlling"),
    "culture": ("Kultur", "Culture"),
    "digitalisation": ("Digitalisierung", "Digitalisation"),
    "education": ("Bildung", "Education"),
    "indicators": ("Kennzahlen", "Indicators"),
    "international-charters": ("Internationale Chartas", "International charters"),
    "mobility": ("Mobilität", "Mobility"),
    "participation": ("Beteiligung", "Participation"),
    "steering": ("Steuerung", "Steering"),
    "strategy": ("Strategie", "Strategy"),
    "sustainability": ("Nachhaltigkeit", "Sustainability"),
    "wastewater": ("Abwasser", "Wastewater"),
    "water": ("Wasser", "Water"),
}

Statements = dict[str, dict[str, list[pyoxigraph.Literal]]]


@pytest.fixture(scope="module")
def concepts() -> Statements:
    """Slug → SKOS property → values, which are literals or slugs."""
    found: Statements = defaultdict(lambda: defaultdict(list))
    path = files("services.knowledge.vocabulary") / "municipal-topics.ttl"
    for quad in pyoxigraph.parse(path.read_bytes(), pyoxigraph.RdfFormat.TURTLE):
        if quad.subject.value == SCHEME:
            found[SCHEME][quad.predicate.value].append(quad.object)
        else:
            prefix, _, slug = quad.subject.value.rpartition(":")
            assert prefix == SCHEME
            found[slug][quad.predicate.value.removeprefix(SKOS)].append(quad.object)
    scheme = found.pop(SCHEME)
    assert {title.language for title in scheme[DCT_TITLE]} == LANGUAGES
    return found


def list_slugs(values: list[pyoxigraph.Literal]) -> list[str]:
    return [value.value.rpartition(":")[2] for value in values]


def test_there_are_enough_concepts_for_a_city(concepts: Statements) -> None:
    assert len(concepts) >= 170


def test_every_concept_has_one_preferred_label_in_each_language(concepts: Statements) -> None:
    languages = {slug: sorted(label.language for label in facts["prefLabel"]) for slug, facts in concepts.items()}
    assert {slug: found for slug, found in languages.items() if found != sorted(LANGUAGES)} == {}


def test_no_label_is_preferred_for_two_concepts_in_one_language(concepts: Statements) -> None:
    counts = Counter(
        (label.language, label.value.casefold()) for facts in concepts.values() for label in facts["prefLabel"]
    )
    assert [label for label, count in counts.items() if count > 1] == []


def test_every_text_is_in_one_of_the_languages_and_no_label_stands_twice(concepts: Statements) -> None:
    for facts in concepts.values():
        texts = [text for kind in ("prefLabel", "altLabel", "definition") for text in facts[kind]]
        assert {text.language for text in texts} <= LANGUAGES
        assert all(text.value == text.value.strip() != "" for text in texts)
        assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_concepts_can_be_found_by_other_words_in_each_language(concepts: Statements) -> None:
    counts = Counter(label.language for facts in concepts.values() for label in facts["altLabel"])
    assert {language: counts[language] / len(concepts) >= 1 for language in LANGUAGES} == dict.fromkeys(LANGUAGES, True)
    assert min(counts["de"], counts["en"]) / len(concepts) >= 2


def test_most_concepts_are_defined_in_all_languages(concepts: Statements) -> None:
    defined = [{text.language for text in facts["definition"]} for facts in concepts.values() if facts["definition"]]
    assert all(languages == LANGUAGES for languages in defined)
    assert len(defined) >= 120


def test_relations_lead_to_concepts_and_the_hierarchy_has_no_circle(concepts: Statements) -> None:
    broader = {slug: list_slugs(facts["broader"]) for slug, facts in concepts.items()}
    related = {slug: list_slugs(facts["related"]) for slug, facts in concepts.items()}
    assert {name for names in [*broader.values(), *related.values()] for name in names} <= concepts.keys()
    for slug in concepts:
        above, rising = set(), [slug]
        while rising:
            rising = [name for each in rising for name in broader[each] if name not in above]
            assert slug not in rising
            above.update(rising)


def test_the_seventeen_goals_have_their_numbers_and_serve_topics(concepts: Statements) -> None:
    numbers = {slug: facts["notation"][0].value for slug, facts in concepts.items() if facts["notation"]}
    assert numbers == {f"sdg-{number}": str(number) for number in range(1, 18)}
    linked = {name for slug, facts in concepts.items() if slug not in numbers for name in list_slugs(facts["related"])}
    assert numbers.keys() <= linked


@pytest.mark.parametrize("slug", FIRST)
def test_topics_of_the_first_release_keep_slug_and_labels(concepts: Statements, slug: str) -> None:
    labels = {label.language: label.value for label in concepts[slug]["prefLabel"]}
    assert (labels["de"], labels["en"]) == FIRST[slug]


def test_everything_is_a_concept_of_the_scheme(concepts: Statements) -> None:
    for facts in concepts.values():
        assert [kind.value for kind in facts[RDF_TYPE]] == [f"{SKOS}Concept"]
        assert [scheme.value for scheme in facts["inScheme"]] == [SCHEME]
