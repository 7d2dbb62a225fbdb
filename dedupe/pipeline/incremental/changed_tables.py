"""The output tables after a delta, as patches of the files that were written before.

A cluster that was not formed again keeps its rows, its merged row and its lines. Only the lines of
affected clusters are made; the others are copied from the files. The bytes are those of a full
export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.io.formats.patches import Patch
from dedupe.records import Records
from dedupe.resolution.outputs import (
    Outputs,
    clusters_table,
    merged_table,
    pairs_table,
    removed_table,
    row_order,
)
from dedupe.resolution.resolve import Resolved
from dedupe.resolution.survivorship.merge_rules import Rule


@dataclass(frozen=True, eq=False)
class WrittenTables:
    """The clusters of n records in the files that were written before.

    Parameters
    ----------
    clusters
        Schema :data:`~dedupe.resolution.resolve.CLUSTER_ROWS`: the earlier clusters.
    previous
        (n,) int64: row number that each record had; -1 for a new one. Records that stay are in
        their earlier order.
    again
        (n,) bool: records that were clustered again.
    appended
        Whether all earlier records and pairs stay as they were, under their numbers.
    """

    clusters: pl.DataFrame
    previous: NDArray[np.int64]
    again: NDArray[np.bool_]
    appended: bool


def changed_tables(
    records: Records,
    pairs: pl.DataFrame,
    resolved: Resolved,
    rules: Mapping[str, Rule],
    config: Config,
    written: WrittenTables,
    whole: Callable[[], Outputs],
) -> dict[str, pl.DataFrame | Patch]:
    """Return the output tables, as patches of the files written before.

    Parameters
    ----------
    records, pairs, resolved, rules, config
        As for :func:`~dedupe.resolution.outputs.make_outputs`. No tables are linked, and
        probabilities, decisions, choices and `config` are those of before.
    written
        What the files hold.
    whole
        Makes all tables in full.
    """
    earlier, again = written.clusters, written.again
    now, then = (np.arange(len(rows), dtype=np.uint32) for rows in (again, earlier))
    was = np.maximum(written.previous, 0)

    def patch(
        name: str, had_line: NDArray[np.bool_], rows: NDArray[np.int64], fresh: pl.DataFrame
    ) -> Patch:
        """Take the lines of earlier `rows` from the file; where it is -1, the next fresh line."""
        place = np.cumsum(had_line) - 1
        lines = np.where(rows >= 0, place[np.maximum(rows, 0)] if len(place) else -1, -1)
        return Patch(lines, int(had_line.sum()), fresh, lambda: whole().tables()[name])

    same = ~again & (
        earlier["confidence"].to_numpy()[was] == resolved.rows["confidence"].to_numpy()
    )
    tables: dict[str, pl.DataFrame | Patch] = {
        "clusters": patch(
            "clusters",
            np.ones(len(then), dtype=bool),
            np.where(same, was, -1),
            clusters_table(records, resolved, now[~same]),
        )
    }
    if config.sort == "cluster":
        # Rows that join a cluster move lines that are otherwise unchanged.
        order = row_order(resolved, config)
        tables["clusters"] = clusters_table(records, resolved, order)
    if all(rule.local for rule in rules.values()):
        first = np.flatnonzero(resolved.labels == now)
        tables["merged"] = patch(
            "merged",
            earlier["label"].to_numpy() == then,
            np.where(again[first], -1, was[first]),
            merged_table(records, resolved, rules, config, now[again]),
        )
    else:
        tables["merged"] = merged_table(records, resolved, rules, config, now)
    gone = np.flatnonzero(resolved.rows["representative"].to_numpy() != now)
    tables["removed"] = patch(
        "removed",
        earlier["representative"].to_numpy() != then,
        np.where(again[gone], -1, was[gone]),
        removed_table(records, resolved, gone[again[gone]]),
    )
    if written.appended:
        old = pairs["right"].to_numpy() < len(then)
        number = np.where(old, np.cumsum(old) - 1, -1)
        fresh = pairs_table(records, pairs.filter(pl.Series(~old)), resolved.decisions, config)
        there = np.ones(int(old.sum()), dtype=bool)
        tables["pairs"] = patch("pairs", there, number, fresh)
    else:
        tables["pairs"] = pairs_table(records, pairs, resolved.decisions, config)
    return tables
