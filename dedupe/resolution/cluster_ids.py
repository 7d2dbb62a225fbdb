"""Cluster ids that stay the same between runs."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray


def cluster_ids(
    keys: pl.Series,
    labels: NDArray[np.uint32],
    named: pl.Series | None,
    others: pl.Series | None = None,
) -> pl.Series:
    """Return the id of the cluster of each record, (n,) text; see :class:`Resolved`."""
    smallest = (
        pl.DataFrame({"label": labels, "key": keys})
        .group_by("label", maintain_order=True)
        .agg(pl.col("key").min())
    )
    kept = {} if named is None else _kept_ids(labels, named)
    taken = set(kept.values())
    made = {label: _hashed(key) for label, key in smallest.iter_rows() if label not in kept}
    if others is not None and others.is_in(list(made.values())).any():
        taken |= set(others)
    ids = []
    for label, key in smallest.iter_rows():
        found = kept.get(label) or made[label]
        while label not in kept and found in taken:
            found = _hashed(f"{key}\x1f{found}")
        taken.add(found)
        ids.append(found)
    by_label = np.zeros(len(labels), dtype=np.int64)
    by_label[smallest["label"].to_numpy()] = np.arange(len(ids))
    return pl.Series("cluster_id", ids, dtype=pl.String).gather(by_label[labels])


def _hashed(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def _kept_ids(labels: NDArray[np.uint32], named: pl.Series) -> dict[int, str]:
    """Return the id that each cluster goes on with, by its label, where it has one."""
    claims = (
        pl.DataFrame({"label": labels, "name": named})
        .filter(pl.col("name").is_not_null())
        .group_by("label", "name")
        .len()
        .sort("len", "label", "name", descending=[True, False, False])
    )
    won = claims.unique("name", keep="first", maintain_order=True).unique(
        "label", keep="first", maintain_order=True
    )
    return dict(won.select("label", "name").iter_rows())
