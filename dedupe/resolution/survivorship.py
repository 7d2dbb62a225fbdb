"""Survivorship: from the rows of a cluster to the one row that stands for them.

Each column has a rule of its own (:data:`RULES`). Every rule but ``concat`` picks one of the rows
and takes its value as it is, so that types and spelling stay those of the input. A value is
empty when it is null or nothing but white space; an empty one is picked only where all are.
Where a rule leaves a choice, the earliest row is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from dedupe.errors import OptionError

RULES: Mapping[str, str] = {
    "most-complete": "the longest of the most frequent values",
    "most-frequent": "the value that most rows have",
    "longest": "the longest value",
    "first": "the value of the earliest row",
    "last": "the value of the latest row",
    "newest:COLUMN": "the value of the row with the highest COLUMN (date, number or text)",
    "oldest:COLUMN": "the value of the row with the lowest COLUMN (date, number or text)",
    "concat": "all different values in row order, with ' | ' between them",
    "max": "the highest value (number, else text)",
    "min": "the lowest value (number, else text)",
}
"""What a rule is called, and what it takes."""


DEFAULT_RULE = "most-complete"
"""The rule of a column that none is given for."""


SEPARATOR = " | "
"""What stands between the values that ``concat`` joins."""


_OF_THE_COLUMN = ("max", "min", "newest", "oldest")


_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


_TIME = (
    r"(?:[T ]+(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?<fraction>\.\d+)?)?"
    r"\s*(?<zone>Z|[+-]\d{2}:?\d{2})?)?$"
)


# In this order: a column in which every date could be either is read with the day first.
_DATES = (
    r"^(?<year>\d{4})[-/.](?<month>\d{1,2})[-/.](?<day>\d{1,2})" + _TIME,
    r"^(?<day>\d{1,2})[-/.](?<month>\d{1,2})[-/.](?<year>\d{4}|\d{2})" + _TIME,
    r"^(?<month>\d{1,2})[-/.](?<day>\d{1,2})[-/.](?<year>\d{4}|\d{2})" + _TIME,
)


@dataclass(frozen=True)
class Rule:
    """How the value of one column is chosen.

    Parameters
    ----------
    kind
        A name of :data:`RULES`, without ``:COLUMN``.
    column
        The column that ``newest`` and ``oldest`` look at; ``None`` for the others.
    """

    kind: str
    column: str | None = None

    @property
    def local(self) -> bool:
        """Whether its choice hangs on the rows of the cluster alone.

        The others compare values as the whole column is read: as numbers, dates or text.
        """
        return self.kind not in _OF_THE_COLUMN


def parse_rules(merge: Mapping[str, str], columns: Sequence[str]) -> dict[str, Rule]:
    """Read the rules as they are written in the configuration.

    Parameters
    ----------
    merge
        Rule by column name, such as ``{"price": "min", "phone": "newest:updated"}``.
    columns
        Names of all columns.

    Returns
    -------
    dict
        One rule for each of `columns`, in their order.

    Raises
    ------
    OptionError
        If a column or a rule is unknown.
    """
    for name in merge:
        if name not in columns:
            raise OptionError(
                f"merge: there is no column {name!r}; the columns are {', '.join(columns)}"
            )
    return {name: _parse(name, merge.get(name, DEFAULT_RULE), columns) for name in columns}


def representatives(
    frame: pl.DataFrame, labels: npt.NDArray[np.uint32], chosen: Sequence[int] = ()
) -> npt.NDArray[np.uint32]:
    """Choose the row that stands for each cluster.

    It is the one that was chosen last; of clusters without one, the one with most fields that are
    not empty, then with the longest text in all, then the earliest.

    Parameters
    ----------
    frame
        The n rows.
    labels
        (n,) cluster of each row: any number that its rows share.
    chosen
        Rows that people chose, the latest last.

    Returns
    -------
    ndarray
        (n,) uint32 row number of the representative of the row's cluster.
    """
    rows = _shared(labels)
    best = pl.DataFrame({"cluster": labels[rows], "row": rows})
    texts = [_text(series.gather(rows)) for series in frame]
    filled, length = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    for text in texts:
        full = _filled(text)
        filled += full.to_numpy()
        length += (text.str.len_chars().fill_null(0) * full).to_numpy()
    best = best.with_columns(pl.Series("filled", filled), pl.Series("length", length))
    best = _first_of(best, "cluster", [("filled", True), ("length", True)])
    by_label = np.arange(max(len(labels), int(labels.max(initial=0)) + 1), dtype=np.uint32)
    by_label[best["cluster"].to_numpy()] = best["row"].to_numpy()
    for row in chosen:
        by_label[labels[row]] = row
    kept = np.arange(len(labels), dtype=np.uint32)
    kept[rows] = by_label[labels[rows]]
    return kept


def merge(
    frame: pl.DataFrame,
    labels: npt.NDArray[np.uint32],
    rules: Mapping[str, Rule],
    preferred: npt.NDArray[np.bool_] | None = None,
) -> pl.DataFrame:
    """Make one row of each cluster.

    Parameters
    ----------
    frame
        The n rows.
    labels
        (n,) cluster of each row: any number that its rows share.
    rules
        As :func:`parse_rules` gives them.
    preferred
        (n,) bool: rows whose values, where they have any, rule out those of the others.

    Returns
    -------
    DataFrame
        One row a cluster, in the order of their earliest rows; columns and types as in `frame`,
        except that a column of ``concat`` is text. Rows that share their cluster with no other
        are as they were.
    """
    _, earliest, cluster = np.unique(labels, return_index=True, return_inverse=True)
    first = np.sort(earliest).astype(np.uint32)
    place = np.searchsorted(first, earliest)[cluster].astype(np.uint32)
    rows = _shared(labels)
    keys: dict[tuple[str, bool], pl.Series] = {}
    columns: list[pl.Series] = []
    for series in frame:
        rule = rules[series.name]
        values = pl.DataFrame({"place": place[rows], "row": rows}).with_columns(
            _text(series.gather(rows)).alias("text")
        )
        values = values.filter(_filled(values["text"]))
        if preferred is not None:
            first_choice = pl.Series("preferred", preferred[values["row"].to_numpy()])
            values = (
                values.with_columns(first_choice)
                .filter(pl.col("preferred") | ~pl.col("preferred").any().over("place"))
                .drop("preferred")
            )
        if rule.kind == "concat":
            columns.append(_concat(series, values, first))
            continue
        index = first.copy()
        values = _disagreeing(values, index)
        if not rule.local:
            key = (rule.column or series.name, rule.column is not None)
            if key not in keys:
                keys[key] = _order(frame[key[0]], dates=key[1])
            values = values.with_columns(keys[key].gather(values["row"]).alias("key"))
        chosen = _first_of(values.with_columns(_SCORES), "place", _BEST[rule.kind])
        index[chosen["place"].to_numpy()] = chosen["row"].to_numpy()
        columns.append(series.gather(index))
    return pl.DataFrame(columns)


def _disagreeing(values: pl.DataFrame, index: npt.NDArray[np.uint32]) -> pl.DataFrame:
    """Put the first row of each cluster with one value only into `index`; return the others'."""
    place, row = values["place"].to_numpy(), values["row"].to_numpy()
    text = values["text"].hash(0).to_numpy()
    low, high = np.full(len(index), np.iinfo(np.uint64).max), np.zeros(len(index), np.uint64)
    np.minimum.at(low, place, text)
    np.maximum.at(high, place, text)
    agree = low == high
    one = agree[place]
    index[place[one][::-1]] = row[one][::-1]
    return values.filter(pl.Series(~one))


_SCORES = (
    pl.len().over("place", "text").alias("frequency"),
    pl.col("text").str.len_chars().alias("length"),
)


_BEST: Mapping[str, Sequence[tuple[str, bool]]] = {
    "most-complete": [("frequency", True), ("length", True)],
    "most-frequent": [("frequency", True)],
    "longest": [("length", True)],
    "first": [],
    "last": [("row", True)],
    "newest": [("key", True)],
    "oldest": [("key", False)],
    "max": [("key", True)],
    "min": [("key", False)],
}
"""By what a rule sorts the values of a cluster, and whether the highest comes first."""


def _parse(name: str, text: str, columns: Sequence[str]) -> Rule:
    kind, colon, column = text.strip().partition(":")
    kind, column = kind.strip(), column.strip()
    needs = kind in ("newest", "oldest")
    if (kind not in _BEST and kind != "concat") or (colon and not needs):
        raise OptionError(
            f"merge: column {name!r} has the unknown rule {text!r}; the rules are "
            f"{', '.join(RULES)}"
        )
    if needs and column not in columns:
        raise OptionError(
            f"merge: the rule {text!r} of column {name!r} needs a column to go by: "
            f"one of {', '.join(columns)}"
        )
    return Rule(kind, column if needs else None)


def _shared(labels: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the rows that share their cluster with another, ascending."""
    return np.flatnonzero(np.bincount(labels)[labels] > 1).astype(np.uint32)


def _first_of(values: pl.DataFrame, group: str, by: Sequence[tuple[str, bool]]) -> pl.DataFrame:
    """Return the first line of each group, sorted by `by` (highest first?) and then by row."""
    by = [*by, ("row", False)]
    return values.sort(
        [group, *(name for name, _ in by)],
        descending=[False, *(down for _, down in by)],
        nulls_last=True,
    ).unique(group, keep="first", maintain_order=True)


def _concat(series: pl.Series, values: pl.DataFrame, first: npt.NDArray[np.uint32]) -> pl.Series:
    joined = (
        values.unique(["place", "text"], keep="first", maintain_order=True)
        .group_by("place", maintain_order=True)
        .agg(pl.col("text").str.join(SEPARATOR))
    )
    index = np.arange(len(first), dtype=np.uint32)
    index[joined["place"].to_numpy()] = len(first) + np.arange(joined.height)
    return pl.concat([_text(series.gather(first)), joined["text"].alias(series.name)]).gather(index)


def _text(series: pl.Series) -> pl.Series:
    kind = series.dtype
    if kind == pl.String:
        return series
    if kind.is_float():
        series = series.fill_nan(None)
    if kind.is_nested() or kind in (pl.Binary, pl.Object):
        texts = [None if value is None else str(value) for value in series.to_list()]
        return pl.Series(series.name, texts, dtype=pl.String)
    return series.cast(pl.String)


def _filled(text: pl.Series) -> pl.Series:
    return text.str.strip_chars().str.len_bytes().fill_null(0) > 0


def _order(series: pl.Series, *, dates: bool) -> pl.Series:
    """Return what the values of a whole column are compared by; null where they are empty."""
    if series.dtype.is_numeric():
        return series.fill_nan(None) if series.dtype.is_float() else series
    if series.dtype.is_temporal() or series.dtype == pl.Boolean:
        return series.to_physical() if series.dtype.is_temporal() else series.cast(pl.UInt8)
    text = _text(series)
    text = pl.select(pl.when(_filled(text)).then(text.str.strip_chars())).to_series()
    if text.str.contains(_NUMBER).all(ignore_nulls=True):
        whole = text.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == text.null_count() else text.cast(pl.Float64)
    for pattern in _DATES if dates else ():
        moments = _moments(text, pattern)
        if moments.null_count() == text.null_count():
            return moments
    return text


def _moments(text: pl.Series, pattern: str) -> pl.Series:
    """Return microseconds since 1970; null where `text` is no date of this pattern."""

    def number(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Int64).fill_null(0)

    year = pl.col("year").cast(pl.Int64)
    century = pl.when(year < 69).then(2000).otherwise(1900)
    year = pl.when(pl.col("year").str.len_bytes() == 2).then(year + century).otherwise(year)
    day = pl.format(
        "{}-{}-{}", year, pl.col("month").str.zfill(2), pl.col("day").str.zfill(2)
    ).str.to_date("%Y-%m-%d", strict=False)
    ahead = pl.col("zone").str.replace(":", "")
    offset = (
        ahead.str.slice(1, 2).cast(pl.Int64, strict=False) * 60
        + ahead.str.slice(3, 2).cast(pl.Int64, strict=False)
    ).fill_null(0) * pl.when(ahead.str.starts_with("-")).then(-1).otherwise(1)
    seconds = (
        day.cast(pl.Int32).cast(pl.Int64) * 86_400
        + number("hour") * 3600
        + (number("minute") - offset.fill_null(0)) * 60
        + number("second")
    )
    fraction = (pl.col("fraction").cast(pl.Float64).fill_null(0) * 1e6).cast(pl.Int64)
    parts = text.str.extract_groups(pattern).struct.unnest()
    return parts.select(moment=seconds * 1_000_000 + fraction)["moment"]
