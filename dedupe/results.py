"""From scored pairs and decisions to clusters, and from clusters to the tables a run writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.cluster import Clustering, cluster, joining_probability, link_confidence
from dedupe.config import Config
from dedupe.decisions import Verdict
from dedupe.merge import Rule, merge, representatives
from dedupe.records import Records

OUTPUTS = ("clusters", "merged", "removed", "pairs")
"""The tables that a run writes."""


@dataclass(frozen=True, eq=False)
class Resolved:
    """Clusters, and what follows from them for each of the n records.

    Parameters
    ----------
    clustering
        Labels, and decisions that contradict each other.
    confidence
        (n,) float32: how sure a record's place is.
    kept
        (n,) u32: row number of the record that stands for the record's cluster.
    joined_by
        (n,) float32: probability of the weakest link on the strongest way to `kept`.
    cluster_id
        (n,) text; a hash of the cluster's smallest record key, so that it stays the same when
        rows are added or come in another order.
    decided
        The decisions in force, as row numbers: ``left``, ``right``, ``decision``.
    """

    clustering: Clustering
    confidence: NDArray[np.float32]
    kept: NDArray[np.uint32]
    joined_by: NDArray[np.float32]
    cluster_id: pl.Series
    decided: pl.DataFrame


@dataclass(frozen=True, eq=False)
class Outputs:
    """The tables of a run.

    Parameters
    ----------
    clusters
        Every input row as it was, in input order, then ``cluster_id``, ``cluster_size``,
        ``confidence`` and ``is_representative``.
    merged
        One row a cluster: the input columns, then ``cluster_id`` and ``cluster_size``.
    removed
        Every row that `merged` no longer shows by itself: ``id``, ``kept_id``, ``cluster_id`` and
        ``probability`` of the link that joined it.
    pairs
        ``left_id``, ``right_id``, ``similarity``, ``probability``, ``decided_by``, ``decision``.
    """

    clusters: pl.DataFrame
    merged: pl.DataFrame
    removed: pl.DataFrame
    pairs: pl.DataFrame


def resolve(
    records: Records, pairs: pl.DataFrame, decisions: pl.DataFrame, config: Config
) -> Resolved:
    """Cluster records by their scored pairs and the decisions about them.

    Parameters
    ----------
    records
        n records.
    pairs
        Scored pairs of the records' row numbers.
    decisions
        ``left_id``, ``right_id`` (record keys) and ``verdict``, the newest last. Those on records
        that are not there are passed over.
    config
        ``threshold`` is used.
    """
    n = len(records)
    decided = _as_rows(decisions, records)
    links = {
        verdict: decided.filter(pl.col("decision") == verdict)
        .select("left", "right")
        .to_numpy()
        .astype(np.uint32)
        .reshape(-1, 2)
        for verdict in (Verdict.MATCH, Verdict.DIFFERENT)
    }
    clustering = cluster(
        n,
        pairs,
        threshold=config.threshold,
        must_link=links[Verdict.MATCH],
        cannot_link=links[Verdict.DIFFERENT],
    )
    labels = clustering.labels
    kept = representatives(records.frame, labels)
    return Resolved(
        clustering=clustering,
        confidence=link_confidence(n, pairs, labels),
        kept=kept,
        joined_by=joining_probability(n, pairs, labels, kept=kept, must_link=links[Verdict.MATCH]),
        cluster_id=_cluster_ids(records.keys, labels),
        decided=decided,
    )


def make_outputs(
    records: Records,
    pairs: pl.DataFrame,
    resolved: Resolved,
    rules: Mapping[str, Rule],
    config: Config,
) -> Outputs:
    """Make the tables of a run, and check that every row is accounted for.

    Raises
    ------
    RuntimeError
        If rows in are not rows kept plus rows merged: a fault of this program, found before
        anything is written.
    """
    frame = records.frame
    labels = resolved.clustering.labels
    row = np.arange(len(labels), dtype=np.uint32)
    sizes = np.bincount(labels, minlength=len(labels)).astype(np.uint32)[labels]
    names = _new_names(frame.columns)
    added = pl.DataFrame(
        {
            names["cluster_id"]: resolved.cluster_id,
            names["cluster_size"]: sizes,
            names["confidence"]: _rounded(resolved.confidence),
            names["is_representative"]: resolved.kept == row,
        }
    )
    first = np.flatnonzero(labels == row)
    merged = merge(frame, labels, rules)
    if records.id_column is not None and records.id_column not in config.merge:
        ids = frame[records.id_column].gather(resolved.kept[first])
        merged = merged.with_columns(ids.alias(records.id_column))
    merged = merged.with_columns(added[name][first] for name in added.columns[:2])
    gone = np.flatnonzero(resolved.kept != row)
    removed = pl.DataFrame(
        {
            "id": records.ids.gather(gone),
            "kept_id": records.ids.gather(resolved.kept[gone]),
            "cluster_id": resolved.cluster_id.gather(gone),
            "probability": _rounded(resolved.joined_by[gone]),
        }
    )
    if len(labels) != merged.height + removed.height:
        raise RuntimeError(
            f"{len(labels)} rows in, but {merged.height} kept and {removed.height} merged"
        )
    return Outputs(
        clusters=frame.hstack(added),
        merged=merged,
        removed=removed,
        pairs=_named_pairs(records, pairs, resolved.decided),
    )


def cluster_figures(
    records: Records, pairs: pl.DataFrame, resolved: Resolved, config: Config
) -> dict[str, Any]:
    """Return what there is to say about the clusters: counts, large ones, contradictions."""
    labels = resolved.clustering.labels
    label, size = np.unique(labels, return_counts=True)
    large = np.flatnonzero(size > config.large_cluster)
    large = large[np.argsort(-size[large], kind="stable")]
    doubtful = pairs.filter(
        pl.col("probability").is_between(config.review_from, config.threshold, closed="left")
    )
    return {
        "clusters": len(label),
        "clusters_of_two_or_more": int((size > 1).sum()),
        "rows_merged": len(labels) - len(label),
        "largest_cluster": int(size.max()),
        "large_clusters": [
            {"cluster_id": resolved.cluster_id[int(label[i])], "size": int(size[i])} for i in large
        ],
        "doubtful_pairs": doubtful.height,
        "decisions": resolved.decided.height,
        "contradictions": [
            {"left_id": records.ids[left], "right_id": records.ids[right], "reason": reason}
            for left, right, reason in resolved.clustering.contradictions.iter_rows()
        ],
    }


def _as_rows(decisions: pl.DataFrame, records: Records) -> pl.DataFrame:
    rows = records.keys.alias("key").to_frame().with_row_index("row")
    found = decisions.select("left_id", "right_id", pl.col("verdict").alias("decision"))
    for side in ("left", "right"):
        found = found.join(
            rows.rename({"row": side, "key": f"{side}_id"}),
            on=f"{side}_id",
            how="inner",
            maintain_order="left",
        )
    return found.select(
        pl.min_horizontal("left", "right").alias("left"),
        pl.max_horizontal("left", "right").alias("right"),
        "decision",
    )


def _cluster_ids(keys: pl.Series, labels: NDArray[np.uint32]) -> pl.Series:
    smallest = (
        pl.DataFrame({"label": labels, "key": keys})
        .group_by("label", maintain_order=True)
        .agg(pl.col("key").min())
    )
    ids = [hashlib.blake2b(key.encode(), digest_size=8).hexdigest() for key in smallest["key"]]
    by_label = np.zeros(len(labels), dtype=np.int64)
    by_label[smallest["label"].to_numpy()] = np.arange(len(ids))
    return pl.Series("cluster_id", ids, dtype=pl.String).gather(by_label[labels])


def _new_names(columns: list[str]) -> dict[str, str]:
    """Name the added columns; where the input has one of these names, all get a prefix."""
    names = ("cluster_id", "cluster_size", "confidence", "is_representative")
    prefix = ""
    while any(prefix + name in columns for name in names):
        prefix += "dedupe_"
    return {name: prefix + name for name in names}


def _named_pairs(records: Records, pairs: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    return pairs.join(decided, on=["left", "right"], how="left", maintain_order="left").select(
        records.ids.gather(pairs["left"]).alias("left_id"),
        records.ids.gather(pairs["right"]).alias("right_id"),
        pl.Series("similarity", _rounded(pairs["similarity"].to_numpy())),
        pl.Series("probability", _rounded(pairs["probability"].to_numpy())),
        pl.col("decided_by").cast(pl.String),
        pl.col("decision").fill_null(""),
    )


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Round to four places, as doubles: what is written is then just these digits."""
    doubles: NDArray[np.float64] = values.astype(np.float64)
    return doubles.round(4)
