"""Features of pairs: their rivals, and corrupted copies of records."""

from __future__ import annotations

import numpy as np

from dedupe.scoring.recalibration_features import best_rivals


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
