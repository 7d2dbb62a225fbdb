"""Links between the records of different tables: which pairs of rows they are, and which to keep.

Linking tables is deduplicating their stack with pairs across sources only. What is special is the
choice among the pairs: every one above the threshold, the best of each left record, or the best
one-to-one assignment.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

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


MOST_CELLS = 4_000_000
"""Cells of the cost matrix of one component up to which an assignment is optimal; in a larger one
pairs are taken by falling probability."""


Rows: TypeAlias = NDArray[np.uint32]


def row_links(
    pairs: pl.DataFrame, source: NDArray[np.uint8], decided: pl.DataFrame, least: float
) -> pl.DataFrame:
    """Return the pairs of rows of different sources that are linked.

    Parameters
    ----------
    pairs
        Scored pairs as :func:`~dedupe.resolution.clustering.cluster` takes them.
    source
        (n,) table of each row.
    decided
        Decisions in force: ``left``, ``right``, ``decision``. A match is a link of probability 1,
        a pair decided to be different is none.
    least
        Probability from which pairs are links.

    Returns
    -------
    DataFrame
        Of schema :data:`LINKS`.
    """
    n = len(source)
    rows = pl.DataFrame(
        {
            "head": identical_groups(n, pairs),
            "row": np.arange(n, dtype=np.uint32),
            "source": source,
        }
    )
    strong = pairs.filter(
        (pl.col("probability") >= pl.lit(least, dtype=pl.Float32))
        & (pl.col("decided_by") != "identical")
    )
    alike = rows.filter(pl.col("head").is_duplicated())
    found = pl.concat(
        [
            strong.join(rows, left_on="left", right_on="head")
            .join(rows, left_on="right", right_on="head", suffix="_other")
            .select("row", "row_other", "source", "source_other", "similarity", "probability"),
            alike.join(alike, on="head", suffix="_other")
            .filter(pl.col("row") < pl.col("row_other"))
            .select(
                "row",
                "row_other",
                "source",
                "source_other",
                similarity=pl.lit(1.0, dtype=pl.Float32),
                probability=pl.lit(1.0, dtype=pl.Float32),
            ),
        ]
    ).filter(pl.col("source") != pl.col("source_other"))
    links = found.select(
        left=pl.min_horizontal("row", "row_other"),
        right=pl.max_horizontal("row", "row_other"),
        similarity="similarity",
        probability="probability",
    )
    matched = decided.filter(
        (pl.col("decision") == "match")
        & pl.Series(source[decided["left"].to_numpy()] != source[decided["right"].to_numpy()])
    ).select(
        pl.col("left", "right").cast(pl.UInt32),
        pl.lit(1.0, dtype=pl.Float32).alias("similarity"),
        pl.lit(1.0, dtype=pl.Float32).alias("probability"),
    )
    apart = decided.filter(pl.col("decision") == "different").select(
        pl.col("left", "right").cast(pl.UInt32)
    )
    return (
        pl.concat([matched, links])
        .unique(["left", "right"], keep="first", maintain_order=True)
        .join(apart, on=["left", "right"], how="anti")
        .sort("left", "right")
        .cast(LINKS)
    )


def every_link(links: pl.DataFrame, source: NDArray[np.uint8]) -> pl.DataFrame:
    """Return all links: any record may match several."""
    return links


def best_links(links: pl.DataFrame, source: NDArray[np.uint8]) -> pl.DataFrame:
    """Return the most probable link of each left record to each other source."""
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
    """Return the links of the assignment with the largest sum of probabilities.

    Between any two sources each record has one link at most. Of several such assignments the one
    whose records are more similar is taken.

    References
    ----------
    D. F. Crouse, "On implementing 2D rectangular assignment algorithms", 2016 (as in SciPy).
    """
    sides = links.with_columns(
        pl.Series("a", source[links["left"].to_numpy()]),
        pl.Series("b", source[links["right"].to_numpy()]),
    )
    kept = [
        part.filter(_assigned(part)).select(links.columns)
        for _, part in sides.group_by(["a", "b"], maintain_order=True)
    ]
    return pl.concat([links.clear(), *kept]).sort("left", "right")


CHOICES = MappingProxyType({"many": every_link, "best": best_links, "one": one_to_one})
"""What may be kept of the links, by the name it has in the configuration."""


def _assigned(links: pl.DataFrame) -> pl.Series:
    """Tell which links of two sources are in the best assignment."""
    from scipy.optimize import linear_sum_assignment

    left, right = links["left"].to_numpy(), links["right"].to_numpy()
    worth = links["probability"].to_numpy().astype(np.float64)
    worth = worth + 1e-6 * links["similarity"].to_numpy()
    n = int(max(left.max(initial=0), right.max(initial=0))) + 1
    component = components(n, left, right)[left]
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.diff(component[order], prepend=-1))
    kept = np.zeros(len(left), dtype=bool)
    for some in np.split(order, starts[1:]):
        if len(some) == 1:
            kept[some] = True
            continue
        rows, a = np.unique(left[some], return_inverse=True)
        columns, b = np.unique(right[some], return_inverse=True)
        if len(rows) * len(columns) > MOST_CELLS:
            kept[_greedy(some, left, right, worth)] = True
            continue
        value = np.zeros((len(rows), len(columns)))
        value[a, b] = worth[some]
        number = np.full(value.shape, -1)
        number[a, b] = some
        chosen = number[linear_sum_assignment(value, maximize=True)]
        kept[chosen[chosen >= 0]] = True
    return pl.Series(kept)


def _greedy(
    some: NDArray[np.int64], left: Rows, right: Rows, worth: NDArray[np.float64]
) -> list[int]:
    taken: set[int] = set()
    kept = []
    for link in some[np.lexsort((right[some], left[some], -worth[some]))].tolist():
        ends = {int(left[link]), int(right[link])}
        if not ends & taken:
            taken |= ends
            kept.append(link)
    return kept
