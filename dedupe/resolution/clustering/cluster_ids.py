"""Cluster ids that stay the same between runs."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray


def cluster_ids(
    keys: pl.Series,
    labels: NDArray[np.uint32],
    previous: pl.Series | None,
    others: pl.Series | None = None,
) -> pl.Series:
    """Name each cluster.

    The id is a hash of the smallest record key of the cluster, so that it stays the same when rows
    are added or reordered. Where records had cluster ids before, each id goes to the cluster with
    most of its records, and a cluster takes the id that brings most of its own.

    Parameters
    ----------
    keys
        (n,) key of each record.
    labels
        (n,) uint32: the smallest row number of the record's cluster.
    previous
        (n,) previous cluster id of each record, null for a new one; ``None`` without previous ids.
    others
        Ids that clusters of other records have.

    Returns
    -------
    Series
        (n,) text: id of each record's cluster.
    """
    smallest_keys = (
        pl.DataFrame({"label": labels, "key": keys})
        .group_by("label", maintain_order=True)
        .agg(pl.col("key").min())
    )
    continued = {} if previous is None else _continued_ids(labels, previous)
    new = {
        label: _hashed(key) for label, key in smallest_keys.iter_rows() if label not in continued
    }
    taken = set(continued.values())
    if others is not None and others.is_in(list(new.values())).any():
        taken |= set(others)
    ids = []
    for label, key in smallest_keys.iter_rows():
        cluster_id = continued.get(label) or new[label]
        while label not in continued and cluster_id in taken:
            cluster_id = _hashed(f"{key}\x1f{cluster_id}")
        taken.add(cluster_id)
        ids.append(cluster_id)
    position = np.zeros(len(labels), dtype=np.int64)
    position[smallest_keys["label"].to_numpy()] = np.arange(len(ids))
    return pl.Series("cluster_id", ids, dtype=pl.String).gather(position[labels])


def _hashed(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def _continued_ids(labels: NDArray[np.uint32], previous: pl.Series) -> dict[int, str]:
    """Find the previous id that each cluster takes over, by label, where there is one."""
    claims = (
        pl.DataFrame({"label": labels, "previous": previous})
        .filter(pl.col("previous").is_not_null())
        .group_by("label", "previous")
        .len()
        .sort("len", "label", "previous", descending=[True, False, False])
    )
    granted = claims.unique("previous", keep="first", maintain_order=True).unique(
        "label", keep="first", maintain_order=True
    )
    return dict(granted.select("label", "previous").iter_rows())
