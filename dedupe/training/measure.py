"""Calibration on the valid parts, and figures of the test parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder
from dedupe.training.calibrate import (
    Calibration,
    expected_calibration_error,
    fit_calibration,
    pair_f1,
)
from dedupe.training.data import TextPair, by_origin
from dedupe.training.data_mix import Tables, calibration_pairs, tested_pairs
from dedupe.training.predict import predict, sigmoid
from dedupe.training.recipe import Recipe


def measure(
    folder: Path, data: Path, tables: Tables, recipe: Recipe
) -> tuple[Calibration, dict[str, Any]]:
    """Fit the calibration of a model on the valid parts, and measure it on the test parts.

    Parameters
    ----------
    folder
        Folder of the model, without calibration.
    data, tables, recipe
        As in :func:`dedupe.training.data_mix.first_stage_pairs`.

    Returns
    -------
    Calibration
        To be built into the model.
    dict
        ``calibration``, and ``sets``: precision, recall and F1 at a threshold of 0.5, and the
        expected calibration error, by set.
    """
    model = load_cross_encoder(Config(cross_encoder=str(folder)))
    valid = calibration_pairs(data, tables, recipe)
    labels = np.array([pair.label for pair in valid])
    calibration = fit_calibration(predict(model, valid), labels, equal_weights(valid))

    def calibrated(raw: NDArray[np.float32]) -> NDArray[np.float32]:
        return sigmoid(calibration.scale * raw + calibration.shift)

    test = tested_pairs(data, tables, recipe)
    return calibration, {
        "calibration": asdict(calibration),
        "sets": _figures_by_set(test, calibrated(predict(model, test))),
    }


def _figures_by_set(
    pairs: Sequence[TextPair], probabilities: NDArray[np.float32]
) -> dict[str, dict[str, float]]:
    """Compute precision, recall and F1 of each set of pairs."""
    figures = {}
    for origin, chosen in by_origin(pairs):
        of_set = np.array([pair.origin == origin for pair in pairs])
        labels = np.array([pair.label for pair in chosen])
        precision, recall, f1 = pair_f1(probabilities[of_set], labels)
        figures[origin] = {
            "pairs": len(chosen),
            "true": int(labels.sum()),
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(f1, 4),
            "ece": round(expected_calibration_error(probabilities[of_set], labels), 4),
        }
    return figures


def equal_weights(pairs: Sequence[TextPair]) -> NDArray[np.float64]:
    """Weight m pairs, (m,), such that each set counts by the square root of its size."""
    sizes = {origin: len(chosen) for origin, chosen in by_origin(pairs)}
    return np.array([sizes[pair.origin] ** -0.5 for pair in pairs])
