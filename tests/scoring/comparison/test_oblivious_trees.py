"""Oblivious trees predict what their definition says, for few pairs and for many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe.scoring.comparison.oblivious_trees
from dedupe.scoring.comparison.oblivious_trees import ObliviousTrees


def trees_of(
    feature: Sequence[Sequence[int]],
    limit: Sequence[Sequence[int]],
    value: Sequence[Sequence[float]],
    base: float = 0.0,
) -> ObliviousTrees:
    return ObliviousTrees(
        np.array(feature, dtype=np.int16),
        np.array(limit, dtype=np.uint8),
        np.array(value, dtype=np.float32),
        np.array([base]),
    )


def evaluated(trees: ObliviousTrees, vector: Sequence[int]) -> float:
    """Predict the log odds of one vector in plain Python."""
    total = float(trees.base[0])
    for features, limits, values in zip(trees.feature, trees.limit, trees.value, strict=True):
        place = 0
        for level, (feature, limit) in enumerate(zip(features, limits, strict=True)):
            if feature >= 0 and vector[feature] > limit:
                place += 2**level
        total += float(values[place])
    return total


@st.composite
def cases(draw: st.DrawFn) -> tuple[ObliviousTrees, np.ndarray]:
    """Draw trees of any depth up to 8 and vectors of 3 features."""
    count, depth, pairs = draw(st.integers(0, 4)), draw(st.integers(1, 8)), draw(st.integers(0, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    trees = ObliviousTrees(
        rng.integers(-1, 3, (count, depth)).astype(np.int16),
        rng.integers(0, 256, (count, depth)).astype(np.uint8),
        rng.normal(size=(count, 2**depth)).astype(np.float32),
        rng.normal(size=1),
    )
    return trees, rng.integers(0, 256, (pairs, 3)).astype(np.uint8)


def test_each_level_asks_whether_a_feature_exceeds_a_limit() -> None:
    trees = trees_of([[0, 1]], [[100, 5]], [[1, 2, 4, 8]], base=0.5)
    vectors = np.array([[100, 5], [101, 5], [100, 6], [101, 6]], dtype=np.uint8)
    assert trees.log_odds(vectors).tolist() == [1.5, 2.5, 4.5, 8.5]


def test_a_level_without_a_feature_is_answered_no() -> None:
    trees = trees_of([[-1, 0]], [[0, 9]], [[1, 2, 4, 8]])
    assert trees.log_odds(np.array([[9], [10]], dtype=np.uint8)).tolist() == [1, 4]


def test_trees_add_up() -> None:
    trees = trees_of([[0], [0]], [[10], [200]], [[-1, 1], [0, 5]], base=2)
    assert trees.log_odds(np.array([[0], [50], [255]], dtype=np.uint8)).tolist() == [1, 3, 8]


@given(cases())
def test_log_odds_are_those_of_a_plain_evaluation(case: tuple[ObliviousTrees, np.ndarray]) -> None:
    trees, vectors = case
    found = trees.log_odds(vectors)
    assert found.dtype == np.float32
    assert found == pytest.approx([evaluated(trees, row) for row in vectors.tolist()], abs=1e-5)
    np.testing.assert_array_equal(found, trees.log_odds(np.asfortranarray(vectors)))


@given(cases(), st.integers(1, 5))
def test_blocks_of_pairs_change_nothing(
    case: tuple[ObliviousTrees, np.ndarray], block: int
) -> None:
    trees, vectors = case
    whole = trees.log_odds(vectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedupe.scoring.comparison.oblivious_trees, "FEW", 0)
        patch.setattr(dedupe.scoring.comparison.oblivious_trees, "BLOCK", block)
        np.testing.assert_array_equal(trees.log_odds(vectors), whole)


@given(cases())
def test_trees_restored_from_their_arrays_predict_the_same(
    case: tuple[ObliviousTrees, np.ndarray],
) -> None:
    trees, vectors = case
    restored = ObliviousTrees(**trees.to_arrays())
    np.testing.assert_array_equal(restored.log_odds(vectors), trees.log_odds(vectors))
