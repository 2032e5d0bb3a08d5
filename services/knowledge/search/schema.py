"""The fields of the index, and how a document fills them."""

from datetime import UTC

import tantivy

from services.knowledge.search.analysis import is_unspaced, join_terms, list_words, normalize
from services.knowledge.search.documents import Document, get_key
from services.knowledge.search.engine import TERMS
from services.knowledge.search.stemming import get_primary

SCHEMA_VERSION = 7
"""Raise it with every change of fields or analysis: the index is then built anew."""
_CENTURY_SECONDS = 3_155_760_000
_TITLE_TIMES = 3
"""A word of the title counts like so many in the text."""
_NEWEST_LEAD = 0.05
"""How far the newest document is ahead of an equal one that is a century older."""


def build_schema() -> tantivy.Schema:
    """Return the fields of the index."""
    builder = tantivy.SchemaBuilder()
    # Of what is never looked up there is no dictionary: to write one takes longer than the words of a text.
    builder.add_bytes_field("id", stored=True)
    builder.add_integer_field("key", indexed=True, fast=True)
    builder.add_integer_field("generation", fast=True)
    for name in ("topics", "cities", "sdg_targets", "language", "departments", "years", "states"):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("sdg_goals", "languages", "audience"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("newest", "most_applied"):
        builder.add_integer_field(name, fast=True)
    builder.add_float_field("recency", fast=True)
    builder.add_text_field("words", tokenizer_name=TERMS, index_option="position")
    builder.add_text_field("characters", tokenizer_name=TERMS, index_option="basic")
    return builder.build()


def make_document(document: Document, generation: int, words: dict[str, set[str]]) -> tantivy.Document:
    """Return what the index holds of a document; adds its words to those of its language."""
    made = tantivy.Document()
    key, primary = get_key(document.id), get_primary(document.language)
    created = document.create_time.astimezone(UTC)
    made.add_bytes("id", document.id.encode())
    made.add_integer("key", key)
    made.add_integer("generation", generation)
    for field, values in (
        ("topics", document.topics),
        ("cities", document.cities),
        ("sdg_targets", document.sdg_targets),
        ("sdg_goals", {target.split(".")[0] for target in document.sdg_targets}),
        ("departments", document.departments),
        ("audience", document.audience),
        ("languages", {primary, document.language.lower()}),
        ("language", (primary,)),
        ("years", (f"{created.year}",)),
        ("states", (document.state,) if document.state else ()),
    ):
        for value in values:
            made.add_text(field, value)
    # Ties are broken by the id, in each order: by some of the bits of its key.
    seconds = int(created.timestamp())
    made.add_integer("newest", int(created.timestamp() * 1_000_000) << 12 | key & 0xFFF)
    made.add_integer("most_applied", min(document.application_count, 2**16) << 46 | max(seconds, 0) << 12 | key & 0xFFF)
    recency = min(max(created.timestamp() / _CENTURY_SECONDS, 0.0), 1.0)
    made.add_float("recency", _NEWEST_LEAD * recency + (key & 0xFFF) * 1e-7)
    known = words.setdefault(primary, set())
    unspaced: set[str] = set()
    for place, text in enumerate((document.title, *document.passages, *document.context)):
        found = list_words(normalize(text))
        known.update(found)
        terms = join_terms(found)
        made.add_text("words", terms)
        if place == 0:
            for _ in range(_TITLE_TIMES - 1):
                made.add_text("words", terms)
        if not terms.isascii():
            unspaced.update(char for word in found if is_unspaced(word) for char in word)
    if unspaced:
        made.add_text("characters", " ".join(sorted(unspaced)))
    return made
