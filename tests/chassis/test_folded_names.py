"""Names are folded alike whatever the locale of the database."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.folded_names import create_functions, fold_name, list_grams
from deploy.embedded import Postgres

Fold = Callable[[str], str]


@pytest.fixture
def connection(postgres_server: Postgres) -> Iterator[psycopg.Connection]:
    """A database in whose locale letters are A to Z, with the functions; nothing of it stays."""
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE folding LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
        try:
            with psycopg.connect(postgres_server.url_for("folding"), autocommit=True) as opened:
                create_functions(opened)
                yield opened
        finally:
            admin.execute("DROP DATABASE folding WITH (FORCE)")


@pytest.fixture
def fold(connection: psycopg.Connection) -> Fold:
    return lambda name: str(connection.execute("SELECT fold_name(%s)", [name]).fetchone()[0])  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Łódź/Straße", " lodz strasse "),
        ("İSTANBUL ısparta", " istanbul isparta "),
        ("Ærø Þórshöfn Œuvre", " aero thorshofn oeuvre "),
        ("ЧЕРНІВЦІ – Їжак", " чернівці іжак "),
        ("الخَلِيلُ ـ مدرسة", " الخليل مدرسه "),
        ("חֵיפָה ירושלים", " חיפה ירושלימ "),
        ("ΘΕΣΣΑΛΟΝΊΚΗΣ ς", " θεσσαλονικησ σ "),
        ("青岛・水务", " 青岛 水务 "),
        ("Kam'yanets’-Podil’s’kyj", " kamyanets podilskyj "),
        ("ＡＢ １２ ٣ ½", " ab 12 3 1 2 "),
        ("a_b%c\\d\te\x01f", " a b c d e f "),
        ("soft\u00adhyphen\u200f", " softhyphen "),
        ("  ", "  "),
        ("", "  "),
    ],
)
def test_a_name_is_its_words_in_plain_small_letters(fold: Fold, name: str, folded: str) -> None:
    assert fold(name) == folded
    assert fold_name(name) == folded


# A letter that Python's Unicode does not know yet, PostgreSQL's may take apart.
@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cn"]), max_size=60))
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_folded_once_more_a_name_stays_as_it_is(fold: Fold, name: str) -> None:
    folded = fold(name)
    assert fold(folded) == folded
    assert fold_name(name) == folded
    assert not set(folded) & set("%_\\ABCXYZÄÖÜ\t\n")
    assert "  " not in folded.strip()


@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_what_is_looked_for_is_in_the_index(connection: psycopg.Connection, name: str) -> None:
    row = connection.execute("SELECT fold_name(%s), name_grams(fold_name(%s))", [name, name]).fetchone()
    assert row is not None
    folded, kept = row
    for size in range(1, len(folded) + 1):
        assert set(list_grams(folded[-size:])) <= set(kept)
