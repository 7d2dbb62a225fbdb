"""Calibration of logits, and figures that show how good the probabilities are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: ``probability = sigmoid(scale * logit + shift)``."""

    scale: float
    shift: float


def fit_calibration(
    logits: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> Calibration:
    """Fit the two parameters of Platt scaling by weighted maximum likelihood.

    Parameters
    ----------
    logits
        (n,) float32.
    labels
        (n,) int64, 0 or 1, both present.
    weights
        (n,) float64, weight of each pair.

    Returns
    -------
    Calibration
        ``scale`` is above 0.

    Raises
    ------
    ValueError
        If only one label is present.

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    from scipy.optimize import minimize

    if len(np.unique(labels)) < 2:
        raise ValueError("calibration needs pairs of both labels")
    sign = np.where(labels == 1, -1.0, 1.0)

    def loss(parameters: NDArray[np.float64]) -> float:
        margin = sign * (np.exp(parameters[0]) * logits.astype(np.float64) + parameters[1])
        return float(np.average(np.logaddexp(0, margin), weights=weights))

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-7})
    return Calibration(float(np.exp(best.x[0])), float(best.x[1]))


def apply_calibration(model: CrossEncoder, calibration: Calibration) -> None:
    """Scale the last layer of a model in place, so that its logits are calibrated."""
    import torch

    network: Any = model.model
    head = network.classifier
    with torch.no_grad():
        head.weight.mul_(calibration.scale)
        head.bias.mul_(calibration.scale).add_(calibration.shift)


def expected_calibration_error(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], bins: int = 10
) -> float:
    """Compute the mean gap between probability and share of matches, over bins of equal width.

    Each bin is weighted by its number of pairs.

    References
    ----------
    M. Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015.
    """
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for inside in (bin_of == index for index in range(bins)):
        if inside.any():
            gap = abs(float(probabilities[inside].mean()) - float(labels[inside].mean()))
            error += gap * float(inside.mean())
    return error


def pair_f1(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], threshold: float = 0.5
) -> tuple[float, float, float]:
    """Compute precision, recall and F1 when pairs at or above `threshold` count as matches."""
    predicted, actual = probabilities >= threshold, labels == 1
    correct = float((predicted & actual).sum())
    precision = correct / predicted.sum() if predicted.any() else 0.0
    recall = correct / actual.sum() if actual.any() else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if correct else 0.0
