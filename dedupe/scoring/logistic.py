"""Logits, and logistic regression with an offset and a ridge penalty."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

LEAST_ANCHORED = 40
"""Undecided pairs outside `SURE` that hold the rest where it is: how many, and what they weigh
together at least; where decisions are more, they weigh as much."""


LOGIT_LIMIT = 7.0


Floats: TypeAlias = NDArray[np.float64]


Numbers: TypeAlias = NDArray[np.int64]


def logit(probability: NDArray[Any]) -> Floats:
    """Return log odds, between -7 and 7."""
    p = np.clip(probability.astype(np.float64), 1e-9, 1 - 1e-9)
    odds: Floats = np.clip(np.log(p / (1 - p)), -LOGIT_LIMIT, LOGIT_LIMIT)
    return odds


def sigmoid(logits: Floats) -> Floats:
    """Return the probabilities of logits."""
    chance: Floats = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return chance


def fit_penalised_logistic(
    inputs: Floats, before: Floats, known: Numbers, truth: Floats, anchors: Numbers, strength: float
) -> Floats:
    """Return the weights of least penalised loss, by Newton's method."""
    rows = np.concatenate([known, anchors])
    x, offset = inputs[rows], before[rows]
    y = np.concatenate([truth, sigmoid(before[anchors])])
    anchored = max(len(known), LEAST_ANCHORED) / max(len(anchors), LEAST_ANCHORED)
    weight = np.concatenate([np.ones(len(known)), np.full(len(anchors), anchored)])
    # Shift and scale of the logits are learnt more freely than what a single sign adds.
    pull = np.full(inputs.shape[1], strength)
    pull[:2] = strength / 40, strength / 4
    weights = np.zeros(inputs.shape[1])

    def cost(of: Floats) -> float:
        z = offset + x @ of
        return float((weight * (np.logaddexp(0, z) - y * z)).sum() + (pull * of * of).sum() / 2)

    now = cost(weights)
    for _ in range(50):
        chance = sigmoid(offset + x @ weights)
        slope = x.T @ (weight * (chance - y)) + pull * weights
        curve = (x * (weight * chance * (1 - chance))[:, None]).T @ x + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        # Far from the minimum a whole step may go too far: half of it, then, until it is downhill.
        size = 1.0
        while (then := cost(weights - size * step)) > now and size > 1e-6:
            size /= 2
        if now - then <= 1e-10 * now:
            break
        weights, now = weights - size * step, then
    return weights


def log_loss(logits: Floats, truth: Floats) -> float:
    """Return the mean negative log-likelihood of `truth` (0 or 1) under logits."""
    return float(np.mean(np.logaddexp(0, logits) - truth * logits))
