"""
The words of the collection: which there are, and which belong together.

What a typed word finds beyond itself is looked up here when it is typed, and not written into every document: inflected
forms share a stem, a compound contains its parts, a slip of the pen is near the word that was meant. Each distinct word
of each language is taken in once, so that documents are indexed fast however much is known of their words.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import tantivy

from services.knowledge.search.analysis import get_terms, has_digit, is_unspaced
from services.knowledge.search.engine import TERMS, count_matches, make_index, open_index
from services.knowledge.search.stemming import COMPOUNDING, get_stems, restore_umlauts

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
_MIN_SIMILAR_STEM, _LEAST_SHARE = 4, 0.55
"""What a stem in which a slip is guessed at has at least: letters, and of those of the word."""
_MIN_OTHER_FIRST = 6
"""Shortest stem of which the first letter is guessed at, in letters."""
_LINKS = ("", "s", "es", "n", "en", "er", "e")
"""What German puts between the parts of a compound."""
_GAP = "\x1f"
"""Stands between what a word is looked up by and the rest of it, so that looking up says which word it is."""
# Less makes more and smaller segments, which are merged again and again.
_WRITER_BYTES = 64_000_000
_MAX_KNOWN = 1_000_000


class Lexicon:
    """
    The words of a collection, as an index in a folder of its own.

    Raises:
        ValueError: The folder holds none (see `make_lexicon`) or a broken one, from the constructor; it cannot be
            written, from the other methods.
        OSError: As ValueError.
    """

    def __init__(self, folder: Path) -> None:
        self._schema = _build_schema()
        self._index = open_index(self._schema, folder)
        self._writer: tantivy.IndexWriter | None = None
        self._searcher = self._index.searcher()
        self._languages = self._read_languages()
        self._is_changed = False
        # Hashes of entries that are there, or were found not to be words: asking costs as much as all else.
        self._known: set[int] = set()

    def add(self, words: Mapping[str, Iterable[str]]) -> None:
        """
        Take words in that are not there yet; `commit` makes them known.

        Args:
            words: Primary language subtag → words of that language, as they are written.
        """
        for language, written in words.items():
            for word in set(map(str.lower, written)):
                entry = f"{language}:{word}"
                if (known := hash(entry)) in self._known:
                    continue
                self._known.add(known)
                if self._has(entry) or is_unspaced(word) or has_digit(word):
                    continue
                self._is_changed = True
                self._get_writer().add_document(_make_entry(entry, word, language))

    def forget(self, is_present: Callable[[str], bool]) -> int:
        """
        Take out the words that no document has any more, and return how many there were; `commit` makes them unknown.

        Args:
            is_present: Whether a document has a term.
        """
        gone = [
            entry
            for entry, _ in self._searcher.terms_with_prefix("entry", "")
            if not is_present(get_terms(entry.partition(":")[2])) and self._has(entry)
        ]
        for entry in gone:
            self._get_writer().delete_documents_by_term("entry", entry)
            self._known.discard(hash(entry))
        self._is_changed = bool(gone)
        return len(gone)

    def commit(self) -> None:
        """Keep what was added, and let it be found."""
        if self._writer is not None and self._is_changed:
            self._writer.commit()
            self._index.reload()
            self._searcher = self._index.searcher()
            self._languages = self._read_languages()
            self._is_changed = False
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()

    def abandon(self) -> None:
        """Drop what was added since the last commit, and let another process write here."""
        self._writer = None
        self._is_changed = False
        self._known.clear()

    def __len__(self) -> int:
        """How many words there are; those of each language are counted."""
        return int(self._searcher.num_docs)

    def _has(self, entry: str) -> bool:
        if not self._searcher.doc_freq("entry", entry):
            return False
        # One that was taken out is counted until the library tidies up.
        query = tantivy.Query.term_query(self._schema, "entry", entry, "basic")
        return count_matches(self._searcher, query) > 0

    def _get_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(_WRITER_BYTES, num_threads=1)
        return self._writer

    def find_inflections(self, word: str) -> set[str]:
        """Return the terms of the words that share a stem with a word, in any language."""
        return {
            term
            for stem, stemming in self._list_stems(word).items()
            for term, language in self._find_with_stem(stem)
            if language in stemming
        }

    def _list_stems(self, word: str) -> dict[str, set[str]]:
        """Return the stems of a word, each with its languages."""
        # Most stemmers leave the same: it is looked up once.
        languages: dict[str, set[str]] = {}
        for language in self._languages:
            for stem in get_stems(word, language):
                languages.setdefault(stem, set()).add(language)
        return languages

    def _find_with_stem(self, stem: str) -> Iterator[tuple[str, str]]:
        """Yield the terms of the words that have a stem, each with its language."""
        for entry, _ in self._searcher.terms_with_prefix("stems", f"{stem}{_GAP}", limit=MAX_FORMS):
            _, language, term = entry.split(_GAP)
            yield term, language

    def find_compounds(self, word: str, is_present: Callable[[str], bool]) -> list[str]:
        """
        Return the terms of the compounds that a word is a part of, the shortest first.

        Args:
            is_present: Whether a term counts as one of the collection.
        """
        terms = {get_terms(spelling) for spelling in (word, restore_umlauts(word))}
        forms = [get_stems(spelling, "de") for spelling in (word, restore_umlauts(word))]
        stems = {each[0] for each in forms if each}
        # Where Latin is declined, the plural is what compounds begin with: Firmensitz, Kriterienliste.
        plurals = {f"{stem}en" for each in forms for stem in each[1:]}
        parts = {part for part in terms | stems | plurals if len(part) >= MIN_PART}
        # A stem that no word has may be that of a slip of the pen, and merely begin the word that was meant.
        only_last = {
            stem for stem in stems if not any(is_present(term) for term, _ in self._find_with_stem(stem))
        } - terms
        found: dict[str, None] = {}
        for part in parts:
            prefix = f"{part}{_GAP}" if part in only_last else part
            for entry, _ in self._searcher.terms_with_prefix("endings", prefix, limit=2 * MAX_FORMS):
                ending, _, before = entry.partition(_GAP)
                # Not all that merely contain the letters contain the word.
                if (before or len(ending) >= len(part) + _MIN_REST) and before + ending not in parts:
                    found[before + ending] = None
        return sorted(found, key=lambda term: (len(term), term))[:MAX_FORMS]

    def find_similar(self, term: str, distance: int, *, is_beginning: bool = False) -> dict[str, str]:
        """
        Return the terms that are so many slips of the pen away from one, or fewer, and how the words are written.

        Args:
            is_beginning: Longer words that begin like that are meant, too.
        """
        query = tantivy.Query.fuzzy_term_query(self._schema, "term", term, distance, True, is_beginning)
        return {get_terms(word): word for word in self._list_words(query) if get_terms(word) != term}

    def find_similar_stems(self, word: str, is_probable: Callable[[str], bool]) -> dict[str, str]:
        """
        Return the terms of words in another form that a slip of the pen in a word may stand for, and the words.

        Args:
            is_probable: Whether the word may be of a language.
        """
        found = {}
        term = get_terms(word)
        least = max(_MIN_SIMILAR_STEM, len(term) * _LEAST_SHARE)
        # A letter typed twice at the end hides the ending.
        stems = self._list_stems(word) | self._list_stems(re.sub(r"(.)\1$", r"\1", word))
        for stem, stemming in stems.items():
            # Where little is left of a word, or it begins otherwise, too much would be near it.
            if len(stem) < least or not (stem[:2] in term or term.startswith(stem[1:3])):
                continue
            if not (languages := set(filter(is_probable, stemming))):
                continue
            query = tantivy.Query.fuzzy_term_query(self._schema, "stem", stem, 1, True)
            for each in self._list_words(self._limit_languages(query, languages)):
                others = {other for language in languages for other in get_stems(each, language)}
                if len(stem) >= _MIN_OTHER_FIRST or any(other[0] == stem[0] for other in others):
                    found[get_terms(each)] = each
        return found

    def _limit_languages(self, query: tantivy.Query, languages: Iterable[str]) -> tantivy.Query:
        those = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "language", each, "basic"))
            for each in sorted(languages)
        ]
        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, query), (tantivy.Occur.Must, tantivy.Query.boolean_query(those))]
        )

    def _list_words(self, query: tantivy.Query) -> list[str]:
        hits = self._searcher.search(query, MAX_FORMS, count=False).hits
        return sorted(bytes(self._searcher.doc(address)["word"][0]).decode() for _, address in hits)

    def split(self, word: str, is_present: Callable[[str], bool], *, by_words: bool = False) -> list[str]:
        """
        Return the parts of a German compound, if words of the collection have them all; the likeliest and fewest.

        Args:
            is_present: Whether a term counts as one of the collection.
            by_words: Each part must be a word by itself.
        """
        term = get_terms(word)
        if not MIN_PART + _MIN_REST <= len(term) <= _MAX_LENGTH or not term.isalpha():
            return []

        @cache
        def is_word(part: str) -> bool:
            return any(map(is_present, self._find_words(part)))

        @cache
        def is_bound(part: str, is_last: bool) -> bool:
            return any(map(is_present, self._find_containing(part, is_last=is_last)))

        parts = _divide(term, is_word, lambda _part, _is_last: False)
        # To look into other compounds takes ten times as long.
        return parts if parts or by_words else _divide(term, is_word, is_bound)

    def _find_words(self, part: str) -> Iterator[str]:
        """Yield the terms of the words that a part of a compound is, in any of their forms."""
        yield part
        if len(part) < MIN_PART:
            # A short stem is that of too many words.
            return
        for stem in get_stems(part, "de"):
            yield from (term for term, language in self._find_with_stem(stem) if language == "de")

    def _find_containing(self, part: str, *, is_last: bool) -> Iterator[str]:
        """Yield the terms of the compounds that what is no word by itself begins, or ends."""
        if is_last:
            for entry, _ in self._searcher.terms_with_prefix("endings", f"{part}{_GAP}", limit=MAX_FORMS):
                ending, _, before = entry.partition(_GAP)
                yield before + ending
        else:
            for term, _ in self._searcher.terms_with_prefix("term", part, limit=MAX_FORMS):
                yield term

    def _read_languages(self) -> list[str]:
        return [language for language, _ in self._searcher.terms_with_prefix("language", "")]


def _divide(term: str, is_word: Callable[[str], bool], is_bound: Callable[[str, bool], bool]) -> list[str]:
    """
    Return the parts of a compound, the least doubtful and fewest; none where it has no such parts.

    Args:
        is_word: Whether a part is a word by itself.
        is_bound: Whether a part begins other compounds or, if it is the last, ends them.
    """
    # The best way to write the compound up to each place: its parts, and how doubtful they are.
    best: dict[int, tuple[float, list[str]]] = {0: (0, [])}
    for end in range(_MIN_REST, len(term) + 1):
        is_last = end == len(term)
        for start in range(end - _MIN_REST + 1):
            if start not in best or (start, end) == (0, len(term)):
                continue
            doubts, parts = best[start]
            pieces = _list_unlinked(term[start:end], is_last=is_last)
            if not (part := next(filter(is_word, pieces), "")):
                part = next((each for each in pieces if len(each) > MIN_PART and is_bound(each, is_last)), "")
                doubts += 1 if len(part) < _SURE_PART else 0.5
            if not part or doubts > 1:
                continue
            parts = [*parts, part]
            if end not in best or (doubts, len(parts)) < (best[end][0], len(best[end][1])):
                best[end] = (doubts, parts)
    _, parts = best.get(len(term), (0, []))
    return parts if any(len(part) >= MIN_PART for part in parts) else []


def _list_unlinked(piece: str, *, is_last: bool) -> list[str]:
    """Return the parts that a piece of a compound may be, without what links it to the next."""
    links = ("",) if is_last else _LINKS
    return [part for link in links if piece.endswith(link) and len(part := piece.removesuffix(link)) >= _MIN_REST]


def make_lexicon(folder: Path) -> None:
    """
    Make an empty lexicon in a new folder.

    Raises:
        OSError, ValueError: As `make_index`.
    """
    make_index(_build_schema(), folder)


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("entry", tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field("word", stored=True)
    builder.add_text_field("term", tokenizer_name="raw", index_option="basic")
    # Several in one text, for each call into the library costs more than the words in it.
    for name in ("stem", "stems", "endings"):
        builder.add_text_field(name, tokenizer_name=TERMS, index_option="basic")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    return builder.build()


def _make_entry(entry: str, word: str, language: str) -> tantivy.Document:
    made = tantivy.Document()
    term = get_terms(word)
    made.add_text("entry", entry)
    made.add_bytes("word", word.encode())
    made.add_text("term", term)
    made.add_text("language", language)
    stems = get_stems(word, language)
    made.add_text("stem", " ".join(stems))
    made.add_text("stems", " ".join([f"{stem}{_GAP}{language}{_GAP}{term}" for stem in stems]))
    if language in COMPOUNDING and MIN_PART + 2 <= len(term) <= _MAX_LENGTH and not has_digit(term):
        # A part stands at the beginning, or after another.
        starts = range(_MIN_REST, len(term) - MIN_PART + 1)
        endings = [f"{term}{_GAP}", *(f"{term[start:]}{_GAP}{term[:start]}" for start in starts)]
        if term[:2] in _SHORT_PARTS:
            endings.append(f"{term[2:]}{_GAP}{term[:2]}")
        made.add_text("endings", " ".join(endings))
    return made
