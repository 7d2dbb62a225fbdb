"""How similar the likely matches among pairs are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.comparison.match_similarity import (
    USUAL_SIMILARITY,
    similarity_of_matches,
)

PAIRS = st.lists(st.tuples(st.floats(-9, 9, width=32), st.floats(0, 1, width=32)), max_size=30)


def of(pairs: list[tuple[float, float]]) -> float:
    log_odds, similarity = np.array(pairs, dtype=np.float32).reshape(-1, 2).T
    return similarity_of_matches(log_odds, similarity)


@given(PAIRS)
def test_the_mean_lies_among_the_similarities_and_the_usual_one(pairs) -> None:
    known = [*(similarity for _, similarity in pairs), USUAL_SIMILARITY]
    assert min(known) - 1e-6 <= of(pairs) <= max(known) + 1e-6


@given(PAIRS)
def test_the_order_of_the_pairs_does_not_matter(pairs) -> None:
    assert of(pairs[::-1]) == pytest.approx(of(pairs), abs=1e-6)


def test_likely_matches_count_and_others_hardly_do() -> None:
    clear = [(9.0, 0.9)] * 1_000 + [(-9.0, 0.1)] * 1_000
    assert of(clear) == pytest.approx(0.9, abs=0.01)


def test_without_matches_it_is_the_usual_one() -> None:
    assert of([]) == USUAL_SIMILARITY
    assert of([(-9.0, 0.1)]) == pytest.approx(USUAL_SIMILARITY, abs=1e-3)
