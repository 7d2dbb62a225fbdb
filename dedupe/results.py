"""From scored pairs and decisions to clusters, and from clusters to the tables a run writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.alignment import Linked
from dedupe.cluster import (
    CONTRADICTIONS,
    MISSING_WEIGHT,
    Clustering,
    cluster,
    components,
    joining_probability,
    link_confidence,
)
from dedupe.config import ADAPTED_UP_TO, Config
from dedupe.correction import Correction, correct
from dedupe.decisions import Verdict
from dedupe.linkage import CHOICES, row_links
from dedupe.merge import Rule, merge, representatives
from dedupe.records import Records
from dedupe.scoring import DECIDERS

OUTPUTS = ("clusters", "merged", "removed", "pairs")
"""The tables that a run writes."""
CHOSEN = pl.Schema({"row": pl.UInt32(), "column": pl.String()})
"""Schema of :attr:`Resolved.chosen`."""
_EPSILON = np.float32(1e-6)
_Rows = TypeVar("_Rows", pl.Series, pl.DataFrame)


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
    chosen
        The values that people chose for merged rows: ``row``, ``column``; one a cluster and column.
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
    chosen: pl.DataFrame
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


@dataclass(frozen=True, eq=False)
class Standing:
    """What an earlier clustering says of each of the n records; see :class:`Resolved`."""

    labels: NDArray[np.uint32]
    confidence: NDArray[np.float32]
    kept: NDArray[np.uint32]
    joined_by: NDArray[np.float32]
    cluster_id: pl.Series


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
    adapt = is_adapted(config, len(records))
    if not config.correct and not adapt:
        return pairs, None
    decided = decided_rows(decisions, records)
    return correct(pairs, records.texts, decided, adapt=adapt, learn=config.correct)


def is_adapted(config: Config, records: int) -> bool:
    """Tell whether probabilities are adapted to a file of so many records."""
    if config.adapt is not None:
        return config.adapt
    return config.correct and records <= ADAPTED_UP_TO


def resolve(
    records: Records,
    pairs: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config,
    choices: pl.DataFrame | None = None,
    taken: pl.Series | None = None,
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
    choices
        Of schema :data:`~dedupe.decisions.CHOICES`, the newest last: which record stands for its
        cluster, or gives its merged row a value.
    taken
        Ids that clusters of other records have.
    """
    decided = decided_rows(decisions, records)
    clustering, pairs, across = cluster_records(records, pairs, decided, config)
    n, labels = len(records), clustering.labels
    if across is not None:
        across = across.filter(
            (pl.col("probability") >= config.threshold)
            & pl.Series(labels[across["left"].to_numpy()] == labels[across["right"].to_numpy()])
        )
    chosen = _chosen_rows(choices, records)
    kept = representatives(records.frame, labels, standing(choices, records))
    must = _rows_said(decided, Verdict.MATCH)
    return Resolved(
        clustering=clustering,
        confidence=link_confidence(n, pairs, labels),
        kept=kept,
        joined_by=joining_probability(n, pairs, labels, kept=kept, must_link=must),
        cluster_id=_cluster_ids(records.keys, labels, records.named, taken),
        decided=decided,
        chosen=chosen.with_columns(pl.Series("label", labels[chosen["row"].to_numpy()]))
        .filter(pl.col("column").is_in(records.frame.columns))
        .unique(["label", "column"], keep="last", maintain_order=True)
        .drop("label"),
        links=across,
    )


def cluster_records(
    records: Records, pairs: pl.DataFrame, decided: pl.DataFrame, config: Config
) -> tuple[Clustering, pl.DataFrame, pl.DataFrame | None]:
    """Cluster records, as one table or as tables to be linked.

    Parameters
    ----------
    records, pairs, config
        As for :func:`resolve`.
    decided
        Decisions as :func:`decided_rows` gives them.

    Returns
    -------
    clustering
        The clusters.
    pairs
        The pairs that they were made from: between tables only, where that is what counts.
    across
        The links between tables, where tables are linked.
    """
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
        len(records),
        pairs,
        threshold=config.threshold,
        must_link=_rows_said(decided, Verdict.MATCH),
        cannot_link=_rows_said(decided, Verdict.DIFFERENT),
        missing_weight=missing_weight,
    )
    return clustering, pairs, across


def _rows_said(decided: pl.DataFrame, verdict: Verdict) -> NDArray[np.uint32]:
    said = decided.filter(pl.col("decision") == verdict).select("left", "right")
    return said.to_numpy().astype(np.uint32).reshape(-1, 2)


def resolve_again(
    records: Records,
    pairs: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config,
    choices: pl.DataFrame,
    before: Standing,
    touched: NDArray[np.bool_],
    compared: NDArray[np.bool_],
) -> tuple[Resolved, NDArray[np.bool_]]:
    """Cluster again where something changed; the rest stays as it was.

    A cluster never reaches beyond the records that links at the threshold, identical texts and
    decisions connect. So what comes out is what :func:`resolve` makes of all records.

    Parameters
    ----------
    records, pairs, decisions, config, choices
        As for :func:`resolve`; nothing is linked across tables.
    before
        How n records stood under the same decisions, choices and configuration. Of those touched,
        and of new ones, it may say anything.
    touched
        (n,) bool: records that are new, changed, or have pairs that went or changed; and of records
        that are gone, those that had pairs with them or the same text.
    compared
        (n,) bool: records that have pairs that came.

    Returns
    -------
    resolved
        Of all n records.
    again
        (n,) bool: records that were clustered again.
    """
    n = len(records)
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    strong = pairs["probability"].to_numpy() >= np.float32(config.threshold) - _EPSILON
    decided = decided_rows(decisions, records)
    joined = decided.filter(pl.col("decision") == Verdict.MATCH)
    part = components(
        n,
        np.concatenate([left[strong], joined["left"].to_numpy()]),
        np.concatenate([right[strong], joined["right"].to_numpy()]),
    )
    hit = np.zeros(n, dtype=bool)
    hit[part[touched]] = True
    for side in ("left", "right"):
        hit[part[decided[side].to_numpy()]] = True
    hit[part[records.keys.is_in(choices["record_id"].implode()).to_numpy()]] = True
    again = hit[part]
    rows = np.flatnonzero(again).astype(np.uint32)
    if not len(rows):
        return Resolved(
            clustering=Clustering(before.labels, pl.DataFrame(schema=CONTRADICTIONS)),
            confidence=_alone(before.confidence, pairs, before.labels, compared),
            kept=before.kept,
            joined_by=before.joined_by,
            cluster_id=before.cluster_id,
            decided=decided,
            chosen=pl.DataFrame(schema=CHOSEN),
        ), again
    place = np.zeros(n, dtype=np.uint32)
    place[rows] = np.arange(len(rows), dtype=np.uint32)
    inside = again[left] & again[right]
    found = resolve(
        records.some(rows),
        _renumbered(pairs.filter(pl.Series(inside)), place),
        decisions,
        config,
        choices,
        before.cluster_id.filter(pl.Series(~again)),
    )

    def put(old: NDArray[Any], now: NDArray[Any]) -> NDArray[Any]:
        out = old.copy()
        out[rows] = now
        return out

    labels = put(before.labels, rows[found.clustering.labels])
    confidence = put(before.confidence, found.confidence)
    index = np.arange(n)
    index[rows] = n + np.arange(len(rows))
    return Resolved(
        clustering=Clustering(labels, _renumbered(found.clustering.contradictions, rows)),
        confidence=_alone(confidence, pairs, labels, again | compared),
        kept=put(before.kept, rows[found.kept]),
        joined_by=put(before.joined_by, found.joined_by),
        cluster_id=pl.concat([before.cluster_id, found.cluster_id]).gather(index),
        decided=decided,
        chosen=found.chosen.with_columns(pl.Series("row", rows[found.chosen["row"].to_numpy()])),
    ), again


def _alone(
    confidence: NDArray[np.float32],
    pairs: pl.DataFrame,
    labels: NDArray[np.uint32],
    some: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return how sure each place is, where `some` that are alone may have weak pairs anywhere."""
    alone = some & (np.bincount(labels, minlength=len(labels))[labels] == 1)
    best = np.zeros(len(labels))
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    near = alone[left] | alone[right]
    chance = pairs["probability"].to_numpy()[near]
    for side in (left[near], right[near]):
        np.maximum.at(best, side, chance)
    return np.where(alone, 1 - best, confidence).astype(np.float32)


def _renumbered(pairs: pl.DataFrame, to: NDArray[np.uint32]) -> pl.DataFrame:
    return pairs.with_columns(
        pl.Series(side, to[pairs[side].to_numpy()]) for side in ("left", "right")
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
    labels = resolved.clustering.labels
    row = np.arange(len(labels), dtype=np.uint32)
    merged = merged_table(records, resolved, rules, config, row, linked)
    removed = removed_table(records, resolved, np.flatnonzero(resolved.kept != row))
    if len(labels) != merged.height + removed.height:
        raise RuntimeError(
            f"{len(labels)} rows in, but {merged.height} kept and {removed.height} merged"
        )
    return Outputs(
        clusters=clusters_table(records, resolved, row),
        merged=merged,
        removed=removed,
        pairs=pairs_table(records, pairs, resolved.decided),
        more={} if linked is None else _link_tables(records, resolved, linked),
    )


def clusters_table(records: Records, resolved: Resolved, rows: NDArray[np.uint32]) -> pl.DataFrame:
    """Return some `rows`, ascending, of :attr:`Outputs.clusters`."""
    names = _new_names(records.frame.columns)
    added = {
        names["cluster_id"]: _some(resolved.cluster_id, rows),
        names["cluster_size"]: _sizes(resolved.clustering.labels)[rows],
        names["confidence"]: _rounded(resolved.confidence[rows]),
        names["is_representative"]: resolved.kept[rows] == rows,
    }
    return _some(records.frame, rows).hstack(pl.DataFrame(added))


def merged_table(
    records: Records,
    resolved: Resolved,
    rules: Mapping[str, Rule],
    config: Config,
    rows: NDArray[np.uint32],
    linked: Linked | None = None,
) -> pl.DataFrame:
    """Return the lines of :attr:`Outputs.merged` for the clusters that `rows` hold all records of.

    `rows` ascend. Where they are not all that there are, each of `rules` has to be
    :attr:`~dedupe.merge.Rule.local`, and all that was chosen has to be on them.
    """
    labels = resolved.clustering.labels
    first = rows[labels[rows] == rows]
    preferred = _preferred(records, config, linked)
    merged = merge(
        _some(records.frame, rows),
        labels[rows],
        rules,
        None if preferred is None else preferred[rows],
    )
    if records.id_column is not None and records.id_column not in config.merge:
        ids = records.frame[records.id_column].gather(resolved.kept[first])
        merged = merged.with_columns(ids.alias(records.id_column))
    merged = _with_chosen(merged, records.frame, first, labels, resolved.chosen)
    names = _new_names(records.frame.columns)
    return merged.with_columns(
        resolved.cluster_id.gather(first).alias(names["cluster_id"]),
        pl.Series(names["cluster_size"], _sizes(labels)[first]),
    )


def removed_table(records: Records, resolved: Resolved, gone: NDArray[Any]) -> pl.DataFrame:
    """Return the lines of :attr:`Outputs.removed` for rows that others stand for, ascending."""
    return pl.DataFrame(
        {
            "id": records.ids.gather(gone),
            "kept_id": records.ids.gather(resolved.kept[gone]),
            "cluster_id": resolved.cluster_id.gather(gone),
            "probability": _rounded(resolved.joined_by[gone]),
        }
    )


def _sizes(labels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the size of each row's cluster."""
    sizes: NDArray[np.uint32] = np.bincount(labels, minlength=len(labels)).astype(np.uint32)
    return sizes[labels]


def _some(values: _Rows, rows: NDArray[np.uint32]) -> _Rows:
    """Return some rows, ascending; where these are all, what was given."""
    return values if len(rows) == len(values) else values[rows]


def merged_row(
    records: Records,
    rows: NDArray[np.int64],
    kept: int,
    chosen: Mapping[str, int],
    rules: Mapping[str, Rule],
    config: Config,
    linked: Linked | None = None,
) -> dict[str, Any]:
    """Return the merged row of one cluster, as :func:`make_outputs` makes it.

    Parameters
    ----------
    records, rules, config, linked
        As for :func:`make_outputs`.
    rows
        All rows of the cluster, ascending.
    kept
        The row that stands for it.
    chosen
        The row that was chosen to give a column its value, by column.
    """
    preferred = _preferred(records, config, linked)
    merged = merge(
        records.frame[rows],
        np.zeros(len(rows), dtype=np.uint32),
        rules,
        None if preferred is None else preferred[rows],
    ).row(0, named=True)
    picked = dict(chosen)
    if records.id_column is not None and records.id_column not in config.merge:
        picked.setdefault(records.id_column, kept)
    return merged | {column: records.frame[column][row] for column, row in picked.items()}


def _preferred(records: Records, config: Config, linked: Linked | None) -> NDArray[np.bool_] | None:
    """Tell of each record whether it is of the table whose values come first."""
    if linked is None or config.prefer is None:
        return None
    first: NDArray[np.bool_] = records.source == linked.names.index(config.prefer)
    return first


def _with_chosen(
    merged: pl.DataFrame,
    frame: pl.DataFrame,
    first: NDArray[np.int64],
    labels: NDArray[np.uint32],
    chosen: pl.DataFrame,
) -> pl.DataFrame:
    """Put the values that people chose into merged rows, which begin with the rows `first`."""
    for (name,), some in chosen.group_by("column", maintain_order=True):
        rows = some["row"].to_numpy()
        values = frame[str(name)].gather(rows)
        column = merged[str(name)]
        # The column of a concatenation is text, whatever was read.
        values = values if values.dtype == column.dtype else values.cast(pl.String)
        place = np.searchsorted(first, labels[rows])
        index = np.arange(len(first))
        index[place] = len(first) + np.arange(len(rows))
        merged = merged.with_columns(pl.concat([column, values]).gather(index))
    return merged


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


def standing(choices: pl.DataFrame | None, records: Records) -> list[int]:
    """Return the rows that were chosen to stand for their clusters, the newest last."""
    return _chosen_rows(choices, records).filter(pl.col("column").is_null())["row"].to_list()


def _chosen_rows(choices: pl.DataFrame | None, records: Records) -> pl.DataFrame:
    """Return choices as ``row`` and ``column``, the newest last."""
    if choices is None or choices.is_empty():
        return pl.DataFrame(schema=CHOSEN)
    rows = records.keys.alias("record_id").to_frame().with_row_index("row")
    found = choices.join(rows, on="record_id", how="inner", maintain_order="left")
    return found.select("row", "column")


def _cluster_ids(
    keys: pl.Series,
    labels: NDArray[np.uint32],
    named: pl.Series | None,
    others: pl.Series | None = None,
) -> pl.Series:
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


def _new_names(columns: list[str]) -> dict[str, str]:
    """Name the added columns; where the input has one of these names, all get a prefix."""
    names = ("cluster_id", "cluster_size", "confidence", "is_representative")
    prefix = ""
    while any(prefix + name in columns for name in names):
        prefix += "dedupe_"
    return {name: prefix + name for name in names}


def pairs_table(records: Records, pairs: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of :attr:`Outputs.pairs` for some pairs, or all."""
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
