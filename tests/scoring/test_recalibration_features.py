"""Features of pairs: their vectors, standardised, and their rivals."""

from __future__ import annotations

import numpy as np
import polars as pl

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.recalibration_features import best_rivals, recalibration_features
from tests.scoring.samples import people


def test_rivals_are_the_best_other_pairs_of_both_records() -> None:
    score = np.array([3.0, 1.0, -2.0])
    found = best_rivals(np.array([0, 0, 1]), np.array([1, 2, 3]), score, 4)
    assert found[0, :2].tolist() == [-2.0, 1.0]  # record 1 is also paired with 3, record 0 with 2
    assert found[1, :2].tolist() == [-7.0, 3.0]
    assert found[:, 2:].tolist() == [
        [np.log1p(2), np.log1p(2)],
        [np.log1p(1), np.log1p(2)],
        [np.log1p(1), np.log1p(2)],
    ]


def test_features_are_standardised_and_those_that_hardly_vary_are_left_out() -> None:
    pairs, comparison, _ = people(np.random.default_rng(0), 100)
    probability = pairs["probability"].to_numpy().astype(np.float64)
    features = recalibration_features(pairs, comparison, probability, np.arange(100))
    assert len(features) == 100
    assert 0 < features.shape[1] < comparison.vectors().shape[1]
    assert np.abs(features[:, :-5].mean(axis=0)).max() < 0.5
    assert (features[:, :-5].std(axis=0) > 0).all()


def test_the_order_of_rows_changes_nothing() -> None:
    pairs, comparison, _ = people(np.random.default_rng(2), 30)
    probability = pairs["probability"].to_numpy().astype(np.float64)
    features = recalibration_features(pairs, comparison, probability, np.arange(30))
    order = np.random.default_rng(3).permutation(60)
    place = np.argsort(order)
    sides = np.sort(place[pairs.select("left", "right").to_numpy()], axis=1).astype(np.uint32)
    moved = pairs.with_columns(left=pl.Series(sides[:, 0]), right=pl.Series(sides[:, 1]))
    shuffled = Comparison.of(comparison.texts.gather(order), moved)
    again = recalibration_features(moved, shuffled, probability, np.arange(30))
    np.testing.assert_allclose(features, again)
