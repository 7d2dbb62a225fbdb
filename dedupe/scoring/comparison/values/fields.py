"""The fields of records: the values of each, and which records have equal ones.

Both ways to read fields give the same: few records are read by Python, as one call of polars takes
longer than all of them, and many by polars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.values.text_steps import Texts, listed, series, where

MAX_FIELDS = 24
"""Fields that are compared, the fullest first."""
FEW = 1 << 12
"""Records, or values, up to which Python reads them."""


Column: TypeAlias = tuple[Texts, NDArray[np.int32]]
"""Values, and the number of each record's value; -1 where it has none."""


@dataclass(frozen=True, eq=False)
class Field:
    """A field of n records.

    Parameters
    ----------
    rows
        (k,) numbers of the records that have it, in ascending order.
    values
        (k,) of str: their values; a list if the records are few.
    """

    rows: NDArray[np.integer]
    values: Texts

    def without(self, some: NDArray[np.bool_]) -> Field:
        """Leave out the values of which `some`, (k,) bool, says so."""
        return Field(self.rows[~some], where(self.values, ~some)) if some.any() else self

    def coded(self, n: int) -> Column:
        """List the distinct values, sorted, and the number of each record's value, (n,); or -1."""
        values, numbers = numbered(self.values)
        codes = np.full(n, -1, dtype=np.int32)
        codes[self.rows] = numbers
        return values, codes


def fields_of(texts: pl.Series, labels: Sequence[str] | None = None) -> dict[str, Field]:
    """Read the fields of record texts; values of one label in one record are joined.

    Parameters
    ----------
    texts
        (n,) record texts; see :mod:`dedupe.records`.
    labels
        The fields to read. ``None``: the fullest :data:`MAX_FIELDS`.

    Returns
    -------
    dict
        The fields by label, in the order of `labels`, or the fullest first.
    """
    return _read_few(texts, labels) if len(texts) < FEW else _read_many(texts, labels)


def numbered(values: Texts) -> Column:
    """List the distinct values, sorted, and the number of each value among them."""
    if not isinstance(values, pl.Series):
        distinct = sorted(set(values))
        number = {value: at for at, value in enumerate(distinct)}
        return distinct, np.array([number[value] for value in values], dtype=np.int32)
    sorted_values = values.unique().sort()
    numbers = sorted_values.to_frame("value").with_row_index("number")
    found = values.to_frame("value").join(numbers, on="value", how="left", maintain_order="left")
    return sorted_values, found["number"].to_numpy().astype(np.int32)


def _read_few(texts: pl.Series, labels: Sequence[str] | None) -> dict[str, Field]:
    rows: dict[str, list[int]] = {}
    values: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    for row, text in enumerate(texts.to_list()):
        for line in text.split("\n"):
            label, separator, value = line.partition(": ")
            if not separator:
                continue
            rows_of, values_of = rows.setdefault(label, []), values.setdefault(label, [])
            lines[label] = lines.get(label, 0) + 1
            if rows_of and rows_of[-1] == row:
                values_of[-1] += " " + value
            else:
                rows_of.append(row)
                values_of.append(value)
    if labels is None:
        labels = sorted(lines, key=lambda label: (-lines[label], label))[:MAX_FIELDS]
    return {
        label: Field(
            np.array(rows.get(label, []), dtype=np.int64),
            values.get(label, []),
        )
        for label in labels
    }


def _read_many(texts: pl.Series, labels: Sequence[str] | None) -> dict[str, Field]:
    split = pl.col("text").str.splitn(": ", 2).struct
    lines = (
        pl.DataFrame({"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True), "text": texts})
        .with_columns(pl.col("text").str.split("\n"))
        .explode("text")
        .select("row", split.field("field_0").alias("label"), split.field("field_1").alias("value"))
        .filter(pl.col("value").is_not_null())
    )
    if labels is None:
        counts = lines.group_by("label").len().sort(["len", "label"], descending=[True, False])
        labels = counts["label"].head(MAX_FIELDS).to_list()
    fields = {}
    for label in labels:
        found = lines.filter(pl.col("label") == label).select("row", "value")
        if found["row"].is_duplicated().any():
            joined = pl.col("value").str.join(" ")
            found = found.group_by("row", maintain_order=True).agg(joined)
        fields[label] = Field(found["row"].to_numpy(), found["value"])
    return fields


def joined_column(columns: Sequence[Column], *, all_values: bool) -> Column:
    """Join columns of the same n records: `all_values` of a record, or the first one that it has.

    Returns
    -------
    Column
        Distinct values, sorted, and the number of each record's value.
    """
    if len(columns) == 1:
        return columns[0]
    n = len(columns[0][1])
    return (_join_few if n < FEW else _join_many)(columns, all_values).coded(n)


def _join_few(columns: Sequence[Column], all_values: bool) -> Field:
    values_of = [[*listed(values), None] for values, _ in columns]
    rows, joined = [], []
    for row, codes in enumerate(zip(*(codes.tolist() for _, codes in columns), strict=True)):
        found = [values[code] for values, code in zip(values_of, codes, strict=True)]
        there = [value for value in found if value is not None]
        if there:
            rows.append(row)
            joined.append(" ".join(there if all_values else there[:1]))
    return Field(np.array(rows, dtype=np.int64), joined)


def _join_many(columns: Sequence[Column], all_values: bool) -> Field:
    frame = pl.DataFrame([_of_records(*column).alias(str(at)) for at, column in enumerate(columns)])
    joined = pl.concat_str(pl.all(), separator=" ", ignore_nulls=True)
    there = pl.coalesce(pl.all())
    value = pl.when(there.is_not_null()).then(joined if all_values else there)
    values = frame.select(value.alias("value")).to_series()
    filled = values.is_not_null()
    return Field(np.flatnonzero(filled.to_numpy()), values.filter(filled))


def _of_records(values: Texts, codes: NDArray[np.int32]) -> pl.Series:
    """Return the value of each record, (n,); null where it has none."""
    with_null = pl.concat([series(values), pl.Series("value", [None], dtype=pl.String)])
    return with_null.gather(np.where(codes < 0, len(values), codes))
