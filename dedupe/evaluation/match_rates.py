"""A model of how many undecided pairs match, for the intervals of an estimate.

Pairs fall into fine cells, by their probability and by whether they would be merged without
decisions about their records (decided pairs are always right, and so do not represent the others).
The match rate of each cell is unknown. Together the log odds of the rates follow those of the
probabilities, shifted, scaled and bent: a Gaussian process over cells. Its likelihood is the
audit sample, and draws come from elliptical slice sampling [1]_. The sample depends on
probabilities and random numbers alone, so it needs no weights: the design is ignorable [2]_.

References
----------
.. [1] I. Murray, R. P. Adams and D. J. C. MacKay, "Elliptical slice sampling", AISTATS 2010.
.. [2] D. B. Rubin, "Inference and missing data", Biometrika 63(3), 1976.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedupe.evaluation.audit_sample import LOGIT_LIMIT, UNKNOWN, AuditedPairs, Floats
from dedupe.scoring.logistic import logit, sigmoid

CELLS_PER_LOGIT = 4
"""Cells per unit of log odds."""
CHAINS, STEPS, RETAINED_STEPS = 200, 14, 5
"""Independent Markov chains, steps of each, and how many of the last steps are used."""
SHIFT, SCALE, MERGED_SHIFT, BEND = 1.5, 1.0, 2.0, 0.6
"""How far the match rates may differ from the probabilities: standard deviations, in log odds, of
a shift of all cells, of the factor on their log odds, of a shift of merged against other pairs, and
of a bend of the curve."""
BEND_LENGTH = 1.5
"""Length scale of a bend, in log odds."""


def draw_undecided_matches(
    pairs: AuditedPairs, sample: NDArray[np.int64], *, seed: int = 0
) -> tuple[Floats, Floats]:
    """Draw the numbers of undecided pairs that match from their posterior distribution.

    Parameters
    ----------
    pairs
        n candidate pairs.
    sample
        Row numbers of the audit sample; without any, the only draw is the expected number.
    seed
        Seed of the Monte Carlo draws.

    Returns
    -------
    merged, others
        (draws,) matches among the undecided pairs that are merged, and among the others.
    """
    rng = np.random.default_rng(seed)
    cell, rates = _draw_cell_rates(pairs, sample, rng)
    undecided = pairs.decision == UNKNOWN
    out_of_turn = pairs.decision >= 0
    out_of_turn[sample] = False
    totals = []
    for merged in (True, False):
        total = np.zeros(len(rates))
        for number in np.unique(cell[undecided & (pairs.merged == merged)]):
            inside = cell == number
            open_pairs = int((inside & undecided).sum())
            if not len(sample):
                total += open_pairs * rates[:, number]
                continue
            # Pairs decided out of turn may have been selected for their outcome. The sample
            # represents them and the undecided pairs together; their known matches are subtracted.
            decided = int((inside & out_of_turn).sum())
            matches = int((inside & out_of_turn & (pairs.decision == 1)).sum())
            drawn = rng.binomial(open_pairs + decided, rates[:, number])
            total += np.clip(drawn - matches, 0, open_pairs)
        totals.append(total)
    return totals[0], totals[1]


def _draw_cell_rates(
    pairs: AuditedPairs, sample: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """Draw the match rate of each cell.

    Returns
    -------
    cell
        (n,) cell of each pair.
    rates
        (draws, cells) match rates; without a sample, one draw: the mean probabilities.
    """
    bins = np.floor(CELLS_PER_LOGIT * logit(pairs.probability, LOGIT_LIMIT)).astype(np.int64)
    codes, cell = np.unique(bins * 2 + pairs.merged_unaided, return_inverse=True)
    expected = np.bincount(cell, pairs.probability) / np.bincount(cell)
    if not len(sample):
        return cell, expected[None, :]
    trials = np.bincount(cell[sample], minlength=len(codes)).astype(np.float64)
    matches = cell[sample[pairs.decision[sample] == 1]]
    hits = np.bincount(matches, minlength=len(codes)).astype(np.float64)
    mean = logit(expected, LOGIT_LIMIT)
    covariance = _covariance(mean, np.where(codes % 2 == 1, 1.0, -1.0))
    return cell, sigmoid(_slice_sampled(mean, covariance, trials, hits, rng))


def _covariance(mean: Floats, side: Floats) -> Floats:
    """Compute the prior covariance of cells by log odds `mean`; `side` is 1 if merged, else -1."""
    same_side = (1 + np.outer(side, side)) / 2
    distance = np.subtract.outer(mean, mean)
    covariance: Floats = (
        SHIFT**2
        + SCALE**2 * np.outer(mean, mean)
        + MERGED_SHIFT**2 * np.outer(side, side)
        + BEND**2 * (1 + same_side) / 2 * np.exp(-0.5 * distance**2 / BEND_LENGTH**2)
        + 1e-4 * np.eye(len(mean))
    )
    return covariance


def _slice_sampled(
    mean: Floats, covariance: Floats, trials: Floats, hits: Floats, rng: np.random.Generator
) -> Floats:
    """Draw log odds, (draws, cells), given binomial counts, by elliptical slice sampling."""
    root = np.linalg.cholesky(covariance)

    def log_likelihood(offset: Floats) -> Floats:
        log_odds = mean + offset
        value: Floats = (hits * log_odds - trials * np.logaddexp(0, log_odds)).sum(axis=1)
        return value

    # The chains start from the normal approximation at the mode.
    mode, spread = _laplace(mean, covariance, trials, hits)
    offset = mode + rng.standard_normal((CHAINS, len(mean))) @ np.linalg.cholesky(spread).T
    retained = []
    for step in range(STEPS):
        direction = rng.standard_normal(offset.shape) @ root.T
        floor = log_likelihood(offset) + np.log(rng.random(CHAINS))
        angle = rng.uniform(0, 2 * np.pi, CHAINS)
        low, high = angle - 2 * np.pi, angle.copy()
        rejected = np.ones(CHAINS, dtype=bool)
        proposed = offset.copy()
        while rejected.any():
            turn = angle[rejected, None]
            proposed[rejected] = offset[rejected] * np.cos(turn) + direction[rejected] * np.sin(
                turn
            )
            rejected &= log_likelihood(proposed) <= floor
            low = np.where(rejected & (angle < 0), angle, low)
            high = np.where(rejected & (angle >= 0), angle, high)
            angle = np.where(rejected, rng.uniform(low, high), angle)
        offset = proposed
        if step >= STEPS - RETAINED_STEPS:
            retained.append(mean + offset)
    return np.concatenate(retained)


def _laplace(
    mean: Floats, covariance: Floats, trials: Floats, hits: Floats
) -> tuple[Floats, Floats]:
    """Find the posterior mode, as an offset from the mean, and the covariance there (Newton)."""
    precision = np.linalg.inv(covariance)
    offset = np.zeros(len(mean))
    for _ in range(100):
        rate = sigmoid(mean + offset)
        gradient = hits - trials * rate - precision @ offset
        spread = np.linalg.inv(precision + np.diag(trials * rate * (1 - rate)))
        step = spread @ gradient
        offset = offset + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-6:
            break
    return offset, (spread + spread.T) / 2 + 1e-9 * np.eye(len(mean))
