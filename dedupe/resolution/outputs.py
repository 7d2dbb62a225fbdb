"""The output tables of a run: clusters, merged rows, removed rows, pairs, and links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.io.dialect import CSV, Dialect
from dedupe.io.schema_matching import Linked
from dedupe.records.records import Records
from dedupe.records.value_text import column_text
from dedupe.resolution.decisions import typed_values
from dedupe.resolution.resolve import Resolved
from dedupe.resolution.survivorship.merge import merge, preferred_rows, source_rows
from dedupe.resolution.survivorship.merge_rules import Rule

OUTPUTS = ("clusters", "merged", "removed", "pairs")
"""The tables that every run writes."""
PAIR_COLUMNS = (
    "left_id", "right_id", "similarity", "probability", "decided_by", "decision", "reason",
)  # fmt: skip
"""Columns of the table of pairs, before the values of the records, which may be added."""
_Values = TypeVar("_Values", pl.Series, pl.DataFrame)


@dataclass(frozen=True, eq=False)
class Outputs:
    """The tables of a run.

    Parameters
    ----------
    clusters
        Every input row as it was, in the order of ``config.sort``, then ``cluster_id``,
        ``cluster_size``, ``confidence`` and ``is_representative``.
    merged
        One row per cluster: the input columns, then ``cluster_id`` and ``cluster_size``. On request
        also ``COLUMN_source``, the id of the record that each value is from.
    removed
        Every row that `merged` replaces by another: ``id``, ``kept_id`` (the representative),
        ``cluster_id`` and ``probability`` of the link that joined it.
    pairs
        ``left_id``, ``right_id``, ``similarity``, ``probability``, ``decided_by``, ``decision``,
        ``reason``. On request also ``left_COLUMN`` and ``right_COLUMN`` for the compared columns.
    more
        When tables are linked: ``matches`` (ids of both sides as in their tables, probability) and
        ``unmatched-NAME`` for each table (its rows without a match, in its own columns).
    dialect
        How the text of the input was written.
    """

    clusters: pl.DataFrame
    merged: pl.DataFrame
    removed: pl.DataFrame
    pairs: pl.DataFrame
    more: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    dialect: Dialect = CSV

    def tables(self) -> dict[str, pl.DataFrame]:
        """Collect all tables by the name of their file."""
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
        If the number of input rows differs from that of merged and removed rows: an internal
        error, found before anything is written.
    """
    row = np.arange(len(records), dtype=np.uint32)
    removed_rows = np.flatnonzero(resolved.rows["representative"].to_numpy() != row)
    merged = merged_table(records, resolved, rules, config, linked)
    removed = removed_table(records, resolved, removed_rows)
    if len(row) != merged.height + removed.height:
        raise RuntimeError(
            f"{len(row)} input rows, but {merged.height} merged and {removed.height} removed rows"
        )
    return Outputs(
        clusters=clusters_table(records, resolved, row_order(resolved, config)),
        merged=merged,
        removed=removed,
        pairs=pairs_table(records, pairs, resolved.decisions, config),
        more={} if linked is None else _link_tables(records, resolved, linked),
    )


def row_order(resolved: Resolved, config: Config) -> NDArray[np.uint32]:
    """Return all rows in the order of :attr:`Outputs.clusters`.

    Sorted by cluster, a cluster stands where its earliest row is.
    """
    labels = resolved.labels
    if config.sort == "cluster":
        return np.argsort(labels, kind="stable").astype(np.uint32)
    return np.arange(len(labels), dtype=np.uint32)


def clusters_table(records: Records, resolved: Resolved, rows: NDArray[np.uint32]) -> pl.DataFrame:
    """Make the given rows of :attr:`Outputs.clusters`, in this order."""
    names = _added_names(records.frame.columns)
    clusters = _selected(resolved.rows, rows)
    added = {
        names["cluster_id"]: clusters["cluster_id"],
        names["cluster_size"]: _sizes(resolved.labels)[rows],
        names["confidence"]: _rounded(clusters["confidence"]),
        names["is_representative"]: clusters["representative"].to_numpy() == rows,
    }
    return _selected(records.frame, rows).hstack(pl.DataFrame(added))


def merged_table(
    records: Records,
    resolved: Resolved,
    rules: Mapping[str, Rule],
    config: Config,
    linked: Linked | None = None,
) -> pl.DataFrame:
    """Make :attr:`Outputs.merged`."""
    labels = resolved.labels
    first = _first_rows(labels)
    preferred = preferred_rows(records, config, linked)
    merged = merge(records.frame, labels, rules, preferred)
    clusters = resolved.rows[first]
    if records.id_column is not None and records.id_column not in config.merge:
        ids = records.frame[records.id_column].gather(clusters["representative"])
        merged = merged.with_columns(ids.alias(records.id_column))
    merged = _with_value_choices(merged, records.frame, first, labels, resolved.value_choices)
    names = _added_names(records.frame.columns)
    merged = merged.with_columns(
        clusters["cluster_id"].alias(names["cluster_id"]),
        pl.Series(names["cluster_size"], _sizes(labels)[first]),
    )
    if not config.value_sources:
        return merged
    sources = _value_sources(records, resolved, rules, preferred)
    return merged.with_columns(sources)


def _value_sources(
    records: Records,
    resolved: Resolved,
    rules: Mapping[str, Rule],
    preferred: NDArray[np.bool_] | None,
) -> Iterator[pl.Series]:
    """Yield, for each column of :func:`merged_table`, the id of the record of each value.

    It is ``""`` where a value is missing, joined from several records, or typed by a reviewer.
    """
    labels = resolved.labels
    first = _first_rows(labels)
    prefix = ""
    while any(f"{prefix}{name}_source" in records.frame.columns for name in records.frame.columns):
        prefix += "dedupe_"
    found = source_rows(records.frame, labels, rules, preferred)
    for name in records.frame.columns:
        if name == records.id_column:
            continue
        if name in found:
            source = found[name].copy()
            choices = resolved.value_choices.filter(pl.col("column") == name)
            chosen = choices["row"].to_numpy()
            place = np.searchsorted(first, labels[chosen])
            source[place] = chosen
            ids = records.ids.gather(source)
            filled = column_text(records.frame[name].gather(source)).fill_null("") != ""
            typed = place[choices["value"].is_not_null().to_numpy()]
            filled = filled.scatter(typed, False)
        else:
            ids = pl.Series([""], dtype=pl.String).new_from_index(0, len(first))
            filled = ids != ""
        yield ids.zip_with(filled, pl.Series([""])).alias(f"{prefix}{name}_source")


def removed_table(records: Records, resolved: Resolved, removed: NDArray[Any]) -> pl.DataFrame:
    """Make the rows of :attr:`Outputs.removed` for `removed` rows, which are ascending."""
    clusters = resolved.rows[removed]
    return pl.DataFrame(
        {
            "id": records.ids.gather(removed),
            "kept_id": records.ids.gather(clusters["representative"]),
            "cluster_id": clusters["cluster_id"],
            "probability": _rounded(clusters["joined_by"]),
        }
    )


def pairs_table(
    records: Records, pairs: pl.DataFrame, decisions: pl.DataFrame, config: Config
) -> pl.DataFrame:
    """Make the rows of :attr:`Outputs.pairs` for all or some pairs.

    `decisions` are by row, as in :attr:`~dedupe.resolution.resolve.Resolved.decisions`.
    """
    values = []
    if config.pair_values:
        names = [role.name for role in records.fields if role.used]
        values = [
            records.frame[name].gather(pairs[side]).alias(f"{side}_{name}")
            for name in names
            for side in ("left", "right")
        ]
    return pairs.join(decisions, on=["left", "right"], how="left", maintain_order="left").select(
        records.ids.gather(pairs["left"]).alias("left_id"),
        records.ids.gather(pairs["right"]).alias("right_id"),
        pl.Series("similarity", _rounded(pairs["similarity"])),
        pl.Series("probability", _rounded(pairs["probability"])),
        pl.col("decided_by").cast(pl.String),
        pl.col("decision").fill_null(""),
        "reason",
        *(series for series in values if series.name not in PAIR_COLUMNS),
    )


def own_ids(records: Records) -> pl.Series:
    """Find the id that each record has in its own table, before the tables were stacked."""
    if records.id_column is not None:
        return records.frame[records.id_column].cast(pl.String).rename("id")
    return (
        pl.DataFrame({"source": records.source})
        .select(pl.int_range(pl.len()).over("source").cast(pl.String).alias("id"))
        .to_series()
    )


def _link_tables(records: Records, resolved: Resolved, linked: Linked) -> dict[str, pl.DataFrame]:
    """Make the tables of matches and of the unmatched rows of each linked table."""
    assert resolved.links is not None
    ids = own_ids(records)
    left, right = (resolved.links[side].to_numpy() for side in ("left", "right"))
    names = pl.Series(linked.names, dtype=pl.String)
    tables = {
        "matches": pl.DataFrame(
            {
                "left_id": ids.gather(left),
                "right_id": ids.gather(right),
                "probability": _rounded(resolved.links["probability"]),
                "similarity": _rounded(resolved.links["similarity"]),
                "left_table": names.gather(records.source[left]),
                "right_table": names.gather(records.source[right]),
                "cluster_id": resolved.rows["cluster_id"].gather(left),
            }
        )
    }
    matched = np.zeros(len(records), dtype=bool)
    matched[left] = matched[right] = True
    for number, (name, columns) in enumerate(zip(linked.names, linked.columns, strict=True)):
        unmatched = np.flatnonzero((records.source == number) & ~matched)
        tables[f"unmatched-{name}"] = records.frame[unmatched].select(
            pl.col(new).alias(own) for own, new in columns.items()
        )
    return tables


def _with_value_choices(
    merged: pl.DataFrame,
    frame: pl.DataFrame,
    first: NDArray[np.uint32],
    labels: NDArray[np.uint32],
    value_choices: pl.DataFrame,
) -> pl.DataFrame:
    """Put the values that reviewers chose into merged rows, whose earliest rows are `first`."""
    for (name,), choices in value_choices.group_by("column", maintain_order=True):
        rows = choices["row"].to_numpy()
        values = frame[str(name)].gather(rows)
        typed = typed_values(str(name), choices["value"], values.dtype)
        values = pl.select(
            pl.when(choices["value"].is_null()).then(values).otherwise(typed)
        ).to_series()
        column = merged[str(name)]
        # A column merged by `concat` is text, whatever its type in the input.
        values = values if values.dtype == column.dtype else values.cast(pl.String)
        place = np.searchsorted(first, labels[rows])
        index = np.arange(len(first))
        index[place] = len(first) + np.arange(len(rows))
        merged = merged.with_columns(pl.concat([column, values]).gather(index))
    return merged


def _added_names(columns: list[str]) -> dict[str, str]:
    """Name the added columns; if the input has one of these names, all get a prefix."""
    names = ("cluster_id", "cluster_size", "confidence", "is_representative")
    prefix = ""
    while any(prefix + name in columns for name in names):
        prefix += "dedupe_"
    return {name: prefix + name for name in names}


def _sizes(labels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Count the rows of each row's cluster."""
    sizes: NDArray[np.uint32] = np.bincount(labels, minlength=len(labels)).astype(np.uint32)
    return sizes[labels]


def _first_rows(labels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the first row of each cluster, in their order."""
    return np.flatnonzero(labels == np.arange(len(labels))).astype(np.uint32)


def _selected(values: _Values, rows: NDArray[np.uint32]) -> _Values:
    """Select rows; without a copy where these are all rows in their order."""
    all_rows = len(rows) == len(values) and bool((rows[1:] > rows[:-1]).all())
    return values if all_rows else values[rows]


def _rounded(values: pl.Series) -> NDArray[np.float64]:
    """Round to four places, as doubles, so that no further digits are written."""
    doubles: NDArray[np.float64] = values.to_numpy().astype(np.float64)
    return doubles.round(4)
