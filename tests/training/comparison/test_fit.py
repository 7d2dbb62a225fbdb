"""Trees of the comparison model are exported as they were fitted (needs the extra ``train``)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dedupe.scoring.comparison.model import both_scores
from dedupe.training.comparison.fit import TreeRecipe, fit_trees
from tests.training.comparison.samples import made_pairs

pytestmark = pytest.mark.model


def test_trees_are_exported_as_fitted() -> None:
    pytest.importorskip("catboost")
    sets = [made_pairs("a", 600, 1), made_pairs("b", 300, 2)]
    trees = fit_trees(sets, replace(TreeRecipe(), iterations=60))  # checks the export itself
    again = fit_trees(sets, replace(TreeRecipe(), iterations=60))
    vectors = made_pairs("c", 200, 3).vectors
    np.testing.assert_array_equal(trees.log_odds(vectors), again.log_odds(vectors))
    assert ((trees.log_odds(vectors) > 0) == (vectors[:, 0] > 128)).mean() > 0.95


def test_combined_log_odds_are_clipped_and_beside_them_is_the_lower() -> None:
    inputs = both_scores(np.array([9.0, -1.0], "f4"), np.array([2.0, -20.0], "f4"))
    assert inputs.tolist() == [[7.0, 2.0, 2.0], [-1.0, -7.0, -7.0]]
