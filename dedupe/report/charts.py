"""Charts of the report as SVG shapes: positions and sizes, which the page draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.explanation.pair import Explanation

BINS = 20
WIDTH, HEIGHT = 360.0, 120.0
"""Size of the histogram, in units of the drawing."""
MOST_LOG_ODDS = 9.0
"""Log odds at which the bars of a waterfall end."""


@dataclass(frozen=True)
class Bin:
    """One bar of the histogram, in units of the drawing.

    Parameters
    ----------
    x, y, width, height
        Its place and size.
    low, high
        The probabilities it counts.
    count
        Its pairs.
    merged
        Whether its pairs are at or above the threshold.
    """

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    count: int
    merged: bool


def histogram(probability: NDArray[np.float32], threshold: float) -> list[Bin]:
    """Count pairs by probability.

    The heights are on a logarithmic scale: clear pairs are thousands of times as many as others.
    """
    counts, edges = np.histogram(probability, bins=BINS, range=(0, 1))
    highest = log1p(int(counts.max())) or 1.0
    step = WIDTH / BINS
    bins = []
    for number, count in enumerate(counts.tolist()):
        height = log1p(count) / highest * HEIGHT
        low, high = float(edges[number]), float(edges[number + 1])
        merged = (low + high) / 2 >= threshold
        bins.append(
            Bin(number * step + 1, HEIGHT - height, step - 2, height, low, high, count, merged)
        )
    return bins


def shares(amounts: Sequence[float]) -> list[float]:
    """Return each amount in percent of the largest one."""
    most = max(amounts, default=0) or 1
    return [round(100 * amount / most, 1) for amount in amounts]


@dataclass(frozen=True)
class Bar:
    """A horizontal bar from `start` to `start + width`, in percent of the line."""

    start: float
    width: float
    up: bool


def waterfall(found: Explanation) -> Iterator[Bar]:
    """Yield the bar of each step: from the log odds before it to those after it."""
    total = found.start
    for step in found.steps:
        ends = sorted(_place(value) for value in (total, total + step.log_odds))
        yield Bar(round(ends[0], 2), round(max(ends[1] - ends[0], 0.6), 2), step.log_odds >= 0)
        total += step.log_odds


def _place(log_odds: float) -> float:
    """Return the place of log odds on the line, in percent; even odds are in the middle."""
    return 50 + 50 * float(np.clip(log_odds / MOST_LOG_ODDS, -1, 1))
