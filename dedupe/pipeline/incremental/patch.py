"""The tables of a workspace that grew, as what differs from the files that were written before.

A cluster that was not made again has the rows, the merged row and the lines that it had. So what
is made is what was touched, and the rest of each file is copied; the bytes are those that
:func:`~dedupe.resolution.outputs.make_outputs` leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.io.patches import Patch
from dedupe.records import Records
from dedupe.resolution.incremental import Standing
from dedupe.resolution.outputs import (
    Outputs,
    clusters_table,
    merged_table,
    pairs_table,
    removed_table,
)
from dedupe.resolution.resolve import Resolved
from dedupe.resolution.survivorship import Rule


@dataclass(frozen=True, eq=False)
class Before:
    """How n records stood when the files were written.

    Parameters
    ----------
    standing
        What the clustering of then says of the records of then.
    rows
        (n,) int64: row number that each record had; -1 for a new one. Those that stay are in the
        order in which they were.
    again
        (n,) bool: records in clusters that were made again, as
        :func:`~dedupe.resolution.incremental.resolve_again` tells them.
    appended
        Whether records and pairs of then all stay as they were, under their numbers.
    """

    standing: Standing
    rows: NDArray[np.int64]
    again: NDArray[np.bool_]
    appended: bool


def touched_tables(
    records: Records,
    pairs: pl.DataFrame,
    resolved: Resolved,
    rules: Mapping[str, Rule],
    config: Config,
    before: Before,
    whole: Callable[[], Outputs],
) -> dict[str, pl.DataFrame | Patch]:
    """Return the output tables, for files that hold those of before.

    Parameters
    ----------
    records, pairs, resolved, rules, config
        As for :func:`~dedupe.resolution.outputs.make_outputs`; nothing is linked across tables, and
        probabilities, decisions, choices and `config` are those of before.
    before
        How the records stood.
    whole
        Makes all of the tables.
    """
    stood, again = before.standing, before.again
    now, then = (np.arange(len(rows), dtype=np.uint32) for rows in (again, stood.labels))
    was = np.maximum(before.rows, 0)

    def patch(
        name: str, some: NDArray[np.bool_], rows: NDArray[np.int64], fresh: pl.DataFrame
    ) -> Patch:
        """Lines of rows of before, -1 for a fresh one, where `some` of those had lines."""
        place = np.cumsum(some) - 1
        lines = np.where(rows >= 0, place[np.maximum(rows, 0)] if len(place) else -1, -1)
        return Patch(lines, int(some.sum()), fresh, lambda: whole().tables()[name])

    same = ~again & (stood.confidence[was] == resolved.confidence)
    tables: dict[str, pl.DataFrame | Patch] = {
        "clusters": patch(
            "clusters",
            np.ones(len(then), dtype=bool),
            np.where(same, was, -1),
            clusters_table(records, resolved, now[~same]),
        )
    }
    if all(rule.local for rule in rules.values()):
        first = np.flatnonzero(resolved.clustering.labels == now)
        tables["merged"] = patch(
            "merged",
            stood.labels == then,
            np.where(again[first], -1, was[first]),
            merged_table(records, resolved, rules, config, now[again]),
        )
    else:
        tables["merged"] = merged_table(records, resolved, rules, config, now)
    gone = np.flatnonzero(resolved.kept != now)
    tables["removed"] = patch(
        "removed",
        stood.kept != then,
        np.where(again[gone], -1, was[gone]),
        removed_table(records, resolved, gone[again[gone]]),
    )
    if before.appended:
        old = pairs["right"].to_numpy() < len(then)
        number = np.where(old, np.cumsum(old) - 1, -1)
        fresh = pairs_table(records, pairs.filter(pl.Series(~old)), resolved.decided)
        there = np.ones(int(old.sum()), dtype=bool)
        tables["pairs"] = patch("pairs", there, number, fresh)
    else:
        tables["pairs"] = pairs_table(records, pairs, resolved.decided)
    return tables
