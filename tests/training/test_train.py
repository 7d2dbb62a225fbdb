"""Training: from a data folder to a folder that loads as a model."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dedupe.config import Config
from dedupe.errors import ModelError
from dedupe.models.loading import MODELS
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder, score_texts
from dedupe.scoring.cross_encoder.text import prepare_texts
from dedupe.training import train
from dedupe.training.train import earlier_release, main

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("one_lesson")]


def test_a_trained_model_is_written_with_its_figures_and_loads(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # test_fine_tuning.py runs the training loop itself; everything around it is real here.
    stages: list[tuple[str, str]] = []

    def fine_tune(pairs: object, start: Path, out: Path, *_: object) -> Path:
        stages.append((start.name, out.name))
        shutil.copytree(MODELS / "cross-encoder", out)
        return out

    monkeypatch.setattr("dedupe.training.train.fine_tune", fine_tune)
    earlier = shutil.copytree(MODELS / "cross-encoder", tmp_path / "earlier")
    monkeypatch.setattr("dedupe.training.train.earlier_release", lambda _: earlier)
    small = [
        "--synthetic",
        "40",
        "--people",
        "20",
        "--synthetic-again",
        "20",
        "--people-again",
        "10",
    ]
    main([str(data), str(tmp_path / "work"), "--out", str(tmp_path / "model"), *small])
    assert stages == [("earlier", "trained")]
    figures = json.loads((tmp_path / "model/figures.json").read_text())
    assert set(figures["sets"]) == {"published", "table"}
    assert figures["sets"]["published"]["pairs"] == 30
    card = (tmp_path / "model/README.md").read_text()
    assert "| published | 30 |" in card and "apache-2.0" in card
    assert "{" not in card
    assert (tmp_path / "model/model.safetensors").stat().st_size < 60e6
    output = capsys.readouterr().out
    assert " pairs, " in output and "written to " in output
    model = load_cross_encoder(Config(cross_encoder=str(tmp_path / "model")))
    texts = prepare_texts(model, ["name: ada lovelace", "name: ada lovelace"])
    assert score_texts(model, texts[:1], texts[1:])[0] > 0.5


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose history holds weights that its working tree has replaced."""
    clone = tmp_path / "clone"
    weights = clone / "dedupe/models/cross-encoder/model.safetensors"
    weights.parent.mkdir(parents=True)

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=clone, capture_output=True, check=True, text=True).stdout

    git("init")
    for content in ("old", "new"):
        weights.write_text(content)
        git("add", ".")
        git("commit", "-m", content)
    monkeypatch.setattr(train, "MODELS", clone / "dedupe/models")
    monkeypatch.setattr(train, "EARLIER_COMMIT", git("rev-parse", "HEAD~1").strip())
    monkeypatch.setattr(train, "EARLIER_SHA256", hashlib.sha256(b"old").hexdigest())
    return clone


@pytest.mark.usefixtures("released")
def test_the_weights_of_the_earlier_release_come_from_the_history(tmp_path: Path) -> None:
    folder = earlier_release(tmp_path)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "model.safetensors": "old"
    }
    assert earlier_release(tmp_path) == folder


def test_training_without_the_history_or_with_other_weights_is_an_error(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(train, "EARLIER_SHA256", "0" * 64)
        with pytest.raises(ModelError, match="other weights"):
            earlier_release(tmp_path)
    shutil.rmtree(released / ".git")
    with pytest.raises(ModelError, match="needs a clone"):
        earlier_release(tmp_path)
    assert not (tmp_path / train.EARLIER).exists()
