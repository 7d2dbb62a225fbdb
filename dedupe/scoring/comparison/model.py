"""The bundled comparison model: boosted trees on comparison vectors, and how scores are combined.

It is trained on labelled pairs of many data sets and on synthesized files; see its card in
``dedupe/models/comparison``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dedupe.errors import ModelError
from dedupe.models.loading import MODELS
from dedupe.scoring.comparison.oblivious_trees import ObliviousTrees
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.comparison.vectors import feature_names

WEIGHTS = MODELS / "comparison" / "model.safetensors"
LOGIT_LIMIT = 7.0
"""Log odds that a combined score does not exceed."""


@dataclass(frozen=True, eq=False)
class ComparisonModel:
    """A model of comparison vectors.

    Parameters
    ----------
    trees
        Predict the log odds of a match.
    combination
        (4,) float64: constant, and weights of the log odds of the comparison model, of those of
        the cross-encoder, and of the lower of the two.
    """

    trees: ObliviousTrees
    combination: NDArray[np.float64]

    def log_odds(self, vectors: Bytes) -> NDArray[np.float32]:
        """Predict the log odds of each pair, (m,) float32, from (m, f) comparison vectors."""
        return self.trees.log_odds(vectors)

    def combine(
        self, comparison: NDArray[np.float32], cross_encoder: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Combine the log odds of the comparison model and of the cross-encoder, (m,) float32."""
        scores = [
            np.clip(scores, -LOGIT_LIMIT, LOGIT_LIMIT).astype(np.float64)
            for scores in (comparison, cross_encoder)
        ]
        constant, *weights = self.combination
        inputs = np.stack([*scores, np.minimum(*scores)])
        combined = constant + np.tensordot(weights, inputs, 1)
        limited: NDArray[np.float32] = np.clip(combined, -LOGIT_LIMIT, LOGIT_LIMIT)
        return limited.astype(np.float32)


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
        combination = arrays.pop("combination")
        trees = ObliviousTrees(**arrays)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"cannot load the comparison model {file}: {error}") from error
    if tuple(features) != feature_names():
        raise ModelError(
            f"the comparison model {file} was trained on other features: install dedupe again"
        )
    return ComparisonModel(trees, combination)


def save_comparison_model(model: ComparisonModel, file: Path) -> None:
    """Write a comparison model, with the names of its features."""
    from safetensors.numpy import save_file

    arrays = {**model.trees.to_arrays(), "combination": model.combination}
    save_file(arrays, file, metadata={"features": json.dumps(feature_names())})
