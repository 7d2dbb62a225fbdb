"""Links between the records of different tables, and the modes of selecting them.

Linking tables is deduplicating their stack with pairs across sources only. What is special is the
selection among the pairs: every link above the threshold (many-to-many), the best link of each left
record (many-to-one), or the best assignment (one-to-one).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.resolution.rules import Rules
from dedupe.scoring.pairs import components, identical_groups

LINKS = pl.Schema(
    {
        "left": pl.UInt32(),
        "right": pl.UInt32(),
        "similarity": pl.Float32(),
        "probability": pl.Float32(),
    }
)
"""Pairs of rows of different sources, ``left < right``; unique, sorted."""
MAX_CELLS = 4_000_000
"""Most cells of the cost matrix of one component for an optimal assignment. In a larger component,
pairs are assigned in descending order of probability."""
Rows: TypeAlias = NDArray[np.uint32]


def row_links(
    pairs: pl.DataFrame,
    source: NDArray[np.uint8],
    decided: pl.DataFrame,
    lowest: float,
    rules: Rules | None = None,
) -> pl.DataFrame:
    """List the links between rows of different sources.

    Parameters
    ----------
    pairs
        Scored pairs as for :func:`~dedupe.resolution.clustering.constrained.cluster`.
    source
        (n,) uint8: table of each row.
    decided
        Decisions in force: ``left``, ``right``, ``decision``. A match is a link of probability 1; a
        pair decided to be different is no link.
    lowest
        Lowest probability of a link, inclusive.
    rules
        Which rows must not be in one cluster: they have no link, unless they are decided to match.

    Returns
    -------
    DataFrame
        Schema :data:`LINKS`.
    """
    matched = _certain(
        decided.filter(
            (pl.col("decision") == "match")
            & pl.Series(source[decided["left"].to_numpy()] != source[decided["right"].to_numpy()])
        )
    )
    different = decided.filter(pl.col("decision") == "different").select(
        pl.col("left", "right").cast(pl.UInt32)
    )
    across = _links_across(pairs, source, lowest)
    if rules is not None:
        across = across.filter(
            pl.Series(~rules.forbid(across["left"].to_numpy(), across["right"].to_numpy()))
        )
    return (
        pl.concat([matched, across])
        .unique(["left", "right"], keep="first", maintain_order=True)
        .join(different, on=["left", "right"], how="anti")
        .sort("left", "right")
        .cast(LINKS)
    )


def _links_across(pairs: pl.DataFrame, source: NDArray[np.uint8], lowest: float) -> pl.DataFrame:
    """List the scored pairs, and the pairs of identical text, between rows of different sources.

    Each row of a group of identical text has the scored pairs of the group.
    """
    n = len(source)
    rows = pl.DataFrame(
        {
            "head": identical_groups(n, pairs),
            "row": np.arange(n, dtype=np.uint32),
            "source": source,
        }
    )
    ends = ("row", "row_other", "source", "source_other")
    scored = (
        pairs.filter(
            (pl.col("probability") >= pl.lit(lowest, dtype=pl.Float32))
            & (pl.col("decided_by") != "identical")
        )
        .join(rows, left_on="left", right_on="head")
        .join(rows, left_on="right", right_on="head", suffix="_other")
        .select(*ends, "similarity", "probability")
    )
    copies = rows.filter(pl.col("head").is_duplicated())
    certain = pl.lit(1.0, dtype=pl.Float32)
    identical = (
        copies.join(copies, on="head", suffix="_other")
        .filter(pl.col("row") < pl.col("row_other"))
        .select(*ends, similarity=certain, probability=certain)
    )
    return (
        pl.concat([scored, identical])
        .filter(pl.col("source") != pl.col("source_other"))
        .select(
            left=pl.min_horizontal("row", "row_other"),
            right=pl.max_horizontal("row", "row_other"),
            similarity="similarity",
            probability="probability",
        )
    )


def _certain(pairs: pl.DataFrame) -> pl.DataFrame:
    """Make links of similarity and probability 1."""
    certain = pl.lit(1.0, dtype=pl.Float32)
    return pairs.select(
        pl.col("left", "right").cast(pl.UInt32), similarity=certain, probability=certain
    )


def every_link(links: pl.DataFrame, source: NDArray[np.uint8]) -> pl.DataFrame:
    """Select all links: each record may match several."""
    return links


def best_links(links: pl.DataFrame, source: NDArray[np.uint8]) -> pl.DataFrame:
    """Select the most probable link of each left record to each other source."""
    return (
        links.with_columns(pl.Series("to", source[links["right"].to_numpy()]))
        .sort(
            "left",
            "to",
            "probability",
            "similarity",
            "right",
            descending=[False, False, True, True, False],
        )
        .unique(["left", "to"], keep="first", maintain_order=True)
        .select(links.columns)
        .sort("left", "right")
    )


def one_to_one(links: pl.DataFrame, source: NDArray[np.uint8]) -> pl.DataFrame:
    """Select the links of the assignment with the largest sum of probabilities.

    Between any two sources each record has at most one link. Of several such assignments, the one
    with the largest sum of similarities is taken.

    References
    ----------
    D. F. Crouse, "On implementing 2D rectangular assignment algorithms", 2016 (as in SciPy).
    """
    sides = links.with_columns(
        pl.Series("a", source[links["left"].to_numpy()]),
        pl.Series("b", source[links["right"].to_numpy()]),
    )
    selected = [
        part.filter(_assigned(part)).select(links.columns)
        for _, part in sides.group_by(["a", "b"], maintain_order=True)
    ]
    return pl.concat([links.clear(), *selected]).sort("left", "right")


LINK_MODES = MappingProxyType(
    {"many-to-many": every_link, "many-to-one": best_links, "one-to-one": one_to_one}
)
"""Functions that select links, by the name of the mode in the configuration."""


def _assigned(links: pl.DataFrame) -> pl.Series:
    """Mark the links between two sources that are in the best assignment."""
    left, right = links["left"].to_numpy(), links["right"].to_numpy()
    weight = links["probability"].to_numpy().astype(np.float64)
    weight = weight + 1e-6 * links["similarity"].to_numpy()
    n = int(max(left.max(initial=0), right.max(initial=0))) + 1
    component = components(n, left, right)[left]
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.diff(component[order], prepend=-1))
    selected = np.zeros(len(left), dtype=bool)
    for rows in np.split(order, starts[1:]):
        inside = left[rows], right[rows], weight[rows]
        if len(rows) == 1:
            selected[rows] = True
        elif len(np.unique(left[rows])) * len(np.unique(right[rows])) > MAX_CELLS:
            selected[rows[_greedy_assignment(*inside)]] = True
        else:
            selected[rows[_optimal_assignment(*inside)]] = True
    return pl.Series(selected)


def _optimal_assignment(left: Rows, right: Rows, weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Select links, by their index, of the largest total weight; no record has two."""
    from scipy.optimize import linear_sum_assignment

    rows, a = np.unique(left, return_inverse=True)
    columns, b = np.unique(right, return_inverse=True)
    value = np.zeros((len(rows), len(columns)))
    value[a, b] = weight
    index = np.full(value.shape, -1)
    index[a, b] = np.arange(len(left))
    chosen = index[linear_sum_assignment(value, maximize=True)]
    # The assignment pairs as many records as it can, also some that are not linked.
    linked: NDArray[np.int64] = chosen[chosen >= 0]
    return linked


def _greedy_assignment(left: Rows, right: Rows, weight: NDArray[np.float64]) -> list[int]:
    """Select links, by their index, in descending order of weight; no record has two."""
    taken: set[int] = set()
    selected = []
    for link in np.lexsort((right, left, -weight)).tolist():
        ends = {int(left[link]), int(right[link])}
        if not ends & taken:
            taken |= ends
            selected.append(link)
    return selected
