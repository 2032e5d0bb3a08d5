"""
The words of the collection: which there are, and which belong together.

What a typed word finds beyond itself is looked up here when it is typed, and not written into every document: inflected
forms share a stem, a compound contains its parts, a slip of the pen is near the word that was meant. Each distinct word
of each language is taken in once, so that documents are indexed fast however much is known of their words.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import tantivy

from services.knowledge.search.analysis import get_terms, has_digit
from services.knowledge.search.languages import COMPOUNDING, SNOWBALL, get_stems

MIN_PART = 4
"""Shortest part of a compound that is looked for, in letters."""
MAX_FORMS = 512
"""How many words are looked at that a part may be in, the shortest first."""
_MIN_REST = 3
_SHORT_PARTS = frozenset({"ab", "an", "ei", "eu", "it", "ki", "ol", "um", "ur"})
"""First parts of German compounds that are shorter."""
_SURE_PART = 6
"""What is no word by itself, but begins or ends compounds, is hardly so by chance from this length on."""
_MAX_LENGTH = 40
_LINKS = ("", "s", "es", "n", "en", "er", "e")
"""What German puts between the parts of a compound."""
_LANGUAGES = (*SNOWBALL, "he", "uk", "cy")
_WRITER_BYTES = 15_000_000


class Lexicon:
    """
    The words of a collection, as an index in a folder of its own.

    Raises:
        ValueError: The folder holds something else; from the constructor.
        OSError: It cannot be written; from the constructor, `add` and `commit`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._schema = _build_schema()
        self._index = tantivy.Index(self._schema, str(folder))
        self._index.config_reader("manual")
        self._writer: tantivy.IndexWriter | None = None
        self._index.reload()
        self._searcher = self._index.searcher()
        # What was added since the last commit.
        self._added: set[str] = set()

    def add(self, words: Mapping[str, Iterable[str]]) -> None:
        """
        Take words in that are not there yet; `commit` makes them known.

        Args:
            words: Primary language subtag → words of that language, as they are written.
        """
        for language, written in words.items():
            for word in {word.lower() for word in written}:
                entry = f"{language}:{word}"
                if entry in self._added or self._searcher.doc_freq("entry", entry):
                    continue
                self._added.add(entry)
                if self._writer is None:
                    self._writer = self._index.writer(_WRITER_BYTES, num_threads=1)
                self._writer.add_document(_make_entry(entry, word, language))

    def commit(self) -> None:
        """Keep what was added, and let it be found."""
        if self._writer is not None and self._added:
            self._writer.commit()
            self._index.reload()
            self._searcher = self._index.searcher()
            self._added.clear()

    def abandon(self) -> None:
        """Drop what was added since the last commit, and let another process write here."""
        self._writer = None
        self._added.clear()

    def __len__(self) -> int:
        """How many words there are; those of each language are counted."""
        return int(self._searcher.num_docs)

    def find_inflections(self, word: str) -> set[str]:
        """Return the terms of the words that share a stem with a word, in any language."""
        stems = [f"{language}:{stem}" for language in _LANGUAGES for stem in get_stems(word, language)]
        return self._find_terms(_any_of(self._schema, "stems", stems), MAX_FORMS)

    def find_compounds(self, word: str) -> list[str]:
        """Return the terms of the compounds that a word is a part of, the shortest first."""
        parts = {part for part in (get_terms(word), *get_stems(word, "de")) if len(part) >= MIN_PART}
        found: dict[str, None] = {}
        for part in parts:
            # Not all that merely contain the letters contain the word.
            containing = tantivy.Query.fuzzy_term_query(self._schema, "endings", part, distance=0, prefix=True)
            terms = self._find_terms(containing, MAX_FORMS)
            found |= dict.fromkeys(term for term in terms if term not in parts and _has_part(term, part))
        return sorted(found, key=lambda term: (len(term), term))

    def find_similar(self, term: str, *, is_beginning: bool = False) -> set[str]:
        """
        Return the terms nearest to one that is not there: one slip away, or in a long word two.

        Args:
            is_beginning: Longer words that begin like that are meant, too.
        """
        if has_digit(term) or len(term) < MIN_PART:
            return set()
        for distance in (1, 2) if len(term) >= 8 else (1,):
            query = tantivy.Query.fuzzy_term_query(self._schema, "term", term, distance, True, is_beginning)
            if terms := self._find_terms(query, MAX_FORMS) - {term}:
                return terms
        return set()

    def split(self, word: str) -> list[str]:
        """Return the parts of a German compound, if words of the collection have them all; the likeliest and fewest."""
        term = get_terms(word)
        if not MIN_PART + _MIN_REST <= len(term) <= _MAX_LENGTH or not term.isalpha():
            return []
        # The best way to write the compound up to each place: its parts, and how doubtful they are.
        best: dict[int, tuple[float, list[str]]] = {0: (0, [])}
        for end in range(_MIN_REST, len(term) + 1):
            for start in range(end - _MIN_REST + 1):
                if start not in best or (start, end) == (0, len(term)):
                    continue
                part, is_word = self._read_part(term[start:end], is_last=end == len(term))
                if not part:
                    continue
                doubt = 0 if is_word else 1 if len(part) < _SURE_PART else 0.5
                doubts, parts = best[start][0] + doubt, [*best[start][1], part]
                if doubts <= 1 and (end not in best or (doubts, len(parts)) < (best[end][0], len(best[end][1]))):
                    best[end] = (doubts, parts)
        _, parts = best.get(len(term), (0, []))
        return parts if any(len(part) >= MIN_PART for part in parts) else []

    def _read_part(self, piece: str, *, is_last: bool) -> tuple[str, bool]:
        """Return the part that a piece of a compound is, without what links it to the next; whether it is a word."""
        parts = [piece.removesuffix(link) for link in _LINKS if piece.endswith(link) and not (is_last and link)]
        for part in parts:
            if len(part) >= _MIN_REST and self._is_word(part):
                return part, True
        for part in parts:
            if len(part) > MIN_PART and self._is_part(part, is_last=is_last):
                return part, False
        return "", False

    def _is_word(self, part: str) -> bool:
        # A short stem is that of too many words.
        is_plain = len(part) >= MIN_PART or self._searcher.doc_freq("term", part) > 0
        return is_plain and any(self._searcher.doc_freq("stems", f"de:{stem}") for stem in get_stems(part, "de"))

    def _is_part(self, part: str, *, is_last: bool) -> bool:
        """Return whether what is no word by itself begins compounds, or ends them."""
        if is_last:
            return self._searcher.doc_freq("endings", part) > 0
        return bool(self._searcher.terms_with_prefix("endings", part, limit=1))

    def _find_terms(self, query: tantivy.Query, limit: int) -> set[str]:
        searcher = self._searcher
        hits = searcher.search(query, limit, count=False, order_by_field="length", order=tantivy.Order.Asc).hits
        return {searcher.doc(address)["term"][0] for _, address in hits}


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("entry", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("term", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("stems", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("endings", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("length", fast=True)
    return builder.build()


def _make_entry(entry: str, word: str, language: str) -> tantivy.Document:
    made = tantivy.Document()
    term = get_terms(word)
    made.add_text("entry", entry)
    made.add_text("term", term)
    made.add_integer("length", len(term))
    for stem in get_stems(word, language):
        made.add_text("stems", f"{language}:{stem}")
    if language in COMPOUNDING and MIN_PART + 2 <= len(term) <= _MAX_LENGTH and not has_digit(term):
        # A part stands at the beginning, or after another.
        for start in range(len(term) - MIN_PART + 1):
            if start and not _may_be_part(term[:start]):
                continue
            made.add_text("endings", term[start:])
    return made


def _has_part(term: str, part: str) -> bool:
    """Return whether what stands before and behind a part of a word may be parts, too."""
    start = term.find(part)
    while start >= 0:
        before, after = term[:start], len(term) - start - len(part)
        if _may_be_part(before) if before else after >= _MIN_REST:
            return True
        start = term.find(part, start + 1)
    return False


def _may_be_part(before: str) -> bool:
    return len(before) >= _MIN_REST or before in _SHORT_PARTS


def _any_of(schema: tantivy.Schema, field: str, values: Collection[str]) -> tantivy.Query:
    return tantivy.Query.boolean_query(
        [(tantivy.Occur.Should, tantivy.Query.term_query(schema, field, value, "basic")) for value in values]
    )
