"""A small language model in ONNX that really runs: words of any language that mean the same have the same vector."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

DIMENSIONS = 32
SPECIAL = ("<s>", "</s>", "[UNK]", ":", "query", "passage")
MEANINGS = {
    "water": ("water", "Wasser", "مياه", "вода", "水"),
    "school": ("school", "Schule", "مدرسة", "школа", "学校"),
    "theatre": ("theatre", "Theater", "مسرح", "театр", "剧院"),
    "tram": ("tram", "Straßenbahn", "ترام", "трамвай", "电车"),
}

Words = Mapping[str, NDArray[np.float32]]


def make_small_model(
    folder: Path,
    *,
    seed: int = 0,
    meanings: Mapping[str, Sequence[str]] = MEANINGS,
    file: str = "model.onnx",
    inputs: Sequence[str] = ("input_ids", "attention_mask"),
    output: str = "last_hidden_state",
) -> Words:
    """
    Write a model and its tokenizer, and return the vector of each word, which is all that the model knows.

    Args:
        seed: Another one makes another model.
        file: Where in the folder the model lies.
        inputs: What the model takes.
        output: What it gives: a vector for each token.
    """
    chance = np.random.default_rng(seed)
    words = {word: chance.normal(0, 0.05, DIMENSIONS).astype(np.float32) for word in SPECIAL}
    for synonyms in meanings.values():
        words |= dict.fromkeys(synonyms, chance.normal(0, 1, DIMENSIONS).astype(np.float32))
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_model(path, np.array(list(words.values())), inputs, output)
    _write_tokenizer(folder / "tokenizer.json", list(words))
    return words


def _write_model(path: Path, table: NDArray[np.float32], inputs: Sequence[str], output: str) -> None:
    """Write a model that looks each token up, and blanks those that the mask leaves out."""
    nodes = [helper.make_node("Gather", ["table", inputs[0]], ["looked_up"])]
    vectors = "looked_up"
    if "attention_mask" in inputs:
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
            helper.make_node("Mul", [vectors, "column"], ["masked"]),
        ]
        vectors = "masked"
    for name in inputs[2:]:
        # Another type of token than the first would be worth as much as ten words.
        nodes += [
            helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", [f"{name}_float", "last"], [f"{name}_column"]),
            helper.make_node("Mul", [f"{name}_column", "ten"], [f"{name}_weight"]),
            helper.make_node("Add", [vectors, f"{name}_weight"], [f"with_{name}"]),
        ]
        vectors = f"with_{name}"
    nodes.append(helper.make_node("Identity", [vectors], [output]))
    constants = {"table": table, "last": np.array([-1], np.int64), "ten": np.array([10], np.float32)}
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "tokens", table.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _write_tokenizer(path: Path, words: Sequence[str]) -> None:
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    tokenizer.save(str(path))
