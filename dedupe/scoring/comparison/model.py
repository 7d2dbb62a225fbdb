"""The bundled comparison model: boosted trees on comparison vectors, and how scores are combined.

It is trained on labelled pairs of many data sets and on synthesized files; see its card in
``dedupe/models/comparison``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dedupe.errors import ModelError
from dedupe.models.loading import MODELS
from dedupe.scoring.comparison.match_similarity import similarity_of_matches
from dedupe.scoring.comparison.oblivious_trees import ObliviousTrees
from dedupe.scoring.comparison.rivals import exclusiveness, rival_log_odds
from dedupe.scoring.comparison.scales import CONTAINED, EQUAL, UNKNOWN, Bytes
from dedupe.scoring.comparison.vectors import feature_names

WEIGHTS = MODELS / "comparison" / "model.safetensors"
LOGIT_LIMIT = 7.0
"""Log odds that a combined score does not exceed."""
_LEADS = ("main token_sort", "margin left", "margin right")
_GIVEN_NAMES = (
    "given jaro_winkler",
    "given name compatible",
    "names exchanged",
    "main token_set",
)
CANDIDATE_FEATURES = (*_LEADS, *_GIVEN_NAMES)
"""What tells, in a candidate pair that the trees are in doubt about, which way they err."""
GIVEN_FEATURES = ("conflicts", "bits of the richer record")
"""What tells, in a pair that is given without a file, how far both models can be trusted."""
COMBINATIONS = ("combination", "given_combination")
"""Arrays of a stored model beside those of its trees."""


@dataclass(frozen=True, eq=False)
class GivenPairs:
    """What is known of pairs that are given without a file, but for their scores.

    Parameters
    ----------
    left, right
        (m,) uint32 row numbers.
    similarity
        (m,) float32 cosine of the two embeddings.
    features
        (m, 2) uint8: :data:`GIVEN_FEATURES` of the comparison vectors.
    """

    left: NDArray[np.uint32]
    right: NDArray[np.uint32]
    similarity: NDArray[np.float32]
    features: Bytes


@dataclass(frozen=True, eq=False)
class ComparisonModel:
    """A model of comparison vectors.

    Parameters
    ----------
    trees
        Predict the log odds of a match.
    combination
        (8,) float64: how candidate pairs are judged: a constant, and weights of the log odds of the
        comparison model, of those of the cross-encoder, of the lower of the two, of how alike the
        main values are, of the lead of either record over its other candidates, and of given names
        that are unlike.
    given_combination
        (9,) float64: how pairs are judged that are given without a file, where the comparison model
        knows less: a constant, and weights of the same log odds, of the similarity of the pair, of
        that of the likely matches, of :data:`GIVEN_FEATURES`, and of the rivals of the pair.
    """

    trees: ObliviousTrees
    combination: NDArray[np.float64]
    given_combination: NDArray[np.float64]

    def log_odds(self, vectors: Bytes) -> NDArray[np.float32]:
        """Predict the log odds of each pair, (m,) float32, from (m, f) comparison vectors."""
        return self.trees.log_odds(vectors)

    def combine(
        self,
        comparison: NDArray[np.float32],
        cross_encoder: NDArray[np.float32],
        features: Bytes,
    ) -> NDArray[np.float32]:
        """Combine the log odds of both models for candidate pairs of a file, (m,) float32.

        See :func:`inputs_of_candidate_pairs` for the parameters.
        """
        inputs = inputs_of_candidate_pairs(comparison, cross_encoder, features)
        return combined_log_odds(self.combination, inputs)

    def combine_given(
        self,
        pairs: GivenPairs,
        comparison: NDArray[np.float32],
        cross_encoder: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Combine the log odds of both models for pairs without a file, (m,) float32.

        See :func:`inputs_of_given_pairs` for the parameters.
        """
        inputs = inputs_of_given_pairs(pairs, comparison, cross_encoder)
        return combined_log_odds(self.given_combination, inputs)


def combined_log_odds(
    combination: NDArray[np.float64], inputs: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Combine two models: a constant and a weighted sum of (m, k) inputs, limited on either side.

    Returns
    -------
    ndarray
        (m,) float32 log odds, at most :data:`LOGIT_LIMIT` on either side.
    """
    # Summed row by row: a product of matrices may round a pair otherwise beside other pairs.
    combined = combination[0] + (inputs * combination[1:]).sum(axis=1)
    limited: NDArray[np.float32] = np.clip(combined, -LOGIT_LIMIT, LOGIT_LIMIT).astype(np.float32)
    return limited


def both_scores(
    comparison: NDArray[np.float32], cross_encoder: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Stack the log odds of both models and the lower of the two, (m, 3)."""
    scores = [
        np.clip(scores, -LOGIT_LIMIT, LOGIT_LIMIT).astype(np.float64)
        for scores in (comparison, cross_encoder)
    ]
    return np.column_stack([*scores, np.minimum(*scores)])


def take_features(vectors: Bytes, names: Sequence[str]) -> Bytes:
    """Take k features by name, (m, k) uint8, from (m, f) comparison vectors."""
    return vectors[:, [feature_names().index(name) for name in names]]


def inputs_of_candidate_pairs(
    comparison: NDArray[np.float32], cross_encoder: NDArray[np.float32], features: Bytes
) -> NDArray[np.float64]:
    """Stack what is combined for candidate pairs of a file.

    Parameters
    ----------
    comparison, cross_encoder
        (m,) log odds of both models.
    features
        (m, 7) uint8: :data:`CANDIDATE_FEATURES` of the comparison vectors.

    Returns
    -------
    ndarray
        (m, 7): the log odds of both, the lower of the two, the features of main values and leads,
        where 1 is equality, and whether the given names are unlike. A cross-encoder hardly knows
        rare given names: it takes those of twins for two spellings of one.
    """
    leads, names = np.split(features, [len(_LEADS)], axis=1)
    scores = both_scores(comparison, cross_encoder)
    return np.hstack([scores, leads / EQUAL, unlike_given_names(names)[:, None]])


def unlike_given_names(features: Bytes) -> NDArray[np.bool_]:
    """Tell in which pairs both records have a given name, and neither is a form of the other.

    Parameters
    ----------
    features
        (m, 4) uint8: similarity of the given names, whether they are compatible (equal, a nickname,
        an initial), whether given and family name are exchanged, and whether one full name has all
        words of the other (a title, a second given name).

    Returns
    -------
    ndarray
        (m,) bool.
    """
    similarity, compatible, exchanged, words = features.T
    other_name = (compatible == 0) & (similarity < UNKNOWN)
    unlike: NDArray[np.bool_] = other_name & (exchanged == 0) & (words < CONTAINED)
    return unlike


def inputs_of_given_pairs(
    pairs: GivenPairs, comparison: NDArray[np.float32], cross_encoder: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Stack what is combined where pairs are given as such, without the candidates of a file.

    Parameters
    ----------
    pairs
        The m pairs. Those beside a pair tell how alike matches are, and which records have a
        likelier match.
    comparison, cross_encoder
        (m,) log odds of both models.

    Returns
    -------
    ndarray
        (m, 8): the log odds of both, the lower of the two, the similarity, that of the likely
        matches (see :mod:`.match_similarity`), the features, and the rivals, as far as they
        exclude a match (see :mod:`.rivals`).
    """
    mean: NDArray[np.float32] = (comparison + cross_encoder) * np.float32(0.5)
    of_matches = np.full(len(mean), similarity_of_matches(mean, pairs.similarity))
    rivals = rival_log_odds(pairs.left, pairs.right, mean)
    excluding = rivals * exclusiveness(mean, rivals)
    alike = np.column_stack([pairs.similarity, of_matches])
    scores = both_scores(comparison, cross_encoder)
    return np.hstack([scores, alike, pairs.features / EQUAL, excluding[:, None]])


@cache
def load_comparison_model(file: Path = WEIGHTS) -> ComparisonModel:
    """Load the comparison model.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or made for other features.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as stored:
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            features = json.loads((stored.metadata() or {}).get("features", "[]"))
        combinations = [arrays.pop(name) for name in COMBINATIONS]
        trees = ObliviousTrees(**arrays)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"cannot load the comparison model {file}: {error}") from error
    if tuple(features) != feature_names():
        raise ModelError(
            f"the comparison model {file} was trained on other features: install dedupe again"
        )
    return ComparisonModel(trees, *combinations)


def save_comparison_model(model: ComparisonModel, file: Path) -> None:
    """Write a comparison model, with the names of its features."""
    from safetensors.numpy import save_file

    weights = {name: getattr(model, name) for name in COMBINATIONS}
    arrays = {**model.trees.to_arrays(), **weights}
    save_file(arrays, file, metadata={"features": json.dumps(feature_names())})
