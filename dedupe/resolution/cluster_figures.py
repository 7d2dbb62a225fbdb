"""Figures about the clusters for the summary of a run and its manifest."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from dedupe.config import Config
from dedupe.records import Records
from dedupe.resolution.resolve import Resolved


def cluster_figures(
    records: Records, pairs: pl.DataFrame, resolved: Resolved, config: Config
) -> dict[str, Any]:
    """Count clusters, merged rows, doubtful pairs, links, decisions and contradictions.

    Parameters
    ----------
    records, pairs
        The records, and the pairs that they were clustered by.
    resolved
        The clusters.
    config
        ``large_cluster``, ``threshold`` and ``review_from`` are used.

    Returns
    -------
    dict
        Plain JSON types. ``large_clusters`` lists the clusters of more than
        ``config.large_cluster`` rows, the largest first.
    """
    labels = resolved.labels
    label, size = np.unique(labels, return_counts=True)
    large = np.flatnonzero(size > config.large_cluster)
    large = large[np.argsort(-size[large], kind="stable")]
    doubtful = pairs.filter(
        pl.col("probability").is_between(config.review_from, config.threshold, closed="left")
    )
    cluster_id = resolved.rows["cluster_id"]
    return {
        "clusters": len(label),
        "clusters_of_two_or_more": int((size > 1).sum()),
        "rows_merged": len(labels) - len(label),
        "largest_cluster": int(size.max()),
        "large_clusters": [
            {"cluster_id": cluster_id[int(label[i])], "size": int(size[i])} for i in large
        ],
        "doubtful_pairs": doubtful.height,
        **({} if resolved.links is None else {"links": resolved.links.height}),
        "decisions": resolved.decisions.height,
        "contradictions": [
            {"left_id": records.ids[left], "right_id": records.ids[right], "reason": reason}
            for left, right, reason in resolved.contradictions.iter_rows()
        ],
    }
