"""Labelled comparison vectors whose first feature tells matches."""

from __future__ import annotations

import numpy as np

from dedupe.scoring.comparison.vectors import feature_names
from dedupe.training.comparison.data import LabelledPairs


def made_pairs(name: str, m: int, seed: int) -> LabelledPairs:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(0, 256, (m, len(feature_names())), dtype=np.uint8)
    labels = (vectors[:, 0] > 128).astype(np.int8)
    texts = np.array([f"name: {number}" for number in range(m)], dtype=object)
    return LabelledPairs(name, "lesson", vectors, labels, texts, texts)
