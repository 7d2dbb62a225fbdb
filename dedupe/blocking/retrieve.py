"""What is like new records, among those that are stored: for additions and for matching.

Where rare features are known, the records that share most of them are compared, else all. Either
way it takes as long as there are new records, not as long as the search of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import (
    ANY_SOURCE,
    CANDIDATES,
    cosine,
    pair_frame,
    same_source,
    unit_rows,
)
from dedupe.blocking.candidates import HITS_PER_RECORD, ranked
from dedupe.blocking.int8 import Int8Vectors
from dedupe.blocking.sampling import NEIGHBOURS
from dedupe.config import Config

if TYPE_CHECKING:
    from scipy.sparse import csr_array


COMPARED = 48
"""Others whose vectors a new record is compared with, among those that share rare features: as many
matches are found as with a hundred (measured on 100,000 made people)."""


BLOCK = 512
"""New records searched at a time."""


_Hits: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]"


@dataclass(frozen=True, eq=False)
class Stored:
    """Vectors and rare features of s texts as they are kept, to find what is like others.

    Parameters
    ----------
    vectors
        (s, d) vectors.
    rare
        (s, f) rare features, rows of length 1; ``None`` where all vectors are compared.
    """

    vectors: Int8Vectors
    rare: csr_array | None = None

    @classmethod
    def of(
        cls, vectors: NDArray[np.float32] | Int8Vectors, rare: csr_array | None = None
    ) -> Stored:
        """Store (s, d) vectors and the rare features of their texts."""
        if not isinstance(vectors, Int8Vectors):
            vectors = Int8Vectors.of(vectors)
        return cls(vectors, None if rare is None else unit_rows(rare))


class Nearest:
    """The texts most like a new one, among those stored.

    Where rare features are known, only texts that share some are compared; see
    :class:`Stored`.

    Parameters
    ----------
    stored
        All s texts.
    alive
        (s,) bool: those to be found.
    """

    def __init__(self, stored: Stored, alive: NDArray[np.bool_]) -> None:
        self._stored = stored
        self._alive = alive
        self.by_features = stored.rare is not None
        self._vectors: NDArray[np.float32] | None = None
        if stored.rare is None:
            self._vectors = stored.vectors[:]
        else:
            self._postings = stored.rare.T.tocsr()

    def search(
        self, vector: NDArray[np.float32], rare: csr_array | None, most: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return places and cosines of the nearest texts, (k,) each with k <= `most`.

        Parameters
        ----------
        vector
            (d,) of length 1.
        rare
            (1, f) rare features of the same text, where the texts stored have any.
        most
            How many.
        """
        if self._vectors is not None:
            rows = np.arange(len(self._vectors))
            cosine = np.where(self._alive, self._vectors @ vector, -2)
        else:
            assert rare is not None
            rows = _best_sharing(*self._sharing(rare))
            cosine = self._stored.vectors[rows] @ vector
        rows, cosine = rows[cosine > -1.5], cosine[cosine > -1.5]
        if len(rows) > most:
            near = np.sort(np.argpartition(-cosine, most - 1)[:most])
            rows, cosine = rows[near], cosine[near]
        order = np.lexsort((rows, -cosine))
        similarity: NDArray[np.float32] = np.clip(cosine[order], -1, 1).astype(np.float32)
        return rows[order].astype(np.int64), similarity

    def _sharing(self, rare: csr_array) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the texts that share a feature, and the products of all that they share."""
        starts = self._postings.indptr
        parts = [slice(starts[f], starts[f + 1]) for f in rare.indices]
        hits = [self._postings.indices[part] for part in parts]
        worth = [
            self._postings.data[part] * own for part, own in zip(parts, rare.data, strict=True)
        ]
        if not hits:
            return np.empty(0, dtype=np.int64), np.empty(0)
        rows, place = np.unique(np.concatenate(hits), return_inverse=True)
        weight = np.bincount(place, np.concatenate(worth))
        return rows[self._alive[rows]].astype(np.int64), weight[self._alive[rows]]


def search_new(
    stored: Stored,
    fresh: NDArray[np.bool_],
    alive: NDArray[np.bool_],
    known: pl.DataFrame,
    radius: float,
    config: Config,
    source: NDArray[np.uint8] | None = None,
) -> pl.DataFrame:
    """Find the candidate pairs that new records bring, among each other and with those there.

    Parameters
    ----------
    stored
        All s texts.
    fresh
        (s,) bool: the new ones.
    alive
        (s,) bool: those to be found at all.
    known
        Candidates among the records that are not new, of schema :data:`CANDIDATES`.
    radius
        Cosine similarity from which two records are a pair.
    config
        ``candidates_per_record`` and ``radius`` are used.
    source
        (s,) u8 as for :func:`~dedupe.blocking.candidates.search`: only records of different sources
        are a pair.

    Returns
    -------
    DataFrame
        Schema :data:`CANDIDATES`: pairs that are among the nearest of one of their records, counted
        with `known`; at most ``candidates_per_record`` for each new record.
    """
    rows = np.flatnonzero(fresh & alive)
    if source is None:
        source = np.full(len(fresh), ANY_SOURCE, dtype=np.uint8)
    look = _closest if stored.rare is None else _sharing
    hits = look(stored, rows, alive, source)
    found = pl.concat([pl.DataFrame(schema=CANDIDATES), *(pair_frame(*one) for one in hits)])
    # What cannot be a pair is marked by a similarity below all others.
    least = max(radius, -1.0)
    found = found.filter(pl.col("similarity") >= pl.lit(least, dtype=pl.Float32)).unique(
        ["left", "right"], keep="first"
    )
    given = config.radius is not None
    most = int((HITS_PER_RECORD if given else config.candidates_per_record) * len(rows))
    ends = np.zeros(len(fresh), dtype=bool)
    for side in ("left", "right"):
        ends[found[side].to_numpy()] = True
    near = known.filter(pl.Series(ends[known["left"].to_numpy()] | ends[known["right"].to_numpy()]))
    ranks = ranked(pl.concat([found, near.cast(CANDIDATES)]), ends)
    places = found.join(ranks, on=["left", "right"])
    if not given:
        places = places.filter(
            pl.col("rank") < max(NEIGHBOURS, int(2 * config.candidates_per_record))
        )
    order = ["rank", "similarity", "left", "right"]
    best = places.sort(order, descending=[False, True, False, False]).head(most)
    return best.select(found.columns).sort("left", "right")


def _closest(
    stored: Stored,
    rows: NDArray[np.int64],
    alive: NDArray[np.bool_],
    source: NDArray[np.uint8],
) -> Iterator[_Hits]:
    """Yield (row, other row, similarity) of the :data:`COMPARED` nearest others of each row."""
    there = np.flatnonzero(alive)
    k = min(COMPARED, len(there) - 1)
    if k < 1 or not len(rows):
        return
    others = stored.vectors[there]
    for at in range(0, len(rows), 256):
        some = rows[at : at + 256]
        cosine = stored.vectors[some] @ others.T
        cosine[some[:, None] == there[None, :]] = -2
        cosine[same_source(source[some, None], source[None, there])] = -2
        best = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        similarity = np.take_along_axis(cosine, best, axis=1)
        yield np.repeat(some, k), there[best.ravel()], np.minimum(similarity.ravel(), 1)


def _sharing(
    stored: Stored,
    rows: NDArray[np.int64],
    alive: NDArray[np.bool_],
    source: NDArray[np.uint8],
) -> Iterator[_Hits]:
    """Yield the same of the others that a row shares most rare features with."""
    assert stored.rare is not None
    own, postings = _postings(stored.rare, rows, alive)

    def of_block(at: int) -> _Hits:
        shared = own[at : at + BLOCK] @ postings
        kept = []
        for i, row in enumerate(rows[at : at + BLOCK].tolist()):
            some = slice(shared.indptr[i], shared.indptr[i + 1])
            there, weight = shared.indices[some], shared.data[some]
            apart = (there != row) & ~same_source(source[there], source[row])
            kept.append(_best_sharing(there[apart], weight[apart]))
        own_rows = np.repeat(rows[at : at + BLOCK], [len(one) for one in kept])
        other = np.concatenate(kept)
        return own_rows, other, cosine(stored.vectors, own_rows, other)

    starts = range(0, len(rows), BLOCK)
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        yield from pool.map(of_block, starts)


def _postings(
    rare: csr_array, rows: NDArray[np.int64], alive: NDArray[np.bool_]
) -> tuple[csr_array, csr_array]:
    """Return the features of `rows`, and the records alive that have each of these."""
    from scipy.sparse import csr_array

    own = rare[rows]
    wanted = np.zeros(rare.shape[1], dtype=bool)
    wanted[own.indices] = True
    number = np.cumsum(wanted, dtype=np.int32) - 1
    record = np.repeat(np.arange(rare.shape[0], dtype=np.int32), np.diff(rare.indptr))
    keep = wanted[rare.indices] & alive[record]
    ends = number[rare.indices[keep]], record[keep]
    width = int(wanted.sum())
    return (
        csr_array((own.data, number[own.indices], own.indptr), shape=(len(rows), width)),
        csr_array((rare.data[keep], ends), shape=(width, rare.shape[0])),
    )


def _best_sharing(
    rows: NDArray[np.integer[Any]], weight: NDArray[np.floating[Any]]
) -> NDArray[np.int64]:
    """Return up to :data:`COMPARED` rows of the highest weight; of equal ones the first."""
    if len(rows) > COMPARED:
        least = np.partition(weight, -COMPARED)[-COMPARED]
        above = rows[weight > least]
        level = np.sort(rows[weight == least])
        rows = np.concatenate([above, level[: COMPARED - len(above)]])
    return np.sort(rows).astype(np.int64)
