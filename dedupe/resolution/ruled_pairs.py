"""Scored pairs under rules: forbidden pairs have probability 0, those of exact columns 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.records.records import Records
from dedupe.resolution.rules import ALL_PAIRS, Codes, Rules
from dedupe.scoring.pairs import (
    ALL_EQUAL,
    DECIDERS,
    PAIRS,
    Rows,
    identical_ends,
    identical_groups,
)


def ruled_pairs(records: Records, pairs: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Apply the rules of a configuration to scored pairs.

    Groups of identical text that hold a forbidden pair are split: each unit without one (see
    :meth:`~dedupe.resolution.rules.Rules.units`) has the scored pairs of the group, and pairs of
    probability 1 with the other units. A pair of two groups is forbidden if any two of their
    records are.

    Parameters
    ----------
    records
        n records, with the values of the rules if there are any.
    pairs
        Schema :data:`~dedupe.scoring.pairs.PAIRS`.
    config
        The rules; ``link`` and ``within_tables`` are used as well.

    Returns
    -------
    DataFrame
        The same schema. Pairs that exact columns join, and that the search did not find, are added
        with a similarity of 0. Without rules, `pairs` as they are.
    """
    rules = Rules.of(records, config)
    if rules is None:
        return pairs
    pairs = _with_split_groups(pairs, rules, len(records))
    unit = identical_groups(len(records), pairs)
    across = records.source if config.link and not config.within_tables else None
    pairs = _with_exact_pairs(pairs, unit[rules.exact_pairs(across)])
    reason = np.full(pairs.height, "", dtype=object)
    compared = ~pairs.select(identical_ends()).to_series().to_numpy()
    columns = (*rules.agree, *rules.differ, *rules.exact)
    forbidden = np.zeros(pairs.height, dtype=bool)
    for (option, column), codes in zip(rules.names, columns, strict=True):
        decided = compared & (reason == "")
        if option == "must_agree":
            decided &= _disagree(pairs, unit, codes)
        else:
            decided &= _share(pairs, unit, codes)
        reason[decided] = f"{option.replace('_', ' ')}: {column}"
        forbidden |= decided & (option != "exact")
    decided = pl.Series(reason != "")
    return pairs.with_columns(
        pl.when(decided)
        .then(pl.Series(~forbidden).cast(pl.Float32))
        .otherwise("probability")
        .alias("probability"),
        pl.when(decided)
        .then(pl.lit("rule").cast(DECIDERS))
        .otherwise("decided_by")
        .alias("decided_by"),
        pl.when(decided)
        .then(pl.Series(reason.tolist(), dtype=pl.String))
        .otherwise("reason")
        .alias("reason"),
    )


def split_scored(scored: pl.DataFrame, split: pl.DataFrame) -> pl.DataFrame:
    """Give each unit of a group that is split the scored pairs of the group.

    Parameters
    ----------
    scored
        ``left``, ``right`` and other columns; rows stand for their group.
    split
        ``group``, ``unit``: one row per unit.
    """
    columns = scored.columns
    for side in ("left", "right"):
        scored = scored.join(split, left_on=side, right_on="group", how="left").select(
            pl.coalesce("unit", side).alias(side), pl.exclude(side, "unit")
        )
    return scored.select(columns)


def _with_split_groups(pairs: pl.DataFrame, rules: Rules, n: int) -> pl.DataFrame:
    group = identical_groups(n, pairs)
    rows = np.flatnonzero(rules.mixed(group)[group]).astype(np.uint32)
    if not len(rows):
        return pairs
    unit = rules.units(group, rows)
    split = pl.DataFrame({"group": group[rows], "unit": unit}).unique().sort("group", "unit")
    is_split = pl.col("left").is_in(split["group"].implode())
    identical = pairs.filter(identical_ends() & ~is_split)
    scored = split_scored(pairs.filter(~identical_ends()), split).select(
        pl.min_horizontal("left", "right").alias("left"),
        pl.max_horizontal("left", "right").alias("right"),
        pl.exclude("left", "right"),
    )
    stars = pl.DataFrame({"left": unit, "right": rows}).filter(pl.col("left") != pl.col("right"))
    return pl.concat(
        [
            identical,
            scored,
            _certain(stars, "identical"),
            _certain(_between_units(split), "comparison"),
        ]
    ).sort("left", "right")


def _between_units(split: pl.DataFrame) -> pl.DataFrame:
    """Pair the units of each group: all with one another, or many with the first one."""
    numbered = split.with_columns(
        pl.int_range(pl.len()).over("group").alias("number"), pl.len().over("group").alias("units")
    )
    left = numbered.filter((pl.col("units") <= ALL_PAIRS) | (pl.col("number") == 0))
    both = left.join(numbered, on="group", suffix="_b").filter(pl.col("unit") < pl.col("unit_b"))
    return both.select(left="unit", right="unit_b")


def _with_exact_pairs(pairs: pl.DataFrame, ends: Rows) -> pl.DataFrame:
    """Add the pairs of the groups at these (m, 2) ends that are no scored pairs yet."""
    found = pl.DataFrame({"left": ends.min(axis=1), "right": ends.max(axis=1)}).unique()
    new = found.filter(pl.col("left") != pl.col("right")).join(
        pairs, on=["left", "right"], how="anti"
    )
    if new.is_empty():
        return pairs
    added = _certain(new, "rule").with_columns(pl.lit(0.0, pl.Float32).alias("similarity"))
    return pl.concat([pairs, added.select(pairs.columns)]).sort("left", "right")


def _certain(pairs: pl.DataFrame, decided_by: str) -> pl.DataFrame:
    one = pl.lit(1.0, dtype=pl.Float32)
    return pairs.select(
        pl.col("left", "right").cast(pl.UInt32),
        similarity=one,
        probability=one,
        decided_by=pl.lit(decided_by).cast(DECIDERS),
        reason=pl.lit(ALL_EQUAL),
    ).cast(PAIRS)


def _disagree(pairs: pl.DataFrame, unit: Rows, codes: Codes) -> NDArray[np.bool_]:
    """Tell which pairs are of units with two different values; a unit has at most one."""
    value = np.full(len(unit), -1, dtype=np.int64)
    np.maximum.at(value, unit, codes)
    left, right = (value[pairs[side].to_numpy()] for side in ("left", "right"))
    found: NDArray[np.bool_] = (left >= 0) & (right >= 0) & (left != right)
    return found


def _share(pairs: pl.DataFrame, unit: Rows, codes: Codes) -> NDArray[np.bool_]:
    """Tell which pairs are of units that have a value in common."""
    of_unit = pl.DataFrame({"unit": unit, "code": codes}).filter(pl.col("code") >= 0).unique()
    hits = (
        pairs.select("left", "right")
        .with_row_index("pair")
        .join(of_unit, left_on="left", right_on="unit")
        .join(of_unit, left_on=["right", "code"], right_on=["unit", "code"], how="semi")
    )
    found: NDArray[Any] = np.zeros(pairs.height, dtype=bool)
    found[hits["pair"].to_numpy()] = True
    return found
