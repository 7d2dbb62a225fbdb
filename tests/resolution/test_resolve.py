"""Entity resolution: from scored pairs and decisions to clusters."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given

from dedupe.config import Config
from dedupe.records.records import make_records
from dedupe.resolution.resolve import CLUSTER_ROWS, resolve
from tests.resolution.graphs import DECISIONS, EDGES, NO_DECISIONS, N, decisions_of, links, table


@given(EDGES, DECISIONS)
def test_every_record_has_a_place_in_one_cluster(
    edges: list[tuple[int, int, float]], decided: list[tuple[int, int, str]]
) -> None:
    records = make_records(table(), Config(fields=("name",)))
    rows = resolve(records, links(*edges), decisions_of(decided), Config()).rows
    assert rows.schema == CLUSTER_ROWS and rows.height == N
    assert rows.null_count().sum_horizontal().item() == 0
    by_cluster = rows.group_by("cluster_id").agg(
        pl.col("label").n_unique(), pl.col("representative").n_unique()
    )
    assert (by_cluster["label"] == 1).all() and (by_cluster["representative"] == 1).all()
    assert by_cluster.height == rows["label"].n_unique()
    representative = rows["representative"].to_numpy()
    assert (rows["label"].to_numpy()[representative] == rows["label"].to_numpy()).all()
    assert (rows["joined_by"].to_numpy()[representative] == 1).all()


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("many-to-many", [(0, 2), (0, 3), (1, 2)]),
        ("many-to-one", [(0, 2), (1, 2)]),
        ("one-to-one", [(0, 3), (1, 2)]),
    ],
)
def test_tables_are_linked_by_the_mode_of_the_configuration(
    link: str, expected: list[tuple[int, int]]
) -> None:
    source = np.array([0, 0, 1, 1], np.uint8)
    records = make_records(table(4), Config(fields=("id",)), source)
    pairs = links((0, 2, 0.9), (0, 3, 0.8), (1, 2, 0.7), (1, 3, 0.1))
    resolved = resolve(records, pairs, NO_DECISIONS, Config(link=link, threshold=0.3))
    assert resolved.links is not None
    assert resolved.links.select("left", "right").rows() == expected


def test_a_table_alone_has_no_links() -> None:
    records = make_records(table(), Config(fields=("name",)))
    assert resolve(records, links((0, 1, 0.9)), NO_DECISIONS, Config()).links is None
