"""Combine the comparison model with the cross-encoder for pairs that are given without a file.

On pairs that it was trained on, a model is surer and better than on any other. So the combination
is fitted to sets that no cross-encoder learns, with trees that are fitted without these sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.comparison.model import (
    GIVEN_FEATURES,
    ComparisonModel,
    GivenPairs,
    inputs_of_given_pairs,
    load_comparison_model,
    save_comparison_model,
    take_features,
)
from dedupe.scoring.comparison.oblivious_trees import ObliviousTrees
from dedupe.scoring.comparison.scales import EQUAL
from dedupe.scoring.comparison.vectors import feature_names
from dedupe.scoring.cross_encoder.encoder import PairModel, score_logits
from dedupe.scoring.cross_encoder.text import prepare_texts
from dedupe.training.comparison.data import LabelledPairs, published_set
from dedupe.training.comparison.fit import TreeRecipe, fit_trees
from dedupe.training.data import LEFT_OUT, labelled_folders

UNSEEN_TREES = "trees-without-left-out-sets.safetensors"
"""File of the trees that were fitted without the sets that are left out, in the working folder."""
UNSEEN_ITERATIONS = 600
"""Trees that are fitted without these sets."""
USUAL_MATCH_RATE = 0.2
"""Share of matches among given pairs that the combination expects."""
OF_CANDIDATES = np.array([-0.117, 0.732, 0.256, -0.050])
"""A constant, and weights of the log odds of the comparison model, of those of the cross-encoder
and of the lower of the two, as they were fitted to candidate pairs without further inputs."""
CANDIDATE_SHARE = 0.2
"""How far the weights of given pairs are drawn towards those of candidate pairs."""


@dataclass(frozen=True, eq=False)
class UnseenScores:
    """Pairs of a set as two models score them that were not trained on it.

    Parameters
    ----------
    name, family
        Of the set; see :class:`~dedupe.training.comparison.data.LabelledPairs`.
    comparison, cross_encoder
        (m,) float32 log odds of the comparison model and of the cross-encoder.
    pairs
        The m pairs.
    labels
        (m,) int8: 1 for a match, 0 otherwise.
    """

    name: str
    family: str
    comparison: NDArray[np.float32]
    cross_encoder: NDArray[np.float32]
    pairs: GivenPairs
    labels: NDArray[np.int8]

    @property
    def inputs(self) -> NDArray[np.float64]:
        """What is combined, (m, 8)."""
        return inputs_of_given_pairs(self.pairs, self.comparison, self.cross_encoder)


def unseen_scores(
    data: Path,
    names: Sequence[str],
    part: str,
    trees: ObliviousTrees,
    model: PairModel,
    cache: Path,
) -> Iterator[UnseenScores]:
    """Score published sets with models that were not trained on them.

    Parameters
    ----------
    data
        Folder of benchmark folders.
    names
        Names of the sets.
    part
        Part of their pairs.
    trees
        As of :func:`unseen_trees`.
    model
        Cross-encoder.
    cache
        Folder of comparison vectors.
    """
    for source in labelled_folders(data):
        if source.name in names:
            yield _score(published_set(source, part, cache), trees, model)


def unseen_trees(sets: Iterable[LabelledPairs], recipe: TreeRecipe, work: Path) -> ObliviousTrees:
    """Fit trees without the sets that are left out, unless the working folder has them."""
    file = work / UNSEEN_TREES
    if not file.exists():
        chosen = [pairs for pairs in sets if pairs.name not in LEFT_OUT]
        trees = fit_trees(chosen, replace(recipe, iterations=UNSEEN_ITERATIONS))
        save_comparison_model(ComparisonModel(trees, np.zeros(8), np.zeros(8)), file)
    return load_comparison_model(file).trees


def fit_given_combination(scores: Sequence[UnseenScores]) -> NDArray[np.float64]:
    """Fit :attr:`~dedupe.scoring.comparison.model.ComparisonModel.given_combination`.

    Parameters
    ----------
    scores
        Pairs of sets that neither model was trained on. None of them holds people, of whom the
        comparison model knows more: so the weights are drawn towards those of candidate pairs.
    """
    from sklearn.linear_model import LogisticRegression

    fitted: Any = LogisticRegression(C=1e3, max_iter=2000).fit(
        np.concatenate([one.inputs for one in scores]),
        np.concatenate([one.labels for one in scores]),
        np.concatenate([_weights(one.labels) for one in scores]),
    )
    weights: NDArray[np.float64] = np.concatenate([fitted.intercept_, fitted.coef_[0]])
    towards = np.zeros_like(weights)
    towards[: len(OF_CANDIDATES)] = OF_CANDIDATES
    return (1 - CANDIDATE_SHARE) * weights + CANDIDATE_SHARE * towards


def _weights(labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """Weight the pairs of a set, (m,), such that it counts by the square root of its size.

    The matches of each set count as if it had the usual match rate: the rates of published sets
    tell how their pairs were chosen.
    """
    rate = labels.mean()
    weights = np.where(
        labels == 1,
        USUAL_MATCH_RATE / max(rate, 1 / len(labels)),
        (1 - USUAL_MATCH_RATE) / max(1 - rate, 1 / len(labels)),
    )
    scaled: NDArray[np.float64] = weights * len(labels) ** -0.5
    return scaled


def _score(pairs: LabelledPairs, trees: ObliviousTrees, model: PairModel) -> UnseenScores:
    texts = np.concatenate([pairs.left, pairs.right])
    rows = np.unique(texts, return_inverse=True)[1].astype(np.uint32)
    vectors = pairs.vectors
    similarity = (vectors[:, feature_names().index("cosine")] / EQUAL).astype(np.float32)
    left_rows, right_rows = np.split(rows, 2)
    left, right = (prepare_texts(model, side.tolist()) for side in (pairs.left, pairs.right))
    return UnseenScores(
        pairs.name,
        pairs.family,
        trees.log_odds(vectors),
        score_logits(model, left, right),
        GivenPairs(left_rows, right_rows, similarity, take_features(vectors, GIVEN_FEATURES)),
        pairs.labels,
    )
