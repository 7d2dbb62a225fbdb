"""Exact neighbours of a sample of records: to choose the radius and to measure recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import EPSILON, Vectors, pair_frame, same_source

NEIGHBOURS = 10
"""Nearest neighbours of a record that can be its candidates."""
SAMPLE = 512
"""Records that are compared with all others."""
SAMPLE_BLOCK = 8192
"""Records that the sample is compared with together."""
FIRST_BLOCK = 256
"""The same for the first block, which sets a floor for the nearest neighbours."""
HISTOGRAM_RECORDS = 32_768
"""Records that the histogram of similarities is counted on; larger files are subsampled evenly."""
OUTSIDE_RECORDS = 128
"""Most records for which pairs just outside the candidates are returned."""
OUTSIDE_NEAREST = 3
"""Pairs just outside the candidates, per record."""
NO_NEIGHBOUR = -1.5
"""Similarities below this one are no neighbours, but the record itself, a record of the same
source, or an empty place."""
_EXCLUDED = -2


@dataclass(frozen=True, eq=False)
class NeighbourSample:
    """A sample of m records with their exact nearest neighbours.

    Parameters
    ----------
    rows
        (m,) row numbers, sorted.
    nearest
        (m, k) row numbers of the k nearest neighbours, the nearest first.
    similarity
        (m, k) float32: their cosines; below :data:`NO_NEIGHBOUR` where there are fewer than k.
    steps
        (s,) float32: rising similarities.
    hits
        (m, s) number of other records at or above each step.
    """

    rows: NDArray[np.int64]
    nearest: NDArray[np.int64]
    similarity: NDArray[np.float32]
    steps: NDArray[np.float32]
    hits: NDArray[np.int64]

    @classmethod
    def draw(cls, vectors: Vectors, seed: int, source: NDArray[np.uint8] | None) -> NeighbourSample:
        """Draw a sample of the records and compare it with all others.

        Parameters
        ----------
        vectors
            (n, d) unit vectors.
        seed
            Seed of the draw.
        source
            (n,) u8: records of the same source are no neighbours. ``None``: all can be.
        """
        rows = sampled_rows(len(vectors), seed)
        return cls.compared(vectors[rows], rows, vectors, source)

    @classmethod
    def compared(
        cls,
        sampled: NDArray[np.float32],
        rows: NDArray[np.int64],
        vectors: Vectors,
        source: NDArray[np.uint8] | None = None,
    ) -> NeighbourSample:
        """Compare sampled records with all others, or with those of one part of a file.

        Parameters
        ----------
        sampled
            (m, d) unit vectors of the sample.
        rows
            (m,) their row numbers in `vectors`; -1 for records that are not there.
        vectors
            (n, d) unit vectors.
        source
            As for :meth:`draw`.
        """
        n = len(vectors)
        steps = np.linspace(-1, 1, 201, dtype=np.float32)[:-1]
        best = _RunningBest(len(rows), min(2 * NEIGHBOURS, n - int((rows >= 0).any())))
        counts = np.zeros((len(rows), len(steps)), dtype=np.int64)
        every = max(n // HISTOGRAM_RECORDS, 1)
        number = np.arange(len(rows))
        # The first block is small: it gives every record a few neighbours to improve on.
        for start, stop in pairwise([0, *range(min(FIRST_BLOCK, n), n, SAMPLE_BLOCK), n]):
            cosine = sampled @ vectors[start:stop].T
            own = (rows >= start) & (rows < stop)
            cosine[number[own], rows[own] - start] = _EXCLUDED
            counted = cosine[:, -start % every :: every]
            step = np.floor((counted + 1) / (steps[1] - steps[0])).astype(np.int64)
            bin_number = np.minimum(step, len(steps) - 1) + len(steps) * number[:, None]
            histogram = np.bincount(bin_number[counted > NO_NEIGHBOUR], minlength=counts.size)
            counts += every * histogram.reshape(counts.shape)
            if source is not None:
                cosine[same_source(source[rows, None], source[None, start:stop])] = _EXCLUDED
            best.add(cosine, start)
        nearest, similarity = best.ranked()
        return cls(rows, nearest, similarity, steps, np.cumsum(counts[:, ::-1], axis=1)[:, ::-1])

    @classmethod
    def joined(cls, parts: Sequence[NeighbourSample]) -> NeighbourSample:
        """Join the comparisons of one sample with the parts of a file.

        The row numbers are those of the first part.
        """
        similarity = np.concatenate([part.similarity for part in parts], axis=1)
        nearest = np.concatenate([part.nearest for part in parts], axis=1)
        order = np.argsort(-similarity, axis=1, kind="stable")[:, : 2 * NEIGHBOURS]
        return cls(
            parts[0].rows,
            np.take_along_axis(nearest, order, axis=1),
            np.take_along_axis(similarity, order, axis=1),
            parts[0].steps,
            np.sum([part.hits for part in parts], axis=0),
        )

    def hits_per_record(self, radius: float) -> float:
        """Estimate how many others a record has at or above `radius`; rounded up to a step."""
        step = max(int(np.searchsorted(self.steps, radius, side="right")) - 1, 0)
        return float(self.hits[:, step].mean())

    def just_outside(self, pairs: pl.DataFrame, n: int) -> tuple[pl.DataFrame, int]:
        """Find the nearest neighbours that are no candidates, for part of the sample.

        Small files get a small part: scoring these pairs must not cost more than the file.

        Parameters
        ----------
        pairs
            The candidates.
        n
            Number of records.

        Returns
        -------
        outside
            Columns of `pairs`, and ``seen``: the number of records the pair was found from, 1 or 2.
        records
            Number of records that were looked at.
        """
        part = _looking(len(self.rows), n)
        rows = np.repeat(self.rows[part], self.nearest.shape[1])
        near = (
            pair_frame(rows, self.nearest[part].ravel(), self.similarity[part].ravel())
            .with_columns(pl.Series("from", rows))
            .filter(pl.col("similarity") > NO_NEIGHBOUR)
        )
        return _outside(near, pairs), len(part)

    def recall(self, pairs: pl.DataFrame, radius: float) -> float:
        """Measure the share of the sample's neighbours at or above `radius` that are in `pairs`."""
        near = self.similarity[:, :NEIGHBOURS] >= radius + EPSILON
        rows = np.repeat(self.rows, near.sum(axis=1))
        expected = pair_frame(
            rows, self.nearest[:, :NEIGHBOURS][near], self.similarity[:, :NEIGHBOURS][near]
        )
        if expected.is_empty():
            return 1.0
        return expected.join(pairs, on=["left", "right"], how="semi").height / expected.height


def sampled_rows(n: int, seed: int) -> NDArray[np.int64]:
    """Draw up to :data:`SAMPLE` of n records; sorted row numbers."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLE])


def next_ranked(
    pairs: pl.DataFrame, ranked: pl.DataFrame, n: int, seed: int
) -> tuple[pl.DataFrame, int]:
    """Find the pairs that rank next to the candidates, for a sample of n records.

    Parameters
    ----------
    pairs
        The candidates.
    ranked
        Candidates and further pairs: columns of `pairs` and ``rank``.
    n, seed
        Number of records, and seed of the sample.

    Returns
    -------
    outside, records
        As of :meth:`NeighbourSample.just_outside`.
    """
    rows = sampled_rows(n, seed)
    rows = rows[_looking(len(rows), n)]
    looking = pl.Series("from", rows, dtype=pl.UInt32).implode()
    near = pl.concat(
        ranked.filter(pl.col(side).is_in(looking)).with_columns(pl.col(side).alias("from"))
        for side in ("left", "right")
    ).sort("rank", "similarity", "left", "right", descending=[False, True, False, False])
    return _outside(near.drop("rank"), pairs), len(rows)


def _looking(sampled: int, n: int) -> NDArray[np.int64]:
    """Choose the sampled records for which pairs outside the candidates are returned."""
    records = min(sampled, OUTSIDE_RECORDS, max(n // 20, 16))
    return np.sort(np.random.default_rng(0).permutation(sampled)[:records])


def _outside(near: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Select the first pairs of each record that are no candidates, in the order of `near`."""
    return (
        near.join(pairs, on=["left", "right"], how="anti", maintain_order="left")
        .filter(pl.int_range(pl.len()).over("from") < OUTSIDE_NEAREST)
        .group_by("left", "right")
        .agg(pl.col("similarity").first(), pl.len().cast(pl.UInt32).alias("seen"))
        .sort("left", "right")
    )


class _RunningBest:
    """The k largest values in each of m rows, over columns that arrive block by block.

    In each block, only values above the k-th best so far are sorted.
    """

    def __init__(self, m: int, k: int) -> None:
        self._k = k
        self._floor = np.full(m, NO_NEIGHBOUR, dtype=np.float32)
        self._row, self._column = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        self._value = np.empty(0, dtype=np.float32)

    def add(self, block: NDArray[np.float32], start: int) -> None:
        """Add the columns from number `start` on, (m, b)."""
        row, column = np.nonzero(block > self._floor[:, None])
        value = np.concatenate([self._value, block[row, column]])
        row = np.concatenate([self._row, row])
        column = np.concatenate([self._column, column + start])
        order = np.lexsort((column, -value, row))
        row, column, value = row[order], column[order], value[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        best = rank < self._k
        self._row, self._column, self._value = row[best], column[best], value[best]
        last = rank == self._k - 1
        self._floor[row[last]] = value[last]

    def ranked(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return (m, k) columns and values, the largest first; -2 where there are fewer."""
        columns = np.zeros((len(self._floor), self._k), dtype=np.int64)
        values = np.full((len(self._floor), self._k), _EXCLUDED, dtype=np.float32)
        rank = np.arange(len(self._row)) - np.searchsorted(self._row, self._row)
        columns[self._row, rank], values[self._row, rank] = self._column, self._value
        return columns, values
