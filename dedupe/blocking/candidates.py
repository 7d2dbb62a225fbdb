"""Candidate pairs: a self-join over the embeddings of the records.

Each record is paired with its nearest neighbours, the nearest of every record first, until there
are as many pairs as wanted. With a radius alone, dense groups of similar records (branches of a
chain, volumes of a series) would take all the candidates. Where a column names the source of each
record, neighbours within the source and in the other sources are listed apart, so that the many
similar records of one list do not hide their twins in another.

Up to :data:`FLAT_LIMIT` records neighbours are found exactly; see
:mod:`dedupe.blocking.neighbours`. Above, records that share rare trigrams or words are found with
an inverted index and compared by cosine. Embeddings of another bi-encoder have no such features:
they are searched with an IVF FAISS index.

With a radius from the user, all pairs at or above it are candidates. The join is then exact up to
:data:`FLAT_LIMIT` records: blocks are added to a flat FAISS index one after another, and each is
searched among the rows added so far, so that only the upper triangle is computed.

All work block by block and drop hits that can no longer become candidates, so memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import (
    ANY_SOURCE,
    CANDIDATES,
    Hits,
    Vectors,
    cosine,
    flat_hits,
    inverted_hits,
    ivf_hits,
    pair_frame,
    same_source,
)
from dedupe.blocking.int8 import Int8Vectors
from dedupe.blocking.neighbours import DEPTH, View, nearest_pairs
from dedupe.blocking.sampling import NEIGHBOURS, NO_NEIGHBOUR, NeighbourSample
from dedupe.config import Config
from dedupe.progress import Progress, silent

if TYPE_CHECKING:
    from scipy.sparse import csr_array


FLAT_LIMIT = 50_000
"""Records up to which the exact join is the fastest on a laptop."""
MAX_HELD_HITS = 16_000_000
"""Hits held before those that can no longer become candidates are dropped; about 0.5 GB."""
HITS_PER_RECORD = 100
"""Mean number of hits per record above which a radius is tightened."""
MAX_HITS = 20_000_000
"""Total hits up to which a radius chosen from the file is never tightened: they take seconds, and
dense groups of similar records need them."""
INVERTED = "inverted index"
"""Name of the search by rare features."""
WITHIN = 2.0
"""Weight of ranks among the neighbours within a source: twins are more often in another one."""
OTHER_VIEW = 2.0
"""Weight of ranks in views of a part of the records, beside those of the whole texts."""
SLACK = 1.8
"""Neighbours counted per candidate wanted: most pairs are found from both of their records."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidate pairs and facts of the search.

    Parameters
    ----------
    pairs
        Frame of schema :data:`~dedupe.blocking.backends.CANDIDATES`.
    radius
        Cosine similarity from which pairs are candidates.
    just_outside
        For a sample of records, their nearest neighbours that are no candidates: columns of
        ``pairs``, and ``seen``, the number of sampled records (1 or 2) that a pair was found from.
        The matches among them estimate what the search misses.
    sampled
        Number of records in that sample.
    index
        ``"flat"``, ``"ivf"`` or ``"inverted index"``.
    index_recall
        Share of the sample's exact neighbours that the index found; 1 for the flat one.
    notes
        Messages for the user, one line each.
    """

    pairs: pl.DataFrame
    radius: float
    just_outside: pl.DataFrame
    sampled: int
    index: str
    index_recall: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Limits:
    """Radius of a search, candidates per record and in all, and messages for the user."""

    radius: float
    neighbours: int
    pairs: int
    notes: tuple[str, ...] = ()


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


def find_candidate_pairs(
    vectors: Vectors,
    config: Config,
    progress: Progress = silent,
    sources: Sources | None = None,
    rare: csr_array | None = None,
    views: Sequence[View] = (),
) -> Candidates:
    """Find the candidate pairs among n records.

    Parameters
    ----------
    vectors
        (n, d) unit vectors; quantized to int8 only where `rare` is given.
    config
        ``candidates_per_record``, ``radius`` and ``seed`` are used.
    progress
        Called after each block.
    sources
        Where the records are from; ``None``: nobody knows.
    rare
        (n, f) weights of rare features. Above :data:`FLAT_LIMIT` records, only records that share
        one are compared: k-means separates spellings badly. ``None``: an IVF index is used there.
    views
        Views of the records, in each of which neighbours are searched up to :data:`FLAT_LIMIT`
        records; none: the vectors are the only one.

    Returns
    -------
    Candidates
        At most ``candidates_per_record * n`` pairs. With a given radius: all pairs from that
        radius, tightened if they are more than :data:`HITS_PER_RECORD` per record.
    """
    n = len(vectors)
    apart = sources.number if sources is not None and sources.across_only else None
    sample = NeighbourSample.draw(vectors, config.seed, apart)
    limits = _choose_limits(sample, n, config)
    if config.radius is None and n <= FLAT_LIMIT:
        assert not isinstance(vectors, Int8Vectors)
        index = "flat"
        pairs = _nearest_of_views(views or [View(vectors)], config, progress, sources)
        exact = cosine(vectors, pairs["left"].to_numpy(), pairs["right"].to_numpy())
        pairs = pairs.with_columns(pl.Series("similarity", exact))
        lowest = float(exact.min(initial=1.0))
        limits = replace(limits, radius=float(np.floor(lowest * 1e4) / 1e4))
    else:
        index, hits = _search(vectors, rare, limits.radius, config.seed, progress)
        if apart is not None:
            hits = _between_sources(hits, apart)
        found = _collect(hits, limits, None if index == INVERTED else vectors, sources)
        pairs = _within_budget(found, limits.pairs, sources)
    just_outside, sampled = sample.just_outside(pairs, n)
    return Candidates(
        pairs=pairs,
        radius=limits.radius,
        just_outside=just_outside,
        sampled=sampled,
        index=index,
        index_recall=sample.recall(pairs, limits.radius) if index != "flat" else 1.0,
        notes=limits.notes,
    )


def _nearest_of_views(
    views: Sequence[View], config: Config, progress: Progress, sources: Sources | None
) -> pl.DataFrame:
    """Select the pairs that rank best in any view, up to the budget."""
    n = len(views[0].vectors)
    depth = min(max(DEPTH, int(4 * config.candidates_per_record)), n)
    ranks = []
    for weight, view in zip([1.0, *[OTHER_VIEW] * len(views)], views, strict=False):
        number = None if sources is None else sources.number
        within = sources is None or not sources.across_only
        found = nearest_pairs(view, depth, number, progress, within=within)
        ranked = neighbour_ranks(found, sources=sources)
        ranked = ranked.with_columns((pl.col("rank") + 1) * weight)
        ranks.append(ranked.join(found, on=["left", "right"]))
    best = (
        pl.concat(ranks)
        .group_by("left", "right")
        .agg(pl.col("rank").min(), pl.col("similarity").max())
    )
    most = max(int(config.candidates_per_record * n), 1)
    return select_best(best.select(CANDIDATES.names()), best.drop("similarity"), most)


def _search(
    vectors: Vectors, rare: csr_array | None, radius: float, seed: int, progress: Progress
) -> tuple[str, Iterator[Hits]]:
    """Choose the search backend; return its name and its hits."""
    flat = len(vectors) <= FLAT_LIMIT
    if rare is not None and not flat:
        return INVERTED, inverted_hits(vectors, rare, radius, progress)
    assert not isinstance(vectors, Int8Vectors)
    if flat:
        return "flat", flat_hits(vectors, radius, progress)
    return "ivf", ivf_hits(vectors, radius, seed, progress)


def _choose_limits(sample: NeighbourSample, n: int, config: Config) -> _Limits:
    """Choose the radius and the most candidates per record and in all."""
    if config.radius is not None:
        limits = _Limits(config.radius, neighbours=n, pairs=max(int(HITS_PER_RECORD * n), 1))
    else:
        limits = _limits_for_budget(sample, n, config.candidates_per_record)
    return _tighten(limits, sample, n, given=config.radius is not None)


def _limits_for_budget(sample: NeighbourSample, n: int, candidates_per_record: float) -> _Limits:
    """Choose the radius at which the sampled records have as many neighbours as wanted."""
    neighbours = min(NEIGHBOURS, max(n - 1, 1))
    if candidates_per_record * SLACK > NEIGHBOURS:
        neighbours = min(int(2 * candidates_per_record), max(n - 1, 1))
    wanted = int(SLACK * candidates_per_record * len(sample.rows))
    falling = np.sort(sample.similarity[:, :neighbours], axis=None)[::-1]
    falling = falling[falling > NO_NEIGHBOUR]
    radius = float(falling[min(wanted, len(falling)) - 1]) if len(falling) else 1.0
    return _Limits(radius, neighbours, max(int(candidates_per_record * n), 1))


def _tighten(limits: _Limits, sample: NeighbourSample, n: int, *, given: bool) -> _Limits:
    """Raise the radius if it would bring too many hits, and say so if the user gave it."""
    most = HITS_PER_RECORD if given else max(HITS_PER_RECORD, MAX_HITS / n)
    if n <= most or sample.hits_per_record(limits.radius) <= most:
        return limits
    fits = sample.hits.mean(axis=0) <= most
    tightened = float(sample.steps[np.argmax(fits)])
    notes = limits.notes
    if given:
        notes = (
            f"radius tightened from {limits.radius:.2f} to {tightened:.2f}: it would have brought "
            f"over {HITS_PER_RECORD} pairs per record",
        )
    return _Limits(max(limits.radius, tightened), limits.neighbours, limits.pairs, notes)


def _between_sources(hits: Iterator[Hits], source: NDArray[np.uint8]) -> Iterator[Hits]:
    """Leave out hits within one source."""
    for row, other, similarity in hits:
        keep = ~same_source(source[row], source[other])
        yield row[keep], other[keep], similarity[keep]


def _collect(
    hits: Iterator[Hits], limits: _Limits, vectors: Vectors | None, sources: Sources | None = None
) -> pl.DataFrame:
    """Collect hits in one frame: the pairs among the nearest of one of their rows.

    With `vectors`, cosines are computed again in NumPy, so that they do not depend on FAISS.
    """
    collected = pl.DataFrame(schema=CANDIDATES)
    pending: list[pl.DataFrame] = []
    held = 0
    limit = MAX_HELD_HITS
    for row, other, similarity in hits:
        if not len(row):
            continue
        pending.append(pair_frame(row, other, similarity))
        held += pending[-1].height
        if held > limit:
            pairs = pl.concat([collected, *pending]).unique(["left", "right"])
            collected = _nearest(pairs, limits.neighbours + 1, sources)
            pending, held = [], collected.height
            # The pairs that remain may exceed the limit: sort again only once they have doubled.
            limit = max(MAX_HELD_HITS, 2 * held)
    pairs = pl.concat([collected, *pending]).unique(["left", "right"])
    if vectors is not None:
        pairs = pairs.sort("left", "right")  # neighbouring rows are in cache
        exact = cosine(vectors, pairs["left"].to_numpy(), pairs["right"].to_numpy())
        pairs = pairs.with_columns(pl.Series("similarity", exact))
    near = pairs.filter(pl.col("similarity") >= pl.lit(limits.radius, dtype=pl.Float32))
    return _nearest(near, limits.neighbours, sources).sort("left", "right")


def _nearest(pairs: pl.DataFrame, neighbours: int, sources: Sources | None = None) -> pl.DataFrame:
    """Select the pairs that are among the `neighbours` most similar of one of their rows."""
    ranks = neighbour_ranks(pairs, sources=sources, weighted=False)
    return pairs.join(ranks.filter(pl.col("rank") < neighbours), on=["left", "right"], how="semi")


def _within_budget(pairs: pl.DataFrame, most: int, sources: Sources | None = None) -> pl.DataFrame:
    """Select `most` pairs: the nearest of every row, then the second nearest, and so on.

    By similarity alone, a dense group of similar records would take the budget of all others.
    """
    if pairs.height <= most:
        return pairs
    return select_best(pairs, neighbour_ranks(pairs, sources=sources), most)


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
