"""Clustering again only where something changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedupe.config import Config
from dedupe.records.records import make_records
from dedupe.resolution.decisions import CHOICES
from dedupe.resolution.incremental import resolve_again
from dedupe.resolution.resolve import resolve
from tests.resolution.graphs import DECISIONS, EDGES, N, decisions_of, links, table


@given(EDGES, DECISIONS, st.integers(1, N), st.data())
def test_clustering_the_affected_records_equals_clustering_everything(
    edges: list[tuple[int, int, float]],
    decided: list[tuple[int, int, str]],
    old: int,
    data: st.DataObject,
) -> None:
    config, no_choices = Config(), pl.DataFrame(schema=CHOICES)
    decisions, pairs = decisions_of(decided), links(*edges)
    old_pairs = pairs.filter(pl.col("right") < old)
    drawn = data.draw(st.lists(st.booleans(), min_size=old_pairs.height, max_size=old_pairs.height))
    removed_pairs = old_pairs.filter(pl.Series(drawn, dtype=pl.Boolean))
    first_records = make_records(table(max(old, 2)), Config(fields=("name",)))
    first = resolve(first_records, old_pairs, decisions, config, no_choices)
    # The rows of new records are ignored, so any will do.
    before = first.rows[np.minimum(np.arange(N), max(old, 2) - 1)]
    previous = before["cluster_id"].set(pl.Series(np.arange(N) >= old), None)
    records = replace(
        make_records(table(), Config(fields=("name",))), previous_cluster_ids=previous
    )
    now = pairs.join(removed_pairs, on=["left", "right"], how="anti").sort("left", "right")
    affected, compared = np.arange(N) >= old, np.zeros(N, dtype=bool)
    for side in ("left", "right"):
        affected[removed_pairs[side].to_numpy()] = True
        compared[now.filter(pl.col("right") >= old)[side].to_numpy()] = True
    whole = resolve(records, now, decisions, config, no_choices)
    again, _ = resolve_again(
        records, now, decisions, config, no_choices, before, affected, compared
    )
    assert_frame_equal(again.rows, whole.rows, check_exact=True)
    assert_frame_equal(again.contradictions, whole.contradictions)
    assert_frame_equal(again.decisions, whole.decisions)
