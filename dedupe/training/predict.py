"""Predictions of a cross-encoder for pairs of record texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.cross_encoder.encoder import PairModel
from dedupe.scoring.cross_encoder.text import pair_texts, prepare_texts
from dedupe.training.data import TextPair


def predict(model: PairModel, pairs: Sequence[TextPair]) -> NDArray[np.float32]:
    """Predict the logits of m pairs, (m,) float32."""
    return model.logits(encoder_texts(model, pairs))


def encoder_texts(model: PairModel, pairs: Sequence[TextPair]) -> list[tuple[str, str]]:
    """Put m pairs into the form that the model reads."""
    left = prepare_texts(model, [pair.left for pair in pairs])
    return pair_texts(model, left, prepare_texts(model, [pair.right for pair in pairs]))


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute ``1 / (1 + exp(-x))`` in double precision, as float32."""
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
