"""The bundled model card agrees with the template that training fills."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from dedupe.models.loading import MODELS
from dedupe.training.calibrate import Calibration
from dedupe.training.model_card import TrainedModel, model_card
from dedupe.training.recipe import Recipe

pytestmark = pytest.mark.model

CARD = (MODELS / "cross-encoder/README.md").read_text(encoding="utf-8")


def test_the_card_holds_all_fixed_lines_of_the_template() -> None:
    template = (files("dedupe.training") / "model_card.md").read_text(encoding="utf-8")
    figures = template.index("\n`python -m tests.benchmarks.zero_shot")
    fixed = template[:figures] + template[template.index("## Limits") :]
    for line in fixed.splitlines():
        assert "{" in line or line in CARD


def test_the_card_holds_the_recipe_and_the_figures_beside_the_weights() -> None:
    figures = json.loads((MODELS / "cross-encoder/figures.json").read_text())
    trained = TrainedModel(Path(), Calibration(1.0, 0.0), figures, 122_665, 52 * 60)
    weights = re.search(r"`([0-9a-f]{64})`", CARD)
    assert weights is not None
    filled = model_card(trained, Recipe(), weights[1])
    for line in filled[: filled.index("\n`python -m tests.benchmarks.zero_shot")].splitlines():
        assert line in CARD
