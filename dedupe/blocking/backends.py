"""Search backends: exact range search, an inverted file, an inverted index of features."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.int8 import Int8Vectors
from dedupe.progress import Progress

if TYPE_CHECKING:
    from scipy.sparse import csr_array


Vectors: TypeAlias = NDArray[np.float32] | Int8Vectors


CANDIDATES = pl.Schema({"left": pl.UInt32(), "right": pl.UInt32(), "similarity": pl.Float32()})
"""Row numbers with ``left < right`` and the cosine of their vectors; unique, sorted."""


ANY_SOURCE = 255
"""Source of a record that stands in several tables with the same text."""


QUERY_BLOCK = 1024
"""Records searched at a time; bounds the hits of one FAISS call to this many a record."""


SHARING = 100
"""Others a record, on average, whose cosine is computed among those that share rare features."""


SHARING_BLOCK = 4096


COSINE_BLOCK = 2048
"""Pairs whose vectors are gathered at a time: 8 MB, which stay in cache."""


LISTS_PER_ROOT = 4


PROBES = 16


TRAINING_POINTS = 48
"""Per cell; more makes k-means cost more than the search it serves."""


EPSILON = np.float32(1e-5)
"""FAISS and numpy may differ by this much: search wider, compare exactly."""


def same_source(a: Any, b: Any) -> NDArray[np.bool_]:
    """Tell whether sources are one, so that their records are no pair; numbers or u8 arrays."""
    same: NDArray[np.bool_] = (a == b) & (a != ANY_SOURCE)
    return same


def flat_hits(
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


def ivf_hits(
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


def sharing_hits(
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
        if isinstance(vectors, Int8Vectors):
            out[some] = vectors.dot(left[some], right[some])
        else:
            out[some] = np.einsum("ij,ij->i", vectors[left[some]], vectors[right[some]])
    return np.clip(out, -1, 1)


def _below(radius: float) -> np.float32:
    """Return the radius for FAISS, whose comparison is strict and rounds differently."""
    return np.float32(radius) - EPSILON


def _faiss() -> Any:
    # On some systems faiss and torch each bring an OpenMP runtime; torch's must come first.
    import faiss
    import torch  # noqa: F401

    return faiss
