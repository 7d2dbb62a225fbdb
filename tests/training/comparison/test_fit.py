"""Trees of the comparison model are exported as they were fitted (needs the extra ``train``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from dedupe.scoring.comparison.model import CANDIDATE_FEATURES, both_scores
from dedupe.scoring.comparison.vectors import feature_names
from dedupe.training.comparison import fit
from dedupe.training.comparison.data import LabelledPairs
from dedupe.training.comparison.fit import (
    TreeRecipe,
    fit_combination,
    fit_trees,
    unlearnt_pairs,
)
from dedupe.training.data import TextPair
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


def test_the_combination_is_fitted_to_sets_and_clusters_that_no_model_learnt() -> None:
    table = replace(made_pairs("autofj-Drug", 40, 1), kind="table")
    table = replace(table, right=np.array([f"{text} again" for text in table.left], dtype=object))
    valid = [TextPair(table.left[i], table.right[i], 1, "Drug") for i in (3, 30)]
    sets = [
        table,
        replace(made_pairs("apps", 20, 2), kind="published"),
        replace(made_pairs("beer", 20, 3), kind="published"),  # learnt by the cross-encoder
        made_pairs("families", 20, 4),  # a lesson, learnt by both
    ]
    log_odds = [np.arange(len(pairs), dtype=np.float32) for pairs in sets]
    found = list(unlearnt_pairs(sets, log_odds, {"autofj/Drug": {"valid": valid}}))
    assert [(pairs.name, len(pairs)) for pairs, _ in found] == [("autofj-Drug", 2), ("apps", 20)]
    assert found[0][1].tolist() == [3, 30]
    np.testing.assert_array_equal(found[0][0].vectors, table.vectors[[3, 30]])


def test_the_weights_of_the_combination_find_what_tells_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    main = feature_names().index(CANDIDATE_FEATURES[0])

    def made(name: str) -> tuple[LabelledPairs, np.ndarray]:
        """Make doubtful pairs of which the main values and the cross-encoder tell half each."""
        pairs = made_pairs(name, 300, len(name))
        truth = pairs.vectors[:, main] / 255 + (rng.random(300) < 0.5) * 0.5
        texts = np.array([f"{value}" for value in truth > 0.75], dtype=object)
        labels = (truth > 0.75).astype(np.int8)
        other = np.array([f"{text} " for text in texts], dtype=object)
        scored = replace(pairs, labels=labels, left=texts, right=other)
        return scored, rng.normal(size=300).astype(np.float32)

    class Reader:
        vocabulary = frozenset[str]()
        reads_marks = False

        def logits(self, pairs: Sequence[tuple[str, str]], _: object = None) -> np.ndarray:
            sign = np.array([1.0 if left.startswith("True") else -1.0 for left, _ in pairs])
            return (sign + np.random.default_rng(1).normal(size=len(pairs))).astype(np.float32)

    monkeypatch.setattr(fit, "load_cross_encoder", lambda config: Reader())
    weights = fit_combination([made("a"), made("bb")], 0)
    assert weights.shape == (8,)
    assert weights[2] + weights[3] > 0.5 > abs(weights[1])
    assert weights[4] > 1
