"""Exact neighbours of a sample of records: to choose the radius and to measure recall."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import EPSILON, Vectors, pair_frame, same_source

NEIGHBOURS = 10
"""How many of its nearest records a record may bring as candidates."""


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


@dataclass(frozen=True, eq=False)
class NeighbourSample:
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
    def of(cls, vectors: Vectors, seed: int, source: NDArray[np.uint8] | None) -> NeighbourSample:
        """Compare a sample of the records with all others, exactly."""
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
        near = self.similarity[:, :NEIGHBOURS] >= radius + EPSILON
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
