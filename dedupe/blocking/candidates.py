"""Candidate pairs: a self-join over the embeddings of the records.

Each record is paired with its nearest neighbours, the nearest of every record first, until there
are as many pairs as wanted. With a radius alone, dense groups of similar records (branches of a
chain, volumes of a series) would take all the candidates. Where a column names the source of each
record, neighbours within the source and in the other sources are listed apart, so that the many
similar records of one list do not hide their twins in another.

Up to :data:`FLAT_LIMIT` records neighbours are found exactly; see
:mod:`dedupe.blocking.neighbours`. Above, records that share rare trigrams, words or pairs of words
are found with an inverted index and compared by cosine. Embeddings of another bi-encoder have no
such features: they are searched with an IVF FAISS index.

With a radius from the user, all pairs at or above it are candidates. The join is then exact up to
:data:`FLAT_LIMIT` records: blocks are added to a flat FAISS index one after another, and each is
searched among the rows added so far, so that only the upper triangle is computed.

All work block by block and drop hits that can no longer become candidates, so memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import (
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
from dedupe.blocking.neighbours import Asked, View
from dedupe.blocking.ranking import (
    Sources,
    best_ranks,
    neighbour_ranks,
    rank_by_views,
    select_best,
    select_with_cosines,
    with_cosines,
)
from dedupe.blocking.sampling import NEIGHBOURS, NO_NEIGHBOUR, NeighbourSample, next_ranked
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
FLAT, INVERTED = "flat", "inverted index"
"""Names of the exact search, and of that by rare features."""
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


def find_candidate_pairs(
    vectors: Vectors,
    config: Config,
    progress: Progress = silent,
    sources: Sources | None = None,
    rare: csr_array | None = None,
    views: Sequence[View] = (),
    semantic: Vectors | None = None,
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
    semantic
        (n, e) unit vectors of a second bi-encoder. Above :data:`FLAT_LIMIT` records, its pairs
        compete for the budget by their ranks; below, it is one of the `views`.

    Returns
    -------
    Candidates
        At most ``candidates_per_record * n`` pairs. With a given radius: all pairs from that
        radius, tightened if they are more than :data:`HITS_PER_RECORD` per record.
    """
    if config.radius is None and len(vectors) <= FLAT_LIMIT:
        return _ranked_candidates(vectors, config, progress, sources, views or [View(vectors)])
    n = len(vectors)
    apart = sources.number if sources is not None and sources.across_only else None
    sample = NeighbourSample.draw(vectors, config.seed, apart)
    limits = _choose_limits(sample, n, config)
    index, hits = _search(vectors, rare, limits.radius, config.seed, progress)
    if apart is not None:
        hits = _between_sources(hits, apart)
    found = _collect(hits, limits, None if index == INVERTED else vectors, sources)
    pairs = _within_budget(found, limits.pairs, sources)
    if semantic is not None and config.radius is None:
        others = find_candidate_pairs(semantic, config, progress, sources).pairs
        pairs = _merged_by_rank([found, others], vectors, limits.pairs, sources)
    just_outside, sampled = sample.just_outside(pairs, n)
    return Candidates(
        pairs=pairs,
        radius=limits.radius,
        just_outside=just_outside,
        sampled=sampled,
        index=index,
        index_recall=sample.recall(pairs, limits.radius) if index != FLAT else 1.0,
        notes=limits.notes,
    )


def _ranked_candidates(
    vectors: Vectors,
    config: Config,
    progress: Progress,
    sources: Sources | None,
    views: Sequence[View],
) -> Candidates:
    """Find the nearest neighbours of all records in all views, up to the budget."""
    n, budget = len(vectors), config.candidates_per_record
    ranked = rank_by_views(views, budget, Asked.all(n), sources, progress=progress)
    pairs = select_with_cosines(ranked, max(int(budget * n), 1), vectors)
    outside, sampled = next_ranked(pairs, ranked, n, config.seed)
    lowest = float(pairs["similarity"].to_numpy().min(initial=1.0))
    return Candidates(
        pairs=pairs,
        radius=float(np.floor(lowest * 1e4) / 1e4),
        just_outside=with_cosines(outside, vectors),
        sampled=sampled,
        index=FLAT,
        index_recall=1.0,
    )


def _search(
    vectors: Vectors, rare: csr_array | None, radius: float, seed: int, progress: Progress
) -> tuple[str, Iterator[Hits]]:
    """Choose the search backend; return its name and its hits."""
    flat = len(vectors) <= FLAT_LIMIT
    if rare is not None and not flat:
        return INVERTED, inverted_hits(vectors, rare, radius, progress)
    if flat:
        return FLAT, flat_hits(vectors, radius, progress)
    return "ivf", ivf_hits(vectors, radius, seed, progress)


def limits_of(sample: NeighbourSample, n: int, config: Config) -> tuple[float, int, int]:
    """Choose the radius, and the most candidates per record and in all, for n records."""
    limits = _choose_limits(sample, n, config)
    return limits.radius, limits.neighbours, limits.pairs


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


def _merged_by_rank(
    searches: Sequence[pl.DataFrame], vectors: Vectors, most: int, sources: Sources | None
) -> pl.DataFrame:
    """Select `most` pairs of several searches, those first that rank best in any of them."""
    ranked = [
        found.join(neighbour_ranks(found, sources=sources), on=["left", "right"])
        for found in searches
    ]
    return select_with_cosines(best_ranks(ranked), most, vectors)
