"""Training: from a data folder to a folder that loads as a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.models.loading import MODELS
from dedupe.scoring.cross_encoder import (
    load_cross_encoder,
    load_torch_cross_encoder,
    prepare_texts,
    score_texts,
)
from dedupe.training.recipe import Recipe
from dedupe.training.train import main, train_model

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

pytestmark = pytest.mark.model


def test_a_trained_model_is_written_with_its_figures_and_loads(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # test_fine_tuning.py runs the training loop itself; everything around it is real here.
    monkeypatch.setattr(
        "dedupe.training.train.fine_tune", lambda *_: load_torch_cross_encoder(Config(device="cpu"))
    )
    monkeypatch.setattr("dedupe.training.train.base_model", lambda: MODELS / "cross-encoder")
    main([str(data), "--out", str(tmp_path / "model"), "--device", "cpu", "--synthetic", "40",
          "--people", "20", "--synthetic-again", "40", "--people-again", "20",
          "--synthetic-tables", "0", "--searched", "60"])  # fmt: skip
    figures = json.loads((tmp_path / "model/figures.json").read_text())
    assert set(figures["sets"]) == {"published", "table"}
    assert figures["sets"]["published"]["pairs"] == 30
    card = (tmp_path / "model/README.md").read_text()
    assert "| published | 30 |" in card and "apache-2.0" in card
    assert "{" not in card
    assert (tmp_path / "model/model.safetensors").stat().st_size < 60e6
    output = capsys.readouterr().out
    assert "round 1: " in output and "round 2: " in output and "round 3: " in output
    model = load_cross_encoder(Config(cross_encoder=str(tmp_path / "model")))
    texts = prepare_texts(model, ["name: ada lovelace", "name: ada lovelace"])
    assert score_texts(model, texts[:1], texts[1:])[0] > 0.5


def test_training_starts_from_given_weights_at_a_round(
    data: Path,
    small: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    starts: list[Path] = []

    def fine_tune(pairs: object, start: Path, *_: object) -> CrossEncoder:
        starts.append(start)
        return load_torch_cross_encoder(Config(device="cpu"))

    monkeypatch.setattr("dedupe.training.train.fine_tune", fine_tune)
    last = small.rounds
    trained = train_model(data, small, tmp_path, start=MODELS / "cross-encoder", first=last)
    assert starts == [MODELS / "cross-encoder"]
    assert "round 1" not in capsys.readouterr().out
    assert set(trained.figures["sets"]) == {"published", "table"}
    with pytest.raises(OptionError, match=f"round {last + 1}"):
        train_model(data, small, tmp_path, start=MODELS / "cross-encoder", first=last + 1)
