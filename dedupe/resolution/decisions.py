"""Decisions of reviewers, as row numbers of the records they are about."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from dedupe.records import Records

CHOICES = pl.Schema(
    {
        "record_id": pl.String(),
        "column": pl.String(),
        "reviewer": pl.String(),
        "at": pl.String(),
    }
)
"""Schema of :meth:`Decisions.choices`."""


class Decision(StrEnum):
    """What a person says about a pair of records."""

    MATCH = "match"
    DIFFERENT = "different"
    UNSURE = "unsure"


CHOSEN = pl.Schema({"row": pl.UInt32(), "column": pl.String()})
"""Schema of :attr:`Resolved.chosen`."""


def decided_rows(decisions: pl.DataFrame, records: Records) -> pl.DataFrame:
    """Return decisions as row numbers: ``left < right`` and ``decision``, the newest last."""
    rows = records.keys.alias("key").to_frame().with_row_index("row")
    found = decisions.select("left_id", "right_id", pl.col("decision").alias("decision"))
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
    return chosen_rows(choices, records).filter(pl.col("column").is_null())["row"].to_list()


def chosen_rows(choices: pl.DataFrame | None, records: Records) -> pl.DataFrame:
    """Return choices as ``row`` and ``column``, the newest last."""
    if choices is None or choices.is_empty():
        return pl.DataFrame(schema=CHOSEN)
    rows = records.keys.alias("record_id").to_frame().with_row_index("row")
    found = choices.join(rows, on="record_id", how="inner", maintain_order="left")
    return found.select("row", "column")
