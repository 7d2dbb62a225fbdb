"""Which pairs the cross-encoder judges: those that the comparison model leaves in doubt.

::

    candidates ──comparison vectors──▶ comparison model ──clear──▶ probability
        └──doubtful──▶ cross-encoder ──▶ combined ──▶ probability

The cross-encoder reads two texts and knows nothing of the file, and on an ordinary CPU it judges
a thousand times fewer pairs in a second than the comparison model. So it gets the most doubtful
pairs, up to a number that depends on the number of records, and never on the speed of the machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedupe.config import Config

DOUBTFUL = 3.0
"""Log odds below which, on either side, the comparison model is in doubt: 5 to 95 percent."""
MIN_PAIRS, MAX_PAIRS = 100, 1_000
"""Fewest and most pairs of a file that the cross-encoder may judge."""
RECORDS_PER_PAIR = 4
"""Records for which it may judge one pair, between these limits."""


def cross_encoder_budget(records: int, config: Config) -> float:
    """Return how many pairs of a file the cross-encoder may judge; infinite if all."""
    if config.effort == "fast":
        return 0
    if config.effort == "thorough":
        return np.inf
    if config.cross_encoder_pairs is not None:
        return config.cross_encoder_pairs
    return min(max(records // RECORDS_PER_PAIR, MIN_PAIRS), MAX_PAIRS)


def doubtful_pairs(
    log_odds: NDArray[np.float32], sampling_key: NDArray[np.uint64], budget: float
) -> tuple[NDArray[np.int64], int]:
    """Choose the pairs that the cross-encoder judges, the most doubtful first.

    Parameters
    ----------
    log_odds
        (m,) of the comparison model.
    sampling_key
        (m,) random numbers that depend on the texts of a pair alone: pairs in equal doubt are
        chosen alike in every order of the pairs.
    budget
        Most pairs to choose; infinite: all pairs, doubtful or not.

    Returns
    -------
    pairs
        (k,) numbers of the chosen pairs.
    over_budget
        Number of doubtful pairs that were not chosen.
    """
    if np.isinf(budget):
        return np.arange(len(log_odds)), 0
    doubt = np.abs(log_odds)
    doubtful = np.flatnonzero(doubt < DOUBTFUL)
    order = np.lexsort((sampling_key[doubtful], doubt[doubtful]))
    chosen = doubtful[order[: int(budget)]]
    return np.sort(chosen), len(doubtful) - len(chosen)
