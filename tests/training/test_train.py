"""Training: from a data folder to a folder that loads as a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dedupe.config import Config
from dedupe.models.loading import MODELS
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder, score_texts
from dedupe.scoring.cross_encoder.text import prepare_texts
from dedupe.training.train import main

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("one_lesson")]


def test_a_trained_model_is_written_with_its_figures_and_loads(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # test_fine_tuning.py runs the training loop itself; everything around it is real here.
    monkeypatch.setattr("dedupe.training.data_mix.NEVER_LEARNT", ("published",))
    stages: list[tuple[str, str]] = []

    def fine_tune(pairs: object, start: Path, out: Path, *_: object) -> Path:
        stages.append((start.name, out.name))
        shutil.copytree(MODELS / "cross-encoder", out)
        return out

    monkeypatch.setattr("dedupe.training.train.fine_tune", fine_tune)
    main([str(data), str(tmp_path / "work"), "--out", str(tmp_path / "model"), "--device", "cpu",
          "--synthetic", "40", "--people", "20"])  # fmt: skip
    assert stages == [("model", "first-stage"), ("first-stage", "second-stage")]
    figures = json.loads((tmp_path / "model/figures.json").read_text())
    assert set(figures["sets"]) == {"published", "table"}
    assert figures["sets"]["published"]["pairs"] == 30
    card = (tmp_path / "model/README.md").read_text()
    assert "| published | 30 |" in card and "apache-2.0" in card
    assert "{" not in card
    assert (tmp_path / "model/model.safetensors").stat().st_size < 60e6
    output = capsys.readouterr().out
    assert "first stage: " in output and "second stage: " in output
    model = load_cross_encoder(Config(cross_encoder=str(tmp_path / "model")))
    texts = prepare_texts(model, ["name: ada lovelace", "name: ada lovelace"])
    assert score_texts(model, texts[:1], texts[1:])[0] > 0.5
