"""Self-training: regressions fitted to the pairs of a file that the models are confident about."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.logistic import Floats, Numbers, fit_penalised_logistic, logit, sigmoid
from dedupe.scoring.recalibration_features import (
    CONFIDENT,
    LOGIT_LIMIT,
    MAX_SYNTHETIC,
    MIN_PROBABILITY,
    recalibration_features,
)

MAX_CONFIDENT = 600
"""Most confident pairs of either kind that self-training uses."""
MIN_CONFIDENT = 50
"""Fewest confident pairs of either kind that self-training needs."""
SELF_TRAINED_SHARE = 0.5
"""Share of a pair's log odds that comes from self-training."""
SELF_TRAINING_PENALTY = 4.0
MAX_LIKELIHOODS = 200_000
"""Most pairs whose likelihood is fitted, those with the most similar embeddings first."""
LIKELIHOOD_SCALE, LIKELIHOOD_SHIFT = 1.15, -1.0
"""Scale and shift from mean log odds to a likelihood: half of the confident pairs are matches, but
few of all pairs are. Measured on eleven fully labelled tables: the expected recall was off by .21
with the scores, and by .05 with these."""
MIN_LIKELIHOOD_LOG_ODDS = -9.0
"""Lowest log odds that self-training gives a clear non-match in :func:`likelihood`."""


def self_trained(
    log_odds: Floats,
    features: Floats,
    decided: Numbers,
    order: Numbers,
    synthetic_features: Floats | None = None,
) -> tuple[Floats, int, int]:
    """Average log odds with those of a regression fitted to confident pairs.

    Parameters
    ----------
    log_odds, features, decided, order
        As for :func:`~dedupe.scoring.recalibration.fit_to_decisions`. Decided pairs are not used as
        confident ones.
    synthetic_features
        (c, f) features of synthetic matches, used where there are too few confident matches.

    Returns
    -------
    log_odds
        (m,).
    confident_pairs, synthetic_pairs
        Number of pairs used; 0 if there were too few and nothing was changed.
    """
    undecided = np.ones(len(log_odds), dtype=bool)
    undecided[decided] = False
    non_match, match, count = find_confident(np.where(undecided, log_odds, 0.0))
    synthetic = features[:0] if synthetic_features is None else synthetic_features
    matches = int(match.sum())
    wanted = max(MAX_SYNTHETIC - matches, 0) if matches < MIN_CONFIDENT else 0
    synthetic = synthetic[:wanted]
    if len(synthetic):
        count = min(count + len(synthetic), int(non_match.sum()))
    if count < MIN_CONFIDENT:
        return log_odds, 0, 0
    non_matches, all_matches = (
        evenly_spaced(order[side[order]], count) for side in (non_match, match)
    )
    fitted = _fit_to_confident(features, non_matches, all_matches, synthetic)
    fitted = np.clip(fitted, -LOGIT_LIMIT, LOGIT_LIMIT)
    averaged = (1 - SELF_TRAINED_SHARE) * log_odds + SELF_TRAINED_SHARE * fitted
    return averaged, len(non_matches) + len(all_matches), len(synthetic)


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
    features, _ = recalibration_features(
        pairs, comparison, probability, selected, min_probability=0.0
    )
    order = np.lexsort((log_odds, similarity[selected]))
    non_matches, matches = (evenly_spaced(order[side[order]], count) for side in (non_match, match))
    fitted = _fit_to_confident(features, non_matches, matches, features[:0])
    fitted = np.clip(fitted, MIN_LIKELIHOOD_LOG_ODDS, -MIN_LIKELIHOOD_LOG_ODDS)
    # Pairs that were not selected get the lowest log odds of those that were.
    total = logit(probability, LOGIT_LIMIT) + fitted.min()
    total[selected] = log_odds + fitted
    estimate = probability.copy()
    estimate[scored] = sigmoid(LIKELIHOOD_SCALE * total[scored] / 2 + LIKELIHOOD_SHIFT)
    return estimate


def find_confident(log_odds: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
    """Find confident non-matches and matches, and how many of each self-training uses."""
    below, above = logit(np.array(CONFIDENT), LOGIT_LIMIT)
    non_match, match = log_odds < below, log_odds > above
    return non_match, match, min(int(non_match.sum()), int(match.sum()), MAX_CONFIDENT)


def evenly_spaced(numbers: Numbers, count: int) -> Numbers:
    """Take up to `count` of the numbers at even distances."""
    if len(numbers) <= count:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, count).astype(np.int64)]


def _fit_to_confident(
    features: Floats, non_matches: Numbers, matches: Numbers, synthetic: Floats
) -> Floats:
    """Fit a regression to confident pairs and synthetic matches; return log odds of all, (m,)."""
    rows = np.vstack([features, synthetic])
    train = np.concatenate([non_matches, matches, np.arange(len(features), len(rows))])
    labels = np.repeat([0.0, 1.0], [len(non_matches), len(matches) + len(synthetic)])
    # The pairs' own log odds are left out: they define the labels.
    zeros, no_anchors = np.zeros(len(rows)), np.empty(0, dtype=np.int64)
    inputs = np.column_stack([np.ones(len(rows)), zeros, rows])
    weights = fit_penalised_logistic(
        inputs, zeros, train, labels, no_anchors, SELF_TRAINING_PENALTY
    )
    log_odds: Floats = (inputs @ weights)[: len(features)]
    return log_odds
