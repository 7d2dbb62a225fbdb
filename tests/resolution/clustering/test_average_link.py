"""Average-link agglomeration, compared with looking at every two clusters at every step."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.resolution.clustering.average_link import agglomerate, sum_links
from dedupe.resolution.clustering.constrained import MISSING_WEIGHT
from tests.resolution.graphs import (
    NO_PAIRS,
    Graph,
    Rows,
    graphs,
    links,
    row_pairs,
    run_cluster,
    sets,
)


def exhaustive(
    n: int, pairs: pl.DataFrame, threshold: float, cannot: Rows = NO_PAIRS
) -> set[frozenset[int]]:
    """Average link by looking at every two clusters at every step, in exact numbers."""
    weight = Fraction(MISSING_WEIGHT)
    value = {(a, b): (Fraction(p), Fraction(s)) for a, b, s, p, *_ in pairs.iter_rows()}
    apart = {tuple(pair) for pair in np.sort(cannot, axis=1).tolist()}
    clusters = [frozenset([row]) for row in range(n)]
    while True:
        best = None
        for one, two in combinations(sorted(clusters, key=min), 2):
            between = [(min(a, b), max(a, b)) for a in one for b in two]
            if any(pair in apart for pair in between):
                continue
            found = [value[pair] for pair in between if pair in value]
            if not found:
                continue
            average = sum(p for p, _ in found) / (len(found) + weight * (len(between) - len(found)))
            key = (-average, -len(found), -sum(s for _, s in found), min(one), min(two))
            if average >= Fraction(float(np.float32(threshold))) and (
                best is None or key < best[0]
            ):
                best = (key, one, two)
        if best is None:
            return set(clusters)
        clusters = [c for c in clusters if c not in best[1:]] + [best[1] | best[2]]


@given(graphs(identical=False, distinct=True), st.sampled_from([0.2, 0.35, 0.5, 0.7]))
def test_clusters_are_those_of_looking_at_every_two(graph: Graph, threshold: float) -> None:
    n, pairs, _, cannot = graph
    # The score of a pair decided to be different no longer counts.
    decided = pl.DataFrame(np.sort(cannot, axis=1), schema={"left": pl.UInt32, "right": pl.UInt32})
    rest = pairs.join(decided, on=["left", "right"], how="anti")
    labels = run_cluster(n, pairs, threshold, cannot=cannot).labels
    assert sets(labels) == exhaustive(n, rest, threshold, cannot)


@given(graphs(identical=False), st.sampled_from([0.3, 0.5, 0.8]))
def test_clusters_are_those_of_looking_at_every_two_with_ties(
    graph: Graph, threshold: float
) -> None:
    n, pairs, _, _ = graph
    assert sets(run_cluster(n, pairs, threshold).labels) == exhaustive(n, pairs, threshold)


def test_a_weak_chain_breaks_and_a_strong_set_with_gaps_holds() -> None:
    chain = links(*[(i, i + 1, 0.55) for i in range(5)])
    assert len(sets(run_cluster(6, chain).labels)) > 1
    gaps = {(0, 1), (2, 3), (0, 5), (1, 4)}
    full = links(*[(a, b, 0.9) for a, b in combinations(range(6), 2) if (a, b) not in gaps])
    assert sets(run_cluster(6, full).labels) == {frozenset(range(6))}


def test_even_certain_links_make_no_endless_chain() -> None:
    certain = links(*[(i, i + 1, 1.0) for i in range(99)])
    assert max(map(len, sets(run_cluster(100, certain).labels))) <= 7


def test_pairs_below_the_threshold_are_evidence_against_a_join() -> None:
    two = [(0, 1, 0.95), (1, 2, 0.9)]
    assert sets(run_cluster(3, links(*two)).labels) == {frozenset({0, 1, 2})}
    three = links(*two, (0, 2, 0.01))
    assert sets(run_cluster(3, three).labels) == {frozenset({0, 1}), frozenset({2})}


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.55, 0.7, 0.9, 0.001])
def test_the_threshold_is_inclusive(threshold: float) -> None:
    at = np.float32(threshold)
    below = np.nextafter(at, np.float32(0))
    if threshold > 0.01:
        assert run_cluster(2, links((0, 1, below)), threshold).labels.tolist() == [0, 1]
    assert run_cluster(2, links((0, 1, at)), threshold).labels.tolist() == [0, 0]


def test_cannot_links_that_keep_clusters_apart_are_reported() -> None:
    summed = sum_links(links((0, 1, 0.9), (1, 2, 0.8), (3, 4, 0.2)), np.arange(5, dtype=np.uint32))
    apart = row_pairs((3, 4), (0, 2))
    size = np.ones(5, dtype=np.int64)
    label, blocking = agglomerate(summed, size, apart, threshold=0.5, missing_weight=MISSING_WEIGHT)
    assert sets(label) == {frozenset({0, 1}), frozenset({2}), frozenset({3}), frozenset({4})}
    assert blocking.tolist() == [1]


def test_a_large_tangle_does_not_recurse() -> None:
    random = np.random.default_rng(5)
    n = 3000
    ends = random.integers(0, n, (5 * n, 2))
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    pairs = links(
        *[(a, b, p) for (a, b), p in zip(ends.tolist(), random.random(len(ends)), strict=True)]
    )
    assert 10 < len(np.unique(run_cluster(n, pairs).labels)) < n
    star = links(*[(0, i, 0.9) for i in range(1, n)])
    assert len(np.unique(run_cluster(n, star).labels)) > n - 10
