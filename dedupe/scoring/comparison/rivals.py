"""How likely the other pairs of a pair's two records are, and how far they count against it.

In lists that name each thing once, a record that has a likely match has no other one. In files of
large clusters it has. Which of both some pairs come from shows in the pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.logistic import sigmoid

Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.int64]
Rows: TypeAlias = NDArray[np.uint32]

MOST_LOG_ODDS = 3.0
"""A rival counts as if its log odds were not further from 0."""
RATIO_OF_CLUSTERS = 1.1
"""How often likely matches have a likely rival where rivals say nothing, relative to all pairs."""
PRIOR_MATCHES = 20.0
"""Number of likely matches at which what they tell counts half."""
_CHUNK = 4_000_000
"""Rivals that are looked up at a time."""


def rival_log_odds(left: Rows, right: Rows, log_odds: NDArray[np.float32]) -> Floats:
    """Sum up the odds of each pair's rivals.

    A rival of a pair of records a and b is a pair of a and some c, or of b and some c. Its odds
    count as far as c is not a match of the other record as well: where a, b and c are all alike,
    none is a rival of another.

    Parameters
    ----------
    left, right
        (m,) uint32 row numbers. A pair that is there twice counts once. A record paired with
        itself has no rivals, and is none.
    log_odds
        (m,) of the pairs.

    Returns
    -------
    ndarray
        (m,): log(1 + sum of the odds of the rivals); 0 without rivals.
    """
    rivals = np.zeros(len(left))
    pairs = np.flatnonzero(left != right)
    if len(pairs):
        rivals[pairs] = _rivals(left[pairs], right[pairs], log_odds[pairs])
    return rivals


def exclusiveness(log_odds: NDArray[np.float32], rivals: Floats) -> float:
    """Return how far a match of a record excludes others, from 0 to 1.

    Where each thing is named once, fewer of the likely matches than of all pairs have a likely
    rival. In large clusters they have rivals at least as often. Few matches tell neither.

    Parameters
    ----------
    log_odds
        (m,) of the pairs.
    rivals
        (m,) as of :func:`rival_log_odds`.
    """
    match = sigmoid(log_odds.astype(np.float64))
    contested = -np.expm1(-rivals)  # the probability of any rival
    usual = contested.mean() if len(rivals) else 0.0
    if usual == 0:
        return 0.0  # there are no rivals
    matches = match.sum()
    ratio = match @ contested / matches / usual
    excluding = np.clip(RATIO_OF_CLUSTERS - ratio, 0.0, 1.0)
    return float(excluding * matches / (matches + PRIOR_MATCHES))


def _rivals(left: Rows, right: Rows, log_odds: NDArray[np.float32]) -> Floats:
    n = 1 + int(max(left.max(), right.max()))
    keys, first, place = np.unique(_keys(left, right, n), return_index=True, return_inverse=True)
    low, high = np.divmod(keys, n)
    score = np.clip(log_odds[first].astype(np.float64), -MOST_LOG_ODDS, MOST_LOG_ODDS)
    odds, probability = np.exp(score), sigmoid(score)
    total = np.bincount(low, odds, n) + np.bincount(high, odds, n)
    rivals = total[low] + total[high] - 2 * odds
    for pair, of_low, of_high in _triangles(low, high, n):
        completing = odds[of_low] * probability[of_high] + odds[of_high] * probability[of_low]
        rivals -= np.bincount(pair, completing, len(keys))
    summed: Floats = np.log1p(np.maximum(rivals, 0.0))
    return summed[place]


def _keys(left: Rows | Numbers, right: Rows | Numbers, n: int) -> Numbers:
    keys: Numbers = np.minimum(left, right).astype(np.int64) * n + np.maximum(left, right)
    return keys


def _triangles(low: Numbers, high: Numbers, n: int) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """Find the triangles of pairs, some at a time.

    Parameters
    ----------
    low, high
        (m,) row numbers of different pairs, ascending.
    n
        Number of rows.

    Yields
    ------
    tuple
        Three (t,) arrays of numbers of pairs: a pair, and the two pairs of its lower and of its
        higher row with a third row. Each triangle is found once from each of its pairs.
    """
    keys = low * n + high
    number = np.arange(len(keys))
    row, other, pair = (
        np.concatenate(sides) for sides in ((low, high), (high, low), (number, number))
    )
    order = np.argsort(row, kind="stable")
    other, pair = other[order], pair[order]
    count = np.bincount(row, minlength=n)
    start = np.cumsum(count) - count
    # The neighbours of the row that has fewer are looked up among those of the other one.
    fewer = np.where(count[low] <= count[high], low, high)
    looked_up = count[fewer]
    bounds = np.searchsorted(np.cumsum(looked_up), np.arange(0, looked_up.sum(), _CHUNK))
    for begin, end in zip(bounds, [*bounds[1:], len(keys)], strict=True):
        asked = np.repeat(number[begin:end], looked_up[begin:end])
        first = np.cumsum(looked_up[begin:end]) - looked_up[begin:end]
        within = np.arange(len(asked)) - np.repeat(first, looked_up[begin:end])
        at = start[fewer[asked]] + within
        richer = low[asked] + high[asked] - fewer[asked]
        wanted = _keys(richer, other[at], n)
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        closed = (keys[found] == wanted) & (other[at] != richer)
        asked, near, far = asked[closed], pair[at[closed]], found[closed]
        lower = fewer[asked] == low[asked]
        yield asked, np.where(lower, near, far), np.where(lower, far, near)
