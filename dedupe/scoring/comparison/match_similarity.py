"""How similar the likely matches among pairs are.

Where records are clean, those of one thing are nearly equal; where they are free text, they share a
few words. So what a similarity says of a pair depends on the records around it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.logistic import sigmoid

USUAL_SIMILARITY, PRIOR_MATCHES = 0.6, 5.0
"""Mean cosine of matches over many files, and the number of matches that it counts for."""


def similarity_of_matches(log_odds: NDArray[np.float32], similarity: NDArray[np.float32]) -> float:
    """Return the mean similarity of likely matches, drawn towards the usual one where they are few.

    Parameters
    ----------
    log_odds
        (m,) for pairs of different texts.
    similarity
        (m,) cosine of the two embeddings.

    Returns
    -------
    float
        Mean of the cosines, weighted by the probabilities.
    """
    probability = sigmoid(log_odds.astype(np.float64))
    total = probability @ similarity + PRIOR_MATCHES * USUAL_SIMILARITY
    return float(total / (probability.sum() + PRIOR_MATCHES))
