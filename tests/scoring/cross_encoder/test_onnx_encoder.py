"""The bundled cross-encoder without torch: the same ids, close logits, and clear errors."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from dedupe.config import Config
from dedupe.errors import ModelError
from dedupe.records.records import record_text
from dedupe.scoring.cross_encoder.encoder import (
    TorchPairModel,
    load_cross_encoder,
    load_torch_cross_encoder,
    score_logits,
)
from dedupe.scoring.cross_encoder.onnx_encoder import (
    BUNDLED_FOLDER,
    GRAPH,
    WEIGHTS,
    OnnxCrossEncoder,
    PairInputs,
    equal_length_batches,
    graph_weights,
    quantise,
    runs_on_graph,
    thread_count,
)
from dedupe.scoring.cross_encoder.text import prepare_texts


@pytest.fixture(scope="module")
def model():
    return load_cross_encoder(Config(device="cpu"))


@pytest.fixture(scope="module")
def original():
    return load_torch_cross_encoder(Config(device="cpu"))


@pytest.fixture(scope="module")
def pairs(model) -> list[tuple[str, str]]:
    """Pairs of all lengths, some longer than the model reads, in several scripts."""
    rng = np.random.default_rng(0)
    words = [
        "anna",
        "müller",
        "1958",
        "str.",
        "12a",
        "naïve",
        "ab-c",
        "北京",
        "สมชาย",
        "qxzv",
        "$9.9",
    ]
    texts = []
    for length in rng.integers(1, 60, 120):
        chosen = rng.choice(words, length).tolist()
        texts.append(record_text([("name", " ".join(chosen)), ("city", rng.choice(words))]))
    texts += ["", "name: " + "z x " * 120, "name: " + "q " * 127, "[SEP] [CLS]"]
    texts = prepare_texts(model, texts)
    sides = rng.integers(0, len(texts), (300, 2)).tolist()
    sides += [[-4, -4], [-3, -2], [-2, -3], [-2, -2], [0, -3]]
    return [(texts[left], texts[right]) for left, right in sides]


@pytest.mark.model
def test_the_ids_are_those_of_sentence_transformers(model, original, pairs) -> None:
    assert isinstance(model, OnnxCrossEncoder)
    inputs = PairInputs.of(model.tokenizer, pairs, model.max_tokens)
    expected = original.tokenizer(
        [left for left, _ in pairs], [right for _, right in pairs], truncation=True
    )
    assert max(map(len, expected["input_ids"])) == model.max_tokens
    for number in range(len(pairs)):
        ids, types = inputs.batch(np.array([number]))
        assert ids[0].tolist() == expected["input_ids"][number]
        assert types[0].tolist() == expected["token_type_ids"][number]


@pytest.mark.model
def test_logits_are_close_to_single_precision(model, original, pairs) -> None:
    some = pairs[::4]
    exact, quick = TorchPairModel(original).logits(some), model.logits(some)
    assert quick.dtype == np.float32
    assert np.abs(quick - exact).mean() < 0.15


@pytest.mark.model
def test_the_score_does_not_depend_on_the_order_of_the_records(model, pairs) -> None:
    left, right = zip(*pairs[:40], strict=True)
    straight, swapped = score_logits(model, left, right), score_logits(model, right, left)
    np.testing.assert_array_equal(straight, swapped)


@pytest.mark.model
def test_the_score_does_not_depend_on_other_pairs(model, pairs) -> None:
    together = model.logits(pairs[:60])
    alone = np.concatenate([model.logits([pair]) for pair in pairs[:60]])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.model
def test_no_pairs_have_no_scores(model) -> None:
    assert model.logits([]).shape == (0,)


@pytest.mark.model
def test_progress_ends_at_all_pairs(model, pairs) -> None:
    seen: list[tuple[int, int]] = []
    model.logits(pairs[:9], lambda done, total: seen.append((done, total)))
    assert seen[-1] == (9, 9)


@pytest.mark.model
def test_scoring_imports_no_torch() -> None:
    script = (
        "import sys, dedupe\n"
        "ada = {'name': 'ada lovelace', 'born': '1815-12-10', 'city': 'london'}\n"
        "pair = {'left': ada, 'right': {**ada, 'name': 'ada lovelase'}}\n"
        "(chance,) = dedupe.score([pair], device='cpu')\n"
        "assert chance > 0.5\n"
        "packages = {name.split('.')[0] for name in sys.modules}\n"
        "print(packages & {'torch', 'transformers', 'sentence_transformers'})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def copy_of_the_model(folder: Path) -> Path:
    shutil.copytree(BUNDLED_FOLDER, folder, ignore=shutil.ignore_patterns("*.onnx", "*.jsonl"))
    return folder


@pytest.mark.model
def test_a_fine_tuned_model_runs_on_the_same_graph(model, tmp_path: Path) -> None:
    from dedupe.pipeline.fine_tuning.finetune import _in_single_precision, halved

    folder = tmp_path / "model"
    trained = _in_single_precision(BUNDLED_FOLDER, "cpu")
    trained.model.classifier.bias.data += 2
    halved(trained).save_pretrained(str(folder), create_model_card=False)
    other = load_cross_encoder(Config(cross_encoder=str(folder), device="cpu"))
    assert isinstance(other, OnnxCrossEncoder)
    pair = [("name: ada lovelace", "name: ada lovelase")]
    np.testing.assert_allclose(other.logits(pair), model.logits(pair) + 2, atol=1e-2)
    assert other.max_tokens == model.max_tokens


@pytest.mark.parametrize("damage", ["cut", "missing", "shape"])
def test_damaged_weights_are_one_clear_line(tmp_path: Path, damage: str) -> None:
    folder = copy_of_the_model(tmp_path / "model")
    tensors = load_file(folder / WEIGHTS)
    if damage == "cut":
        (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:1_000_000])
    else:
        removed = tensors.pop("bert.pooler.dense.weight")
        if damage == "shape":
            tensors["bert.pooler.dense.weight"] = removed[:5].copy()
        save_file(tensors, folder / WEIGHTS)
    with pytest.raises(ModelError, match="cannot load the cross-encoder") as raised:
        load_cross_encoder(Config(cross_encoder=str(folder), device="cpu"))
    assert "\n" not in str(raised.value)
    if damage != "cut":
        assert "bert.pooler.dense.weight" in str(raised.value)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("config.json", '"hidden_act": "gelu"', '"hidden_act": "relu"'),
        ("config.json", '"0": "LABEL_0"', '"0": "LABEL_0", "1": "LABEL_1"'),
        ("tokenizer.json", '"lowercase": true', '"lowercase": false'),
        ("modules.json", "[", '[{"idx": 1},'),
        ("config.json", "{", ""),
    ],
)
def test_another_architecture_does_not_run_on_the_graph(
    tmp_path: Path, file: str, before: str, after: str
) -> None:
    folder = copy_of_the_model(tmp_path / "model")
    assert runs_on_graph(folder)
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert not runs_on_graph(folder)
    assert not runs_on_graph(tmp_path)


def test_the_graph_is_the_one_that_the_code_exports() -> None:
    from dedupe.training.export_graph import graph_bytes

    written = graph_bytes(graph_weights(load_file(BUNDLED_FOLDER / WEIGHTS)))
    assert written == GRAPH.read_bytes()
    assert len(written) < 100_000


def test_quantised_weights_never_overflow_sixteen_bits() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_t(3, (384, 50)).astype(np.float32)
    matrix[:, 7] = 0
    quantised, factor = quantise(matrix)
    assert quantised.dtype == np.int8
    assert np.abs(quantised * factor - matrix).max() <= 0.51 * factor.max()
    pairs = quantised.reshape(-1, 2, 50).astype(np.int64)
    assert 255 * pairs.clip(min=0).sum(axis=1).max() < 2**15
    assert 255 * pairs.clip(max=0).sum(axis=1).min() >= -(2**15)


@given(st.lists(st.integers(3, 192), max_size=80), st.integers(1, 500))
def test_batches_hold_every_pair_once_and_one_length(lengths: list[int], tokens: int) -> None:
    array = np.array(lengths, dtype=np.int64)
    batches = equal_length_batches(array, tokens)
    assert sorted(i for batch in batches for i in batch.tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(set(array[batch].tolist())) == 1
        assert len(batch) == 1 or array[batch].sum() <= tokens
    assert [array[batch[0]] for batch in batches] == sorted(
        (array[batch[0]] for batch in batches), reverse=True
    )


def test_threads_are_the_cores_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dedupe.scoring.cross_encoder.onnx_encoder.cpu_count", lambda: 6)
    for value, expected in (("3", 3), ("", 6), ("0", 6), ("4,2", 6)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert thread_count() == expected
