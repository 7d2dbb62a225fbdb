"""Scored pairs that the tests of recalibration share."""

from __future__ import annotations

import numpy as np
import polars as pl

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.pairs import PAIRS


def people(rng: np.random.Generator, count: int) -> tuple[pl.DataFrame, Comparison, np.ndarray]:
    """Make records whose city alone separates matches, which their scores ignore.

    Returns scored pairs, their comparison and which pairs match.
    """
    texts, rows, truth = [], [], []
    for i in range(count):
        match = bool(rng.random() < 0.5)
        texts.append(f"name: person {i}\ncity: town {i}\ncode: {rng.integers(99)}")
        city = f"town {i}" if match else f"village {i + 500}"
        texts.append(f"name: person {i} x\ncity: {city}\ncode: {rng.integers(99)}")
        rows.append((2 * i, 2 * i + 1))
        truth.append(match)
    left, right = zip(*rows, strict=True)
    pairs = pl.DataFrame(
        {
            "left": left,
            "right": right,
            "similarity": rng.uniform(0.5, 0.9, count),
            "probability": rng.uniform(0.2, 0.8, count),
            "decided_by": ["cross-encoder"] * count,
            "reason": [""] * count,
        },
        schema=PAIRS,
    )
    return pairs, Comparison.of(pl.Series("text", texts), pairs), np.array(truth)


def decisions(pairs: pl.DataFrame, truth: np.ndarray, count: int) -> pl.DataFrame:
    """Decide the first `count` pairs correctly."""
    return pairs.head(count).select(
        "left",
        "right",
        pl.Series("decision", np.where(truth[:count], "match", "different")),
    )
