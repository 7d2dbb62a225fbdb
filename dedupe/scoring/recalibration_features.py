"""Features of scored pairs that recalibration is fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.model import LOGIT_LIMIT
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.logistic import Floats, Numbers, logit

MIN_SPREAD = 0.25
"""Spread of a feature, in bytes, up to which it is left out."""
MIN_PROBABILITY = 0.01
"""Probability below which pairs are not recalibrated: there are too many of them."""


def recalibration_features(
    pairs: pl.DataFrame,
    comparison: Comparison,
    probability: Floats,
    selected: Numbers,
) -> Floats:
    """Compute the features of selected pairs.

    The features are standardised comparison vectors, and how a pair compares with the other pairs
    of its two records.

    Parameters
    ----------
    pairs
        Scored pairs of schema :data:`~dedupe.scoring.pairs.PAIRS`.
    comparison
        Comparison of these pairs.
    probability
        Probabilities of all pairs.
    selected
        (m,) numbers of the pairs to compute features for.

    Returns
    -------
    ndarray
        (m, f), about 0 on average and about 1 in spread.
    """
    left, right = (pairs[side].to_numpy()[selected] for side in ("left", "right"))
    log_odds = logit(probability[selected], LOGIT_LIMIT)
    n = len(comparison.texts)
    rivals = _rivals_of_selected(pairs, n, probability, selected)
    vectors = comparison.vectors_of(left, right, pairs["similarity"].to_numpy()[selected])
    compared = probability[selected] > MIN_PROBABILITY
    return np.hstack([_standardise(vectors, compared), _rival_features(log_odds, rivals)])


def best_rivals(left: Any, right: Any, log_odds: Floats, n: int) -> Floats:
    """Find the best other pair of each pair's two records.

    Parameters
    ----------
    left, right
        (m,) row numbers.
    log_odds
        (m,) of the pairs.
    n
        Number of rows.

    Returns
    -------
    ndarray
        (m, 4): log odds of the best other pair of either record, the lower first; and the log of
        one plus the number of pairs of either record, the smaller first. A record without another
        pair has the lowest log odds.
    """
    ends = np.concatenate([left, right]).astype(np.int64)
    both = np.concatenate([log_odds, log_odds])
    order = np.lexsort((-both, ends))
    row, ranked = ends[order], both[order]
    first = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
    best, second = (np.full(n, -LOGIT_LIMIT) for _ in range(2))
    best[row[first]] = ranked[first]
    several = first[first + 1 < len(row)]
    several = several[row[several + 1] == row[several]]
    second[row[several]] = ranked[several + 1]
    count = np.log1p(np.bincount(ends, minlength=n))
    other = np.stack(
        [np.where(log_odds >= best[side], second[side], best[side]) for side in (left, right)]
    )
    counts = np.stack([count[left], count[right]])
    return np.column_stack([other.min(0), other.max(0), counts.min(0), counts.max(0)])


def _rivals_of_selected(
    pairs: pl.DataFrame, n: int, probability: Floats, selected: Numbers
) -> Floats:
    """Find the rivals of selected pairs among the scored pairs from :data:`MIN_PROBABILITY`."""
    scored = (pairs["decided_by"] != "identical").to_numpy()
    others = np.union1d(np.flatnonzero(scored & (probability >= MIN_PROBABILITY)), selected)
    left, right = (pairs[side].to_numpy()[others] for side in ("left", "right"))
    rivals = best_rivals(left, right, logit(probability[others], LOGIT_LIMIT), n)
    return rivals[np.searchsorted(others, selected)]


def _standardise(vectors: Bytes, compared: NDArray[np.bool_]) -> Floats:
    """Scale features to mean 0 and spread 1.

    Mean and spread are those of the pairs in `compared`, if there are any. Features that hardly
    vary are left out.
    """
    values = vectors.astype(np.float64)
    reference = values[compared] if compared.any() else values
    mean, spread = reference.mean(axis=0), reference.std(axis=0)
    varied = spread > MIN_SPREAD
    scaled: Floats = np.clip((values - mean)[:, varied] / spread[varied], -4, 4)
    return scaled


def _rival_features(log_odds: Floats, rivals: Floats) -> Floats:
    """Compare each pair with its rivals, as of :func:`best_rivals`."""
    low, high = rivals[:, 0], rivals[:, 1]
    features: Floats = np.column_stack(
        [(log_odds - high) / 4, (log_odds - low) / 4, high / 4, rivals[:, 2:]]
    )
    features -= features.mean(axis=0)
    return features
