"""
What the vectors of each language have in common, as multilingual-e5-small makes them.

They were taken from the vocabulary of topics, whose definitions say the same in ten languages, and are kept in a file.
They hold for the model of the wheel and for the same model in a folder; of another model nothing is known beforehand,
and its means are those of the learnings alone. ``python -m services.knowledge.language_means`` makes the file anew.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from services.knowledge.language_model import LanguageModel, WheelModel
from services.knowledge.search.language_detection import LANGUAGES
from services.knowledge.search.vectors import NO_MEANS, LanguageMeans, Vector
from services.knowledge.vocabulary.importing import OWN_FILE

FILE = Path(__file__).with_name("language_means.npz")
_PROBE = "Die Stadt lernt von ihren Partnerstädten."
_LEAST_LIKENESS = 0.95


def load_means(model: LanguageModel) -> LanguageMeans:
    """Return the means of a model; none where it is another than they were taken from."""
    with np.load(FILE) as kept:
        probe = kept["probe"].astype(np.float32)
        if probe.shape != (model.dimensions,) or probe @ model.embed_query(_PROBE) < _LEAST_LIKENESS:
            return NO_MEANS
        languages = [str(language) for language in kept["languages"]]
        passages, words, sentences = (
            dict(zip(languages, kept[name].astype(np.float32), strict=True))
            for name in ("passages", "words", "sentences")
        )
    return LanguageMeans(passages, words, sentences)


def make_means(model: LanguageModel, texts: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """
    Write the file.

    Args:
        texts: Language → label and definition of the same topics in each.
    """
    means: dict[str, list[Vector]] = {"passages": [], "words": [], "sentences": []}
    for pairs in texts.values():
        means["passages"].append(model.embed_passages([f"{label}\n{text}" for label, text in pairs]).mean(axis=0))
        means["words"].append(np.array([model.embed_query(label) for label, _ in pairs]).mean(axis=0))
        means["sentences"].append(np.array([model.embed_query(text) for _, text in pairs]).mean(axis=0))
    passages, words, sentences = (np.array(rows, np.float16) for rows in means.values())
    probe = model.embed_query(_PROBE).astype(np.float16)
    languages = np.array(list(texts))
    np.savez_compressed(FILE, languages=languages, probe=probe, passages=passages, words=words, sentences=sentences)


def _read_texts() -> dict[str, list[tuple[str, str]]]:
    """Return what the vocabulary says in every language, of the topics that it defines in all of them."""
    from services.knowledge.vocabulary.skos import read_statements  # brings pyoxigraph, which nothing that serves needs

    said: dict[str, dict[str, dict[str, str]]] = {}
    for statement in read_statements(OWN_FILE):
        if statement.kind in ("preferred", "definition"):
            said.setdefault(statement.subject, {}).setdefault(statement.kind, {})[statement.language] = statement.value
    defined = [texts for texts in said.values() if len(texts.get("definition", ())) == len(LANGUAGES)]
    return {
        language: [(texts["preferred"][language], texts["definition"][language]) for texts in defined]
        for language in LANGUAGES
    }


if __name__ == "__main__":
    make_means(WheelModel(), _read_texts())
