"""Figures about the clusters for the summary of a run."""

from __future__ import annotations

from dedupe.config import Config
from dedupe.resolution.cluster_figures import cluster_figures
from tests.resolution.graphs import decisions_of, links, run, table


def test_figures_count_clusters_and_name_the_large_ones() -> None:
    edges = [(a, b, 1.0) for a in range(4) for b in range(a + 1, 4)]
    pairs = links(*edges, (5, 6, 0.3))
    records, resolved, outputs = run(table(), pairs)
    figures = cluster_figures(records, pairs, resolved, Config(large_cluster=3))
    assert (figures["clusters"], figures["clusters_of_two_or_more"]) == (5, 1)
    assert figures["rows_merged"] == 3
    assert figures["largest_cluster"] == 4
    cluster_id = outputs.clusters["cluster_id"][0]
    assert figures["large_clusters"] == [{"cluster_id": cluster_id, "size": 4}]
    assert figures["doubtful_pairs"] == 1


def test_figures_name_contradicting_decisions_by_id() -> None:
    pairs = links((0, 1, 0.9), (1, 2, 0.8))
    records, resolved, _ = run(table(), pairs, decisions_of([(0, 2, "different")]))
    figures = cluster_figures(records, pairs, resolved, Config())
    assert figures["decisions"] == 1
    assert figures["contradictions"] == [
        {"left_id": "r0", "right_id": "r2", "reason": "different but linked"}
    ]
