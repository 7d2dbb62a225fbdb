"""Which pairs to ask about next: those whose answers change most.

What an answer is worth has four parts, each from 0 to 1:

doubt
    How far the probability, corrected by the answers so far, is from sure.
effect
    How many rows hang on it: a match joins two clusters, and a "different" may part one.
bridge
    Whether clusters and pair tell different things: a likely pair that was kept apart, or an
    unlikely one inside a cluster.
surprise
    How far the correction moved the pair from what the model said: there the two disagree, and
    one of them learns.

Then the order is spread out: of several pairs of one record the later ones come down, as the answer
to the first says much of them. Pairs that are decided, or follow from what is, belong to whoever
shows the queue.

References
----------
B. Settles, "Active learning literature survey", University of Wisconsin–Madison, 2009 (uncertainty,
expected change, density).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

EFFECT = 0.2
BRIDGE = 0.3
SURPRISE = 0.1
"""What these are worth beside a doubt of 1."""
REPEATED = 0.7
"""What each earlier pair of the same record leaves of a pair's worth."""

Floats: TypeAlias = NDArray[np.float64]


def useful_order(
    left: NDArray[Any],
    right: NDArray[Any],
    probability: NDArray[Any],
    scored: NDArray[Any],
    labels: NDArray[Any],
    *,
    threshold: float,
) -> NDArray[np.int64]:
    """Return the numbers of m pairs, those first whose answers are worth most.

    Parameters
    ----------
    left, right
        (m,) row numbers.
    probability
        (m,) as corrected by the answers so far.
    scored
        (m,) as the models gave it.
    labels
        (n,) cluster of each row, under the answers so far.
    threshold
        Probability from which pairs are merged.
    """
    p = probability.astype(np.float64)
    return spread_out(
        worth(left, right, p, scored.astype(np.float64), labels, threshold), left, right
    )


def worth(
    left: NDArray[Any],
    right: NDArray[Any],
    probability: Floats,
    scored: Floats,
    labels: NDArray[Any],
    threshold: float,
) -> Floats:
    """Return what the answer to each of m pairs is worth; parameters as :func:`useful_order`."""
    doubt = doubts(probability, threshold)
    a, b = labels[left], labels[right]
    joined = a == b
    sizes = np.bincount(labels, minlength=len(labels)).astype(np.float64)
    rows = np.where(joined, sizes[a], sizes[a] + sizes[b])
    effect = 1 - 2 / np.maximum(rows, 2)
    bridge = (probability >= threshold) != joined
    surprise = np.abs(probability - scored)
    value: Floats = doubt * (1 + EFFECT * effect + SURPRISE * surprise) + BRIDGE * bridge
    return value


def doubts(probability: Floats, threshold: float) -> Floats:
    """Return the doubt about each pair: 1 at the threshold, 0 at the probabilities 0 and 1."""
    low, high = max(threshold, 1e-6), max(1 - threshold, 1e-6)
    below, above = probability / low, (1 - probability) / high
    return np.minimum(below, above)


def spread_out(value: Floats, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.int64]:
    """Return numbers by falling value, where each earlier pair of a record takes some of it."""
    order = np.lexsort((np.arange(len(value)), -value))
    ends = np.stack([left[order], right[order]], axis=1).ravel()
    earlier = _earlier(ends).reshape(-1, 2).max(axis=1)
    lowered = value[order] * REPEATED ** np.minimum(earlier, 30)
    return order[np.lexsort((order, -lowered))]


def _earlier(names: NDArray[Any]) -> NDArray[np.int64]:
    """Return how often each name stands before its place."""
    order = np.argsort(names, kind="stable")
    ranked = names[order]
    first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])) if len(names) else order
    sizes = np.diff(np.append(first, len(names)))
    earlier = np.empty(len(names), dtype=np.int64)
    earlier[order] = np.arange(len(names)) - np.repeat(first, sizes)
    return earlier
