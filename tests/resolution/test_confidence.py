"""Confidence and joining probability, compared with listing all pairs and all paths."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.resolution.confidence import joining_probability, link_confidence
from tests.resolution.graphs import Graph, graphs, links, run_cluster


def probabilities(graph: Graph) -> dict[tuple[int, int], float]:
    """The probability of every two rows, where they were compared or have identical text."""
    n, pairs, _, _ = graph
    group = list(range(n))
    for a, b in pairs.filter(decided_by="identical").select("left", "right").iter_rows():
        group[b] = a
    scored = {(a, b): p for a, b, _, p, how, _ in pairs.iter_rows() if how != "identical"}
    found = {}
    for a, b in combinations(range(n), 2):
        ends = (min(group[a], group[b]), max(group[a], group[b]))
        if group[a] == group[b]:
            found[a, b] = 1.0
        elif ends in scored:
            found[a, b] = scored[ends]
    return found | {(b, a): p for (a, b), p in found.items()}


@given(graphs(), st.sampled_from([0.3, 0.5, 0.8]))
def test_confidence_is_the_mean_probability_inside_the_cluster(
    graph: Graph, threshold: float
) -> None:
    n, pairs, must, cannot = graph
    labels = run_cluster(n, pairs, threshold, must, cannot).labels
    group = list(range(n))
    for a, b in pairs.filter(decided_by="identical").select("left", "right").iter_rows():
        group[b] = a
    probability = probabilities(graph)
    confidence = link_confidence(n, pairs, labels)
    assert confidence.dtype == np.float32 and ((confidence >= 0) & (confidence <= 1)).all()
    for row in range(n):
        mates = [mate for mate in range(n) if mate != row and labels[mate] == labels[row]]
        if not mates:
            others = [probability[row, other] for other in range(n) if (row, other) in probability]
            assert confidence[row] == pytest.approx(1 - max(others, default=0), abs=1e-6)
            continue
        copies = [mate for mate in mates if group[mate] == group[row]]
        # Several mates of identical text are one pair.
        scored = {
            group[mate]: probability[row, mate]
            for mate in mates
            if group[mate] != group[row] and (row, mate) in probability
        }
        values = [1.0] * len(copies) + list(scored.values())
        mean = sum(values) / len(values) if values else 1
        assert confidence[row] == pytest.approx(mean, abs=1e-6)


@given(graphs(), st.sampled_from([0.3, 0.5, 0.8]))
def test_joining_probability_is_the_weakest_link_of_the_strongest_path(
    graph: Graph, threshold: float
) -> None:
    n, pairs, must, cannot = graph
    labels = run_cluster(n, pairs, threshold, must, cannot).labels
    strongest = np.zeros((n, n))
    for (a, b), p in probabilities(graph).items():
        if labels[a] == labels[b]:
            strongest[a, b] = p
    for a, b in must.tolist():
        if labels[a] == labels[b]:
            strongest[a, b] = strongest[b, a] = 1
    for k in range(n):
        strongest = np.maximum(strongest, np.minimum(strongest[:, k, None], strongest[None, k]))
    np.fill_diagonal(strongest, 1)

    joined = joining_probability(n, pairs, labels, must_link=must)
    assert (joined[labels] == 1).all()
    assert np.allclose(joined, strongest[np.arange(n), labels], atol=1e-6)
    assert (joined >= min(threshold, 1) - 1e-6).all()
    largest = labels.copy()
    for label in set(labels.tolist()):
        largest[labels == label] = np.flatnonzero(labels == label).max()
    joined = joining_probability(n, pairs, labels, representative=largest, must_link=must)
    assert np.allclose(joined, strongest[np.arange(n), largest], atol=1e-6)


def test_the_confidence_of_a_record_alone_falls_with_its_best_pair() -> None:
    labels = np.arange(3, dtype=np.uint32)
    assert np.allclose(link_confidence(3, links((0, 1, 0.3)), labels), [0.7, 0.7, 1])


def test_joining_probability_without_a_path_is_zero() -> None:
    labels = np.array([0, 0], np.uint32)
    assert joining_probability(2, links(), labels).tolist() == [1, 0]


def test_joining_probability_follows_a_path_of_thousands_of_links() -> None:
    n = 3000
    path = links(*[(i, i + 1, 0.9) for i in range(n - 1)])
    assert joining_probability(n, path, np.zeros(n, np.uint32)).min() == np.float32(0.9)
