"""From scored pairs and decisions to clusters, and from clusters to the tables a run writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.io.schema_matching import Linked
from dedupe.records import Records
from dedupe.resolution.resolve import Resolved
from dedupe.resolution.survivorship import Rule, merge

OUTPUTS = ("clusters", "merged", "removed", "pairs")
"""The tables that a run writes."""


_Rows = TypeVar("_Rows", pl.Series, pl.DataFrame)


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
    :attr:`~dedupe.resolution.survivorship.Rule.local`, and all that was chosen has to be on them.
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
