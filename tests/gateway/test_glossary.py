"""The glossary: its words are those of the pages, and what it points at exists."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/glossary.md").read_text().splitlines()
    if line.startswith("|") and "`" in line
]
TERMS = [row for row in ROWS if len(row) == 4]


def read_texts() -> list[tuple[str, str]]:
    """Return what the pages say, in English and German."""
    with (ROOT / "gateway/translations/de/LC_MESSAGES/messages.po").open() as catalogue:
        messages = read_po(catalogue, locale="de")
    return [
        ((message.id if isinstance(message.id, str) else " ".join(message.id)).casefold(),
         (message.string if isinstance(message.string, str) else " ".join(message.string)).casefold())
        for message in messages
    ]  # fmt: skip


@pytest.mark.parametrize("row", TERMS, ids=lambda row: row[0])
def test_the_pages_say_a_term_as_the_glossary_does(row: list[str]) -> None:
    english, german, *_ = row
    # German by its beginning, for words are inflected; English by the last word, which pages may say alone.
    noun = english.casefold().split()[-1]
    stem = re.compile(rf"\b{re.escape(german.casefold()[: max(4, len(german) - 2)])}")
    assert any(noun in text and stem.search(translation) for text, translation in read_texts())


def test_every_file_that_the_glossary_names_exists() -> None:
    assert len(ROWS) > 40
    missing = [row[-1] for row in ROWS if not (ROOT / row[-1].strip("`")).exists()]
    assert missing == []
