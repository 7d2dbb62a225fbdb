"""Contributions are Shapley values by their definition, and add up to what the trees predict."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe.scoring.comparison.oblivious_trees
import dedupe.scoring.explanation.shapley
from dedupe.scoring.comparison.oblivious_trees import ObliviousTrees
from dedupe.scoring.explanation.shapley import TreeExplainer

FEATURES = 5


@st.composite
def cases(draw: st.DrawFn) -> tuple[TreeExplainer, np.ndarray]:
    """Draw trees, a reference, a grouping of five features and vectors."""
    count, depth = draw(st.integers(0, 4)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    trees = ObliviousTrees(
        rng.integers(-1, FEATURES, (count, depth)).astype(np.int16),
        rng.integers(0, 256, (count, depth)).astype(np.uint8),
        rng.normal(size=(count, 2**depth)).astype(np.float32),
        rng.normal(size=1),
    )
    groups = np.array(draw(st.lists(st.integers(0, 3), min_size=FEATURES, max_size=FEATURES)))
    reference = rng.integers(0, 256, FEATURES).astype(np.uint8)
    vectors = rng.integers(0, 256, (draw(st.integers(0, 6)), FEATURES)).astype(np.uint8)
    return TreeExplainer(trees, reference, groups), vectors


def by_definition(explainer: TreeExplainer, vector: np.ndarray) -> list[float]:
    """Average what each group changes over all orders in which groups are taken over."""
    found = np.zeros(explainer.groups)
    orders = list(permutations(range(explainer.groups)))
    for order in orders:
        mixed = explainer.reference.copy()
        before = explainer.trees.log_odds(mixed[None])[0]
        for group in order:
            mixed[explainer.group == group] = vector[explainer.group == group]
            after = explainer.trees.log_odds(mixed[None])[0]
            found[group] += (after - before) / len(orders)
            before = after
    return found.tolist()


@given(cases())
def test_contributions_are_mean_changes_over_all_orders(
    case: tuple[TreeExplainer, np.ndarray],
) -> None:
    explainer, vectors = case
    start, contributions = explainer.contributions(vectors)
    expected = explainer.trees.log_odds(explainer.reference[None])[0]
    assert start == pytest.approx(expected)
    for vector, found in zip(vectors, contributions, strict=True):
        assert found == pytest.approx(by_definition(explainer, vector), abs=1e-6)


@pytest.mark.parametrize("block", [3, 1 << 13])
def test_sums_are_predictions_in_blocks_of_any_size(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedupe.scoring.explanation.shapley, "BLOCK", block)
    rng = np.random.default_rng(0)
    trees = ObliviousTrees(
        rng.integers(-1, FEATURES, (9, 4)).astype(np.int16),
        rng.integers(0, 256, (9, 4)).astype(np.uint8),
        rng.normal(size=(9, 16)).astype(np.float32),
        rng.normal(size=1),
    )
    reference = np.full(FEATURES, 128, dtype=np.uint8)
    vectors = rng.integers(0, 256, (50, FEATURES)).astype(np.uint8)
    explainer = TreeExplainer(trees, reference, np.arange(FEATURES))
    start, contributions = explainer.contributions(vectors)
    assert start + contributions.sum(axis=1) == pytest.approx(trees.log_odds(vectors), abs=1e-5)
