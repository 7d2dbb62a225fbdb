"""Clear pairs of a file refine the doubtful ones, where that agrees with the comparison model."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.file_regression import (
    LIMIT,
    MIN_CLEAR,
    SHARE,
    FileRegression,
    fit_file_regression,
)
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.comparison.vectors import feature_names
from dedupe.scoring.score import score_pairs

FEATURES = len(feature_names())


def clear_and_doubtful(k: int, seed: int) -> tuple[Bytes, Bytes, Bytes, NDArray[np.bool_]]:
    """Make vectors of pairs that one feature tells apart, and which doubtful ones are matches."""
    rng = np.random.default_rng(seed)
    truth = rng.random(400) < 0.5

    def vectors(matches: NDArray[np.bool_]) -> Bytes:
        made = rng.integers(100, 156, (len(matches), FEATURES)).astype(np.uint8)
        made[:, 3] = np.where(matches, 200, 50) + rng.integers(-40, 40, len(matches))
        return made

    return vectors(np.zeros(k, bool)), vectors(np.ones(k, bool)), vectors(truth), truth


def test_clear_pairs_separate_the_doubtful_ones() -> None:
    non_matches, matches, doubtful, truth = clear_and_doubtful(MIN_CLEAR, 1)
    log_odds = np.where(truth, 1.0, -1.0).astype(np.float32)
    log_odds[:60] *= -0.1  # the comparison model is wrong about some
    regression = fit_file_regression(non_matches, matches, doubtful, log_odds)
    assert regression is not None
    assert ((regression.combine(log_odds, doubtful) > 0) == truth).all()


def test_a_regression_that_contradicts_the_model_is_not_used() -> None:
    non_matches, matches, doubtful, truth = clear_and_doubtful(MIN_CLEAR, 2)
    rng = np.random.default_rng(2)
    unrelated = rng.normal(size=len(truth)).astype(np.float32)
    assert fit_file_regression(non_matches, matches, doubtful, unrelated) is None
    constant = np.ones(len(truth), dtype=np.float32)
    assert fit_file_regression(non_matches, matches, doubtful, constant) is None


def test_few_clear_pairs_are_not_enough() -> None:
    non_matches, matches, doubtful, truth = clear_and_doubtful(MIN_CLEAR, 3)
    log_odds = np.where(truth, 1.0, -1.0).astype(np.float32)
    assert fit_file_regression(non_matches[1:], matches, doubtful, log_odds) is None
    assert fit_file_regression(non_matches, matches[1:], doubtful, log_odds) is None
    assert fit_file_regression(non_matches, matches, doubtful[:1], log_odds[:1]) is None


WEIGHTS = st.lists(st.floats(-5, 5), min_size=FEATURES, max_size=FEATURES).map(np.array)


@given(st.floats(-1e3, 1e3), WEIGHTS, st.integers(0, 2**32 - 1))
def test_stored_and_restored_it_predicts_the_same(
    constant: float, weights: NDArray[np.float64], seed: int
) -> None:
    regression = FileRegression(constant, weights)
    vectors = np.random.default_rng(seed).integers(0, 256, (5, FEATURES)).astype(np.uint8)
    again = FileRegression.restore(regression.facts())
    np.testing.assert_array_equal(regression.log_odds(vectors), again.log_odds(vectors))
    assert np.abs(regression.log_odds(vectors)).max() <= LIMIT
    combined = regression.combine(np.zeros(5, np.float32), vectors)
    np.testing.assert_allclose(combined, SHARE * regression.log_odds(vectors), rtol=1e-5, atol=1e-6)


def people(n: int) -> tuple[pl.Series, pl.DataFrame]:
    """Make n people twice, with a mistake, and pairs of each with its copy and with others."""
    rng = np.random.default_rng(4)
    letters = np.array(list("abcdefghiklmnoprstuvw"))
    texts: list[str] = []
    for number in range(n):
        name, town = ("".join(rng.choice(letters, 7)) for _ in range(2))
        birth = f"19{rng.integers(40, 99)}-0{rng.integers(1, 9)}-1{rng.integers(0, 9)}"
        texts.append(f"given: ann\nsurname: {name}\nbirth: {birth}\ncity: {town}")
        wrong = number % 3 == 0
        texts.append(
            f"given: {'a' if wrong else 'ann'}\nsurname: {name[::-1] if wrong else name}\n"
            f"birth: {birth}\ncity: {'york' if wrong else town}"
        )
    rows = np.arange(2 * n, dtype=np.uint32).reshape(-1, 2)
    left = np.concatenate([rows[:, 0], rows[:-1, 1]])
    right = np.concatenate([rows[:, 1], rows[1:, 0]])
    pairs = pl.DataFrame({"left": left, "right": right}).with_columns(
        pl.lit(0.6, dtype=pl.Float32).alias("similarity")
    )
    return pl.Series("text", texts), pairs.sort("left", "right")


@pytest.mark.model
def test_scoring_refines_doubtful_pairs_alone_and_statistics_do_it_again() -> None:
    texts, pairs = people(1_500)

    def scored(**options: Any) -> tuple[pl.Series, FileRegression | None, Comparison]:
        comparison = Comparison.of(texts, pairs)
        frame, regression, _ = score_pairs(pairs, comparison, Config(effort="fast", **options))
        return frame["probability"], regression, comparison

    plain, none, comparison = scored(self_training=False)
    refined, regression, _ = scored()
    assert none is None
    assert regression is not None
    doubtful = comparison.doubtful(comparison.log_odds())
    changed = np.flatnonzero((plain != refined).to_numpy())
    assert len(changed) > 10
    assert set(changed) <= set(doubtful)
    # Later pairs are scored with the regression that was stored.
    statistics = comparison.file_statistics
    stored = type(statistics).restore(
        {**statistics.facts(), "regression": regression.facts()}, statistics.counts
    )
    again, fitted, _ = score_pairs(
        pairs, Comparison.of(texts, pairs, stored), Config(effort="fast", self_training=False)
    )
    assert fitted is None
    assert again["probability"].to_numpy() == pytest.approx(refined.to_numpy(), abs=1e-6)
