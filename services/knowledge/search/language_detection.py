"""
In which language a query probably is.

It is asked of short texts, so the answer is a hedge: a probability for each of a few languages.
"""

import re
import threading
from collections.abc import Mapping
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

LANGUAGES = ("ar", "cy", "de", "en", "he", "lt", "pl", "tr", "uk", "zh")
"""Those that are told apart."""
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_SCRIPTS = {
    "ar": re.compile("[\u0600-\u06ff]"),
    "he": re.compile("[\u05d0-\u05ea]"),
    "uk": re.compile("[\u0400-\u04ff]"),
    "zh": re.compile("[\u3400-\u9fff]"),
    **dict.fromkeys(("cy", "de", "en", "lt", "pl", "tr"), _LATIN),
}
_READER_WEIGHT = 2.0
"""How much likelier the reader's own language is than another, other things equal."""
_LEAST = 0.02
_lock = threading.Lock()


def guess_languages(text: str, reader_language: str = "") -> Mapping[str, float]:
    """
    Return primary subtag → probability of the languages that a query may be in; together 1.

    Args:
        reader_language: Primary subtag; "" where it is not known.
    """
    possible = [language for language, script in _SCRIPTS.items() if script.search(text)] or LANGUAGES
    with _lock:
        ranked = dict(_get_identifier().rank(text))
    weights = {
        language: float(ranked.get(language, 0.0)) * (_READER_WEIGHT if language == reader_language else 1.0)
        for language in possible
    }
    total = sum(weights.values()) or 1.0
    likely = {language: weight / total for language, weight in weights.items() if weight / total >= _LEAST}
    return {language: share / sum(likely.values()) for language, share in likely.items()} or {"en": 1.0}


@cache
def _get_identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier
