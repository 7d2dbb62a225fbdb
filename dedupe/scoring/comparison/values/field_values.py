"""The values of fields, from record texts."""

from __future__ import annotations

import polars as pl

from dedupe.scoring.comparison.values.placeholders import is_no_value


def field_values(texts: pl.Series) -> dict[str, pl.DataFrame]:
    """Return the values of each field of n record texts: ``row`` and ``value``, by label."""
    lines = field_lines(texts)
    found = {label: values_of(lines, label) for label in lines["label"].unique().sort()}
    return {label: rows.filter(~is_no_value(rows["value"])) for label, rows in found.items()}


def field_lines(texts: pl.Series) -> pl.DataFrame:
    """Split record texts into ``row``, ``label`` and ``value``."""
    return (
        pl.DataFrame({"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True), "text": texts})
        .with_columns(pl.col("text").str.split("\n"))
        .explode("text")
        .with_columns(pl.col("text").str.splitn(": ", 2).struct.rename_fields(["label", "value"]))
        .unnest("text")
        .filter(pl.col("value").is_not_null())
    )


def values_of(lines: pl.DataFrame, label: str) -> pl.DataFrame:
    """Return the values of one field, one per record: ``row`` and ``value``."""
    found = lines.filter(pl.col("label") == label).select("row", "value")
    if found["row"].is_duplicated().any():
        joined = pl.col("value").str.join(" ")
        found = found.group_by("row", maintain_order=True).agg(joined)
    return found
