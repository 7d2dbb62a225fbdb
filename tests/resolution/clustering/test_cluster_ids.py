"""Cluster ids stay the same between runs."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from unittest.mock import patch

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.records.records import make_records
from dedupe.resolution.clustering.cluster_ids import LENGTH, cluster_ids
from dedupe.resolution.resolve import resolve
from tests.resolution.graphs import EDGES, NO_DECISIONS, N, links, run, table


def test_ids_stay_when_rows_are_added_or_moved() -> None:
    pairs = links((0, 1, 0.9), (2, 3, 0.9))
    before = dict(run(table(), pairs)[2].clusters.select("id", "cluster_id").iter_rows())
    more = dict(run(table(N + 4), pairs)[2].clusters.select("id", "cluster_id").iter_rows())
    assert before.items() <= more.items()
    order = np.arange(N)[::-1]
    turned = links((N - 2, N - 1, 0.9), (N - 4, N - 3, 0.9))
    moved = run(table()[order.tolist()], turned)[2].clusters
    assert dict(moved.select("id", "cluster_id").iter_rows()) == before


def test_ids_are_short_and_no_numbers() -> None:
    ids = run(table(), links())[2].clusters["cluster_id"]
    assert ids.n_unique() == N
    assert ids.str.contains(f"^[a-z][a-z2-7]{{{LENGTH - 1}}}$").all()


@given(st.sets(st.integers(0, 10**6), min_size=1, max_size=40), st.randoms())
def test_ids_of_hashes_that_begin_alike_are_longer_and_do_not_depend_on_the_order(
    numbers: set[int], random: Random
) -> None:
    keys = [str(number) for number in sorted(numbers)]
    labels = np.arange(len(keys), dtype=np.uint32)

    def alike(keys: pl.Series) -> pl.Series:
        texts = [
            f"a{int(key.split(chr(31))[0]) % 3:07}{key.count(chr(31))}{int(key[-1]) % 2}"
            for key in keys
        ]
        return pl.Series("text", texts, dtype=pl.String)

    with patch("dedupe.resolution.clustering.cluster_ids._hashed", alike):
        ids = cluster_ids(pl.Series(keys), labels, None)
        assert ids.n_unique() == len(keys)
        order = random.sample(range(len(keys)), len(keys))
        moved = cluster_ids(pl.Series(keys).gather(order), labels, None)
        assert moved.to_list() == ids.gather(order).to_list()
        # The ids of a workspace stay, and clusters of other records do not have them.
        half = len(keys) // 2
        kept = pl.Series([*ids[:half], *[None] * (len(keys) - half)], dtype=pl.String)
        assert cluster_ids(pl.Series(keys), labels, kept)[:half].to_list() == ids[:half].to_list()
        rest = cluster_ids(pl.Series(keys[half:]), labels[: len(keys) - half], None, ids[:half])
        assert not set(rest) & set(ids[:half])


@given(EDGES, EDGES, st.lists(st.booleans(), min_size=N, max_size=N))
def test_an_id_stays_with_most_of_its_records_and_names_one_cluster(
    before: list[tuple[int, int, float]],
    after: list[tuple[int, int, float]],
    known: list[bool],
) -> None:
    records = make_records(table(), Config())
    first = resolve(records, links(*before), NO_DECISIONS, Config()).rows["cluster_id"]
    previous = pl.Series(
        [i if k else None for i, k in zip(first, known, strict=True)], dtype=pl.String
    )
    records = replace(records, previous_cluster_ids=previous)
    second = resolve(records, links(*after), NO_DECISIONS, Config())
    ids, labels = second.rows["cluster_id"], second.labels
    again = resolve(
        replace(records, previous_cluster_ids=ids), links(*after), NO_DECISIONS, Config()
    )
    assert again.rows["cluster_id"].equals(ids)
    id_of_label = dict(zip(labels.tolist(), ids, strict=True))
    assert len(set(id_of_label.values())) == len(id_of_label)
    for label, cluster_id in id_of_label.items():
        brought = set(previous.filter(pl.Series(labels == label)).drop_nulls())
        elsewhere = set(previous.filter(pl.Series(labels != label)).drop_nulls())
        if len(brought) == 1 and not brought & elsewhere:
            assert {cluster_id} == brought
