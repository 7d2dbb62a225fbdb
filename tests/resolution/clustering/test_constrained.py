"""Constrained clustering: decisions, identical texts, and laws that hold for every graph."""

from __future__ import annotations

from random import Random

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.resolution.clustering.constrained import (
    CONTRADICTIONS,
    DIFFERENT_LINKED,
    MATCH_OVERRULED,
)
from dedupe.resolution.confidence import joining_probability, link_confidence
from dedupe.scoring.pairs import components
from tests.resolution.graphs import Graph, graphs, links, row_pairs, run_cluster, sets


def test_records_without_links_are_alone() -> None:
    assert run_cluster(0, links()).labels.shape == (0,)
    found = run_cluster(3, links())
    assert found.labels.dtype == np.uint32
    assert found.labels.tolist() == [0, 1, 2]
    assert found.contradictions.schema == CONTRADICTIONS
    assert found.contradictions.height == 0


def test_rows_of_identical_text_count_as_one_record() -> None:
    # Three copies of 0 do not outvote: the one link to 4 keeps its weight.
    pairs = links((0, 4, 0.6), identical=[(0, 1), (0, 2), (0, 3)])
    assert run_cluster(5, pairs).labels.tolist() == [0] * 5


def test_a_must_link_joins_records_without_a_pair() -> None:
    assert run_cluster(4, links(), must=row_pairs((3, 1))).labels.tolist() == [0, 1, 2, 1]


def test_a_newer_must_link_is_preferred() -> None:
    cannot = row_pairs((0, 2))
    older = run_cluster(3, links(), must=row_pairs((0, 1), (1, 2)), cannot=cannot)
    assert older.labels.tolist() == [0, 1, 1]
    assert older.contradictions.rows() == [(0, 1, MATCH_OVERRULED)]
    newer = run_cluster(3, links(), must=row_pairs((1, 2), (0, 1)), cannot=cannot)
    assert newer.labels.tolist() == [0, 0, 2]
    assert newer.contradictions.rows() == [(1, 2, MATCH_OVERRULED)]


def test_a_cannot_link_between_records_linked_through_a_third_is_reported() -> None:
    pairs = links((0, 1, 0.9), (1, 2, 0.8))
    found = run_cluster(3, pairs, cannot=row_pairs((2, 0)))
    assert found.labels.tolist() == [0, 0, 2]
    assert found.contradictions.rows() == [(0, 2, DIFFERENT_LINKED)]


def test_a_cannot_link_that_overrules_only_its_own_pair_is_no_contradiction() -> None:
    found = run_cluster(3, links((0, 1, 0.9)), cannot=row_pairs((0, 1)))
    assert found.labels.tolist() == [0, 1, 2]
    assert found.contradictions.height == 0


def test_a_cannot_link_splits_a_group_of_identical_text() -> None:
    pairs = links((0, 3, 0.9), identical=[(0, 1), (0, 2)])
    two_rows = run_cluster(2, links(identical=[(0, 1)]), cannot=row_pairs((0, 1)))
    assert two_rows.labels.tolist() == [0, 1]
    assert two_rows.contradictions.height == 0
    found = run_cluster(4, pairs, cannot=row_pairs((0, 1)))
    assert found.labels[0] != found.labels[1]
    assert found.labels[2] in (found.labels[0], found.labels[1])
    assert found.contradictions.rows() == [(0, 1, DIFFERENT_LINKED)]


def test_decisions_overrule_identical_text() -> None:
    # 1 matches 2, and 0 does not: so 0 and 1 are apart, although their texts are identical.
    found = run_cluster(
        3, links(identical=[(0, 1)]), must=row_pairs((1, 2)), cannot=row_pairs((0, 2))
    )
    assert found.labels.tolist() == [0, 1, 1]


def test_every_part_of_a_split_group_keeps_the_links_of_the_group() -> None:
    pairs = links((0, 3, 0.9), (3, 4, 0.2), identical=[(0, 1), (0, 2), (3, 5)])
    found = run_cluster(6, pairs, must=row_pairs((2, 4)), cannot=row_pairs((0, 2), (1, 2)))
    labels = found.labels
    assert labels[0] == labels[1] == labels[3] == labels[5]
    assert labels[2] == labels[4] != labels[0]
    confidence = link_confidence(6, pairs, labels)
    assert np.isclose(confidence[[0, 1]], (1 + 0.9) / 2).all()
    assert confidence[2] == 1  # joined by a decision alone
    join = joining_probability(6, pairs, labels, must_link=row_pairs((2, 4)))
    assert np.allclose(join, [1, 1, 1, 0.9, 1, 0.9])


@given(graphs(), st.sampled_from([0.05, 0.5, 0.8, 1.0]))
def test_labels_are_smallest_rows_and_decisions_are_obeyed(graph: Graph, threshold: float) -> None:
    n, pairs, must, cannot = graph
    found = run_cluster(n, pairs, threshold, must, cannot)
    labels = found.labels
    assert labels.shape == (n,) and labels.dtype == np.uint32
    assert (labels[labels] == labels).all() and (labels <= np.arange(n)).all()
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


@given(graphs(), st.sampled_from([0.05, 0.5, 0.8, 1.0]), st.randoms())
def test_the_order_of_pairs_and_cannot_links_does_not_matter(
    graph: Graph, threshold: float, random: Random
) -> None:
    n, pairs, must, cannot = graph
    found = run_cluster(n, pairs, threshold, must, cannot)
    order = list(range(pairs.height))
    random.shuffle(order)
    again = run_cluster(n, pairs[order] if order else pairs, threshold, must, cannot[::-1, ::-1])
    assert (again.labels == found.labels).all()
    assert again.contradictions.equals(found.contradictions)


@given(graphs(identical=False, distinct=True), st.randoms())
def test_other_row_numbers_only_rename_clusters(graph: Graph, random: Random) -> None:
    n, pairs, must, cannot = graph
    found = run_cluster(n, pairs, 0.4, must, cannot)
    new = list(range(n))
    random.shuffle(new)
    renumbered = run_cluster(
        n,
        links(*[(new[a], new[b], p, s) for a, b, s, p, *_ in pairs.iter_rows()]),
        0.4,
        row_pairs(*[(new[a], new[b]) for a, b in must]),
        row_pairs(*[(new[a], new[b]) for a, b in cannot]),
    )
    expected = {frozenset(new[row] for row in rows) for rows in sets(found.labels)}
    assert sets(renumbered.labels) == expected


@given(
    graphs(distinct=True) | graphs(),
    st.floats(0.05, 1),
    st.floats(0.05, 1) | st.sampled_from([0.3, 0.5, 0.8]),
)
def test_a_higher_threshold_refines_the_clusters(graph: Graph, one: float, two: float) -> None:
    n, pairs, must, cannot = graph
    coarse = run_cluster(n, pairs, min(one, two), must, cannot).labels
    fine = run_cluster(n, pairs, max(one, two), must, cannot).labels
    assert (coarse == coarse[fine]).all()


@given(graphs(), st.sampled_from([0.3, 0.5, 0.8]))
def test_clusters_lie_inside_connected_components(graph: Graph, threshold: float) -> None:
    n, pairs, _, _ = graph
    strong = pairs.filter(pl.col("probability") >= threshold)
    whole = components(n, strong["left"].to_numpy(), strong["right"].to_numpy())
    labels = run_cluster(n, pairs, threshold).labels
    assert (whole == whole[labels]).all()
