"""Predictions of a cross-encoder for pairs of record texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.cross_encoder import PairModel, prepare_texts, score_logits
from dedupe.training.data import TextPair


def predict(model: PairModel, pairs: Sequence[TextPair]) -> NDArray[np.float32]:
    """Predict the logits of m pairs, (m,) float32."""
    return score_logits(model, *encoder_texts(model, pairs))


def encoder_texts(model: PairModel, pairs: Sequence[TextPair]) -> tuple[list[str], list[str]]:
    """Prepare both sides of m pairs as inputs of the model."""
    left = prepare_texts(model, [pair.left for pair in pairs])
    return left, prepare_texts(model, [pair.right for pair in pairs])


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute ``1 / (1 + exp(-x))`` in double precision, as float32."""
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
