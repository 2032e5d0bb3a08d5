"""
Vectors of documents, compared in memory.

Vectors of multilingual models cluster by language: most of the nearest neighbours of a text are in its own language,
whatever they are about. What is the same in all texts of a language, the mean of their vectors, is taken away from
documents and queries, so that only what they are about is compared ("centring"; Libovický et al., *On the language
neutrality of pre-trained multilingual representations*, 2020).
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.knowledge.search.documents import get_key
from services.knowledge.search.stemming import get_primary

Vector = NDArray[np.float32]

_PRIOR_WEIGHT = 20
"""A language's mean counts as if so many documents had been as the model was seen to be elsewhere."""
_REFRESH_SHARE = 0.05
"""Means are taken anew when so much of the collection has changed."""
_SHORTEST = 1e-3
_WORDS, _SENTENCE = 2, 8
"""Queries up to so many words are words; from so many on, sentences."""


@dataclass(frozen=True, slots=True)
class LanguageMeans:
    """What the vectors that a model makes of texts in a language have in common, by primary subtag."""

    passages: Mapping[str, Vector]
    """Of what can be found; of use while there are few documents."""
    words: Mapping[str, Vector]
    """Of queries of a word or two."""
    sentences: Mapping[str, Vector]
    """Of longer ones."""

    def get_query_mean(self, language: str, length: int) -> Vector | None:
        """Return the mean of queries of so many words; None where nothing is known of the language."""
        if language not in self.words:
            return None
        share = min(max((length - _WORDS) / (_SENTENCE - _WORDS), 0.0), 1.0)
        return np.asarray((1 - share) * self.words[language] + share * self.sentences[language])


NO_MEANS = LanguageMeans({}, {}, {})


@dataclass(frozen=True, slots=True)
class DocumentVector:
    """What a document is about."""

    id: str
    language: str
    vector: Vector
    """Of length 1."""


class Meaning:
    """How near all documents are to a query."""

    def __init__(self, keys: NDArray[np.int64], scores: Vector) -> None:
        self._keys = keys
        self._scores = scores

    def leave_out(self, key: int) -> "Meaning":
        """Return the same without one document."""
        others = self._keys != key
        return Meaning(self._keys[others], self._scores[others])

    def list_nearest(self, floor: float, limit: int) -> list[tuple[int, float]]:
        """Return key and nearness (a cosine) of the documents that are not farther than a floor, nearest first."""
        candidates = np.flatnonzero(self._scores >= floor)
        if len(candidates) > limit:
            candidates = candidates[np.argpartition(self._scores[candidates], -limit)[-limit:]]
        order = np.lexsort((self._keys[candidates], -self._scores[candidates]))
        ranked = candidates[order]
        return list(zip(self._keys[ranked].tolist(), self._scores[ranked].tolist(), strict=True))


class Vectors:
    """
    The vectors of a collection.

    Safe to call from any thread.

    Args:
        dimensions: Length of the vectors.
        means: Of the model that they are of.
    """

    def __init__(self, dimensions: int, means: LanguageMeans = NO_MEANS) -> None:
        self._lock = threading.Lock()
        self._prior = means
        self._dimensions = dimensions
        self._languages: dict[str, int] = {}
        self._sums = np.zeros((0, dimensions), np.float64)
        self._counts = np.zeros(0, np.int64)
        self._rows: dict[int, int] = {}
        self._keys = np.zeros(0, np.int64)
        self._matrix = np.zeros((0, dimensions), np.float32)
        self._codes = np.zeros(0, np.int16)
        self._lengths = np.zeros(0, np.float32)
        self._means = np.zeros((0, dimensions), np.float32)
        self._changes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, documents: Iterable[DocumentVector]) -> None:
        """Take vectors in, in place of those of the same documents."""
        with self._lock:
            for document in documents:
                key = get_key(document.id)
                self._remove(key)
                row, code = self._add_row(), self._get_code(get_primary(document.language))
                self._keys[row], self._codes[row], self._matrix[row] = key, code, document.vector
                self._lengths[row] = max(float(np.linalg.norm(document.vector - self._means[code])), _SHORTEST)
                self._sums[code] += document.vector
                self._counts[code] += 1
                self._rows[key] = row
                self._changes += 1

    def remove(self, ids: Iterable[str]) -> None:
        """Forget documents."""
        with self._lock:
            for id_ in ids:
                self._remove(get_key(id_))

    def compare(self, vector: Vector, languages: Mapping[str, float], length: int) -> Meaning:
        """
        Return how near all documents are to a query.

        Args:
            vector: The query's, of length 1.
            languages: Primary subtag → how probable it is that the query is in that language; together 1.
            length: How many words it has.
        """
        mean = np.zeros(self._dimensions)
        for language, share in languages.items():
            own = self._prior.get_query_mean(language, length)
            with self._lock:
                mean += share * (self._get_mean(language) if own is None else own)
        return self._compare(vector - mean)

    def _compare(self, centred: NDArray[np.float64]) -> Meaning:
        with self._lock:
            if self._changes > _REFRESH_SHARE * len(self._rows):
                self._refresh()
            count = len(self._rows)
            matrix, codes, lengths = self._matrix[:count], self._codes[:count], self._lengths[:count]
            keys, means = self._keys[:count].copy(), self._means
            direction = (centred / max(float(np.linalg.norm(centred)), 1e-9)).astype(np.float32)
            scores = (matrix @ direction - (means @ direction)[codes]) / lengths
        return Meaning(keys, np.asarray(scores, np.float32))

    def compare_to(self, id_: str) -> Meaning | None:
        """Return how near the other documents are to one; None where nothing is known of it."""
        with self._lock:
            key = get_key(id_)
            row = self._rows.get(key)
            if row is None:
                return None
            centred = np.asarray(self._matrix[row] - self._means[self._codes[row]], np.float64)
        return self._compare(centred).leave_out(key)

    def _refresh(self) -> None:
        """Take the means as they are now, and the lengths that the vectors have without them."""
        count = len(self._rows)
        for language, code in self._languages.items():
            mean = self._means[code] = self._get_mean(language)
            rows = np.flatnonzero(self._codes[:count] == code)
            # |d - m|² of vectors of length 1, without a second matrix.
            squares = 1 - 2 * (self._matrix[rows] @ self._means[code]) + float(mean @ mean)
            self._lengths[rows] = np.sqrt(np.maximum(squares, _SHORTEST**2))
        self._changes = 0

    def _get_mean(self, language: str) -> NDArray[np.float64]:
        """Return the mean vector of a language; near that of all where little is known of it."""
        code = self._languages.get(language)
        count = int(self._counts[code]) if code is not None else 0
        total = self._sums[code] if code is not None else np.zeros(self._dimensions)
        prior = self._prior.passages.get(language)
        if prior is None:
            # A single document is not what all have in common: nothing of it would be left.
            known = sum(self._prior.passages.values(), np.zeros(self._dimensions)) / max(len(self._prior.passages), 1)
            prior = (self._sums.sum(axis=0) + _PRIOR_WEIGHT * known) / (len(self._rows) + _PRIOR_WEIGHT)
        return np.asarray((total + _PRIOR_WEIGHT * prior) / (count + _PRIOR_WEIGHT))

    def _get_code(self, language: str) -> int:
        if language not in self._languages:
            self._languages[language] = len(self._languages)
            self._sums = np.vstack([self._sums, np.zeros(self._dimensions)])
            self._counts = np.append(self._counts, 0)
            self._means = np.vstack([self._means, self._get_mean(language).astype(np.float32)])
        return self._languages[language]

    def _add_row(self) -> int:
        row = len(self._rows)
        if row == len(self._keys):
            room = max(1024, row // 2)
            self._keys = np.append(self._keys, np.zeros(room, np.int64))
            self._codes = np.append(self._codes, np.zeros(room, np.int16))
            self._lengths = np.append(self._lengths, np.ones(room, np.float32))
            self._matrix = np.vstack([self._matrix, np.zeros((room, self._dimensions), np.float32)])
        return row

    def _remove(self, key: int) -> None:
        row = self._rows.pop(key, None)
        if row is None:
            return
        code, last = self._codes[row], len(self._rows)
        self._sums[code] -= self._matrix[row]
        self._counts[code] -= 1
        # The last one takes its place, so that there are no gaps.
        if row != last:
            for array in (self._keys, self._codes, self._lengths, self._matrix):
                array[row] = array[last]
            self._rows[int(self._keys[row])] = row
        self._changes += 1
