"""Self-training: what the clear pairs of a file tell about its doubtful ones.

The comparison model is the same for every file. It cannot know that in this one a date of birth
tells people apart, or that unrelated people share rare names; in a large file, the clear pairs
show it. A logistic regression is fitted to their comparison vectors [1]_, and half
of the log odds of a doubtful pair then comes from it.

That helps only where doubtful pairs differ as clear ones do. It is taken for granted where the
regression orders the doubtful pairs much as the comparison model does; elsewhere nothing is
changed. See :data:`MIN_AGREEMENT` for what was measured.

References
----------
.. [1] D. Yarowsky, "Unsupervised word sense disambiguation rivaling supervised methods", ACL 1995.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.logistic import Floats, fit_penalised_logistic

CLEAR = 4.6
"""Log odds from which, on either side, a pair is clear: 99 percent."""
MIN_CLEAR, MAX_CLEAR = 500, 6_000
"""Fewest and most clear pairs of either kind that the regression is fitted to."""
MIN_AGREEMENT = 0.75
"""Correlation of both log odds of doubtful pairs from which the regression is used. Among 14 sets
with enough clear pairs, with trees that had not seen their kind, it raised F1 on 5 of the 8 sets
above this (by up to .042) and lowered it on 3 (by up to .013). Below, it lowered it on 5 of 6 (by
up to .13). A million people have .78 (F1 up by .011)."""
SHARE = 0.5
"""Share of the log odds of a doubtful pair that comes from the regression. Three quarters are
better where the regression is right (.0015 on a million people), and lower F1 by twice as much
where it is wrong."""
LIMIT = 9.0
"""Log odds that the regression does not exceed."""
MIN_SPREAD = 2.0
"""Spread of a feature of clear pairs, in bytes, up to which it is left out."""
PENALTY = 4.0


@dataclass(frozen=True, eq=False)
class FileRegression:
    """A logistic regression on comparison vectors that was fitted to a file.

    Parameters
    ----------
    constant
        Log odds of a vector of zeros.
    weights
        (f,) float64: log odds per byte of each feature.
    """

    constant: float
    weights: NDArray[np.float64]

    def combine(self, log_odds: NDArray[np.float32], vectors: Bytes) -> NDArray[np.float32]:
        """Combine log odds of doubtful pairs with those of the regression, (k,) float32."""
        combined = (1 - SHARE) * log_odds + SHARE * self.log_odds(vectors)
        return combined.astype(np.float32)

    def log_odds(self, vectors: Bytes) -> NDArray[np.float64]:
        """Predict log odds, (k,) float64, from (k, f) comparison vectors."""
        predicted: NDArray[np.float64] = self.constant + vectors @ self.weights
        return np.clip(predicted, -LIMIT, LIMIT)

    def facts(self) -> dict[str, Any]:
        """Return the values as plain JSON types."""
        return {"constant": self.constant, "weights": self.weights.tolist()}

    @classmethod
    def restore(cls, facts: Mapping[str, Any]) -> FileRegression:
        """Make a regression of what :meth:`facts` returned."""
        return cls(float(facts["constant"]), np.array(facts["weights"], dtype=np.float64))


def fit_file_regression(
    non_matches: Bytes, matches: Bytes, doubtful: Bytes, log_odds: NDArray[np.float32]
) -> FileRegression | None:
    """Fit a regression to the clear pairs of a file.

    Parameters
    ----------
    non_matches, matches
        (k, f) comparison vectors of clear pairs.
    doubtful
        (d, f) comparison vectors of doubtful pairs.
    log_odds
        (d,) of the comparison model.

    Returns
    -------
    FileRegression or None
        ``None`` if there are too few pairs, or if the regression and the comparison model do not
        agree about the doubtful ones.
    """
    if min(len(non_matches), len(matches)) < MIN_CLEAR or len(doubtful) < 2:
        return None
    vectors = np.concatenate([non_matches, matches]).astype(np.float64)
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0)
    used = spread > MIN_SPREAD
    rows = len(vectors)
    # The second weight, of log odds known before, is not used.
    inputs: Floats = np.column_stack(
        [np.ones(rows), np.zeros(rows), (vectors[:, used] - mean[used]) / spread[used]]
    )
    labels = np.repeat([0.0, 1.0], [len(non_matches), len(matches)])
    no_anchors = np.empty(0, dtype=np.int64)
    constant, _, *fitted = fit_penalised_logistic(
        inputs, np.zeros(rows), np.arange(rows), labels, no_anchors, PENALTY
    )
    weights = np.zeros(vectors.shape[1])
    weights[used] = np.array(fitted) / spread[used]
    regression = FileRegression(float(constant - weights @ mean), weights)
    predicted = regression.log_odds(doubtful)
    if not predicted.std() or not log_odds.std():
        return None
    agreement = np.corrcoef(predicted, log_odds)[0, 1]
    return regression if agreement >= MIN_AGREEMENT else None
