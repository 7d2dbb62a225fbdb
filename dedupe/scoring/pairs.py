"""Scored pairs: their schema, pairs of identical records, and connected components."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

DECIDERS = pl.Enum(["identical", "comparison", "cross-encoder", "rule"])
"""How a pair got its probability."""
PAIRS = pl.Schema(
    {
        "left": pl.UInt32(),
        "right": pl.UInt32(),
        "similarity": pl.Float32(),
        "probability": pl.Float32(),
        "decided_by": DECIDERS,
        "reason": pl.String(),
    }
)
"""Scored pairs: row numbers with ``left < right``; unique, sorted by ``left`` and ``right``. The
reason is a few words on the strongest evidence; it is empty for improbable pairs."""
ALL_EQUAL = "all compared columns equal"
"""Reason of pairs of identical records."""


def identical_pairs(texts: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """Group records with the same text.

    Returns
    -------
    rows
        u32: the first row of each distinct text, in order. Each record with an empty text is a
        group of its own.
    pairs
        Frame of schema :data:`PAIRS`: the first row of each group paired with each of the others.
    """
    numbered = pl.DataFrame(
        {"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True), "text": texts}
    ).with_columns(
        pl.when(pl.col("text") == "")
        .then(pl.col("row"))
        .otherwise(pl.col("row").min().over("text"))
        .alias("first")
    )
    pairs = numbered.filter(pl.col("row") != pl.col("first")).select(
        pl.col("first").alias("left"),
        pl.col("row").alias("right"),
        pl.lit(1.0, dtype=pl.Float32).alias("similarity"),
        pl.lit(1.0, dtype=pl.Float32).alias("probability"),
        pl.lit("identical").cast(DECIDERS).alias("decided_by"),
        pl.lit(ALL_EQUAL).alias("reason"),
    )
    return numbered.filter(pl.col("row") == pl.col("first"))["row"], pairs.sort("left", "right")


SAME_FROM = 0.5
"""Probability from which records of the same text count as one record."""


def of_own_record(pairs: pl.DataFrame) -> pl.DataFrame:
    """Select the pairs of a record with itself, which stand for groups of identical records."""
    return pairs.filter(pl.col("left") == pl.col("right"))


def judged_identical(identical: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Give pairs of identical records the probability of their group.

    Equal records with hardly any values need not be one thing. Pairs of such a group are
    ordinary scored pairs.

    Parameters
    ----------
    identical
        As :func:`identical_pairs` returns them.
    scored
        Scored pairs, among them those of the first record of each group with itself.
    """
    groups = of_own_record(scored).select("left", pl.col("probability").alias("of group"))
    judged = identical.join(groups, on="left", how="left", maintain_order="left")
    probability = pl.col("of group").fill_null(1.0)
    return judged.select(
        "left",
        "right",
        "similarity",
        pl.when(probability >= SAME_FROM)
        .then(1.0)
        .otherwise(probability)
        .cast(pl.Float32)
        .alias("probability"),
        pl.when(probability >= SAME_FROM)
        .then(pl.lit("identical"))
        .otherwise(pl.lit("comparison"))
        .cast(DECIDERS)
        .alias("decided_by"),
        "reason",
    )


Rows: TypeAlias = npt.NDArray[np.uint32]
"""Row numbers: (n,) for labels of records, (m, 2) for pairs."""


def components(n: int, left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Rows:
    """Label the connected components of a graph of `n` rows.

    Parameters
    ----------
    n
        Number of rows.
    left, right
        (m,) row numbers of the ends of each edge.

    Returns
    -------
    ndarray
        (n,) uint32: the smallest row number of each row's component.
    """
    graph = csr_array((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    return smallest(connected_components(graph, directed=False)[1])


def identical_groups(n: int, pairs: pl.DataFrame) -> Rows:
    """Label the groups of identical text, from the pairs of :func:`identical_pairs`.

    Returns
    -------
    ndarray
        (n,) uint32: the smallest row number with the same text.
    """
    stars = pairs.filter(identical_ends())
    group = np.arange(n, dtype=np.uint32)
    group[stars["right"].to_numpy()] = stars["left"].to_numpy()
    return group


def by_rule() -> pl.Expr:
    """Build the expression that selects pairs that a rule decided."""
    return pl.col("decided_by").cast(pl.String) == "rule"


def identical_ends() -> pl.Expr:
    """Build the expression that selects pairs of identical text."""
    return pl.col("decided_by").cast(pl.String) == "identical"


def smallest(label: npt.NDArray[Any]) -> Rows:
    """Relabel sets by their smallest row; `label` holds any numbers below n."""
    rows = np.arange(len(label), dtype=np.uint32)
    first = np.full(len(label), len(label), dtype=np.uint32)
    np.minimum.at(first, label, rows)
    smallest: Rows = first[label]
    return smallest
