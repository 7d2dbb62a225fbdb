"""Survivorship: from the rows of a cluster to its representative and its merged row.

Each column has a rule (:mod:`~dedupe.resolution.survivorship.merge_rules`). Every rule but
``concat`` picks one of the rows and takes its value unchanged, so types and spelling stay those of
the input. A value is empty if it is null or only white space; an empty value is picked only if all
are empty. If a rule leaves a choice, the earliest row is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from dedupe.config import Config
from dedupe.io.schema_matching import Linked
from dedupe.records.records import Records
from dedupe.records.value_text import column_text
from dedupe.resolution.survivorship.merge_rules import Rule
from dedupe.resolution.survivorship.value_order import is_filled, value_order

SEPARATOR = " | "
"""Text between the values that ``concat`` joins."""
_PRIORITIES: Mapping[str, Sequence[tuple[str, bool]]] = {
    "most-complete": [("frequency", True), ("length", True)],
    "most-frequent": [("frequency", True)],
    "longest": [("length", True)],
    "first": [],
    "last": [("row", True)],
    "prefer": [("frequency", True), ("length", True)],
    "newest": [("key", True)],
    "oldest": [("key", False)],
    "max": [("key", True)],
    "min": [("key", False)],
}
"""Columns by which a rule sorts the values of a cluster, and whether the highest comes first."""
_FREQUENCY_AND_LENGTH = (
    pl.len().over("place", "text").alias("frequency"),
    pl.col("text").str.len_chars().alias("length"),
)


def representatives(
    frame: pl.DataFrame, labels: npt.NDArray[np.uint32], chosen: Sequence[int] = ()
) -> npt.NDArray[np.uint32]:
    """Choose the representative of each cluster.

    It is the row that a reviewer chose last; in clusters without a choice, the row with the most
    fields that are not empty, then with the longest text in total, then the earliest.

    Parameters
    ----------
    frame
        The n rows.
    labels
        (n,) cluster of each row: any number that its rows share.
    chosen
        Rows that reviewers chose, the newest last.

    Returns
    -------
    ndarray
        (n,) uint32 row number of the representative of the row's cluster.
    """
    rows = _rows_in_clusters_of_two(labels)
    filled, length = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    for series in frame:
        text = column_text(series.gather(rows))
        not_empty = is_filled(text)
        filled += not_empty.to_numpy()
        length += (text.str.len_chars().fill_null(0) * not_empty).to_numpy()
    candidates = pl.DataFrame(
        {"cluster": labels[rows], "row": rows, "filled": filled, "length": length}
    )
    best = _first_of_each(candidates, "cluster", [("filled", True), ("length", True)])
    by_label = np.arange(max(len(labels), int(labels.max(initial=0)) + 1), dtype=np.uint32)
    by_label[best["cluster"].to_numpy()] = best["row"].to_numpy()
    for row in chosen:
        by_label[labels[row]] = row
    representative = np.arange(len(labels), dtype=np.uint32)
    representative[rows] = by_label[labels[rows]]
    return representative


def preferred_rows(
    records: Records, config: Config, linked: Linked | None
) -> npt.NDArray[np.bool_] | None:
    """Mark the records of the table that ``config.prefer`` names; ``None`` without such a table."""
    if linked is None or config.prefer is None:
        return None
    preferred: npt.NDArray[np.bool_] = records.source == linked.names.index(config.prefer)
    return preferred


def merged_row(
    records: Records,
    rows: npt.NDArray[np.int64],
    representative: int,
    value_choices: Mapping[str, Any],
    rules: Mapping[str, Rule],
    config: Config,
    linked: Linked | None = None,
) -> dict[str, Any]:
    """Merge the rows of one cluster, exactly as the table of merged rows does.

    Parameters
    ----------
    records
        All records.
    rows
        All rows of the cluster, ascending.
    representative
        Row of the representative.
    value_choices
        Value that a reviewer chose or typed, by column.
    rules
        As :func:`~dedupe.resolution.survivorship.merge_rules.parse_rules` returns them.
    config
        ``merge`` and ``prefer`` are used.
    linked
        The linked tables, if any.
    """
    preferred = preferred_rows(records, config, linked)
    merged = merge(
        records.frame[rows],
        np.zeros(len(rows), dtype=np.uint32),
        rules,
        None if preferred is None else preferred[rows],
    ).row(0, named=True)
    if records.id_column is not None and records.id_column not in config.merge:
        merged[records.id_column] = records.frame[records.id_column][representative]
    return {**merged, **value_choices}


def merge(
    frame: pl.DataFrame,
    labels: npt.NDArray[np.uint32],
    rules: Mapping[str, Rule],
    preferred: npt.NDArray[np.bool_] | None = None,
) -> pl.DataFrame:
    """Merge the rows of each cluster into one.

    Parameters
    ----------
    frame
        The n rows.
    labels
        (n,) cluster of each row: any number that its rows share.
    rules
        As :func:`~dedupe.resolution.survivorship.merge_rules.parse_rules` returns them.
    preferred
        (n,) bool: rows whose values, unless empty, take precedence over those of other rows, in
        columns whose rule does not prefer sources itself.

    Returns
    -------
    DataFrame
        One row per cluster, in the order of their earliest rows; columns and types as in `frame`,
        except that a column of ``concat`` is text. Rows alone in their cluster are unchanged.
    """
    first, candidates = _candidates(frame, labels, rules, preferred)
    return pl.DataFrame(
        [
            _concatenated(series, values, first)
            if rule.kind == "concat"
            else series.gather(_picked_rows(values, first, rule))
            for series, rule, values in candidates
        ]
    )


def source_rows(
    frame: pl.DataFrame,
    labels: npt.NDArray[np.uint32],
    rules: Mapping[str, Rule],
    preferred: npt.NDArray[np.bool_] | None = None,
) -> dict[str, npt.NDArray[np.uint32]]:
    """Tell which row gives each merged row its values.

    Parameters
    ----------
    frame, labels, rules, preferred
        As for :func:`merge`.

    Returns
    -------
    dict
        By column, one row number per cluster, in the order of :func:`merge`. Columns of ``concat``
        are left out: their values are from all rows.
    """
    first, candidates = _candidates(frame, labels, rules, preferred)
    return {
        series.name: _picked_rows(values, first, rule)
        for series, rule, values in candidates
        if rule.kind != "concat"
    }


def _rows_in_clusters_of_two(labels: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """List the rows that share their cluster with another row, ascending."""
    return np.flatnonzero(np.bincount(labels)[labels] > 1).astype(np.uint32)


def _candidates(
    frame: pl.DataFrame,
    labels: npt.NDArray[np.uint32],
    rules: Mapping[str, Rule],
    preferred: npt.NDArray[np.bool_] | None,
) -> tuple[npt.NDArray[np.uint32], Iterator[tuple[pl.Series, Rule, pl.DataFrame]]]:
    """Return the first row of each cluster, and each column with the values its rule chooses from.

    Values are as of :func:`_candidate_values`, with a ``key`` for the rules that compare one.
    """
    _, earliest, cluster = np.unique(labels, return_index=True, return_inverse=True)
    first = np.sort(earliest).astype(np.uint32)
    place = np.searchsorted(first, earliest)[cluster].astype(np.uint32)
    rows = _rows_in_clusters_of_two(labels)
    by_table = None if preferred is None else (~preferred).astype(np.uint32)

    def columns() -> Iterator[tuple[pl.Series, Rule, pl.DataFrame]]:
        sort_keys: dict[tuple[str, bool], pl.Series] = {}
        for series in frame:
            rule = rules[series.name]
            ranks = rule.source_ranks(frame) if rule.sources else by_table
            values = _candidate_values(series, place, rows, ranks)
            if not rule.local:
                key = (rule.column or series.name, rule.column is not None)
                if key not in sort_keys:
                    sort_keys[key] = value_order(frame[key[0]], dates=key[1])
                values = values.with_columns(sort_keys[key].gather(values["row"]).alias("key"))
            yield series, rule, values

    return first, columns()


def _candidate_values(
    series: pl.Series,
    place: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.uint32],
    ranks: npt.NDArray[np.uint32] | None,
) -> pl.DataFrame:
    """List the values that a rule chooses from.

    Parameters
    ----------
    series
        The column.
    place
        (n,) place of each row's cluster in the merged table.
    rows
        Rows in clusters of two or more.
    ranks
        (n,) rank of each row; ``None``: all are equal.

    Returns
    -------
    DataFrame
        ``place``, ``row`` and ``text`` of the values that are not empty, from the rows of the
        lowest rank that has values in their cluster.
    """
    values = pl.DataFrame({"place": place[rows], "row": rows}).with_columns(
        column_text(series.gather(rows)).alias("text")
    )
    values = values.filter(is_filled(values["text"]))
    if ranks is None:
        return values
    rank = pl.Series("rank", ranks[values["row"].to_numpy()])
    best = pl.col("rank") == pl.col("rank").min().over("place")
    return values.with_columns(rank).filter(best).drop("rank")


def _picked_rows(
    values: pl.DataFrame, first: npt.NDArray[np.uint32], rule: Rule
) -> npt.NDArray[np.uint32]:
    """Pick the row of each cluster whose value survives; by default its first row."""
    picked = first.copy()
    place, row = values["place"].to_numpy(), values["row"].to_numpy()
    # Most clusters agree on a value: their first row with a value is found without sorting.
    text = values["text"].hash(0).to_numpy()
    low, high = np.full(len(first), np.iinfo(np.uint64).max), np.zeros(len(first), np.uint64)
    np.minimum.at(low, place, text)
    np.maximum.at(high, place, text)
    agreed = (low == high)[place]
    picked[place[agreed][::-1]] = row[agreed][::-1]
    if agreed.all():
        return picked
    disputed = values.filter(pl.Series(~agreed)).with_columns(_FREQUENCY_AND_LENGTH)
    best = _first_of_each(disputed, "place", _PRIORITIES[rule.kind])
    picked[best["place"].to_numpy()] = best["row"].to_numpy()
    return picked


def _first_of_each(
    values: pl.DataFrame, group: str, by: Sequence[tuple[str, bool]]
) -> pl.DataFrame:
    """Take the first line of each group, sorted by `by` (highest first?) and then by row."""
    by = [*by, ("row", False)]
    return values.sort(
        [group, *(name for name, _ in by)],
        descending=[False, *(descending for _, descending in by)],
        nulls_last=True,
    ).unique(group, keep="first", maintain_order=True)


def _concatenated(
    series: pl.Series, values: pl.DataFrame, first: npt.NDArray[np.uint32]
) -> pl.Series:
    """Concatenate the different values of each cluster as text."""
    joined = (
        values.unique(["place", "text"], keep="first", maintain_order=True)
        .group_by("place", maintain_order=True)
        .agg(pl.col("text").str.join(SEPARATOR))
    )
    index = np.arange(len(first), dtype=np.uint32)
    index[joined["place"].to_numpy()] = len(first) + np.arange(joined.height)
    return pl.concat([column_text(series.gather(first)), joined["text"].alias(series.name)]).gather(
        index
    )
