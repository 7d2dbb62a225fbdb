"""Log odds are bounded and inverted by the sigmoid; the regression has the least penalised loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.logistic import fit_penalised_logistic, log_loss, logit, sigmoid

NOBODY = np.empty(0, dtype=np.int64)


@pytest.mark.parametrize("limit", [6.0, 7.0, 8.0])
def test_log_odds_are_bounded(limit: float) -> None:
    assert logit(np.array([0.0, 0.5, 1.0]), limit).tolist() == [-limit, 0.0, limit]


def test_log_odds_of_float32_are_computed_in_float64() -> None:
    assert logit(np.array([0.25], dtype=np.float32), 7.0)[0] == np.log(0.25 / 0.75)


@given(st.floats(-6.9, 6.9))
def test_the_sigmoid_inverts_log_odds(x: float) -> None:
    assert logit(sigmoid(np.array([x])), 7.0)[0] == pytest.approx(x, abs=1e-9)


def test_the_sigmoid_keeps_the_type_and_never_overflows() -> None:
    for kind in (np.float32, np.float64):
        found = sigmoid(np.array([-1e4, 0, 1e4], dtype=kind))
        assert found.dtype == kind
        assert found.tolist() == pytest.approx([0, 0.5, 1], abs=1e-12)


def test_no_other_weights_have_a_lower_loss() -> None:
    rng = np.random.default_rng(0)
    inputs = np.column_stack([np.ones(200), rng.normal(size=200), rng.normal(size=(200, 3))])
    labels = (rng.random(200) < sigmoid(inputs @ [0.5, 1, 2, 0, -1])).astype(float)
    zeros = np.zeros(200)

    def loss(weights: np.ndarray) -> float:
        penalties = np.array([0.1, 1, 4, 4, 4])
        z = inputs @ weights
        return float((np.logaddexp(0, z) - labels * z).sum() + (penalties * weights**2).sum() / 2)

    weights = fit_penalised_logistic(inputs, zeros, np.arange(200), labels, NOBODY, 4.0)
    for _ in range(20):
        assert loss(weights) < loss(weights + 0.01 * rng.normal(size=5)) + 1e-6
    assert weights[2] > 1 > 0.5 > abs(weights[3])


def test_a_high_penalty_leaves_the_offset_as_it_is() -> None:
    rng = np.random.default_rng(1)
    offset = rng.normal(size=100)
    inputs = np.column_stack([np.ones(100), offset, rng.normal(size=100)])
    labels = (rng.random(100) < 0.5).astype(float)
    weights = fit_penalised_logistic(inputs, offset, np.arange(100), labels, NOBODY, 1e9)
    assert np.abs(weights).max() < 1e-4


def test_log_loss_is_the_mean_negative_log_likelihood() -> None:
    log_odds, labels = np.array([2.0, -1.0]), np.array([1.0, 1.0])
    expected = -np.mean(np.log(sigmoid(log_odds)))
    assert log_loss(log_odds, labels) == pytest.approx(expected)
