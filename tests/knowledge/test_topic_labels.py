"""Labels are compared by their words, and become slugs that the contract takes, whatever the script."""

import re
import tracemalloc
import unicodedata
from pathlib import Path

import pytest
from austausch.knowledge.v1.topics_pb2 import ListTopicsRequest
from hypothesis import given
from hypothesis import strategies as st

from chassis.validation import validate
from services.knowledge.vocabulary.folding import fold_label, make_slug
from services.knowledge.vocabulary.skos import read_statements

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@pytest.mark.parametrize(
    ("label", "folded"),
    [
        ("Straßen & Plätze", " strassen platze"),
        ("İstanbul'da ısı", " istanbul da isi"),
        ("Łódź", " lodz"),
        ("Gruńflächen", " grunflachen"),
        ("המים", " המים"),
        ("إدارة المياهِ", " اداره المياه"),
        ("污水处理 2030", " 污 水 处 理 2030"),
        ("…", ""),
    ],
)
def test_labels_are_folded_to_their_words(label: str, folded: str) -> None:
    assert fold_label(label) == folded


@pytest.mark.parametrize(
    ("label", "slug"),
    [
        ("Waste water (sewage)", "waste-water-sewage"),
        ("Grünflächen", "grünflächen"),
        ("污水", "污水"),
        ("!?", ""),
        ("𝐀", ""),
        ("x" * 100, "x" * 63),
        ("word " * 30, "-".join(["word"] * 12)),
    ],
)
def test_labels_become_slugs(label: str, slug: str) -> None:
    assert make_slug(label) == slug


@given(TEXT)
def test_every_slug_is_one_that_the_contract_takes(text: str) -> None:
    if slug := make_slug(text):
        validate(ListTopicsRequest(topics=[slug]))


@given(TEXT)
def test_a_folded_label_holds_words_only_and_stays_as_it_is(text: str) -> None:
    folded = fold_label(text)
    assert re.fullmatch(r"( [^\W_]+)*", folded)
    assert fold_label(folded) == folded
    assert fold_label(unicodedata.normalize("NFD", text)) == fold_label(unicodedata.normalize("NFC", text))


def test_reading_takes_the_same_memory_whatever_the_size(tmp_path: Path) -> None:
    peaks = []
    for size in (2_000, 40_000):
        path = tmp_path / f"{size}.nt"
        label = '<urn:concept:{0}> <http://www.w3.org/2004/02/skos/core#prefLabel> "Concept {0}"@en .\n'
        path.write_text("".join(label.format(number) for number in range(size)))
        tracemalloc.start()
        assert sum(1 for _ in read_statements(path)) == size
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The larger file alone is 3 MB.
    assert peaks[1] < peaks[0] + 1_000_000
