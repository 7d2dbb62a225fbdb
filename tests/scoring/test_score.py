"""Scores of candidate pairs, and of pairs of records given directly."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import dedupe
from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.scoring.column_similarity import Comparison
from dedupe.scoring.cross_encoder import load_cross_encoder
from dedupe.scoring.pairs import PAIRS
from dedupe.scoring.score import score_pairs


@pytest.fixture(scope="module")
def model():
    return load_cross_encoder(Config())


@pytest.mark.model
def test_scored_pairs_keep_their_order_and_have_the_schema(model) -> None:
    candidates = pl.DataFrame(
        {"left": [0, 0, 2], "right": [1, 2, 3], "similarity": [0.9, 0.2, 0.1]},
        schema={"left": pl.UInt32, "right": pl.UInt32, "similarity": pl.Float32},
    )
    progress = []
    scored, facts, _ = score_pairs(
        model,
        candidates,
        pl.Series([f"name: {name}" for name in ("ada", "adah", "alan", "grace")]),
        Config(),
        lambda done, total: progress.append((done, total)),
    )
    assert facts == {}
    assert scored.schema == PAIRS
    assert scored.select(candidates.columns).equals(candidates)
    assert scored["probability"].is_between(0, 1).all()
    assert progress[-1] == (3, 3)


@pytest.mark.model
def test_records_with_different_fields_are_scored() -> None:
    pairs = [
        {
            "left": {"name": "Jon Smith", "born": 1958},
            "right": {"full_name": "jon smith", "x": None},
        },
        {"left": {"name": "Jon Smith"}, "right": {"name": "Petra Huber"}, "note": "passes"},
    ]
    probability = dedupe.score(pairs)
    assert probability.dtype == np.float32
    assert probability[0] > 0.5 > probability[1]
    swapped = dedupe.score([{"left": p["right"], "right": p["left"]} for p in pairs])
    np.testing.assert_array_equal(probability, swapped)
    assert len(dedupe.score([])) == 0


@pytest.mark.model
def test_nan_is_a_missing_value() -> None:
    with_nan, without = (
        {"left": {"name": "Jon Smith", **more}, "right": {"name": "Petra Huber", **more}}
        for more in ({"city": float("nan"), "zip": np.float64("nan")}, {"city": None})
    )
    nan, missing = dedupe.score([with_nan, without])
    assert nan == pytest.approx(missing, abs=1e-6)  # batches of two add in another order


@pytest.mark.model
@pytest.mark.parametrize("pair", [{"left": {}}, {"left": "x", "right": {}}, 3])
def test_an_item_that_is_no_pair_is_named_by_its_number(pair: Any) -> None:
    with pytest.raises(InputError, match="pair 2"):
        dedupe.score([{"left": {"a": "x"}, "right": {"a": "y"}}, pair])


@pytest.mark.model
def test_a_distilled_model_decides_many_candidates_but_not_those_just_outside(model) -> None:
    rng = np.random.default_rng(0)
    names = [
        f"name: {a} {b}" for a in ["adam", "berta", "carl", "dora", "emil"] for b in range(300)
    ]
    texts = pl.Series(names)
    left, right = (rng.integers(0, len(names), 9_000) for _ in range(2))
    candidates = (
        pl.DataFrame({"left": np.minimum(left, right), "right": np.maximum(left, right)})
        .filter(pl.col("left") < pl.col("right"))
        .unique()
        .sort("left", "right")
        .cast(pl.UInt32)
        .with_columns(
            similarity=pl.lit(0.5, dtype=pl.Float32),
            seen=(pl.col("left") % 97 == 0).cast(pl.UInt32),
        )
    )
    scored_texts = []

    class FirstNames:
        """Matches records whose second words are equal."""

        vocabulary = model.vocabulary

        def logits(self, pairs, progress=None):
            scored_texts.extend(pairs)
            same = [a.split()[1] == b.split()[1] for a, b in pairs]
            return np.where(same, 9.0, -9.0).astype(np.float32)

    scored, facts, _ = score_pairs(FirstNames(), candidates, texts, Config())
    assert scored.schema == PAIRS
    assert len(scored_texts) < candidates.height
    assert facts["pairs"] == (scored["decided_by"] == "distilled").sum() > 0
    assert facts["agreement"] > 0.98
    assert (scored.filter(candidates["seen"] > 0)["decided_by"] == "cross-encoder").all()
    comparison = Comparison.of(texts, candidates)
    again, _, _ = score_pairs(FirstNames(), candidates, texts, Config(), comparison=comparison)
    assert again.equals(scored)
    assert comparison.look_up(comparison.fields, comparison.left, comparison.right) is not None
    all_scored, no_facts, _ = score_pairs(FirstNames(), candidates, texts, Config(fidelity=1.0))
    assert no_facts == {}
    assert (all_scored["decided_by"] == "cross-encoder").all()
