"""
Words of the ten languages with how often they are written, most frequent first.

The frequencies are those of wordfreq (Apache-2.0, its data CC BY-SA 4.0): counted in subtitles, news, encyclopedias and
the web, 60,000 to 400,000 words a language, so that common words are as common, and rare ones as many, as in real text.
It has no Welsh. There the words of the judged set are the frequent ones, and the word forms that simplemma (MIT) knows
follow, in an order of chance.
"""

from collections import Counter
from functools import cache

import numpy as np
from simplemma.strategies.dictionaries import DefaultDictionaryFactory
from wordfreq import get_frequency_dict

from tests.bench.search.judged_set import read_learnings

# More words are too rare to meet, and would cost a gigabyte.
MOST_WORDS = 400_000
# Of the Welsh words written, so many are in no judged learning.
_UNJUDGED_SHARE = 0.15


@cache
def read_words(language: str) -> tuple[list[str], np.ndarray]:
    """Return the words of a language, most frequent first, and their shares of all words written, which sum to 1."""
    if language == "cy":
        return _read_welsh()
    frequencies = get_frequency_dict(language, "best")
    # wordfreq has emoji and, written with zeros, numbers.
    words = [word for word in frequencies if word.replace("'", "").isalpha()][:MOST_WORDS]
    shares = np.array([frequencies[word] for word in words])
    return words, shares / shares.sum()


def _read_welsh() -> tuple[list[str], np.ndarray]:
    counts = Counter(
        word
        for learning in read_learnings()
        if learning.language == "cy"
        for word in f"{learning.observation} {learning.discussion} {learning.recommendation}".lower().split()
        if word.isalpha()
    )
    judged = [word for word, _ in counts.most_common()]
    judged_shares = np.array([counts[word] for word in judged]) / counts.total()
    known_forms = {form.lower() for form in DefaultDictionaryFactory().get_dictionary("cy")}
    forms = sorted(form for form in known_forms - counts.keys() if form.isalpha())
    forms = [forms[place] for place in np.random.default_rng(0).permutation(len(forms))][:MOST_WORDS]
    # Zipf's law: the frequency of a word is inverse to its rank.
    form_shares = 1 / (len(judged) + np.arange(len(forms)))
    form_shares /= form_shares.sum()
    shares = np.concatenate([judged_shares * (1 - _UNJUDGED_SHARE), form_shares * _UNJUDGED_SHARE])
    return judged + forms, shares
