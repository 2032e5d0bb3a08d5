"""The language model, from the wheel and from a folder: what it makes of any text, and what it says of a bad folder."""

import os
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.embedded import free_port
from services.knowledge.language_model import (
    MAX_CHARACTERS,
    MAX_QUERY_TOKENS,
    MAX_TOKENS,
    FolderModel,
    LanguageModel,
    WheelModel,
    load_models,
)
from tests.calls import Keys
from tests.conftest import knowledge_settings
from tests.knowledge.small_model import DIMENSIONS, Words, make_small_model


@pytest.fixture(scope="module")
def wheel() -> WheelModel:
    return WheelModel()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


@pytest.fixture
def words(folder: Path) -> Words:
    return make_small_model(folder)


@pytest.fixture(params=["wheel", "folder"])
def model(request: pytest.FixtureRequest, wheel: WheelModel, folder: Path) -> LanguageModel:
    if request.param == "wheel":
        return wheel
    make_small_model(folder)
    return FolderModel(folder)


def normalize(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)


def combine(words: Words, *tokens: str) -> NDArray[np.float64]:
    """Return what the model is to make of tokens, between those that begin and end each text."""
    return normalize(sum(words[token].astype(np.float64) for token in ("<s>", *tokens, "</s>")))


def test_vectors_are_of_length_1_whatever_the_text_is(model: LanguageModel) -> None:
    texts = ["", " ", "\x00", "water\x00school", "\n\t", "😀", "水", "\u202eمياه\u202c", "a" * 300, "water " * 600]
    for vector in (*model.embed_passages(texts), *map(model.embed_query, texts)):
        assert vector.shape == (model.dimensions,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


def test_no_text_makes_no_vector(model: LanguageModel) -> None:
    assert model.embed_passages([]).shape == (0, model.dimensions)


def test_what_stands_behind_a_nul_counts_too(model: LanguageModel) -> None:
    assert np.array_equal(model.embed_query("water\x00school"), model.embed_query("water school"))


def test_a_text_means_the_same_however_its_letters_are_composed(wheel: WheelModel) -> None:
    text = "Kläranlage für Überlandströme"
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert np.array_equal(wheel.embed_query(composed), wheel.embed_query(decomposed))
    assert np.array_equal(*wheel.embed_passages([composed, decomposed]))


def test_a_text_is_cut_at_the_same_place_however_its_letters_are_composed(folder: Path, words: Words) -> None:
    text = "ä " * (MAX_CHARACTERS // 2) + "water"
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert np.array_equal(*FolderModel(folder).embed_passages([composed, decomposed]))


@pytest.mark.parametrize("char", ["水", "é", "ሀ", "😀", "§", "a ", "Wasser ", "\u00ad"])
def test_of_a_query_no_more_is_read_than_a_few_tokens_in_whatever_script_it_is(wheel: WheelModel, char: str) -> None:
    # Whatever follows: what would be read of it would change the vector.
    text = char * (2 * MAX_QUERY_TOKENS)
    assert np.array_equal(wheel.embed_query(text), wheel.embed_query(text + "🚲" * 500))


def test_a_query_is_cut_to_tokens_in_a_folder_as_well(folder: Path, words: Words) -> None:
    model = FolderModel(folder)
    # Between what begins and ends a text, after the prefix.
    read = ["water"] * (MAX_QUERY_TOKENS - 4)
    assert model.embed_query(" ".join([*read, *["school"] * 100])) == pytest.approx(combine(words, "query", ":", *read))


def test_a_long_question_is_read_whole(wheel: WheelModel) -> None:
    question = (
        "Wie haben andere Städte ihre Abwasserkanäle dazu genutzt, Schwimmhallen und Schulen im Winter zu heizen, und "
        "was hat es sie gekostet?"
    )
    assert not np.array_equal(wheel.embed_query(question), wheel.embed_query(question.removesuffix("gekostet?")))


def test_the_wheel_reads_20000_characters(wheel: WheelModel) -> None:
    text = "Die Stadt baut Straßenbahnen. " * 667 + "Das Theater spielt."
    (whole, beginning) = wheel.embed_passages([text, text[:3000]])
    assert len(text) > MAX_CHARACTERS
    assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-4)
    assert whole @ beginning > 0.95


def test_texts_of_one_meaning_are_near_in_every_language(wheel: WheelModel) -> None:
    query = wheel.embed_query("Wie reinigen Städte ihr Abwasser?")
    near, far = wheel.embed_passages(["تعالج المدينة مياه الصرف الصحي", "يعرض المسرح أعمالا جديدة كل شهر"])
    assert query @ near > query @ far


def test_a_model_answers_several_threads_at_once(model: LanguageModel) -> None:
    texts = [f"water {number} school " * (1 + number % 5) for number in range(40)]
    expected = [model.embed_query(text) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(model.embed_query, texts))
    assert all(map(np.array_equal, found, expected))


def test_a_query_does_not_wait_for_a_long_passage(wheel: WheelModel) -> None:
    with ThreadPoolExecutor(1) as thread:
        passage = thread.submit(wheel.embed_passages, ["Die Stadt baut Straßenbahnen. " * 400])
        wheel.embed_query("Straßenbahn")
        assert not passage.done()


@pytest.mark.parametrize(
    "inputs",
    [("input_ids",), ("input_ids", "attention_mask"), ("input_ids", "attention_mask", "token_type_ids")],
    ids=len,
)
@pytest.mark.parametrize("file", ["model.onnx", "onnx/model.onnx"])
def test_a_folder_gives_the_mean_of_the_tokens(folder: Path, file: str, inputs: tuple[str, ...]) -> None:
    words = make_small_model(folder, file=file, inputs=inputs)
    model = FolderModel(folder)
    assert model.dimensions == DIMENSIONS
    assert model.embed_query("Wasser Schule") == pytest.approx(combine(words, "query", ":", "water", "school"))
    (passage,) = model.embed_passages(["Wasser Schule"])
    assert passage == pytest.approx(combine(words, "passage", ":", "water", "school"), abs=1e-6)


def test_queries_and_passages_have_prefixes_of_their_own(folder: Path, words: Words) -> None:
    model = FolderModel(folder)
    assert not np.allclose(model.embed_query("water"), model.embed_passages(["water"])[0])


def test_a_long_text_gets_the_mean_of_its_stretches(folder: Path, words: Words) -> None:
    # Of a stretch's tokens, two begin and end it; of the first one's, two more are the prefix.
    water, school, theatre = MAX_TOKENS - 4, MAX_TOKENS - 2, 7
    text = "water " * water + "school " * school + "theatre " * theatre
    ends = words["<s>"].astype(np.float64) + words["</s>"]
    expected = (
        3 * ends
        + words["passage"]
        + words[":"]
        + water * words["water"].astype(np.float64)
        + school * words["school"].astype(np.float64)
        + theatre * words["theatre"].astype(np.float64)
    )
    (found,) = FolderModel(folder).embed_passages([text])
    assert found == pytest.approx(normalize(expected), abs=1e-6)


def test_passages_do_not_depend_on_those_embedded_with_them(folder: Path, words: Words) -> None:
    model = FolderModel(folder)
    texts = ["water", "school " * 700, "", "theatre water"]
    alone = np.vstack([model.embed_passages([text]) for text in texts])
    assert np.array_equal(model.embed_passages(texts), alone)


def test_other_contents_make_another_model(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_small_model(tmp_path / name, seed=seed)
    a, b, c = (FolderModel(tmp_path / name).id for name in "abc")
    (tmp_path / "b" / "tokenizer.json").write_text((tmp_path / "b" / "tokenizer.json").read_text() + "\n")
    (tmp_path / "a" / "model.onnx_data").write_bytes(b"weights")
    others = {FolderModel(tmp_path / name).id for name in "ab"}
    assert a == b != c
    assert len({a, c, *others}) == 4


def test_the_wanted_model_comes_first_and_each_only_once(tmp_path: Path, wheel: WheelModel) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    make_small_model(new, seed=1)
    make_small_model(old, seed=2)
    make_small_model(tmp_path / "same", seed=1)
    ids = [FolderModel(new).id, FolderModel(old).id, wheel.id]
    assert [model.id for model in load_models(None)] == [wheel.id]
    assert [model.id for model in load_models(new)] == [ids[0], wheel.id]
    assert [model.id for model in load_models(new, old)] == ids[:2]
    assert [model.id for model in load_models(None, old)] == [wheel.id, ids[1]]
    assert [model.id for model in load_models(new, tmp_path / "same")] == ids[:1]


def break_nothing(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    (folder / "tokenizer.json").unlink()


def break_model(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


def break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"model": ')


def break_words(folder: Path) -> None:
    """Let the tokenizer know words that the model does not."""
    meanings = {str(number): [f"word{number}"] for number in range(50)}
    make_small_model(folder, meanings={**meanings, "last": ["Stadt"]})
    make_small_model(folder.with_name("other"))
    (folder / "model.onnx").write_bytes((folder.with_name("other") / "model.onnx").read_bytes())


BROKEN = {
    "empty": (break_nothing, "has no model.onnx"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer.json"),
    "no model in it": (break_model, "holds no language model that works"),
    "half a tokenizer": (break_tokenizer, "holds no language model that works"),
    "another's tokenizer": (break_words, "holds no language model that works"),
    "wants more": (
        lambda folder: make_small_model(folder, inputs=("input_ids", "attention_mask", "pixel_values")),
        "wants pixel_values",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_folder_without_a_model_that_works_is_named_in_one_line(folder: Path, words: Words, kind: str) -> None:
    damage, reason = BROKEN[kind]
    damage(folder)
    with pytest.raises(ValueError, match=reason) as raised:
        FolderModel(folder)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"has no model\.onnx") as raised:
        FolderModel(folder)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize("arguments", [[], ["work"]], ids=["serving", "working"])
def test_a_service_with_a_broken_model_ends_with_one_line(
    folder: Path, words: Words, keys: Keys, arguments: list[str]
) -> None:
    break_model(folder)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": "proto",
        "KNOWLEDGE_DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/nothing",
        "KNOWLEDGE_MODEL_PATH": str(folder),
        "NATS_URL": f"nats://127.0.0.1:{free_port()}",
        "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
        **knowledge_settings(folder.with_name("index")),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "services.knowledge", *arguments],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"knowledge: {folder} holds no language model that works: ")


def test_whoever_runs_a_model_is_not_counted_for_its_makers(folder: Path, words: Words) -> None:
    # onnxruntime keeps a number for each user in the home directory, and complains where it can't.
    program = "import pathlib, sys, services.knowledge.language_model as m; m.FolderModel(pathlib.Path(sys.argv[1]))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "proto", "HOME": "/dev/null/nowhere"}
    counted = run_program("import onnxruntime", environment)
    assert "telemetry" in counted.stderr, "the control"
    assert run_program(program, environment, str(folder)).stderr == ""


def run_program(program: str, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python to its end."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
