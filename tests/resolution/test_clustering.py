from fractions import Fraction
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.resolution.clustering import (
    CONTRADICTIONS,
    DIFFERENT_LINKED,
    MATCH_OVERRULED,
    MISSING_WEIGHT,
    cluster,
)
from dedupe.resolution.confidence import joining_probability, link_confidence
from dedupe.scoring.pairs import components

NONE = np.empty((0, 2), np.uint32)


def links(*rows, identical=()):
    """A frame of pairs from (left, right, probability[, similarity])."""
    lines = [
        (min(a, b), max(a, b), more[0] if more else 0.5, p, "cross-encoder")
        for a, b, p, *more in rows
    ]
    lines += [(a, b, 1.0, 1.0, "identical") for a, b in identical]
    return pl.DataFrame(
        lines,
        schema={
            "left": pl.UInt32,
            "right": pl.UInt32,
            "similarity": pl.Float32,
            "probability": pl.Float32,
            "decided_by": pl.String,
        },
        orient="row",
    ).sort("left", "right")


def rows(*pairs):
    return np.array(pairs, dtype=np.uint32).reshape(-1, 2)


def run(n, pairs, threshold=0.5, must=NONE, cannot=NONE, **options):
    return cluster(n, pairs, threshold=threshold, must_link=must, cannot_link=cannot, **options)


def sets(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@st.composite
def graphs(draw, identical=True, distinct=False, most=9):
    """n, pairs, must-links, cannot-links of a small file."""
    n = draw(st.integers(1, most))
    group = list(range(n))
    if identical:
        for row in range(1, n):
            if draw(st.integers(0, 3)) == 0:
                group[row] = group[draw(st.integers(0, row - 1))]
    heads = sorted(set(group))
    possible = list(combinations(heads, 2))
    chosen = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    if distinct:
        values = draw(st.permutations(range(1, len(chosen) + 1)))
        scored = [
            (a, b, v / (len(chosen) + 1), v / 97) for (a, b), v in zip(chosen, values, strict=True)
        ]
    else:
        scored = [
            (a, b, draw(st.sampled_from([0.05, 0.3, 0.5, 0.55, 0.8, 0.95, 1.0])), 0.7)
            for a, b in chosen
        ]
    stars = [(group[row], row) for row in range(n) if group[row] != row]
    pairs = links(*scored, identical=stars)
    every = list(combinations(range(n), 2))
    decided = draw(st.lists(st.sampled_from(every), unique=True, max_size=6)) if every else []
    cut = draw(st.integers(0, len(decided)))
    return n, pairs, rows(*decided[:cut]), rows(*decided[cut:])


def naive(n, pairs, threshold, cannot=NONE):
    """Average link by looking at every two clusters at every step, in exact numbers."""
    weight = Fraction(MISSING_WEIGHT)
    value = {(a, b): (Fraction(p), Fraction(s)) for a, b, s, p, _ in pairs.iter_rows()}
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


def test_weak_chain_breaks_and_strong_set_with_gaps_holds():
    chain = links(*[(i, i + 1, 0.55) for i in range(5)])
    assert len(sets(run(6, chain).labels)) > 1
    gaps = {(0, 1), (2, 3), (0, 5), (1, 4)}
    full = links(*[(a, b, 0.9) for a, b in combinations(range(6), 2) if (a, b) not in gaps])
    assert sets(run(6, full).labels) == {frozenset(range(6))}
    # even certain links do not make an endless chain
    certain = links(*[(i, i + 1, 1.0) for i in range(99)])
    assert max(map(len, sets(run(100, certain).labels))) <= 7


def test_pairs_below_the_threshold_are_evidence_against():
    two = [(0, 1, 0.95), (1, 2, 0.9)]
    assert sets(run(3, links(*two)).labels) == {frozenset({0, 1, 2})}
    assert sets(run(3, links(*two, (0, 2, 0.01))).labels) == {frozenset({0, 1}), frozenset({2})}


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.55, 0.7, 0.9, 0.001])
def test_threshold_is_inclusive(threshold):
    at = np.float32(threshold)
    below = np.nextafter(at, np.float32(0))
    if threshold > 0.01:
        assert run(2, links((0, 1, below)), threshold).labels.tolist() == [0, 1]
    assert run(2, links((0, 1, at)), threshold).labels.tolist() == [0, 0]


def test_empty_and_unlinked():
    assert run(0, links()).labels.shape == (0,)
    found = run(3, links())
    assert found.labels.dtype == np.uint32
    assert found.labels.tolist() == [0, 1, 2]
    assert found.contradictions.schema == CONTRADICTIONS
    assert found.contradictions.height == 0


def test_identical_rows_are_one_record_as_evidence():
    # three copies of 0 do not outvote: the one link to 4 stays what it is
    pairs = links((0, 4, 0.6), identical=[(0, 1), (0, 2), (0, 3)])
    assert run(5, pairs).labels.tolist() == [0] * 5


def test_must_link_joins_what_no_pair_says():
    assert run(4, links(), must=rows((3, 1))).labels.tolist() == [0, 1, 2, 1]


def test_newer_must_link_is_preferred():
    cannot = rows((0, 2))
    older = run(3, links(), must=rows((0, 1), (1, 2)), cannot=cannot)
    assert older.labels.tolist() == [0, 1, 1]
    assert older.contradictions.rows() == [(0, 1, MATCH_OVERRULED)]
    newer = run(3, links(), must=rows((1, 2), (0, 1)), cannot=cannot)
    assert newer.labels.tolist() == [0, 0, 2]
    assert newer.contradictions.rows() == [(1, 2, MATCH_OVERRULED)]


def test_different_through_a_third_is_reported():
    pairs = links((0, 1, 0.9), (1, 2, 0.8))
    found = run(3, pairs, cannot=rows((2, 0)))
    assert found.labels.tolist() == [0, 0, 2]
    assert found.contradictions.rows() == [(0, 2, DIFFERENT_LINKED)]


def test_different_on_a_direct_link_alone_is_no_contradiction():
    found = run(3, links((0, 1, 0.9)), cannot=rows((0, 1)))
    assert found.labels.tolist() == [0, 1, 2]
    assert found.contradictions.height == 0


def test_identical_group_is_split_by_a_cannot_link():
    pairs = links((0, 3, 0.9), identical=[(0, 1), (0, 2)])
    pair_only = run(2, links(identical=[(0, 1)]), cannot=rows((0, 1)))
    assert pair_only.labels.tolist() == [0, 1]
    assert pair_only.contradictions.height == 0
    found = run(4, pairs, cannot=rows((0, 1)))
    assert found.labels[0] != found.labels[1]
    assert found.labels[2] in (found.labels[0], found.labels[1])
    assert found.contradictions.rows() == [(0, 1, DIFFERENT_LINKED)]


def test_decisions_go_before_identical_text():
    # 1 is 2, 0 is not 2: then 0 and 1 are apart, though their texts are the same
    found = run(3, links(identical=[(0, 1)]), must=rows((1, 2)), cannot=rows((0, 2)))
    assert found.labels.tolist() == [0, 1, 1]


def test_copies_of_a_split_group_keep_its_links():
    pairs = links((0, 3, 0.9), (3, 4, 0.2), identical=[(0, 1), (0, 2), (3, 5)])
    found = run(6, pairs, must=rows((2, 4)), cannot=rows((0, 2), (1, 2)))
    labels = found.labels
    assert labels[0] == labels[1] == labels[3] == labels[5]
    assert labels[2] == labels[4] != labels[0]
    confidence = link_confidence(6, pairs, labels)
    assert np.isclose(confidence[[0, 1]], (1 + 0.9) / 2).all()
    assert confidence[2] == 1  # only the decision put it there
    join = joining_probability(6, pairs, labels, must_link=rows((2, 4)))
    assert np.allclose(join, [1, 1, 1, 0.9, 1, 0.9])


@given(graphs(identical=False, distinct=True), st.sampled_from([0.2, 0.35, 0.5, 0.7]))
def test_same_as_looking_at_everything(graph, threshold):
    n, pairs, _, cannot = graph
    # a pair decided to be different has no say any more, in the oracle as in the code
    decided = pl.DataFrame(np.sort(cannot, axis=1), schema={"left": pl.UInt32, "right": pl.UInt32})
    rest = pairs.join(decided, on=["left", "right"], how="anti")
    assert sets(run(n, pairs, threshold, cannot=cannot).labels) == naive(n, rest, threshold, cannot)


@given(graphs(identical=False), st.sampled_from([0.3, 0.5, 0.8]))
def test_same_as_looking_at_everything_with_ties(graph, threshold):
    n, pairs, _, _ = graph
    assert sets(run(n, pairs, threshold).labels) == naive(n, pairs, threshold)


@given(graphs(), st.sampled_from([0.05, 0.5, 0.8, 1.0]), st.randoms())
def test_laws(graph, threshold, random):
    n, pairs, must, cannot = graph
    found = run(n, pairs, threshold, must, cannot)
    labels = found.labels
    assert labels.shape == (n,) and labels.dtype == np.uint32
    assert (labels[labels] == labels).all() and (labels <= np.arange(n)).all()
    # decisions
    assert (labels[cannot[:, 0]] != labels[cannot[:, 1]]).all()
    reported = {(a, b) for a, b, why in found.contradictions.iter_rows() if why == MATCH_OVERRULED}
    for a, b in np.sort(must, axis=1).tolist():
        assert (labels[a] == labels[b]) != ((a, b) in reported)
    linked = found.contradictions.filter(reason=DIFFERENT_LINKED)
    assert {*linked.select("left", "right").rows()} <= {
        tuple(sorted(pair)) for pair in cannot.tolist()
    }
    if not len(cannot):
        same = pairs.filter(decided_by="identical")
        assert (labels[same["left"].to_numpy()] == labels[same["right"].to_numpy()]).all()
        assert found.contradictions.height == 0
    # the order of the pairs and of the cannot-links is nothing
    lines = list(range(pairs.height))
    random.shuffle(lines)
    again = run(n, pairs[lines] if lines else pairs, threshold, must, cannot[::-1, ::-1])
    assert (again.labels == labels).all()
    assert again.contradictions.equals(found.contradictions)


@given(graphs(identical=False, distinct=True), st.randoms())
def test_other_row_numbers_only_rename(graph, random):
    n, pairs, must, cannot = graph
    found = run(n, pairs, 0.4, must, cannot)
    to = list(range(n))
    random.shuffle(to)
    moved = links(*[(to[a], to[b], p, s) for a, b, s, p, _ in pairs.iter_rows()])
    other = run(
        n,
        moved,
        0.4,
        rows(*[(to[a], to[b]) for a, b in must]),
        rows(*[(to[a], to[b]) for a, b in cannot]),
    )
    assert sets(other.labels) == {frozenset(to[row] for row in one) for one in sets(found.labels)}


@given(
    graphs(distinct=True) | graphs(),
    st.floats(0.05, 1),
    st.floats(0.05, 1) | st.sampled_from([0.3, 0.5, 0.8]),
)
def test_a_higher_threshold_refines(graph, one, two):
    n, pairs, must, cannot = graph
    coarse = run(n, pairs, min(one, two), must, cannot).labels
    fine = run(n, pairs, max(one, two), must, cannot).labels
    assert (coarse == coarse[fine]).all()


@given(graphs(), st.sampled_from([0.3, 0.5, 0.8]))
def test_clusters_lie_inside_components(graph, threshold):
    n, pairs, _, _ = graph
    strong = pairs.filter(pl.col("probability") >= threshold)
    whole = components(n, strong["left"].to_numpy(), strong["right"].to_numpy())
    labels = run(n, pairs, threshold).labels
    assert (whole == whole[labels]).all()


@given(graphs(), st.sampled_from([0.3, 0.5, 0.8]))
def test_confidence_and_joining_probability_against_all_paths(graph, threshold):
    n, pairs, must, cannot = graph
    labels = run(n, pairs, threshold, must, cannot).labels
    group = list(range(n))
    for a, b in pairs.filter(decided_by="identical").select("left", "right").iter_rows():
        group[b] = a
    scored = {(a, b): p for a, b, _, p, how in pairs.iter_rows() if how != "identical"}

    def probability(a, b):
        if group[a] == group[b]:
            return 1.0
        return scored.get((min(group[a], group[b]), max(group[a], group[b])))

    confidence = link_confidence(n, pairs, labels)
    assert confidence.dtype == np.float32 and ((confidence >= 0) & (confidence <= 1)).all()
    for row in range(n):
        mates = [m for m in range(n) if m != row and labels[m] == labels[row]]
        if not mates:
            found = [p for m in range(n) if m != row and (p := probability(row, m)) is not None]
            assert confidence[row] == pytest.approx(1 - max(found, default=0), abs=1e-6)
            continue
        copies = [m for m in mates if group[m] == group[row]]
        others = {
            group[m]: p
            for m in mates
            if group[m] != group[row] and (p := probability(row, m)) is not None
        }
        values = [1.0] * len(copies) + list(others.values())
        mean = sum(values) / len(values) if values else 1
        assert confidence[row] == pytest.approx(mean, abs=1e-6)

    joined = joining_probability(n, pairs, labels, must_link=must)
    assert (joined[labels] == 1).all()
    width = np.zeros((n, n))
    for a, b in combinations(range(n), 2):
        if labels[a] == labels[b] and (p := probability(a, b)) is not None:
            width[a, b] = width[b, a] = p
    for a, b in must.tolist():
        if labels[a] == labels[b]:
            width[a, b] = width[b, a] = 1
    for k in range(n):
        width = np.maximum(width, np.minimum(width[:, k, None], width[None, k]))
    np.fill_diagonal(width, 1)
    assert np.allclose(joined, width[np.arange(n), labels], atol=1e-6)
    assert (joined >= min(threshold, 1) - 1e-6).all()
    # another record kept
    kept = n - 1 - components(n, np.arange(n), labels)[::-1] if n == 1 else labels.copy()
    for label in set(labels.tolist()):
        kept[labels == label] = np.flatnonzero(labels == label).max()
    other = joining_probability(n, pairs, labels, kept=kept, must_link=must)
    assert np.allclose(other, width[np.arange(n), kept], atol=1e-6)


def test_a_record_alone_is_as_sure_as_its_best_pair_is_not():
    assert np.allclose(
        link_confidence(3, links((0, 1, 0.3)), np.arange(3, dtype=np.uint32)), [0.7, 0.7, 1]
    )


def test_joining_probability_without_a_link_is_none_at_all():
    labels = np.array([0, 0], np.uint32)
    assert joining_probability(2, links(), labels).tolist() == [1, 0]


def test_a_large_tangle_does_not_recurse():
    random = np.random.default_rng(5)
    n = 3000
    ends = random.integers(0, n, (5 * n, 2))
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    pairs = links(
        *[(a, b, p) for (a, b), p in zip(ends.tolist(), random.random(len(ends)), strict=True)]
    )
    labels = run(n, pairs).labels
    assert 10 < len(np.unique(labels)) < n
    star = links(*[(0, i, 0.9) for i in range(1, n)])
    assert len(np.unique(run(n, star).labels)) > n - 10
    path = links(*[(i, i + 1, 0.9) for i in range(n - 1)])
    assert joining_probability(n, path, np.zeros(n, np.uint32)).min() == np.float32(0.9)
