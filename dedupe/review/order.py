"""In which order pairs are reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.review.active_learning import useful_order
from dedupe.scoring.pairs import components

ORDERS = {
    "useful": "what teaches most first: doubtful pairs, of each record one",
    "weighty": "what most hangs on first: bridges, large clusters, pairs on which models disagree",
    "lowest": "the least probable of the matches first",
    "highest": "the most probable pairs first",
    "random": "a random sample",
    "clusters": "one cluster after another",
    "contradictions": "decisions that contradict each other, then scores that do",
    "audit": "pairs drawn by lot, of those that narrow the estimate of precision and recall most",
}
"""Orders of the queue, and what each is for."""

Pairs: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scores:
    """m scored pairs of n records, sorted by their left and then by their right row.

    Parameters
    ----------
    left, right
        (m,) int64 row numbers.
    probability
        (m,) float32, corrected by the decisions so far.
    disputed
        (m,) float32: how far distilled and cross-encoder were apart, from 0 to 1; 0 where only one
        of them was asked.
    threshold
        Pairs at or above it are matches.
    review_from
        Pairs below it are clearly different.
    """

    left: Pairs
    right: Pairs
    probability: NDArray[np.float32]
    disputed: NDArray[np.float32]
    threshold: float
    review_from: float

    def number(self, a: int, b: int) -> int | None:
        """Return the number of the pair of two rows; ``None`` if it was not scored."""
        low, high = min(a, b), max(a, b)
        start, stop = np.searchsorted(self.left, [low, low + 1])
        place = int(start + np.searchsorted(self.right[start:stop], high))
        return place if place < stop and self.right[place] == high else None


def ranked(
    scores: Scores, pairs: Pairs, labels: NDArray[np.uint32], order: str, seed: int
) -> Pairs:
    """Return pairs in an order that depends on their scores and clusters alone.

    Parameters
    ----------
    scores
        Of all pairs.
    pairs
        Numbers of those to be ranked.
    labels
        (n,) cluster of each record.
    order
        ``useful``, ``weighty``, ``lowest``, ``highest``, ``random`` or ``clusters``.
    seed
        Of the random order.
    """
    p = scores.probability[pairs].astype(np.float64)
    a, b = labels[scores.left[pairs]], labels[scores.right[pairs]]
    match order:
        case "lowest":
            return pairs[np.lexsort((pairs, p, p < scores.threshold))]
        case "highest":
            return pairs[np.lexsort((pairs, -p))]
        case "random":
            return np.random.default_rng(seed).permutation(pairs)
        case "clusters":
            return pairs[np.lexsort((pairs, p, np.minimum(a, b), a != b))]
        case "useful":
            left, right = scores.left[pairs], scores.right[pairs]
            return pairs[useful_order(left, right, p, threshold=scores.threshold)]
    sizes = np.bincount(labels, minlength=len(labels))
    doubt = 1 - np.abs(2 * p - 1)
    # The clustering and the pair tell different things: a bridge, or a link that was cut.
    odd = (p >= scores.threshold) != (a == b)
    rows = np.log2(1 + sizes[a] + np.where(a == b, 0, sizes[b]))
    weight = doubt * (1 + 0.2 * rows) + 0.6 * odd + 0.6 * scores.disputed[pairs]
    return pairs[np.lexsort((pairs, -weight))]


def triangles(scores: Scores, n: int) -> Iterator[tuple[int, int, int]]:
    """Yield three pairs of three records that cannot all be right, the oddest first.

    Two of them are matches by their probability, and the third is clearly different; it comes
    first. Each such pair comes once, with the third record that speaks most for it.
    """
    strong = np.flatnonzero(scores.probability >= scores.threshold)
    part = components(n, scores.left[strong], scores.right[strong])
    weak = np.flatnonzero(scores.probability < scores.review_from)
    weak = weak[part[scores.left[weak]] == part[scores.right[weak]]]
    ends = (
        np.concatenate([scores.left[strong], scores.right[strong]]),
        np.concatenate([scores.right[strong], scores.left[strong]]),
    )
    chances = np.tile(scores.probability[strong], 2).astype(np.float64)
    links = csr_array((chances, ends), shape=(n, n))
    for pair in weak[np.lexsort((weak, scores.probability[weak]))].tolist():
        a, b = int(scores.left[pair]), int(scores.right[pair])
        of_a, of_b = (slice(links.indptr[row], links.indptr[row + 1]) for row in (a, b))
        shared, at_a, at_b = np.intersect1d(
            links.indices[of_a], links.indices[of_b], return_indices=True
        )
        if not len(shared):
            continue
        weakest = np.minimum(links.data[of_a][at_a], links.data[of_b][at_b])
        third = int(shared[int(weakest.argmax())])
        one, other = scores.number(a, third), scores.number(b, third)
        assert one is not None and other is not None
        yield pair, one, other
