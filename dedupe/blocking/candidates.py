"""Candidate pairs: a FAISS range self-join over the record vectors.

Two records are a candidate pair when their cosine similarity is at least the radius and one is
among the :data:`NEIGHBOURS` nearest of the other. The radius alone would give crowded parts of the
file (a chain's branches, a series' volumes) all the candidates and the rest none.

Up to :data:`FLAT_LIMIT` records the join is exact: blocks are added to a flat index one after
another and each is searched against what is there already, so only the upper triangle is computed.
Above, an inverted-file index looks at the cells nearest to each record. Both work block by block
and drop what can no longer count, so memory is bounded whatever the radius.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import (
    CANDIDATES,
    Vectors,
    cosine,
    flat_hits,
    ivf_hits,
    pair_frame,
    same_source,
    sharing_hits,
)
from dedupe.blocking.int8 import Int8Vectors
from dedupe.blocking.sampling import NEIGHBOURS, NeighbourSample
from dedupe.config import Config
from dedupe.progress import Progress, silent

if TYPE_CHECKING:
    from scipy.sparse import csr_array


FLAT_LIMIT = 50_000
"""Records up to which the exact join is the faster one on a laptop."""


HELD_PAIRS = 16_000_000
"""Hits held before those that can no longer count are dropped; about 0.5 GB."""


HITS_PER_RECORD = 100
"""Hits a record, on average, that a radius may bring before it is tightened."""


HITS_IN_ALL = 20_000_000
"""Hits that a radius chosen from the file may bring where these are more a record: they pass by in
seconds, and a crowd of records that are all alike needs them."""


SLACK = 1.8
"""Directed neighbours asked for per candidate wanted: most pairs are found from both sides."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a search found.

    Parameters
    ----------
    pairs
        Frame of schema :data:`CANDIDATES`.
    radius
        Cosine similarity at or above which pairs were taken.
    just_outside
        Columns of :data:`CANDIDATES` and ``seen``: for a sample of records, the
        :data:`OUTSIDE_NEAREST` nearest that are no candidates, and from how many of its two
        sides each pair was seen. How many of them match says what the search loses.
    sampled
        Number of records in that sample.
    index
        ``"flat"``, ``"ivf"`` or ``"rare features"``.
    found_share
        Share of the sample's exact neighbours that the index found; 1 for the flat one.
    notes
        What the user should know, a line each.
    """

    pairs: pl.DataFrame
    radius: float
    just_outside: pl.DataFrame
    sampled: int
    index: str
    found_share: float
    notes: tuple[str, ...] = ()


def search(
    vectors: Vectors,
    config: Config,
    progress: Progress = silent,
    source: NDArray[np.uint8] | None = None,
    rare: csr_array | None = None,
) -> Candidates:
    """Find the candidate pairs among n records.

    Parameters
    ----------
    vectors
        (n, d), rows of length 1; at a byte a dimension only where `rare` is given.
    config
        ``candidates_per_record``, ``radius`` and ``seed`` are used.
    progress
        Told after each block.
    source
        (n,) u8: only records of different sources are a pair; :data:`ANY_SOURCE` is different from
        all. ``None``: all records may be.
    rare
        (n, f) weights of rare features. Where there are more than :data:`FLAT_LIMIT` records, only
        those that share one are compared: cells of k-means tell apart badly what differs in its
        spelling. ``None``: the cells of an IVF index are used.

    Returns
    -------
    Candidates
        At most ``candidates_per_record * n`` pairs, or, with a radius given, all pairs at or above
        it as long as they are no more than :data:`HITS_PER_RECORD` a record.
    """
    n = len(vectors)
    sample = NeighbourSample.of(vectors, config.seed, source)
    notes: list[str] = []
    radius, neighbours, most = _choose_radius(sample, n, config, notes)
    kind = "flat" if n <= FLAT_LIMIT else "ivf" if rare is None else "rare features"
    if rare is not None and kind == "rare features":
        found = sharing_hits(vectors, rare, radius, progress)
    else:
        assert not isinstance(vectors, Int8Vectors)
        hits = flat_hits if kind == "flat" else ivf_hits
        found = hits(vectors, radius, config.seed, progress)
    if source is not None:
        found = _across(found, source)
    pairs = _within_budget(_collect(found, vectors, radius, neighbours), most)
    outside, sampled = sample.outside(pairs, n)
    return Candidates(
        pairs=pairs,
        radius=radius,
        just_outside=outside,
        sampled=sampled,
        index=kind,
        found_share=sample.found_share(pairs, radius, n) if kind != "flat" else 1.0,
        notes=tuple(notes),
    )


def _choose_radius(
    sample: NeighbourSample, n: int, config: Config, notes: list[str]
) -> tuple[float, int, int]:
    """Return the radius to search at, the neighbours a record may bring, and the most pairs."""
    if config.radius is not None:
        radius = config.radius
        neighbours, most = n, max(int(HITS_PER_RECORD * n), 1)
    else:
        neighbours = min(NEIGHBOURS, max(n - 1, 1))
        most = max(int(config.candidates_per_record * n), 1)
        if config.candidates_per_record * SLACK > NEIGHBOURS:
            neighbours = min(int(2 * config.candidates_per_record), max(n - 1, 1))
        wanted = int(SLACK * config.candidates_per_record * len(sample.rows))
        falling = np.sort(sample.similarity[:, :neighbours], axis=None)[::-1]
        falling = falling[falling > -1.5]
        radius = float(falling[min(wanted, len(falling)) - 1]) if len(falling) else 1.0
    limit = HITS_PER_RECORD if config.radius is not None else max(HITS_PER_RECORD, HITS_IN_ALL / n)
    if n > limit and sample.hits(radius) > limit:
        allowed = sample.ladder.mean(axis=0) <= limit
        tightened = float(sample.steps[np.argmax(allowed)])
        if config.radius is not None:
            notes.append(
                f"radius tightened from {radius:.2f} to {tightened:.2f}: it would have brought "
                f"over {HITS_PER_RECORD} pairs a record"
            )
        radius = max(radius, tightened)
    return radius, neighbours, most


def _across(
    hits: Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]],
    source: NDArray[np.uint8],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Leave out the hits within one source."""
    for row, other, similarity in hits:
        apart = ~same_source(source[row], source[other])
        yield row[apart], other[apart], similarity[apart]


def _collect(
    hits: Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]],
    vectors: Vectors,
    radius: float,
    neighbours: int,
) -> pl.DataFrame:
    """Gather hits into one frame, holding only those among the nearest of one of their rows."""
    kept = pl.DataFrame(schema=CANDIDATES)
    waiting: list[pl.DataFrame] = []
    held = 0
    limit = HELD_PAIRS
    for row, other, similarity in hits:
        if not len(row):
            continue
        waiting.append(pair_frame(row, other, similarity))
        held += waiting[-1].height
        if held > limit:
            kept = _nearest(pl.concat([kept, *waiting]).unique(["left", "right"]), neighbours + 1)
            waiting, held = [], kept.height
            # What survives may itself be over the limit: then sort again only once it doubled.
            limit = max(HELD_PAIRS, 2 * held)
    pairs = pl.concat([kept, *waiting]).unique(["left", "right"]).sort("left", "right")
    exact = cosine(vectors, pairs["left"].to_numpy(), pairs["right"].to_numpy())
    pairs = pairs.with_columns(pl.Series("similarity", exact)).filter(
        pl.col("similarity") >= pl.lit(radius, dtype=pl.Float32)
    )
    return _nearest(pairs, neighbours).sort("left", "right")


def _nearest(pairs: pl.DataFrame, neighbours: int) -> pl.DataFrame:
    """Keep the pairs that are among the `neighbours` most similar of one of their rows."""
    return pairs.join(
        ranked(pairs).filter(pl.col("rank") < neighbours), on=["left", "right"], how="semi"
    )


def _within_budget(pairs: pl.DataFrame, most: int) -> pl.DataFrame:
    """Keep `most` pairs: the nearest of every row, then the second nearest, and so on.

    By similarity alone, a crowd of records that are all alike would leave nothing for the others.
    """
    if pairs.height <= most:
        return pairs
    placed = pairs.join(ranked(pairs), on=["left", "right"])
    order = ["rank", "similarity", "left", "right"]
    best = placed.sort(order, descending=[False, True, False, False]).head(most)
    return best.select(pairs.columns).sort("left", "right")


def ranked(pairs: pl.DataFrame, some: NDArray[np.bool_] | None = None) -> pl.DataFrame:
    """Return each pair's ``rank``: 0 if one of its rows has none more similar, and so on.

    Of equal similarities the smaller row number comes first. With `some`, a bool for each row, only
    these rows count.
    """
    sides = [
        pairs.select("left", "right", "similarity", row=row, other=other)
        for row, other in (("left", "right"), ("right", "left"))
    ]
    if some is not None:
        sides = [side.filter(pl.Series(some[side["row"].to_numpy()])) for side in sides]
    both = pl.concat(sides)
    return (
        both.sort("row", "similarity", "other", descending=[False, True, False])
        .with_columns(pl.int_range(pl.len()).over("row").alias("rank"))
        .group_by("left", "right")
        .agg(pl.col("rank").min())
    )
