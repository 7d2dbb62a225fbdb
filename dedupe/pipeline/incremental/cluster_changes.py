"""How the clusters of a workspace changed."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.pipeline.incremental.delta import Delta
from dedupe.resolution.resolve import Resolved

CLUSTER_CHANGES = ("made", "grown", "joined", "split", "changed", "vanished")
"""Kinds of change, in the order in which they are counted."""
ADDITIONS = pl.Schema(
    {
        "change": pl.String(),
        "cluster_id": pl.String(),
        "clusters_before": pl.String(),
        "records": pl.UInt32(),
        "new_records": pl.UInt32(),
    }
)
"""Schema of the table ``additions``."""


def changes_of(
    names: pl.Series, delta: Delta, resolved: Resolved, again: NDArray[np.bool_]
) -> pl.DataFrame:
    """List the clusters that were made, grew, were joined, split, changed or vanished.

    Parameters
    ----------
    names
        Cluster id of each earlier record.
    delta
        How the records changed.
    resolved
        The clusters after the change.
    again
        (n,) bool: records that were clustered again.

    Returns
    -------
    DataFrame
        Schema :data:`ADDITIONS`.
    """
    rows = np.flatnonzero(again)
    after = pl.DataFrame(
        {
            "cluster": resolved.rows["cluster_id"].gather(rows),
            "name": earlier_ids(names, delta.previous[rows]),
        }
    )
    affected = np.ones(len(names), dtype=bool)
    affected[delta.previous[~again]] = False
    names = names.filter(pl.Series(affected))
    sizes = names.to_frame("name").group_by("name").len("was")
    shares = (
        after.filter(pl.col("name").is_not_null())
        .group_by("cluster", "name")
        .len("share")
        .join(sizes, on="name")
    )
    into = shares.group_by("name").agg(pl.len().alias("into"), pl.col("share").sum().alias("left"))
    joined = (
        shares.join(into, on="name")
        .sort("cluster", "name")
        .group_by("cluster", maintain_order=True)
        .agg(
            pl.col("name").str.join(" ").alias("clusters_before"),
            pl.len().alias("befores"),
            (pl.col("into") > 1).any().alias("split"),
            (pl.col("left") < pl.col("was")).any().alias("lost"),
        )
    )
    clusters = (
        after.group_by("cluster", maintain_order=True)
        .agg(pl.len().alias("records"), pl.col("name").null_count().alias("new_records"))
        .join(joined, on="cluster", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("befores").is_null())
            .then(pl.lit("made"))
            .when("split")
            .then(pl.lit("split"))
            .when(pl.col("befores") > 1)
            .then(pl.lit("joined"))
            .when("lost")
            .then(pl.lit("changed"))
            .when(pl.col("new_records") > 0)
            .then(pl.lit("grown"))
            .alias("change")
        )
        .filter(pl.col("change").is_not_null())
    )
    gone = sizes.join(into, on="name", how="anti").sort("name")
    vanished = pl.DataFrame(
        {
            "change": ["vanished"] * gone.height,
            "cluster_id": gone["name"],
            "clusters_before": gone["name"],
            "records": [0] * gone.height,
            "new_records": [0] * gone.height,
        },
        schema=ADDITIONS,
    )
    listed = clusters.select(
        "change",
        pl.col("cluster").alias("cluster_id"),
        pl.col("clusters_before").fill_null(""),
        "records",
        "new_records",
    ).cast(ADDITIONS)
    order = pl.col("change").cast(pl.Enum(CLUSTER_CHANGES))
    return pl.concat([listed, vanished]).sort(order, "cluster_id")


def earlier_ids(names: pl.Series, previous: NDArray[np.int64]) -> pl.Series:
    """Return the earlier cluster id of each record; null for a new one."""
    found = names.gather(np.maximum(previous, 0)).to_frame("name")
    return found.select(pl.when(pl.Series(previous >= 0)).then(pl.col("name")).alias("name"))[
        "name"
    ]
