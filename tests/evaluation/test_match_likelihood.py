"""Likelihoods rank pairs as their scores do, and lean less to the middle."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.evaluation.threshold import match_likelihood


@given(st.lists(st.floats(0, 1, width=32), min_size=1))
def test_likelihoods_keep_the_order_and_the_side_of_scores(scores: list[float]) -> None:
    score = np.sort(np.array(scores))
    found = match_likelihood(pl.DataFrame({"probability": score}))
    assert ((found > 0) & (found < 1)).all()
    assert (np.diff(found) >= 0).all()
    inside = (score > 0.01) & (score < 0.99)
    assert (np.abs(found - 0.5) >= np.abs(score - 0.5) - 1e-6)[inside].all()
