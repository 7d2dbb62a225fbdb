"""Calibration brings back the probabilities that labels were drawn with."""

from __future__ import annotations

import numpy as np
import pytest

from dedupe.training.calibrate import expected_calibration_error, fit_calibration, pair_f1

pytestmark = pytest.mark.model


def drawn(n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.normal(scale=3, size=n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    return truth, labels


def test_scale_and_shift_are_found_again() -> None:
    truth, labels = drawn()
    logits = ((truth - 1.0) / 0.4).astype(np.float32)
    found = fit_calibration(logits, labels, np.ones(len(labels)))
    assert found.scale == pytest.approx(0.4, rel=0.05)
    assert found.shift == pytest.approx(1.0, abs=0.1)


def test_weights_count() -> None:
    truth, labels = drawn()
    weights = np.where(labels == 1, 3.0, 1.0)
    found = fit_calibration(truth.astype(np.float32), labels, weights)
    assert found.shift == pytest.approx(np.log(3), abs=0.1)


def test_one_label_is_not_enough() -> None:
    with pytest.raises(ValueError, match="both labels"):
        fit_calibration(np.zeros(3, np.float32), np.ones(3, np.int64), np.ones(3))


def test_the_error_is_small_for_true_probabilities_and_large_for_false_ones() -> None:
    truth, labels = drawn()
    right = (1 / (1 + np.exp(-truth))).astype(np.float32)
    assert expected_calibration_error(right, labels) < 0.02
    assert expected_calibration_error(1 - right, labels) > 0.5
    assert expected_calibration_error(np.ones(4, np.float32), np.array([1, 1, 1, 0])) == 0.25


def test_f1_by_hand() -> None:
    probabilities = np.array([0.9, 0.5, 0.4, 0.1], np.float32)
    precision, recall, f1 = pair_f1(probabilities, np.array([1, 0, 1, 0]))
    assert (precision, recall, f1) == (0.5, 0.5, 0.5)
    assert pair_f1(probabilities, np.zeros(4, int)) == (0.0, 0.0, 0.0)
