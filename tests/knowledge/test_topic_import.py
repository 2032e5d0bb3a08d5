"""SKOS files come into the vocabulary whole or not at all, in any syntax, and again with each new edition."""

import asyncio
import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pyoxigraph
import pytest

from services.knowledge.vocabulary.importing import OWN_FILE, Imported, import_own_topics, import_topics
from services.knowledge.vocabulary.statements import MalformedFile, normalize_language
from tests.conftest import FreshDatabase

PREFIXES = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix skosxl: <http://www.w3.org/2008/05/skos-xl#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix : <http://example.org/thesaurus/> .
<http://example.org/thesaurus> a skos:ConceptScheme ; skos:prefLabel "A thesaurus"@en .
"""
BEES = """
:c_1 a skos:Concept ; skos:inScheme <http://example.org/thesaurus> ; skos:prefLabel "Bees"@en, "Bienen"@DE ;
    skos:altLabel "Honey bees"@en ; skos:definition "Insects."@en ; skos:narrower :c_2 .
:c_2 a skos:Concept ; skos:inScheme <http://example.org/thesaurus> ; skos:prefLabel "Queen bees"@en .
"""


class Vocabulary:
    """A knowledge database, and files for it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def import_text(self, text: str, name: str = "thesaurus.ttl") -> Imported:
        path = self.folder / name
        path.write_text(PREFIXES + text, encoding="utf-8")
        return self.import_file(path)

    def import_file(self, path: Path) -> Imported:
        return asyncio.run(import_topics(self.url, path))

    def fetch(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def list_labels(self, slug: str) -> set[tuple[str, str, bool]]:
        return set(self.fetch("SELECT language, label, preferred FROM topic_labels WHERE topic_id = %s", slug))

    def list_slugs(self) -> list[str]:
        scheme = "http://example.org/thesaurus%"
        return [slug for (slug,) in self.fetch("SELECT id FROM topics WHERE scheme LIKE %s ORDER BY id", scheme)]


@pytest.fixture
def vocabulary(fresh_database: FreshDatabase, tmp_path: Path) -> Vocabulary:
    return Vocabulary(fresh_database("services.knowledge"), tmp_path)


def test_a_new_installation_has_our_own_topics(vocabulary: Vocabulary) -> None:
    (row,) = vocabulary.fetch("SELECT broader, related, notation, withdrawn FROM topics WHERE id = 'sdg-6'")
    assert row[0] == ["agenda-2030"]
    assert {"water", "wastewater"} <= set(row[1])
    assert row[2:] == ("6", False)
    assert ("de", "Abwasser", True) in vocabulary.list_labels("wastewater")
    assert ("de", "Kläranlage", False) in vocabulary.list_labels("wastewater")


def test_our_own_topics_are_read_again_only_when_the_file_has_changed(vocabulary: Vocabulary) -> None:
    before = vocabulary.fetch("SELECT xmin::text FROM topics WHERE id = 'water'")
    asyncio.run(import_own_topics(vocabulary.url))
    assert vocabulary.fetch("SELECT xmin::text FROM topics WHERE id = 'water'") == before
    with psycopg.connect(vocabulary.url) as connection:
        connection.execute("UPDATE topic_imports SET digest = 'old' WHERE file = %s", [OWN_FILE.name])
        connection.execute("DELETE FROM topic_labels WHERE topic_id = 'water'")
    asyncio.run(import_own_topics(vocabulary.url))
    assert ("en", "Water", True) in vocabulary.list_labels("water")


def test_concepts_have_slugs_labels_in_normal_languages_and_relations_both_ways(vocabulary: Vocabulary) -> None:
    assert vocabulary.import_text(BEES) == Imported(concepts=2, labels=4, withdrawn=0)
    assert vocabulary.list_slugs() == ["bees", "queen-bees"]
    assert vocabulary.list_labels("bees") == {
        ("en", "Bees", True),
        ("de", "Bienen", True),
        ("en", "Honey bees", False),
    }
    assert vocabulary.fetch("SELECT broader FROM topics WHERE id = 'queen-bees'") == [(["bees"],)]
    assert vocabulary.fetch("SELECT definitions FROM topics WHERE id = 'bees'") == [({"en": "Insects."},)]


@pytest.mark.parametrize(
    "form",
    [
        pyoxigraph.RdfFormat.TURTLE,
        pyoxigraph.RdfFormat.N_TRIPLES,
        pyoxigraph.RdfFormat.RDF_XML,
        pyoxigraph.RdfFormat.JSON_LD,
    ],
    ids=lambda form: form.file_extension,
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_syntax_says_the_same(vocabulary: Vocabulary, form: pyoxigraph.RdfFormat, packed: bool) -> None:
    quads = pyoxigraph.parse(PREFIXES + BEES, pyoxigraph.RdfFormat.TURTLE)
    content = pyoxigraph.serialize((quad.triple for quad in quads), format=form)
    path = vocabulary.folder / f"bees.{form.file_extension}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert vocabulary.import_file(path) == Imported(concepts=2, labels=4, withdrawn=0)


def test_statements_of_a_concept_may_stand_anywhere(vocabulary: Vocabulary) -> None:
    vocabulary.import_text(
        ':c_2 skos:altLabel "Royal bees"@en .' + BEES + ':c_1 skos:altLabel "Apis"@la . :c_2 skos:related :c_1 .'
    )
    assert ("en", "Royal bees", False) in vocabulary.list_labels("queen-bees")
    assert ("la", "Apis", False) in vocabulary.list_labels("bees")
    assert vocabulary.fetch("SELECT related FROM topics WHERE id = 'bees'") == [(["queen-bees"],)]


def test_labels_may_be_skos_xl(vocabulary: Vocabulary) -> None:
    vocabulary.import_text(
        """
        :c_9 a skos:Concept ; skosxl:prefLabel :l_1 ; skosxl:altLabel [ skosxl:literalForm "Mule deer"@en ] ;
            skos:definition [ rdf:value "An animal."@en ] .
        :l_1 a skosxl:Label ; skosxl:literalForm "Deer"@en .
        """
    )
    assert vocabulary.list_labels("deer") == {("en", "Deer", True), ("en", "Mule deer", False)}
    assert vocabulary.fetch("SELECT definitions FROM topics WHERE id = 'deer'") == [({"en": "An animal."},)]


def test_a_new_edition_replaces_labels_and_withdraws_what_is_gone(vocabulary: Vocabulary) -> None:
    vocabulary.import_text(BEES)
    again = vocabulary.import_text(
        ':c_1 a skos:Concept ; skos:inScheme <http://example.org/thesaurus> ; skos:prefLabel "Wild bees"@en .'
    )
    assert again == Imported(concepts=1, labels=1, withdrawn=1)
    assert vocabulary.list_labels("bees") == {("en", "Wild bees", True)}
    assert vocabulary.fetch("SELECT id FROM topics WHERE withdrawn") == [("queen-bees",)]
    assert vocabulary.list_labels("queen-bees") == {("en", "Queen bees", True)}
    assert vocabulary.import_text(BEES).withdrawn == 0
    assert vocabulary.fetch("SELECT id FROM topics WHERE withdrawn") == []


def test_the_same_file_twice_changes_nothing(vocabulary: Vocabulary) -> None:
    vocabulary.import_text(BEES)
    everything = "SELECT t::text, l::text FROM topics t JOIN topic_labels l ON l.topic_id = t.id ORDER BY 1, 2"
    before = vocabulary.fetch(everything)
    vocabulary.import_text(BEES)
    assert vocabulary.fetch(everything) == before


def test_slugs_are_unique_and_ours_stay_ours(vocabulary: Vocabulary) -> None:
    vocabulary.import_text(
        """
        :c_1 a skos:Concept ; skos:prefLabel "Water"@en . :c_2 a skos:Concept ; skos:prefLabel "Bees"@en .
        :c_3 a skos:Concept ; skos:prefLabel "bees!"@en . :c_4 a skos:Concept ; skos:prefLabel "…"@en .
        :c_5 a skos:Concept ; skos:prefLabel "蜜蜂"@zh . :own-slug a skos:Concept ; skos:prefLabel "Other"@en .
        """
    )
    slugs = vocabulary.list_slugs()
    assert len(slugs) == 6
    assert {"bees", "蜜蜂", "own-slug", "topic"} <= set(slugs)
    assert sorted(slug[: slug.rindex("-")] for slug in set(slugs) - {"bees", "蜜蜂", "own-slug", "topic"}) == [
        "bees",
        "water",
    ]
    assert vocabulary.list_labels("water") >= {("en", "Water", True), ("de", "Wasser", True)}


def test_of_two_preferred_labels_in_a_language_one_is_an_alternative(vocabulary: Vocabulary) -> None:
    vocabulary.import_text(':c_1 a skos:Concept ; skos:prefLabel "Bees"@en, "Apoidea"@en ; skos:altLabel "Bees"@en .')
    (slug,) = vocabulary.list_slugs()
    assert vocabulary.list_labels(slug) == {("en", "Apoidea", True), ("en", "Bees", False)}


def test_deprecated_concepts_are_withdrawn_and_nodes_and_collections_are_no_topics(vocabulary: Vocabulary) -> None:
    vocabulary.import_text(
        BEES
        + """
        :c_1 owl:deprecated true .
        :group a skos:Collection ; skos:prefLabel "A group"@en ; skos:member :c_1 .
        [] a skos:Concept ; skos:prefLabel "Nameless"@en .
        :c_7 a skos:Concept ; skos:altLabel "Only another word"@en .
        :c_8 a skos:Concept ; skos:prefLabel "Nothing \\u0000 at all"@en .
        """
    )
    assert vocabulary.list_slugs() == ["bees", "nothing-at-all", "queen-bees"]
    assert vocabulary.fetch("SELECT id FROM topics WHERE withdrawn") == [("bees",)]


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("x.ttl", (PREFIXES + BEES + ':c_3 skos:prefLabel "open@en .').encode(), "line 12"),
        ("x.nt", b'<urn:a> <urn:b> "1" .\n<urn:a> <urn:b> 1"', "line 2"),
        (
            "x.rdf",
            b'<?xml version="1.0"?>\n<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n<a>',
            "line 3",
        ),
        ("x.jsonld", b'{\n"@id": ', "line 2"),
        ("x.ttl", b'<urn:a> <urn:b>\n"\xff" .', "line 2"),
        ("x.ttl.gz", gzip.compress((PREFIXES + BEES).encode())[:-20], "line"),
        ("x.ttl.gz", b"not packed at all", "line"),
        ("x.doc", b"", "none of .ttl"),
        ("x.ttl", b"", "no SKOS concept"),
        ("x.ttl", PREFIXES.encode(), "no SKOS concept"),
    ],
)
def test_a_malformed_file_says_where_and_changes_nothing(
    vocabulary: Vocabulary, name: str, content: bytes, where: str
) -> None:
    vocabulary.import_text(BEES)
    before = vocabulary.fetch("SELECT count(*), max(xmin::text::bigint) FROM topics")
    path = vocabulary.folder / name
    path.write_bytes(content)
    with pytest.raises(MalformedFile) as raised:
        vocabulary.import_file(path)
    assert name in str(raised.value)
    assert where in str(raised.value)
    assert vocabulary.fetch("SELECT count(*), max(xmin::text::bigint) FROM topics") == before


def test_two_imports_at_once_take_turns(vocabulary: Vocabulary) -> None:
    paths = [vocabulary.folder / f"{number}.ttl" for number in range(4)]
    for path in paths:
        path.write_text(PREFIXES + BEES)

    async def import_all() -> list[Imported]:
        return await asyncio.gather(*(import_topics(vocabulary.url, path) for path in paths))

    assert asyncio.run(import_all()) == [Imported(concepts=2, labels=4, withdrawn=0)] * 4
    assert vocabulary.list_slugs() == ["bees", "queen-bees"]


@pytest.fixture
def environment(vocabulary: Vocabulary, tmp_path: Path) -> dict[str, str]:
    return {
        "KNOWLEDGE_DATABASE_URL": vocabulary.url,
        "KNOWLEDGE_INDEX_PATH": str(tmp_path),
        "KNOWLEDGE_EXCHANGE_ADDRESS": "127.0.0.1:1",
        "KNOWLEDGE_FORUM_ADDRESS": "127.0.0.1:1",
        "NATS_URL": "nats://127.0.0.1:1",
        "IDENTITY_TRUSTED_KEYS": str(tmp_path / "keys.json"),
    }


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.knowledge", *arguments],
        env={"PYTHONPATH": ".:proto", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_operator_sees_what_an_import_does(vocabulary: Vocabulary, environment: dict[str, str]) -> None:
    path = vocabulary.folder / "bees.ttl"
    path.write_text(PREFIXES + BEES)
    done = run(environment, "import-topics", str(path))
    assert done.returncode == 0, done.stderr
    assert "2 topics with 4 labels imported; 0 withdrawn" in done.stderr
    path.write_text(PREFIXES + BEES + "<")
    failed = run(environment, "import-topics", str(path))
    assert failed.returncode == 1
    assert "nothing was imported: bees.ttl, line" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert run(environment, "import-topics", str(path.with_name("none.ttl"))).returncode == 1
    assert "usage" in run(environment, "import-topics").stderr
    assert "migrate | import-topics" in run(environment, "nonsense").stderr


def test_migrating_brings_our_own_topics(vocabulary: Vocabulary, environment: dict[str, str]) -> None:
    with psycopg.connect(vocabulary.url) as connection:
        connection.execute("TRUNCATE topics, topic_labels, topic_imports")
    assert run(environment, "migrate").returncode == 0
    assert vocabulary.list_labels("water") >= {("de", "Wasser", True)}


@pytest.mark.parametrize(
    ("tag", "normal"),
    [
        ("DE", "de"),
        ("en-gb", "en-GB"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("sr_latn", "sr-Latn"),
        ("", "und"),
        (None, "und"),
    ],
)
def test_language_tags_are_written_in_one_way(tag: str | None, normal: str) -> None:
    assert normalize_language(tag) == normal
