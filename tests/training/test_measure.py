"""Measuring: weights by which sets count, and predictions as probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from dedupe.training.data import TextPair
from dedupe.training.measure import equal_weights
from dedupe.training.predict import sigmoid

pytestmark = pytest.mark.model


def test_a_set_counts_by_the_square_root_of_its_size() -> None:
    pairs = [TextPair("a", "b", 0, "large")] * 16 + [TextPair("a", "b", 1, "small")] * 4
    weights = equal_weights(pairs)
    assert weights[:16].sum() == pytest.approx(4)
    assert weights[16:].sum() == pytest.approx(2)


def test_the_sigmoid_is_computed_in_double_precision() -> None:
    logits = np.array([-100, 0, 100], np.float32)
    probabilities = sigmoid(logits)
    assert probabilities.dtype == np.float32
    assert probabilities.tolist() == pytest.approx([0, 0.5, 1])
    assert probabilities[0] > 0
