"""Log odds, their inverse, and logistic regression with an offset and a ridge penalty."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

MIN_ANCHOR_WEIGHT = 40
"""Total weight of the anchors, in decisions, where there are fewer decisions than that."""
Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.int64]


def logit(probability: NDArray[Any], limit: float) -> Floats:
    """Convert probabilities to log odds.

    Parameters
    ----------
    probability
        Probabilities in [0, 1], of any shape.
    limit
        Log odds are clipped to [-limit, limit].
    """
    p = np.clip(probability.astype(np.float64), 1e-9, 1 - 1e-9)
    log_odds: Floats = np.clip(np.log(p / (1 - p)), -limit, limit)
    return log_odds


def sigmoid(log_odds: NDArray[Any]) -> NDArray[Any]:
    """Convert log odds to probabilities, in the float type of the input.

    Log odds beyond 30 are clipped: they differ from 0 or 1 by less than 1e-13.
    """
    probability: NDArray[Any] = 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))
    return probability


def fit_penalised_logistic(
    inputs: Floats,
    offset: Floats,
    labelled: Numbers,
    labels: Floats,
    anchors: Numbers,
    penalty: float,
) -> Floats:
    """Fit logistic regression with an offset and a ridge penalty, by Newton's method.

    Parameters
    ----------
    inputs
        (m, f); the first two columns are a constant and the offset, or zeros: their weights shift
        and scale the log odds.
    offset
        (m,) log odds that are added to ``inputs @ weights``.
    labelled
        (k,) rows with a label.
    labels
        (k,) 1 for a match, 0 for a non-match.
    anchors
        (a,) rows that are pulled towards their offset; together they weigh as much as the labelled
        rows, and at least :data:`MIN_ANCHOR_WEIGHT`.
    penalty
        Ridge penalty of the weights; lower for the first two.

    Returns
    -------
    ndarray
        (f,) weights of least penalised loss.
    """
    rows = np.concatenate([labelled, anchors])
    x, base = inputs[rows], offset[rows]
    y = np.concatenate([labels, sigmoid(offset[anchors])])
    anchor_weight = max(len(labelled), MIN_ANCHOR_WEIGHT) / max(len(anchors), MIN_ANCHOR_WEIGHT)
    row_weight = np.concatenate([np.ones(len(labelled)), np.full(len(anchors), anchor_weight)])
    # Shift and scale of the log odds are less penalised than the weight of a single feature.
    penalties = np.full(inputs.shape[1], penalty)
    penalties[:2] = penalty / 40, penalty / 4
    weights = np.zeros(inputs.shape[1])

    def penalised_loss(candidate: Floats) -> float:
        z = base + x @ candidate
        loss = (row_weight * (np.logaddexp(0, z) - y * z)).sum()
        return float(loss + (penalties * candidate * candidate).sum() / 2)

    loss = penalised_loss(weights)
    for _ in range(50):
        p = sigmoid(base + x @ weights)
        gradient = x.T @ (row_weight * (p - y)) + penalties * weights
        hessian = (x * (row_weight * p * (1 - p))[:, None]).T @ x + np.diag(penalties)
        step = np.linalg.solve(hessian, gradient)
        # Far from the minimum a full Newton step may overshoot: halve it until the loss falls.
        scale = 1.0
        while (new_loss := penalised_loss(weights - scale * step)) > loss and scale > 1e-6:
            scale /= 2
        if loss - new_loss <= 1e-10 * loss:
            break
        weights, loss = weights - scale * step, new_loss
    return weights


def log_loss(log_odds: Floats, labels: Floats) -> float:
    """Compute the mean negative log-likelihood of labels (0 or 1) under log odds."""
    return float(np.mean(np.logaddexp(0, log_odds) - labels * log_odds))
