"""Figures about the clusters for the summary of a run."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from dedupe.config import Config
from dedupe.records.records import make_records
from dedupe.resolution.cluster_figures import cluster_figures, uneven_clusters
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


@pytest.mark.parametrize(
    ("other", "uneven"),
    [
        (("Ada Lovelace", "London", "1815", ""), False),
        (("Lovelace, Ada", "Londn", "1815", ""), False),  # written otherwise
        (("Ada Lovelace", "", "1999", ""), False),  # one column of two that both have
        (("Ada Lovelace", "Vienna", "1999", ""), True),
        (("Hedy Lamarr", "Vienna", "1815", "x"), True),
        (("Hedy Lamarr", "", "", ""), False),  # one column is too few to tell
    ],
)
def test_a_cluster_that_differs_in_most_filled_columns_is_uneven(
    other: tuple[str, ...], uneven: bool
) -> None:
    rows = [("Ada Lovelace", "London", "1815", "y"), ("Alan Turing", "Paris", "1912", ""), other]
    frame = pl.DataFrame(rows, schema=["name", "city", "born", "rare"], orient="row")
    frame = pl.concat([frame, frame[1:2]])
    records = make_records(frame, Config(fields=tuple(frame.columns)))
    assert uneven_clusters(records, np.array([0, 1, 0, 1])) == ([0] if uneven else [])
    assert uneven_clusters(records, np.arange(4)) == []
