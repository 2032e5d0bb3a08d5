"""What a typed word stands for: itself, its other forms, compounds with it, what it begins, what was meant by it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from services.knowledge.search.analysis import get_terms, has_digit, is_unspaced
from services.knowledge.search.language_detection import LANGUAGES, guess_languages
from services.knowledge.search.lexicon import Lexicon
from services.knowledge.search.query import Occurrence, Unit
from services.knowledge.search.stemming import restore_umlauts
from services.knowledge.search.stop_words import STOP_WORDS, STOP_WORDS_OF

MIN_BEGINNING = 2
"""Shortest beginning of a word that is looked for, in letters."""
_INFLECTION, _CORRECTION, _PART, _JOINED = 0.9, 0.7, 0.5, 0.8
# A compound counts the more the more of it the word is.
_COMPOUND_LEAST, _COMPOUND_MOST = 0.3, 0.8
_MAX_COUNTED = 16
_FREQUENT, _FEW_COMPOUNDS = 100, 48
"""Of a word that so many documents have only so many compounds are looked for, the shortest."""
UNCOUNTED = -1
"""Stands for the frequency of what is looked for and not counted."""
_MAX_CORRECTIONS = 3
_MIN_CORRECTED, _MIN_TWO_SLIPS = 4, 10
"""Shortest words in which one slip is guessed at, and two, in letters."""
_MIN_OTHER_FIRST = 7
"""Shortest word of which the first letter is guessed at, in letters."""
_SURE_LENGTH = 8
"""A slip in shorter words may as well be another word: it counts less."""
_LEAST_PROBABLE = 0.05
"""Of a language that is less probable no word is looked for in another form."""
_MIN_BEGINNING_CORRECTED = 7
"""Shortest beginning of a longer word in which a slip is guessed at, in letters."""

Count = Callable[[str], int]
"""Tells in how many of the documents that the searcher may see a term occurs."""


class Relation(StrEnum):
    """What a term that is looked for has to do with what was typed."""

    SAME = "same"
    INFLECTION = "inflection"
    COMPOUND = "compound"
    BEGINNING = "beginning"
    CORRECTION = "correction"
    TOPIC = "topic"
    """It names the same topic, in this or another language."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A term that is looked for."""

    term: str
    weight: float
    """What a match of it counts, of a match of the word itself."""
    relation: Relation
    frequency: int
    """In how many documents it occurs that the searcher may see; `UNCOUNTED` where that is not known."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """All that is looked for in place of one unit of a query."""

    unit: Unit
    variants: tuple[Variant, ...] = ()
    """Any of them; empty for a phrase."""
    parts: tuple[tuple[Variant, ...], ...] = ()
    """Of a compound the variants of each part."""
    beginning: str = ""
    """What longer words begin with that are meant, too."""
    corrected: str = ""
    """The word that is there, in place of what was typed and is not."""
    is_found: bool = False
    """Whether any of it occurs where the searcher may see it."""

    @property
    def is_direct(self) -> bool:
        """Whether the word itself occurs, in one of its forms."""
        return any(variant.relation in (Relation.SAME, Relation.INFLECTION) for variant in self.variants)


def expand(units: Sequence[Unit], lexicon: Lexicon, count: Count, count_beginning: Count) -> list[Expansion]:
    """
    Return what is looked for, unit by unit.

    Args:
        count: Counts the documents with a term.
        count_beginning: Counts the documents with words that begin so.
    """
    expansions = [_expand(unit, lexicon, count, count_beginning) for unit in units]
    return _add_joined(expansions, count)


def _expand(unit: Unit, lexicon: Lexicon, count: Count, count_beginning: Count) -> Expansion:
    terms = unit.terms
    if len(terms) > 1 or unit.is_quoted:
        unit = _restore_phrase(unit, count)
        return Expansion(unit, is_found=all(map(count, unit.terms)))
    (word,), (term,) = unit.words, terms
    variants = _list_present([term], 1.0, Relation.SAME, count)
    if is_unspaced(term) or (has_digit(term) and not unit.is_open):
        return Expansion(unit, tuple(variants), is_found=bool(variants))
    variants += _list_present(lexicon.find_inflections(word) - {term}, _INFLECTION, Relation.INFLECTION, count)
    if unit.occurrence is Occurrence.MUST_NOT:
        return Expansion(unit, tuple(variants), is_found=bool(variants))
    is_direct = bool(variants)
    variants += _list_compounds(word, term, variants, lexicon, count)
    parts = _list_parts(word, lexicon, count, is_direct=is_direct)
    beginning = term if len(term) >= MIN_BEGINNING and (unit.is_open or not (is_direct or len(term) < 3)) else ""
    if beginning and not count(term) and not count_beginning(beginning):
        restored = get_terms(restore_umlauts(word))
        beginning = restored if restored != term and len(restored) > 2 and count_beginning(restored) else ""
    is_found = bool(variants or beginning or parts)
    expansion = Expansion(unit, tuple(variants), parts, beginning, is_found=is_found)
    # What can be read as a compound may be a slip of the pen as well. Who demands a word means it.
    is_certain = bool(variants or beginning) or unit.occurrence is Occurrence.MUST
    return expansion if is_certain else _correct(expansion, lexicon, count)


def _restore_phrase(unit: Unit, count: Count) -> Unit:
    """Return a phrase with umlauts in those of its words that are there only so."""
    words = tuple(
        restored if (restored := restore_umlauts(word)) != word and not count(get_terms(word)) else word
        for word in unit.words
    )
    # What was typed is still what people are shown.
    return replace(unit, words=words, stretch=unit.text) if words != unit.words else unit


def _list_compounds(word: str, term: str, known: Sequence[Variant], lexicon: Lexicon, count: Count) -> list[Variant]:
    taken = {variant.term for variant in known}
    found: list[Variant] = []
    is_frequent = any(variant.frequency >= _FREQUENT for variant in known)
    compounds = lexicon.find_compounds(word, lambda term: count(term) > 0)
    for compound in compounds[: _FEW_COMPOUNDS if is_frequent else None]:
        # There may be hundreds, the shortest first; to count them all would take longer than the search.
        frequency = count(compound) if len(found) < _MAX_COUNTED else UNCOUNTED
        if compound not in taken and frequency:
            weight = _COMPOUND_LEAST + (_COMPOUND_MOST - _COMPOUND_LEAST) * len(term) / len(compound)
            found.append(Variant(compound, min(weight, _COMPOUND_MOST), Relation.COMPOUND, frequency))
    return found


def _list_parts(word: str, lexicon: Lexicon, count: Count, *, is_direct: bool) -> tuple[tuple[Variant, ...], ...]:
    """
    Return the variants of each part of a compound; nothing for a word that is none.

    Args:
        is_direct: It occurs as a whole: only what is certainly a compound is taken for one, and what other compounds
            its parts are in is not asked.
    """

    def is_present(part: str) -> bool:
        return part not in STOP_WORDS_OF["de"] and count(part) > 0

    spellings = dict.fromkeys((word, restore_umlauts(word)))
    splits = (lexicon.split(spelling, is_present, by_words=is_direct) for spelling in spellings)
    parts = []
    for part in next(filter(None, splits), []):
        variants = _list_present({part} | lexicon.find_inflections(part), _PART, Relation.COMPOUND, count)
        if not is_direct:
            compounds = _list_compounds(part, part, variants, lexicon, count)
            variants += [replace(variant, weight=variant.weight * _PART) for variant in compounds]
        parts.append(tuple(variants))
    return tuple(parts) if len(parts) > 1 and all(parts) else ()


def _correct(expansion: Expansion, lexicon: Lexicon, count: Count) -> Expansion:
    """Return what was probably meant by a word that does not occur."""
    (word,), (term,) = expansion.unit.words, expansion.unit.terms
    for similar in _list_similar(word, term, lexicon):
        variants = [
            replace(variant, weight=_CORRECTION * _get_certainty(term, variant.term))
            for variant in _list_present(similar.keys() - STOP_WORDS, _CORRECTION, Relation.CORRECTION, count)
        ]
        if not variants:
            continue
        variants.sort(key=lambda variant: (variant.term[0] != term[0], -variant.frequency, variant.term))
        variants = variants[:_MAX_CORRECTIONS]
        best, weight = variants[0].term, variants[0].weight
        forms = lexicon.find_inflections(best) - {variant.term for variant in variants}
        variants += _list_present(forms, weight * _INFLECTION, Relation.CORRECTION, count)
        variants += [
            replace(variant, relation=Relation.CORRECTION, weight=variant.weight * weight)
            for variant in _list_compounds(best, best, variants, lexicon, count)
        ]
        corrected = "" if expansion.parts else similar[best]
        return replace(expansion, variants=tuple(variants), corrected=corrected, is_found=True)
    return expansion


def _is_likely(term: str, other: str) -> bool:
    """
    Return whether a word that is near another may have been meant by it.

    Short words are near many that are others: the beginning of one is hardly mistyped, and one of four letters is
    rather another word, unless a letter was left out.
    """
    if _has_same_letters(term, other) or len(term) >= _MIN_OTHER_FIRST:
        return True
    return term[0] == other[0] and (len(term) > _MIN_CORRECTED or len(other) > len(term))


def _get_certainty(term: str, other: str) -> float:
    """Return how certain it is that a word that is near another was meant by it: the longer, the surer."""
    return 1.0 if _has_same_letters(term, other) else min(len(term) / _SURE_LENGTH, 1.0) ** 2


def _has_same_letters(term: str, other: str) -> bool:
    """Return whether letters were only swapped or typed twice, which hardly makes another word."""
    return sorted(term) == sorted(other) or any(
        term[:place] + term[place + 1 :] == other for place in range(1, len(term)) if term[place] == term[place - 1]
    )


def _list_similar(word: str, term: str, lexicon: Lexicon) -> Iterator[dict[str, str]]:
    """
    Yield what may have been meant by a word, the likeliest first.

    One slip away from it or, in another form, from its stem; in a long word two; and what begins like that.
    """
    if has_digit(term) or len(term) < _MIN_CORRECTED:
        return
    near = lexicon.find_similar(term, 1)
    yield {other: near[other] for other in near if _is_likely(term, other)}
    if len(term) > _MIN_CORRECTED:
        likely = guess_languages(word)
        yield lexicon.find_similar_stems(
            word, lambda language: likely.get(language, 0.0) >= _LEAST_PROBABLE or language not in LANGUAGES
        )
    if len(term) >= _MIN_TWO_SLIPS:
        yield lexicon.find_similar(term, 2)
    if len(term) >= _MIN_BEGINNING_CORRECTED:
        yield lexicon.find_similar(term, 1, is_beginning=True)


def _add_joined(expansions: list[Expansion], count: Count) -> list[Expansion]:
    """Let two words that were typed one after the other find the word that they make together."""
    result = list(expansions)
    for place, (first, second) in enumerate(pairwise(expansions)):
        if not all(_may_be_joined(each.unit) for each in (first, second)):
            continue
        joined = [first.unit.terms[0] + link + second.unit.terms[0] for link in ("", "s")]
        if variants := _list_present(joined, _JOINED, Relation.COMPOUND, count):
            for at in (place, place + 1):
                known = {variant.term for variant in result[at].variants}
                new = [variant for variant in variants if variant.term not in known]
                result[at] = replace(result[at], variants=(*result[at].variants, *new), is_found=True)
    return result


def _may_be_joined(unit: Unit) -> bool:
    return (
        unit.occurrence is Occurrence.SHOULD
        and len(unit.terms) == 1
        and unit.terms[0].isalpha()
        and not is_unspaced(unit.terms[0])
    )


def _list_present(terms: Iterable[str], weight: float, relation: Relation, count: Count) -> list[Variant]:
    return [Variant(term, weight, relation, frequency) for term in sorted(terms) if (frequency := count(term))]
