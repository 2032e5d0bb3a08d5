"""Queries drawn from a generated collection: words that stand together in it, as people type them, each asked once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random

from tests.bench.search.generator import BATCH, GeneratedLearning, make_batch
from tests.bench.search.words import read_words

# How many queries are of which kind, and how many words they have.
KINDS = {"words": 0.55, "phrase": 0.1, "prefix": 0.12, "typo": 0.13, "filtered": 0.1}
WORDS = {1: 0.15, 2: 0.3, 3: 0.25, 4: 0.15, 5: 0.1, 6: 0.05}
# They are drawn from so many batches at most: to make all of a large collection again would take minutes.
MOST_BATCHES = 50
_SHORTEST_PREFIX = 3
_SHORTEST_WORD_WITH_TYPO = 5
# From this rank on, words are equally worth asking for.
_RARE = 20_000


@dataclass(frozen=True, slots=True)
class DrawnQuery:
    """A query, and the learning that it was drawn from."""

    kind: str
    """One of `KINDS`."""
    text: str
    source: GeneratedLearning
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values by the name of the learning's field: `topics`, `cities` or `languages`; the source has them."""


def draw_queries(count: int, seed: int = 0, documents: int = 100_000) -> list[DrawnQuery]:
    """
    Return different queries drawn from the first `documents` learnings that `generate` yields for the same seed.

    Args:
        count: How many.
        seed: The seed of the collection.
        documents: The size of the collection.
    """
    random = Random(f"{seed}/{documents}")
    batches = math.ceil(documents / BATCH)
    drawn = random.sample(range(batches), min(batches, MOST_BATCHES))
    learnings = [learning for number in drawn for learning in make_batch(number, seed)[: documents - number * BATCH]]
    queries: dict[str, DrawnQuery] = {}
    while len(queries) < count:
        query = _draw(random, random.choice(learnings))
        queries.setdefault(query.text, query)
    return list(queries.values())


def _draw(random: Random, learning: GeneratedLearning) -> DrawnQuery:
    (kind,) = random.choices(list(KINDS), list(KINDS.values()))
    (length,) = random.choices(list(WORDS), list(WORDS.values()))
    text = random.choice((learning.title, learning.observation, learning.discussion, learning.conclusion))
    words = _split(random, learning.language, text)
    if kind == "phrase":
        start = random.randrange(max(1, len(words) - 2))
        joined = ("" if learning.language == "zh" else " ").join(words[start : start + 2])
        return DrawnQuery(kind, f'"{joined}"', learning)
    chosen = _choose_content_words(random, learning.language, words, length)
    if kind == "prefix":
        chosen[-1] = chosen[-1][: random.randint(_SHORTEST_PREFIX, max(_SHORTEST_PREFIX, len(chosen[-1]) - 1))]
    if kind == "typo":
        longest = max(range(len(chosen)), key=lambda place: len(chosen[place]))
        if learning.language == "zh" or len(chosen[longest]) < _SHORTEST_WORD_WITH_TYPO:
            kind = "words"
        else:
            chosen[longest] = _mistype(random, chosen[longest], letters=text)
    filters = _choose_filter(random, learning) if kind == "filtered" else {}
    return DrawnQuery(kind, " ".join(chosen), learning, filters)


def _split(random: Random, language: str, text: str) -> list[str]:
    """Return the words of a text in lower case; for Chinese, pieces of two or three characters."""
    if language != "zh":
        return [word for word in (word.strip(".,§") for word in text.lower().split()) if word]
    characters = "".join(character for character in text if character.isalnum())
    pieces, start = [], 0
    while start < len(characters):
        length = random.choice((2, 2, 3))
        pieces.append(characters[start : start + length])
        start += length
    return pieces


def _choose_content_words(random: Random, language: str, words: list[str], length: int) -> list[str]:
    """Choose different words; the rarer in the language, the likelier, for nobody asks for 'and'."""
    ranks = _rank_words(language)
    # The largest of weighted chances are a draw without replacement.
    chances = {word: random.random() ** (1 / ranks.get(word, _RARE) ** 0.5) for word in words}
    return sorted(chances, key=lambda word: -chances[word])[:length]


@cache
def _rank_words(language: str) -> dict[str, int]:
    words, _ = read_words(language)
    return {word: rank for rank, word in enumerate(words[:_RARE], start=1)}


def _mistype(random: Random, word: str, letters: str) -> str:
    """Change, drop, add or swap one letter of a word."""
    place = random.randrange(len(word) - 1)
    letter = random.choice([letter for letter in letters.lower() if letter.isalpha() and letter != word[place]])
    mistyped = (
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    )
    return random.choice([other for other in mistyped if other != word])


def _choose_filter(random: Random, learning: GeneratedLearning) -> dict[str, tuple[str, ...]]:
    filters = {"cities": learning.cities[-1:], "languages": (learning.language,), "topics": learning.topics[:1]}
    name = random.choice([name for name, values in filters.items() if values])
    return {name: filters[name]}
