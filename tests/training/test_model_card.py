"""The bundled card agrees with the weights and figures beside it; training fills a new one."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from dedupe.models.loading import MODELS
from dedupe.training.calibrate import Calibration
from dedupe.training.model_card import TrainedModel, describe_machine, model_card
from dedupe.training.recipe import Recipe

pytestmark = pytest.mark.model

FOLDER = MODELS / "cross-encoder"
CARD = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_bundled_card_names_the_weights_beside_it() -> None:
    digest = hashlib.sha256((FOLDER / "model.safetensors").read_bytes()).hexdigest()
    assert f"`{digest}`" in CARD


def test_the_bundled_card_shows_the_figures_beside_it() -> None:
    for name, row in json.loads((FOLDER / "figures.json").read_text())["sets"].items():
        figures = " | ".join(f"{row[key]:.3f}" for key in ("precision", "recall", "f1"))
        assert f"| {name} | {row['pairs']} | {row['true']} | {figures} |" in CARD


def test_training_fills_a_card_with_its_recipe_and_figures() -> None:
    row = {"pairs": 30, "true": 7, "precision": 0.5, "recall": 0.25, "f1": 1 / 3, "ece": 0.0421}
    figures = {"calibration": {"scale": 1.25, "shift": -0.5}, "sets": {"books": row}}
    earlier = "0123456789abcdef", "badc0de"
    trained = TrainedModel(
        Path(), Calibration(1.25, -0.5), figures, 190_123, 92 * 60, "a machine", earlier
    )
    card = model_card(trained, Recipe(seed=7), "abc")
    assert "{" not in card
    assert "| books | 30 | 7 | 0.500 | 0.250 | 0.333 | 0.042 |" in card
    for told in (
        "190,123 pairs",
        "92 minutes on\n  a machine",
        "seed 7",
        "`abc`",
        "`0123456789abcdef`",
        "commit badc0de",
        "scale 1.250",
        "shift\n  -0.500",
    ):
        assert told in card


def test_a_machine_is_named_by_its_cores_and_instructions() -> None:
    assert re.fullmatch(r"\d+ cores of \S.* with \S+", describe_machine("cpu"))
