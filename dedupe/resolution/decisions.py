"""Decisions and choices of reviewers, as row numbers of the records they are about."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from dedupe.errors import OptionError
from dedupe.records.records import Records

CHOICES = pl.Schema(
    {
        "record_id": pl.String(),
        "column": pl.String(),
        "reviewer": pl.String(),
        "at": pl.String(),
        "value": pl.String(),
    }
)
"""Schema of the choices in the decision log, keyed by record.

A choice with a column gives that column of the merged row the value of the record, or, with a
``value``, the one that the reviewer typed; a choice without a column makes the record the
representative of its cluster.
"""
VALUE_CHOICES = pl.Schema({"row": pl.UInt32(), "column": pl.String(), "value": pl.String()})
"""Schema of :attr:`~dedupe.resolution.resolve.Resolved.value_choices`; ``value`` is a typed one."""


class Decision(StrEnum):
    """A reviewer's decision about a pair of records."""

    MATCH = "match"
    DIFFERENT = "different"
    UNSURE = "unsure"


def decisions_by_row(decisions: pl.DataFrame, records: Records) -> pl.DataFrame:
    """Translate the record keys of decisions into row numbers.

    Parameters
    ----------
    decisions
        ``left_id``, ``right_id`` (record keys) and ``decision``, the newest last.
    records
        The records. Decisions about other records are dropped.

    Returns
    -------
    DataFrame
        ``left < right`` (uint32 row numbers) and ``decision``, in the same order.
    """
    rows = records.keys.alias("key").to_frame().with_row_index("row")
    found = decisions.select("left_id", "right_id", "decision")
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


def chosen_representatives(choices: pl.DataFrame | None, records: Records) -> list[int]:
    """List the rows that reviewers chose as representatives of their clusters, the newest last."""
    return _choices_by_row(choices, records).filter(pl.col("column").is_null())["row"].to_list()


def value_choices_by_row(choices: pl.DataFrame | None, records: Records) -> pl.DataFrame:
    """Translate the choices of values into row numbers.

    Returns
    -------
    DataFrame
        Schema :data:`VALUE_CHOICES`, the newest last; choices of columns that the records do not
        have are dropped.
    """
    return _choices_by_row(choices, records).filter(pl.col("column").is_in(records.frame.columns))


def typed_values(column: str, texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Convert values that reviewers typed to the type of a column; empty text is a missing value.

    Raises
    ------
    OptionError
        If a value is not of this type.
    """
    if dtype == pl.String:
        return texts
    not_empty = pl.select(pl.when(texts != "").then(texts)).to_series()
    try:
        values = _parsed(not_empty, dtype).cast(dtype, strict=False)
    except pl.exceptions.PolarsError:
        values = pl.Series([None] * len(texts), dtype=dtype)
    wrong = not_empty.filter(values.is_null() & not_empty.is_not_null())
    if len(wrong):
        raise OptionError(f"{wrong[0]!r} is not a value of the column {column!r}, of type {dtype}")
    return values


def _choices_by_row(choices: pl.DataFrame | None, records: Records) -> pl.DataFrame:
    if choices is None or choices.is_empty():
        return pl.DataFrame(schema=VALUE_CHOICES)
    rows = records.keys.alias("record_id").to_frame().with_row_index("row")
    found = choices.join(rows, on="record_id", how="inner", maintain_order="left")
    return found.select("row", "column", "value")


def _parsed(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Parse text where a cast to the type would not; dates and times are in ISO 8601."""
    if dtype == pl.Date:
        return texts.str.to_date(strict=False)
    if dtype == pl.Datetime:
        return texts.str.to_datetime(strict=False)
    if dtype == pl.Time:
        return texts.str.to_time(strict=False)
    if dtype == pl.Boolean:
        return texts.replace_strict({"true": True, "false": False}, default=None)
    return texts
