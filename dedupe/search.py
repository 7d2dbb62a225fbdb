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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from os import cpu_count
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.progress import Progress, silent
from dedupe.quantized import Quantized

Vectors: TypeAlias = NDArray[np.float32] | Quantized

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CANDIDATES = pl.Schema({"left": pl.UInt32(), "right": pl.UInt32(), "similarity": pl.Float32()})
"""Row numbers with ``left < right`` and the cosine of their vectors; unique, sorted."""

ANY_SOURCE = 255
"""Source of a record that stands in several tables with the same text."""

NEIGHBOURS = 10
"""How many of its nearest records a record may bring as candidates."""
FLAT_LIMIT = 50_000
"""Records up to which the exact join is the faster one on a laptop."""
QUERY_BLOCK = 1024
"""Records searched at a time; bounds the hits of one FAISS call to this many a record."""
SHARING = 100
"""Others a record, on average, whose cosine is computed among those that share rare features."""
SHARING_BLOCK = 4096
COSINE_BLOCK = 2048
"""Pairs whose vectors are gathered at a time: 8 MB, which stay in cache."""
HELD_PAIRS = 16_000_000
"""Hits held before those that can no longer count are dropped; about 0.5 GB."""
HITS_PER_RECORD = 100
"""Hits a record, on average, that a radius may bring before it is tightened."""
HITS_IN_ALL = 20_000_000
"""Hits that a radius chosen from the file may bring where these are more a record: they pass by in
seconds, and a crowd of records that are all alike needs them."""
SAMPLE = 512
"""Records compared with all others to choose the radius and to check the search."""
SAMPLE_BLOCK = 8192
FIRST_BLOCK = 256
"""Records that the sample is compared with at a time."""
LADDER_RECORDS = 32_768
"""Records by which it is counted how many lie above each similarity; of more, every so manieth."""
OUTSIDE_RECORDS = 128
OUTSIDE_NEAREST = 3
"""For how many records, and how far beyond their candidates, it is looked what the search loses."""
SLACK = 1.8
"""Directed neighbours asked for per candidate wanted: most pairs are found from both sides."""
LISTS_PER_ROOT = 4
PROBES = 16
TRAINING_POINTS = 48
"""Per cell; more makes k-means cost more than the search it serves."""
_EPSILON = np.float32(1e-5)
"""FAISS and numpy may differ by this much: search wider, compare exactly."""


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
    sample = _Sample.of(vectors, config.seed, source)
    notes: list[str] = []
    radius, neighbours, most = _choose_radius(sample, n, config, notes)
    kind = "flat" if n <= FLAT_LIMIT else "ivf" if rare is None else "rare features"
    if rare is not None and kind == "rare features":
        found = _sharing_hits(vectors, rare, radius, progress)
    else:
        assert not isinstance(vectors, Quantized)
        hits = _flat_hits if kind == "flat" else _ivf_hits
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


@dataclass(frozen=True, eq=False)
class _Sample:
    """A few records and their nearest others, exactly: row numbers (m,) and (m, k) arrays.

    ``similarity`` holds the k best in falling order, ``ladder`` (m, L) how many others lie at or
    above each of the `steps` (L,).
    """

    rows: NDArray[np.int64]
    nearest: NDArray[np.int64]
    similarity: NDArray[np.float32]
    steps: NDArray[np.float32]
    ladder: NDArray[np.int64]

    @classmethod
    def of(cls, vectors: Vectors, seed: int, source: NDArray[np.uint8] | None) -> _Sample:
        n = len(vectors)
        rows = np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLE])
        steps = np.linspace(-1, 1, 201, dtype=np.float32)[:-1]
        best = _Best(len(rows), min(2 * NEIGHBOURS, n - 1))
        counts = np.zeros((len(rows), len(steps)), dtype=np.int64)
        every = max(n // LADDER_RECORDS, 1)
        number = np.arange(len(rows))
        # The first block is small: it gives every record a few others to do better than.
        for at, stop in pairwise([0, *range(min(FIRST_BLOCK, n), n, SAMPLE_BLOCK), n]):
            cosine = vectors[rows] @ vectors[at:stop].T
            own = (rows >= at) & (rows < stop)
            cosine[number[own], rows[own] - at] = -2
            some = cosine[:, -at % every :: every]
            place = np.floor((some + 1) / (steps[1] - steps[0])).astype(np.int64)
            place = np.minimum(place, len(steps) - 1) + len(steps) * number[:, None]
            found = np.bincount(place[some > -1.5], minlength=counts.size)
            counts += every * found.reshape(counts.shape)
            if source is not None:
                cosine[same_source(source[rows, None], source[None, at:stop])] = -2
            best.see(cosine, at)
        others, similarity = best.ranked()
        return cls(rows, others, similarity, steps, np.cumsum(counts[:, ::-1], axis=1)[:, ::-1])

    def hits(self, radius: float) -> float:
        """Return how many others a record has at or above `radius`, on average; rounded up."""
        step = max(int(np.searchsorted(self.steps, radius, side="right")) - 1, 0)
        return float(self.ladder[:, step].mean())

    def outside(self, pairs: pl.DataFrame, n: int) -> tuple[pl.DataFrame, int]:
        """Return the nearest others of some records that are not in `pairs`, and of how many.

        They are few where the file is small: scoring them must not cost more than the file.
        """
        some = min(len(self.rows), OUTSIDE_RECORDS, max(n // 20, 16))
        chosen = np.sort(np.random.default_rng(0).permutation(len(self.rows))[:some])
        width = self.nearest.shape[1]
        near = (
            pair_frame(
                np.repeat(self.rows[chosen], width),
                self.nearest[chosen].ravel(),
                self.similarity[chosen].ravel(),
            )
            .with_columns(pl.Series("from", np.repeat(self.rows[chosen], width)))
            .filter(pl.col("similarity") > -1.5)
        )
        outside = (
            near.join(pairs, on=["left", "right"], how="anti", maintain_order="left")
            .filter(pl.int_range(pl.len()).over("from") < OUTSIDE_NEAREST)
            .group_by("left", "right")
            .agg(pl.col("similarity").first(), pl.len().cast(pl.UInt32).alias("seen"))
            .sort("left", "right")
        )
        return outside, some

    def found_share(self, pairs: pl.DataFrame, radius: float, n: int) -> float:
        """Return the share of the sample's exact neighbours at or above `radius` in `pairs`."""
        near = self.similarity[:, :NEIGHBOURS] >= radius + _EPSILON
        rows = np.repeat(self.rows, near.sum(axis=1))
        due = pair_frame(
            rows, self.nearest[:, :NEIGHBOURS][near], self.similarity[:, :NEIGHBOURS][near]
        )
        if due.is_empty():
            return 1.0
        return due.join(pairs, on=["left", "right"], how="semi").height / due.height


class _Best:
    """The k best of ever more columns, for each of m rows.

    Columns come block by block; of each only what is better than the k best so far is looked at.
    """

    def __init__(self, m: int, k: int) -> None:
        self.k = k
        self.floor = np.full(m, -1.5, dtype=np.float32)
        self.row, self.column = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        self.value = np.empty(0, dtype=np.float32)

    def see(self, block: NDArray[np.float32], at: int) -> None:
        """Look at the columns from number `at` on, (m, b)."""
        row, column = np.nonzero(block > self.floor[:, None])
        value = np.concatenate([self.value, block[row, column]])
        row, column = np.concatenate([self.row, row]), np.concatenate([self.column, column + at])
        order = np.lexsort((column, -value, row))
        row, column, value = row[order], column[order], value[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        kept = rank < self.k
        self.row, self.column, self.value = row[kept], column[kept], value[kept]
        last = rank == self.k - 1
        self.floor[row[last]] = value[last]

    def ranked(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return (m, k) columns and values, the best first; -2 where there are fewer."""
        columns = np.zeros((len(self.floor), self.k), dtype=np.int64)
        values = np.full((len(self.floor), self.k), -2, dtype=np.float32)
        rank = np.arange(len(self.row)) - np.searchsorted(self.row, self.row)
        columns[self.row, rank], values[self.row, rank] = self.column, self.value
        return columns, values


def _choose_radius(
    sample: _Sample, n: int, config: Config, notes: list[str]
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


def same_source(a: Any, b: Any) -> NDArray[np.bool_]:
    """Tell whether sources are one, so that their records are no pair; numbers or u8 arrays."""
    same: NDArray[np.bool_] = (a == b) & (a != ANY_SOURCE)
    return same


def _across(
    hits: Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]],
    source: NDArray[np.uint8],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Leave out the hits within one source."""
    for row, other, similarity in hits:
        apart = ~same_source(source[row], source[other])
        yield row[apart], other[apart], similarity[apart]


def _flat_hits(
    vectors: NDArray[np.float32], radius: float, seed: int, progress: Progress
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Yield (row, earlier row, similarity) of each block with itself and those before it."""
    faiss = _faiss()
    n, d = vectors.shape
    index = faiss.IndexFlatIP(d)
    for at in range(0, n, QUERY_BLOCK):
        block = vectors[at : at + QUERY_BLOCK]
        index.add(block)
        limits, similarity, other = index.range_search(block, float(_below(radius)))
        row = at + np.repeat(np.arange(len(block)), np.diff(limits.astype(np.int64)))
        earlier = other < row
        yield row[earlier], other[earlier], similarity[earlier]
        progress(min(at + QUERY_BLOCK, n), n)


def _ivf_hits(
    vectors: NDArray[np.float32], radius: float, seed: int, progress: Progress
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Yield (row, other row, similarity) from the cells nearest to each row, cell by cell."""
    faiss = _faiss()
    n, d = vectors.shape
    lists = int(LISTS_PER_ROOT * np.sqrt(n))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(d), d, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = seed + 1
    index.cp.niter = 10
    index.cp.spherical = True
    chosen = np.random.default_rng(seed).permutation(n)[: TRAINING_POINTS * lists]
    index.train(vectors[np.sort(chosen)])
    _, cell = index.quantizer.search(vectors, 1)
    index.add(vectors)
    index.nprobe = PROBES
    # Neighbours in one block share cells, which then stay in cache.
    order = np.argsort(cell.ravel(), kind="stable")
    for at in range(0, n, QUERY_BLOCK):
        rows = order[at : at + QUERY_BLOCK]
        limits, similarity, other = index.range_search(vectors[rows], float(_below(radius)))
        row = np.repeat(rows, np.diff(limits.astype(np.int64)))
        apart = other != row
        yield row[apart], other[apart], similarity[apart]
        progress(min(at + QUERY_BLOCK, n), n)


def _sharing_hits(
    vectors: Vectors, rare: csr_array, radius: float, progress: Progress
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Yield (row, earlier row, similarity) of records that share rare features.

    The cosine of their rare features alone is had from a sparse product, a block of rows at a time;
    only for the pairs where it is high, :data:`SHARING` a record, are whole vectors compared.
    """
    n = len(vectors)
    rare = unit_rows(rare)
    others = rare.T.tocsr()
    floor = _sharing_floor(rare, others)

    def of_block(at: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        shared = rare[at : at + SHARING_BLOCK] @ others
        row = at + np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
        keep = (shared.data >= floor) & (shared.indices < row)
        row, other = row[keep], shared.indices[keep].astype(np.int64)
        similarity = cosine(vectors, row, other)
        near = similarity >= _below(radius)
        return row[near], other[near], similarity[near]

    starts = range(0, n, SHARING_BLOCK)
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        for at, found in zip(starts, pool.map(of_block, starts), strict=True):
            yield found
            progress(min(at + SHARING_BLOCK, n), n)


def unit_rows(rare: csr_array) -> csr_array:
    """Return `rare` with rows of length 1: long records would else share much with everybody."""
    from scipy.sparse import csr_array

    per_row = np.diff(rare.indptr)
    row = np.repeat(np.arange(rare.shape[0]), per_row)
    length = np.sqrt(np.bincount(row, rare.data.astype(np.float64) ** 2, rare.shape[0]))
    scaled = (rare.data / np.repeat(np.maximum(length, 1e-9), per_row)).astype(np.float32)
    return csr_array((scaled, rare.indices, rare.indptr), shape=rare.shape)


def _sharing_floor(rare: csr_array, others: csr_array) -> float:
    """Return the cosine of rare features that leaves :data:`SHARING` others a record."""
    n = rare.shape[0]
    rows = np.sort(np.random.default_rng(0).permutation(n)[:SHARING_BLOCK])
    shared = np.sort((rare[rows] @ others).data)
    allowed = len(rows) * (SHARING + 1)  # each row shares everything with itself
    return float(shared[-allowed]) if len(shared) > allowed else 0.0


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


def pair_frame(
    row: NDArray[np.int64], other: NDArray[np.int64], similarity: NDArray[np.float32]
) -> pl.DataFrame:
    """Return hits as a frame of schema :data:`CANDIDATES`; a pair may stand in it twice."""
    return pl.DataFrame(
        {
            "left": np.minimum(row, other).astype(np.uint32),
            "right": np.maximum(row, other).astype(np.uint32),
            "similarity": similarity.astype(np.float32),
        },
        schema=CANDIDATES,
    )


def cosine(vectors: Vectors, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float32]:
    """Return the cosine of each pair of vectors of length 1, (k,) float32."""
    out = np.empty(len(left), dtype=np.float32)
    for at in range(0, len(left), COSINE_BLOCK):
        some = slice(at, at + COSINE_BLOCK)
        if isinstance(vectors, Quantized):
            out[some] = vectors.dot(left[some], right[some])
        else:
            out[some] = np.einsum("ij,ij->i", vectors[left[some]], vectors[right[some]])
    return np.clip(out, -1, 1)


def _below(radius: float) -> np.float32:
    """Return the radius for FAISS, whose comparison is strict and rounds differently."""
    return np.float32(radius) - _EPSILON


def _faiss() -> Any:
    # On some systems faiss and torch each bring an OpenMP runtime; torch's must come first.
    import faiss
    import torch  # noqa: F401

    return faiss
