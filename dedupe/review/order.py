"""The orders in which pairs are reviewed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.review.active_learning import informative_order
from dedupe.review.pairs import PairNumbers, Scores
from dedupe.scoring.pairs import components

ORDERS = {
    "informative": "doubtful pairs whose decisions improve the scores most come first",
    "impact": "pairs with the largest impact on the clusters come first",
    "lowest": "the least probable matches come first",
    "highest": "the most probable pairs come first",
    "random": "pairs come in random order",
    "clusters": "pairs come cluster by cluster",
    "contradictions": "decisions, then scores, that contradict each other",
    "audit": "randomly drawn pairs, to estimate precision and recall",
}
"""Orders of the queue, and what each is for."""


def ranked(
    scores: Scores, pairs: PairNumbers, labels: NDArray[np.uint32], order: str, seed: int
) -> PairNumbers:
    """Sort pairs in an order that depends on scores and clusters alone.

    Parameters
    ----------
    scores
        Scores of all pairs.
    pairs
        Numbers of the pairs to sort.
    labels
        (n,) cluster label of each record.
    order
        ``informative``, ``impact``, ``lowest``, ``highest``, ``random`` or ``clusters``.
    seed
        Seed of the random order.
    """
    p = scores.probability[pairs].astype(np.float64)
    left, right = scores.left[pairs], scores.right[pairs]
    a, b = labels[left], labels[right]
    match order:
        case "informative":
            return pairs[informative_order(left, right, p, threshold=scores.threshold)]
        case "impact":
            return pairs[np.lexsort((pairs, -_impact(scores, pairs, labels)))]
        case "lowest":
            return pairs[np.lexsort((pairs, p, p < scores.threshold))]
        case "highest":
            return pairs[np.lexsort((pairs, -p))]
        case "clusters":
            return pairs[np.lexsort((pairs, p, np.minimum(a, b), a != b))]
        case "random":
            return np.random.default_rng(seed).permutation(pairs)
    raise ValueError(f"pairs cannot be ranked by {order!r}")


def _impact(scores: Scores, pairs: PairNumbers, labels: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Rate how much depends on a pair: doubt, the sizes of the clusters, conflicting evidence."""
    p = scores.probability[pairs].astype(np.float64)
    a, b = labels[scores.left[pairs]], labels[scores.right[pairs]]
    sizes = np.bincount(labels, minlength=len(labels))
    doubt = 1 - np.abs(2 * p - 1)
    # The score and the clustering disagree: a bridge between clusters, or a link that was cut.
    conflicting = (p >= scores.threshold) != (a == b)
    rows = np.log2(1 + sizes[a] + np.where(a == b, 0, sizes[b]))
    impact: NDArray[np.float64] = doubt * (1 + 0.2 * rows) + 0.6 * conflicting
    return impact


def triangles(scores: Scores, n: int) -> Iterator[tuple[int, int, int]]:
    """Yield three pairs of three records whose scores contradict each other.

    Two of them are matches by their probability, and one is clearly different; that one comes
    first. Each clearly different pair comes at most once, with the third record whose weaker match
    is the most probable; the least probable pairs come first.

    Parameters
    ----------
    scores
        Scores of all pairs.
    n
        Number of records.
    """
    matches = np.flatnonzero(scores.probability >= scores.threshold)
    component = components(n, scores.left[matches], scores.right[matches])
    different = np.flatnonzero(scores.probability < scores.review_from)
    different = different[component[scores.left[different]] == component[scores.right[different]]]
    ends = (
        np.concatenate([scores.left[matches], scores.right[matches]]),
        np.concatenate([scores.right[matches], scores.left[matches]]),
    )
    probability = np.tile(scores.probability[matches], 2).astype(np.float64)
    links = csr_array((probability, ends), shape=(n, n))
    for pair in different[np.lexsort((different, scores.probability[different]))].tolist():
        a, b = int(scores.left[pair]), int(scores.right[pair])
        of_a, of_b = (slice(links.indptr[row], links.indptr[row + 1]) for row in (a, b))
        shared, at_a, at_b = np.intersect1d(
            links.indices[of_a], links.indices[of_b], return_indices=True
        )
        if not len(shared):
            continue
        weaker = np.minimum(links.data[of_a][at_a], links.data[of_b][at_b])
        third = int(shared[int(weaker.argmax())])
        to_a, to_b = scores.number(a, third), scores.number(b, third)
        assert to_a is not None and to_b is not None
        yield pair, to_a, to_b
