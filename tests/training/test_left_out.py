"""Cross-encoders for sources that they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dedupe.training import data_mix, left_out
from dedupe.training.data import TextPair
from dedupe.training.left_out import train_left_out
from dedupe.training.recipe import Recipe

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("one_lesson")]


def test_a_left_out_source_is_in_no_stage(
    data: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_mix, "LEFT_OUT", ("published",))
    monkeypatch.setattr(data_mix, "BENCHMARKS", ("published",))
    monkeypatch.setattr(left_out, "LEFT_OUT_TOGETHER", (("published",), ("another",)))
    stages: list[tuple[str, str, int]] = []

    def fine_tune(pairs: Sequence[TextPair], start: Path, out: Path, *_: object) -> Path:
        seen = sum(pair.origin == "published" for pair in pairs)
        stages.append((start.name, out.name, seen))
        out.mkdir()
        save_file({"w": np.full(2, float(len(stages)))}, out / "model.safetensors")
        return out

    monkeypatch.setattr(left_out, "fine_tune", fine_tune)
    folders = train_left_out(data, small, tmp_path)
    assert stages == [
        ("model", "first-stage", 0),
        ("first-stage", "without-published-trained", 0),
        ("first-stage", "without-another-trained", 30),
    ]
    for group, trained in ((("published",), 2), (("another",), 3)):  # both start from 1
        weights = load_file(folders[group] / "model.safetensors")["w"]
        np.testing.assert_allclose(weights, 1 + small.trained_share * (trained - 1))
    assert train_left_out(data, small, tmp_path) == folders
    assert len(stages) == 3  # what is there is not trained again
