"""Ranks of pairs among the neighbours of their texts, and the budget they compete for.

Each text is paired with its nearest neighbours, the nearest of every text first, until there are as
many pairs as wanted. By similarity alone, a dense group of similar texts would take the budget of
all others. Where a column names the source of each record, neighbours within the source and in the
other sources are ranked apart, so that the many similar records of one list do not hide their twins
in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import ANY_SOURCE, CANDIDATES, Vectors, cosine, same_source
from dedupe.blocking.neighbours import DEPTH, Asked, View, nearest_pairs
from dedupe.progress import Progress, silent

WITHIN = 2.0
"""Weight of ranks among the neighbours within a source: twins are more often in another one."""


@dataclass(frozen=True, eq=False)
class Sources:
    """Where records are from.

    Parameters
    ----------
    number
        (n,) u8: number of each record's source; :data:`ANY_SOURCE` differs from all.
    across_only
        Whether only pairs of different sources are candidates. Else each record has two lists of
        neighbours, one within its source and one in the others.
    """

    number: NDArray[np.uint8]
    across_only: bool

    def weights(self) -> NDArray[np.float64]:
        """Weight the ranks of each record's neighbours in other sources, (n,).

        All sources have equal shares of the candidates: a record of a small one, of which each has
        its twin in a large one, has more than one of the large one, of which few have a twin.
        """
        count = np.bincount(self.number, minlength=ANY_SOURCE + 1).astype(np.float64)
        count[ANY_SOURCE] = 0
        present = count > 0
        count[ANY_SOURCE] = count.sum() / max(present.sum(), 1)
        weight: NDArray[np.float64] = count[self.number] / max(count[ANY_SOURCE], 1)
        return weight


def rank_by_views(
    views: Sequence[View],
    candidates_per_record: float,
    asked: Asked,
    sources: Sources | None = None,
    known: pl.DataFrame | None = None,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Rank the pairs of the asked texts and their neighbours by their best rank in any view.

    Parameters
    ----------
    views
        Views of n texts, the whole text first.
    candidates_per_record
        Pairs per text that are wanted: more neighbours are looked at than these.
    asked
        Which texts look for neighbours, and which can be found.
    sources
        Where the texts are from; ``None``: nobody knows.
    known
        Pairs of other texts, of schema :data:`~dedupe.blocking.backends.CANDIDATES`, which count
        when pairs are ranked among those of a text.
    progress
        Called after each block.

    Returns
    -------
    DataFrame
        Columns of :data:`~dedupe.blocking.backends.CANDIDATES` with the best similarity in any
        view, and ``rank``, from 1 for the nearest.
    """
    depth = min(max(DEPTH, int(4 * candidates_per_record)), len(views[0].vectors))
    ranks = []
    for view in views:
        number = None if sources is None else sources.number
        within = sources is None or not sources.across_only
        found = nearest_pairs(view, depth, asked, number, progress, within=within)
        ranked = neighbour_ranks(*_among_known(view, found, known), sources)
        ranked = ranked.with_columns((pl.col("rank") + 1) * view.rank_weight)
        ranks.append(found.join(ranked, on=["left", "right"]))
    return best_ranks(ranks)


def best_ranks(ranked: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Take the best similarity and rank of each pair in any of several frames; sorted by row."""
    return (
        pl.concat(ranked)
        .group_by("left", "right")
        .agg(pl.col("similarity").max(), pl.col("rank").min())
        .sort("left", "right")
    )


def select_with_cosines(ranked: pl.DataFrame, most: int, vectors: Vectors) -> pl.DataFrame:
    """Select `most` ranked pairs, with the cosines of `vectors` for their similarity.

    Parameters
    ----------
    ranked
        As of :func:`rank_by_views`.
    most
        Number of pairs.
    vectors
        (n, d) unit vectors of the texts.

    Returns
    -------
    DataFrame
        Schema :data:`~dedupe.blocking.backends.CANDIDATES`.
    """
    ranks = ranked.drop("similarity")
    return with_cosines(select_best(ranked.select(CANDIDATES.names()), ranks, most), vectors)


def with_cosines(pairs: pl.DataFrame, vectors: Vectors) -> pl.DataFrame:
    """Put the cosines of unit vectors in the place of another similarity."""
    exact = cosine(vectors, pairs["left"].to_numpy(), pairs["right"].to_numpy())
    return pairs.with_columns(pl.Series("similarity", exact))


def _among_known(
    view: View, found: pl.DataFrame, known: pl.DataFrame | None
) -> tuple[pl.DataFrame, NDArray[np.bool_] | None]:
    """Add the known pairs of the texts that were found, and tell which texts those are."""
    if known is None or known.is_empty():
        return found, None
    ends = np.zeros(len(view.vectors), dtype=bool)
    for side in ("left", "right"):
        ends[found[side].to_numpy()] = True
    rivals = known.filter(
        pl.Series(ends[known["left"].to_numpy()] | ends[known["right"].to_numpy()])
    )
    similarity = view.similarity(rivals["left"].to_numpy(), rivals["right"].to_numpy())
    rivals = rivals.with_columns(pl.Series("similarity", similarity)).cast(CANDIDATES)
    return pl.concat([found, rivals.select(found.columns)]), ends


def select_best(pairs: pl.DataFrame, ranks: pl.DataFrame, most: int) -> pl.DataFrame:
    """Select up to `most` pairs by rising rank, then by falling similarity; sorted by row."""
    order = ["rank", "similarity", "left", "right"]
    ranked = pairs.join(ranks, on=["left", "right"])
    best = ranked.sort(order, descending=[False, True, False, False]).head(most)
    return best.select(pairs.columns).sort("left", "right")


def neighbour_ranks(
    pairs: pl.DataFrame,
    counted: NDArray[np.bool_] | None = None,
    sources: Sources | None = None,
    *,
    weighted: bool = True,
) -> pl.DataFrame:
    """Rank each pair among the pairs of its two rows, and take the better rank.

    Parameters
    ----------
    pairs
        Schema :data:`~dedupe.blocking.backends.CANDIDATES`.
    counted
        (n,) bool: only ranks among the pairs of these rows count. ``None``: those of all rows.
    sources
        Where the records are from: pairs within a source and with other sources are ranked apart.
    weighted
        Whether ranks are weighted by :data:`WITHIN` and :meth:`Sources.weights`.

    Returns
    -------
    DataFrame
        ``left``, ``right`` and ``rank``: 0 for the most similar pair of a row. Among equal
        similarities the smaller row number comes first.
    """
    sides = [
        pairs.select("left", "right", "similarity", row=row, other=other)
        for row, other in (("left", "right"), ("right", "left"))
    ]
    if counted is not None:
        sides = [side.filter(pl.Series(counted[side["row"].to_numpy()])) for side in sides]
    both = pl.concat(sides)
    lists = ["row"]
    if sources is not None:
        row, other = (sources.number[both[side].to_numpy()] for side in ("row", "other"))
        both = both.with_columns(pl.Series("within", same_source(row, other)))
        lists = ["row", "within"]
    both = both.sort(*lists, "similarity", "other", descending=[*[False] * len(lists), True, False])
    rank: NDArray[Any] = _places([both[name].to_numpy() for name in lists])
    if sources is not None and weighted:
        of_other = sources.weights()[both["row"].to_numpy()]
        # The nearest of each record within its source is a candidate as soon as any other.
        rank = np.where(both["within"].to_numpy(), WITHIN * rank, of_other * (rank + 1) - 1)
    return (
        both.with_columns(pl.Series("rank", rank))
        .group_by("left", "right")
        .agg(pl.col("rank").min())
    )


def _places(lists: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Count up the entries of each list from 0; the lists lie one after another."""
    place = np.arange(len(lists[0]))
    starts = np.zeros(len(place), dtype=bool)
    for name in lists:
        starts[1:] |= name[1:] != name[:-1]
    return place - np.maximum.accumulate(np.where(starts, place, 0))
