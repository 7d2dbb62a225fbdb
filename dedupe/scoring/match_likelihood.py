"""How likely each pair of a file is a match, on a finer scale than its score."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.logistic import Floats, Numbers, fit_penalised_logistic, logit, sigmoid
from dedupe.scoring.recalibration_features import (
    CONFIDENT,
    LOGIT_LIMIT,
    MIN_PROBABILITY,
    recalibration_features,
)
from dedupe.scoring.sampling import evenly_spaced

MAX_CONFIDENT = 600
"""Most confident pairs of either kind that the regression is fitted to."""
MIN_CONFIDENT = 50
"""Fewest confident pairs of either kind that it needs."""
PENALTY = 4.0
MAX_LIKELIHOODS = 200_000
"""Most pairs whose likelihood is fitted, those with the most similar embeddings first."""
LIKELIHOOD_SCALE, LIKELIHOOD_SHIFT = 1.15, -1.0
"""Scale and shift from mean log odds to a likelihood: half of the confident pairs are matches, but
few of all pairs are. Measured on eleven fully labelled tables: the expected recall was off by .21
with the scores, and by .05 with these."""
MIN_LIKELIHOOD_LOG_ODDS = -9.0
"""Lowest log odds of a clear non-match."""


def likelihood(pairs: pl.DataFrame, comparison: Comparison) -> Floats:
    """Estimate how likely each pair is a match, on a finer scale than its score.

    A cross-encoder gives most pairs the same lowest probability, and these add up to more matches
    than a file has. A regression fitted to confident pairs ranks them.

    Parameters
    ----------
    pairs, comparison
        As for :func:`~dedupe.scoring.recalibration.recalibrate`. Decisions are not used.

    Returns
    -------
    ndarray
        (m,); the scored probabilities if too few of them are confident.
    """
    probability = pairs["probability"].to_numpy().astype(np.float64)
    scored = (pairs["decided_by"] != "identical").to_numpy()
    similarity = pairs["similarity"].to_numpy()
    selected = np.flatnonzero(scored)
    if len(selected) > MAX_LIKELIHOODS:
        likely = probability[selected] >= MIN_PROBABILITY
        priority = np.where(likely, 2.0, similarity[selected])
        selected = np.sort(selected[np.argsort(-priority, kind="stable")[:MAX_LIKELIHOODS]])
    log_odds = logit(probability[selected], LOGIT_LIMIT)
    non_match, match, count = find_confident(log_odds)
    if count < MIN_CONFIDENT:
        return probability
    features = recalibration_features(pairs, comparison, probability, selected, min_probability=0.0)
    order = np.lexsort((log_odds, similarity[selected]))
    non_matches, matches = (evenly_spaced(order[side[order]], count) for side in (non_match, match))
    fitted = _fit_to_confident(features, non_matches, matches)
    fitted = np.clip(fitted, MIN_LIKELIHOOD_LOG_ODDS, -MIN_LIKELIHOOD_LOG_ODDS)
    # Pairs that were not selected get the lowest log odds of those that were.
    total = logit(probability, LOGIT_LIMIT) + fitted.min()
    total[selected] = log_odds + fitted
    estimate = probability.copy()
    estimate[scored] = sigmoid(LIKELIHOOD_SCALE * total[scored] / 2 + LIKELIHOOD_SHIFT)
    return estimate


def find_confident(log_odds: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
    """Find confident non-matches and matches, and how many of each are used."""
    below, above = logit(np.array(CONFIDENT), LOGIT_LIMIT)
    non_match, match = log_odds < below, log_odds > above
    return non_match, match, min(int(non_match.sum()), int(match.sum()), MAX_CONFIDENT)


def _fit_to_confident(features: Floats, non_matches: Numbers, matches: Numbers) -> Floats:
    """Fit a regression to confident pairs; return the log odds of all, (m,)."""
    train = np.concatenate([non_matches, matches])
    labels = np.repeat([0.0, 1.0], [len(non_matches), len(matches)])
    # The pairs' own log odds are left out: they define the labels.
    zeros, no_anchors = np.zeros(len(features)), np.empty(0, dtype=np.int64)
    inputs = np.column_stack([np.ones(len(features)), zeros, features])
    weights = fit_penalised_logistic(inputs, zeros, train, labels, no_anchors, PENALTY)
    log_odds: Floats = inputs @ weights
    return log_odds
