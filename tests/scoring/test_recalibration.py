"""Recalibration follows decisions and confident pairs where that predicts matches better."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.recalibration import best_threshold, fit_to_decisions, recalibrate
from tests.scoring.samples import decisions, people


@pytest.mark.slow
def test_decisions_recalibrate_pairs_without_a_decision() -> None:
    pairs, comparison, truth = people(np.random.default_rng(0), 300)
    new, found = recalibrate(pairs, comparison, decisions(pairs, truth, 60))
    assert found is not None
    assert found.changed
    assert found.decisions == 60
    assert found.loss_after < found.loss_before

    def right(frame: pl.DataFrame) -> float:
        return float(((frame["probability"].to_numpy() >= 0.5) == truth)[60:].mean())

    assert right(pairs) < 0.65
    assert right(new) > 0.95
    assert new.drop("probability").equals(pairs.drop("probability"))


def test_decisions_at_random_change_nothing() -> None:
    pairs, comparison, _ = people(np.random.default_rng(1), 200)
    sure = pairs.with_columns(probability=pl.Series([0.9, 0.1] * 100, dtype=pl.Float32))
    drawn = np.random.default_rng(2).random(200) < sure["probability"].to_numpy()
    new, found = recalibrate(sure, comparison, decisions(sure, drawn, 40))
    assert found is not None
    if not found.changed:
        assert new.equals(sure)
    assert found.loss_after <= found.loss_before


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_decisions_change_nothing(count: int) -> None:
    pairs, comparison, truth = people(np.random.default_rng(3), 40)
    new, found = recalibrate(pairs, comparison, decisions(pairs, truth, count))
    assert found is None
    assert new.equals(pairs)


def test_decisions_of_one_kind_change_nothing() -> None:
    pairs, comparison, _ = people(np.random.default_rng(4), 40)
    new, found = recalibrate(pairs, comparison, decisions(pairs, np.ones(40, dtype=bool), 30))
    assert found is None
    assert new.equals(pairs)


def test_the_order_of_decisions_changes_nothing() -> None:
    pairs, comparison, truth = people(np.random.default_rng(5), 100)
    decided = decisions(pairs, truth, 40)
    assert recalibrate(pairs, comparison, decided)[0].equals(
        recalibrate(pairs, comparison, decided.reverse())[0]
    )


def test_pairs_that_follow_from_decisions_count_as_decided() -> None:
    pairs, comparison, truth = people(np.random.default_rng(6), 100)
    decided = decisions(pairs, truth, 40)
    # The first pair is decided through a third record, which is in no scored pair.
    third = pl.DataFrame(
        {"left": [0, 1], "right": [200, 200], "decision": ["match", "match"]},
        schema=decided.schema,
    )
    texts = pl.concat([comparison.texts, pl.Series("text", ["name: third"])])
    comparison = Comparison.of(texts, pairs)
    _, found = recalibrate(pairs, comparison, pl.concat([decided.slice(1), third]))
    assert found is not None
    assert found.decisions == 40


def test_confident_pairs_without_a_decision_anchor_the_rest() -> None:
    rng = np.random.default_rng(7)
    before = np.concatenate([np.zeros(30), np.full(400, 6.0), np.full(400, -6.0)])
    features = rng.standard_normal((830, 3))
    truth = (rng.random(30) < 0.1).astype(float)
    truth[0] = 1.0
    after, found = fit_to_decisions(before, features, np.arange(30), truth, np.arange(830))
    assert found.changed
    assert (after[30:430] > 0).all()
    assert (after[430:] < 0).all()


def test_the_best_threshold_is_half_the_largest_expected_f1() -> None:
    assert best_threshold(np.array([1.0, 1.0, 0.0])) == pytest.approx(0.5)
    assert best_threshold(np.array([0.0, 0.0])) == 0.5
    rng = np.random.default_rng(8)
    p = rng.random(500)
    cut = best_threshold(p)

    def expected(limit: float) -> float:
        kept = p[p >= limit]
        return 2 * kept.sum() / (len(kept) + p[p >= 0.05].sum())

    assert expected(cut) >= max(expected(limit) for limit in (0.1, 0.25, 0.5, 0.75)) - 0.002
