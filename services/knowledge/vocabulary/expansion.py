"""
Which topics the words of a query name, and what these are called in every language.

It is all in memory and never scans: a query costs a look-up for each of its words, whatever the vocabulary's size.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

# Longer labels are descriptions; nobody types them.
MAX_WORDS = 16
# A label is known by 64 bits of its hash: one more in 2⁶⁴ look-ups finds a wrong topic.
HASH_BITS = 64


@dataclass(frozen=True, slots=True)
class Match:
    """
    A topic that words of a query name.

    Attributes:
        slug: The topic.
        start: Place of the first of these words in the query.
        end: Place after the last of them.
        labels: Language → its labels, each as a list of words; the preferred one is the first.
    """

    slug: str
    start: int
    end: int
    labels: dict[str, list[list[str]]]


class TopicExpander:
    """
    Finds topics by their labels.

    Args:
        topics: (slug, [(language, label, whether it is the preferred one)]) of each topic. Read once.
        normalize: Returns what a word has in common with its other forms in a language, or "" for one that does not
            count. Words of labels go through it and those of queries, so both have to be folded and cut alike.
        split: Returns the words of a label, as queries are cut into words.
    """

    def __init__(
        self,
        topics: Iterable[tuple[str, Iterable[tuple[str, str, bool]]]],
        normalize: Callable[[str, str], str],
        split: Callable[[str], Sequence[str]],
    ) -> None:
        self._normalize = normalize
        self._slugs: list[str] = []
        # Of each topic, a line for each label: its language and its words. A tenth of the memory of lists.
        self._labels: list[str] = []
        # Language → word → how many words the longest label has that begins with it.
        self._longest: dict[str, dict[str, int]] = {}
        entries = []
        for slug, labels in topics:
            place, lines = len(self._slugs), []
            for language, label, _preferred in sorted(labels, key=lambda entry: (entry[0], not entry[2])):
                words = split(label)
                if not words:
                    continue
                lines.append(f"{language} {' '.join(words)}")
                if key := self._make_key(words, language):
                    entries.append(_hash(language, key) << 32 | place)
                    longest = self._longest.setdefault(language, {})
                    longest[key[0]] = max(len(key), longest.get(key[0], 0))
            self._slugs.append(slug)
            self._labels.append("\n".join(lines))
        entries.sort()
        # Hash of a label, in order, and the place of its topic. Two labels of a topic may be alike.
        self._hashes = array("Q", (entry >> 32 for entry in entries))
        self._places = array("I", (entry & 0xFFFFFFFF for entry in entries))

    def __len__(self) -> int:
        return len(self._slugs)

    def find_concepts(self, words: Sequence[str]) -> list[Match]:
        """
        Return the topics that the words name, in their order.

        The longest labels are found first, and words that belong to one name nothing else: "climate adaptation" is not
        also "climate". All topics that share a label are returned.

        Args:
            words: Folded words of a query, cut as the labels were.
        """
        # In whatever language it is: first and last word → topics.
        spans: dict[tuple[int, int], list[int]] = {}
        for language, longest in self._longest.items():
            counted = [(place, form) for place, word in enumerate(words) if (form := self._normalize(word, language))]
            forms = [form for _, form in counted]
            for start, form in enumerate(forms):
                for end in range(start + 1, min(start + longest.get(form, 0), len(forms)) + 1):
                    if topics := list(self._iterate_places(_hash(language, forms[start:end]))):
                        spans.setdefault((counted[start][0], counted[end - 1][0] + 1), []).extend(topics)
        taken: set[int] = set()
        matches = []
        for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
            if taken.isdisjoint(range(start, end)):
                taken.update(range(start, end))
                matches += [
                    Match(self._slugs[topic], start, end, self._get_labels(topic))
                    for topic in dict.fromkeys(spans[start, end])
                ]
        return sorted(matches, key=lambda match: match.start)

    def _make_key(self, words: Sequence[str], language: str) -> list[str]:
        """Return the forms of a label's words that count; none of one that is too long."""
        forms = [form for word in words if (form := self._normalize(word, language))]
        return forms if len(forms) <= MAX_WORDS else []

    def _iterate_places(self, hashed: int) -> Iterator[int]:
        index = bisect_left(self._hashes, hashed)
        while index < len(self._hashes) and self._hashes[index] == hashed:
            yield self._places[index]
            index += 1

    def _get_labels(self, place: int) -> dict[str, list[list[str]]]:
        labels: dict[str, list[list[str]]] = {}
        for line in self._labels[place].splitlines():
            language, *words = line.split(" ")
            labels.setdefault(language, []).append(words)
        return labels


def _hash(language: str, forms: Sequence[str]) -> int:
    return hash(f"{language} {' '.join(forms)}") & (1 << HASH_BITS) - 1
