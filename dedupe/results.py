"""From scored pairs and decisions to clusters, and from clusters to the tables a run writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.alignment import Linked
from dedupe.cluster import (
    MISSING_WEIGHT,
    Clustering,
    cluster,
    joining_probability,
    link_confidence,
)
from dedupe.config import Config
from dedupe.correction import Correction, correct
from dedupe.decisions import Verdict
from dedupe.linkage import CHOICES, row_links
from dedupe.merge import Rule, merge, representatives
from dedupe.records import Records
from dedupe.scoring import DECIDERS

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
        rows are added or come in another order. Where records were added to clusters that had
        ids, those stay: each goes on with most of its records, and a cluster takes the id that
        brings most of its own.
    decided
        The decisions in force, as row numbers: ``left``, ``right``, ``decision``.
    links
        When tables are linked, the links that were kept, of schema
        :data:`~dedupe.linkage.LINKS`.
    """

    clustering: Clustering
    confidence: NDArray[np.float32]
    kept: NDArray[np.uint32]
    joined_by: NDArray[np.float32]
    cluster_id: pl.Series
    decided: pl.DataFrame
    links: pl.DataFrame | None = None


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
    more
        When tables are linked: ``matches`` (ids of both sides as in their tables, probability) and
        ``unmatched-NAME`` for each table (its rows without a match, in its own columns).
    """

    clusters: pl.DataFrame
    merged: pl.DataFrame
    removed: pl.DataFrame
    pairs: pl.DataFrame
    more: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return all tables by the name of their file."""
        return {**{name: getattr(self, name) for name in OUTPUTS}, **self.more}


def corrected(
    records: Records, pairs: pl.DataFrame, decisions: pl.DataFrame, config: Config
) -> tuple[pl.DataFrame, Correction | None]:
    """Correct the probabilities of pairs by their file and by what was decided.

    Parameters
    ----------
    records
        n records.
    pairs
        Scored pairs of the records' row numbers.
    decisions
        As for :func:`resolve`.
    config
        ``adapt`` and ``correct`` are used.

    Returns
    -------
    pairs, correction
        As of :func:`~dedupe.correction.correct`.
    """
    if not config.correct and not config.adapt:
        return pairs, None
    decided = decided_rows(decisions, records)
    return correct(pairs, records.texts, decided, adapt=config.adapt, learn=config.correct)


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
        ``threshold``, ``link`` and ``within`` are used.
    """
    n = len(records)
    decided = decided_rows(decisions, records)
    links = {
        verdict: decided.filter(pl.col("decision") == verdict)
        .select("left", "right")
        .to_numpy()
        .astype(np.uint32)
        .reshape(-1, 2)
        for verdict in (Verdict.MATCH, Verdict.DIFFERENT)
    }
    across: pl.DataFrame | None = None
    missing_weight = MISSING_WEIGHT
    if config.link:
        least = 0.0 if config.link == "many" else config.threshold
        across = CHOICES[config.link](
            row_links(pairs, records.source, decided, least), records.source
        )
        if not config.within:
            # Rows one by one: those of one table are never joined but through another.
            pairs = across.with_columns(pl.lit("cross-encoder").cast(DECIDERS).alias("decided_by"))
        if config.link != "many":
            missing_weight = 0.0
    clustering = cluster(
        n,
        pairs,
        threshold=config.threshold,
        must_link=links[Verdict.MATCH],
        cannot_link=links[Verdict.DIFFERENT],
        missing_weight=missing_weight,
    )
    labels = clustering.labels
    if across is not None:
        across = across.filter(
            (pl.col("probability") >= config.threshold)
            & pl.Series(labels[across["left"].to_numpy()] == labels[across["right"].to_numpy()])
        )
    kept = representatives(records.frame, labels)
    return Resolved(
        clustering=clustering,
        confidence=link_confidence(n, pairs, labels),
        kept=kept,
        joined_by=joining_probability(n, pairs, labels, kept=kept, must_link=links[Verdict.MATCH]),
        cluster_id=_cluster_ids(records.keys, labels, records.named),
        decided=decided,
        links=across,
    )


def make_outputs(
    records: Records,
    pairs: pl.DataFrame,
    resolved: Resolved,
    rules: Mapping[str, Rule],
    config: Config,
    linked: Linked | None = None,
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
    preferred = None
    if linked is not None and config.prefer is not None:
        preferred = records.source == linked.names.index(config.prefer)
    merged = merge(frame, labels, rules, preferred)
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
        more={} if linked is None else _link_tables(records, resolved, linked),
    )


def _link_tables(records: Records, resolved: Resolved, linked: Linked) -> dict[str, pl.DataFrame]:
    assert resolved.links is not None
    ids = own_ids(records)
    left, right = (resolved.links[side].to_numpy() for side in ("left", "right"))
    names = pl.Series(linked.names, dtype=pl.String)
    tables = {
        "matches": pl.DataFrame(
            {
                "left_id": ids.gather(left),
                "right_id": ids.gather(right),
                "probability": _rounded(resolved.links["probability"].to_numpy()),
                "similarity": _rounded(resolved.links["similarity"].to_numpy()),
                "left_table": names.gather(records.source[left]),
                "right_table": names.gather(records.source[right]),
                "cluster_id": resolved.cluster_id.gather(left),
            }
        )
    }
    matched = np.zeros(len(records), dtype=bool)
    matched[left] = matched[right] = True
    for number, (name, columns) in enumerate(zip(linked.names, linked.columns, strict=True)):
        alone = np.flatnonzero((records.source == number) & ~matched)
        tables[f"unmatched-{name}"] = records.frame[alone].select(
            pl.col(new).alias(own) for own, new in columns.items()
        )
    return tables


def own_ids(records: Records) -> pl.Series:
    """Return the id that each record has in its own table."""
    if records.id_column is not None:
        return records.frame[records.id_column].cast(pl.String).rename("id")
    return (
        pl.DataFrame({"source": records.source})
        .select(pl.int_range(pl.len()).over("source").cast(pl.String).alias("id"))
        .to_series()
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
        **({} if resolved.links is None else {"links": resolved.links.height}),
        "decisions": resolved.decided.height,
        "contradictions": [
            {"left_id": records.ids[left], "right_id": records.ids[right], "reason": reason}
            for left, right, reason in resolved.clustering.contradictions.iter_rows()
        ],
    }


def decided_rows(decisions: pl.DataFrame, records: Records) -> pl.DataFrame:
    """Return decisions as row numbers: ``left < right`` and ``decision``, the newest last."""
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


def _cluster_ids(keys: pl.Series, labels: NDArray[np.uint32], named: pl.Series | None) -> pl.Series:
    smallest = (
        pl.DataFrame({"label": labels, "key": keys})
        .group_by("label", maintain_order=True)
        .agg(pl.col("key").min())
    )
    kept = {} if named is None else _kept_ids(labels, named)
    taken = set(kept.values())
    ids = []
    for label, key in smallest.iter_rows():
        found = kept.get(label) or _hashed(key)
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
