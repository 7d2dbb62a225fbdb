"""The combination is fitted to what two models say of sets that neither has seen."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dedupe.scoring.comparison.model import (
    GivenPairs,
    combined_log_odds,
    load_comparison_model,
)
from dedupe.training.comparison import unseen
from dedupe.training.comparison.fit import TreeRecipe
from dedupe.training.comparison.unseen import (
    UnseenScores,
    fit_given_combination,
    unseen_scores,
    unseen_trees,
)
from tests.training.comparison.samples import made_pairs

pytestmark = pytest.mark.model


def made_scores(name: str, m: int, seed: int) -> UnseenScores:
    """Scores of two models that each know half of the truth."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(scale=2, size=(2, m))
    labels = (rng.random(m) < 1 / (1 + np.exp(-one - other))).astype(np.int8)
    rows = np.arange(2 * m, dtype=np.uint32).reshape(m, 2)
    half, features = np.full(m, 0.5, np.float32), np.full((m, 2), 128, np.uint8)
    pairs = GivenPairs(rows[:, 0], rows[:, 1], half, features)
    return UnseenScores(name, name, one.astype(np.float32), other.astype(np.float32), pairs, labels)


def test_the_combination_is_better_than_either_model() -> None:
    pytest.importorskip("sklearn")
    sets = [made_scores("a", 4_000, 0), made_scores("b", 4_000, 1)]
    weights = fit_given_combination(sets)
    test = made_scores("c", 4_000, 2)
    combined = combined_log_odds(weights, test.inputs)
    right = [
        ((scores > 0) == (test.labels == 1)).mean()
        for scores in (combined, test.comparison, test.cross_encoder)
    ]
    assert right[0] > max(right[1:]) + 0.03


def test_the_match_rate_of_a_set_does_not_change_the_weights() -> None:
    pytest.importorskip("sklearn")
    whole = made_scores("a", 40_000, 0)
    kept = (whole.labels == 1) | (np.arange(40_000) % 8 == 0)  # one non-match of eight
    pairs = GivenPairs(**{name: values[kept] for name, values in vars(whole.pairs).items()})
    fewer = UnseenScores(
        "a", "a", whole.comparison[kept], whole.cross_encoder[kept], pairs, whole.labels[kept]
    )
    one, other = (fit_given_combination([scores]) for scores in (whole, fewer))
    shift = combined_log_odds(one, whole.inputs) - combined_log_odds(other, whole.inputs)
    assert np.abs(shift).max() < 0.3


def test_trees_are_fitted_once_and_without_the_sets_that_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("catboost")
    monkeypatch.setattr(unseen, "UNSEEN_ITERATIONS", 20)
    learnt, left_out = made_pairs("a", 400, 1), made_pairs("beer", 400, 2)
    left_out = replace(left_out, labels=1 - left_out.labels)  # the contrary of what holds in "a"
    trees = unseen_trees([learnt, left_out], TreeRecipe(), tmp_path)
    vectors = made_pairs("c", 200, 3).vectors
    assert ((trees.log_odds(vectors) > 0) == (vectors[:, 0] > 128)).mean() > 0.9
    again = unseen_trees([], TreeRecipe(), tmp_path)
    np.testing.assert_array_equal(trees.log_odds(vectors), again.log_odds(vectors))


def test_the_pairs_of_named_sets_are_scored_by_both_models(data: Path, tmp_path: Path) -> None:
    class Constant:
        vocabulary = frozenset[str]()
        reads_marks = False

        def logits(self, pairs: list[tuple[str, str]], _: object = None) -> np.ndarray:
            return np.full(len(pairs), 2.5, dtype=np.float32)

    trees = load_comparison_model().trees
    found = partial(unseen_scores, data, part="train", trees=trees, model=Constant())
    assert list(found(names=["other"], cache=tmp_path)) == []
    (scores,) = found(names=["published"], cache=tmp_path)
    assert len(scores.labels) == 30
    assert scores.inputs.shape == (30, 8)
    assert set(scores.cross_encoder) == {np.float32(2.5)}
    matches = scores.labels == 1
    assert scores.comparison[matches].mean() > scores.comparison[~matches].mean()
