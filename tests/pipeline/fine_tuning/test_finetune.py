"""Fine-tuning on decisions: the model learns them and does not forget the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from dedupe.config import Config
from dedupe.errors import ModelError, OptionError
from dedupe.models.loading import MODELS
from dedupe.pipeline.fine_tuning.finetune import Example, FineTuningRecipe, fine_tune_on_decisions
from dedupe.scoring import score as scoring
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.model import CANDIDATE_FEATURES
from dedupe.scoring.cross_encoder.encoder import PairModel, load_cross_encoder, score_texts
from dedupe.scoring.cross_encoder.text import prepare_texts
from tests.samples import part_examples

FOLDER = MODELS / "cross-encoder"


def chances_of(model: PairModel, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    left, right = (prepare_texts(model, list(side)) for side in zip(*pairs, strict=True))
    return score_texts(model, left, right)


@pytest.mark.model
def test_decisions_are_learned_and_the_rest_is_kept() -> None:
    sure = [("name: ada lovelace", other) for other in ("name: petra huber", "name: ada lovelase")]
    before = chances_of(load_cross_encoder(Config(device="cpu")), sure)
    replay = [Example(*pair, float(chance)) for pair, chance in zip(sure, before, strict=True)] * 10
    assert before[0] < 0.1 < 0.75 < before[1]
    seen: list[tuple[int, int]] = []
    model, report, held_out = fine_tune_on_decisions(
        FOLDER, part_examples(), replay, device="cpu", recipe=FineTuningRecipe(steps=8),
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert report.decisions == 24
    assert report.loss_after <= report.loss_before + 0.05
    assert held_out.shape == (24,)
    assert seen[-1][0] == seen[-1][1] <= 8
    from dedupe.scoring.cross_encoder.encoder import TorchPairModel

    # However doubtful the decided pairs are, the sure ones stay as sure as they were.
    assert chances_of(TorchPairModel(model), sure) == pytest.approx(before, abs=0.05)


@pytest.mark.parametrize(("matches", "others"), [(0, 0), (5, 4), (20, 0), (3, 20)])
def test_too_few_decisions_of_a_kind_are_refused(matches: int, others: int) -> None:
    told = [e for e in part_examples() * 4 if e.probability == 1][:matches]
    told += [e for e in part_examples() * 4 if e.probability == 0][:others]
    with pytest.raises(OptionError, match=f"{matches} matches and {others} pairs that differ"):
        fine_tune_on_decisions(FOLDER, told, [])


@pytest.mark.model
def test_a_model_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot load the cross-encoder"):
        fine_tune_on_decisions(tmp_path / "gone", part_examples(), [], device="cpu")


def test_a_pair_trained_on_keeps_its_held_out_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says of such a pair counts as what it said before it saw the decision."""

    class Combined:
        """In place of the comparison model: what is combined shows."""

        def combine(self, log_odds: Any, logits: Any, features: Any) -> Any:
            assert features.shape == (len(logits), len(CANDIDATE_FEATURES))
            return np.asarray(logits) + 0.0 * log_odds

    monkeypatch.setattr(scoring, "prepare_texts", lambda model, texts: list(texts))
    monkeypatch.setattr(
        scoring, "score_logits", lambda model, left, right, _: np.full(len(left), 2.0, np.float32)
    )
    monkeypatch.setattr(scoring, "load_comparison_model", Combined)
    (tmp_path / scoring.HELD_OUT_FILE).write_text(json.dumps({scoring.pair_key("z", "x"): 0.25}))
    monkeypatch.setattr(scoring, "load_cross_encoder", lambda config: None)
    pairs = pl.DataFrame(
        {"left": [0, 0, 1], "right": [1, 2, 2], "similarity": [0.5] * 3},
        schema={"left": pl.UInt32, "right": pl.UInt32, "similarity": pl.Float32},
    )
    comparison = Comparison.of(pl.Series("text", ["z", "x", "y"]), pairs)
    monkeypatch.setattr(Comparison, "log_odds", lambda self: np.zeros(3, dtype=np.float32))
    config = Config(cross_encoder=str(tmp_path), effort="thorough")
    found, *_ = scoring.score_pairs(pairs, comparison, config)
    sure = 1 / (1 + np.exp(-2.0))
    assert found["probability"].to_list() == pytest.approx([0.25, sure, sure])
