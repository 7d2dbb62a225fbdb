"""Search backends: a flat FAISS index, an IVF FAISS index, and an inverted index of features.

Each yields hits block by block: two rows and their similarity, at or above a radius.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.models.loading import cpu_count
from dedupe.progress import Progress

if TYPE_CHECKING:
    from scipy.sparse import csr_array


Vectors: TypeAlias = NDArray[np.float32] | Int8Vectors
Hits: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""Row, other row and similarity of each hit, (h,) each."""
Wanted: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
"""Tells which pairs of rows are wanted, (h,) bool."""
CANDIDATES = pl.Schema({"left": pl.UInt32(), "right": pl.UInt32(), "similarity": pl.Float32()})
"""Candidate pairs: row numbers with ``left < right`` and their cosine; unique, sorted."""
ANY_SOURCE = 255
"""Source of a text that occurs in several tables."""
QUERY_BLOCK = 1024
"""Records in one FAISS query; bounds the hits of a query to this many per record."""
SHARING_PER_RECORD = 100
"""Mean number of records that share rare features with a record and are compared with it."""
SHARING_BLOCK = 4096
"""Records in one query of the inverted index."""
SHARING_PARTS = 8
"""Parts in which the inverted index is searched."""
ADD_BLOCK = 8192
"""Vectors that are added to a FAISS index together."""
COSINE_BLOCK = 512
"""Pairs whose vectors are gathered together: 2 MB, which stay in cache."""
LISTS_PER_ROOT = 4
"""Lists of the IVF index, in square roots of the number of records."""
PROBES = 16
"""Lists of the IVF index that a query visits."""
TRAINING_POINTS = 48
"""Training points per IVF list; with more, k-means takes longer than the search."""
EPSILON, HALF_EPSILON = np.float32(1e-5), np.float32(1e-3)
"""Largest difference between cosines of FAISS and NumPy, and in half precision: FAISS searches
wider by this much, and NumPy recomputes the cosines."""


def same_source(a: Any, b: Any) -> NDArray[np.bool_]:
    """Tell whether records are of the same source, so that they are no candidates when linking.

    Parameters
    ----------
    a, b
        Numbers of sources, or arrays of u8 that broadcast.
    """
    same: NDArray[np.bool_] = (a == b) & (a != ANY_SOURCE)
    return same


def flat_hits(vectors: Vectors, radius: float, progress: Progress) -> Iterator[Hits]:
    """Search exactly: each block of rows among itself and all earlier rows."""
    faiss = load_faiss()
    n, d = vectors.shape
    index = faiss.IndexFlatIP(d)
    for at in range(0, n, QUERY_BLOCK):
        block = vectors[at : at + QUERY_BLOCK]
        index.add(block)
        limits, similarity, other = index.range_search(block, float(_search_radius(radius)))
        row = at + np.repeat(np.arange(len(block)), np.diff(limits.astype(np.int64)))
        earlier = other < row
        yield row[earlier], other[earlier], similarity[earlier]
        progress(min(at + QUERY_BLOCK, n), n)


def ivf_hits(vectors: Vectors, radius: float, seed: int, progress: Progress) -> Iterator[Hits]:
    """Search the IVF lists nearest to each row, list by list; a pair may occur twice.

    The index holds the vectors in half precision.
    """
    faiss = load_faiss()
    n, d = vectors.shape
    lists = int(LISTS_PER_ROOT * np.sqrt(n))
    half, inner = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(d), d, lists, half, inner, False)
    index.cp.seed = seed + 1
    index.cp.niter = 10
    index.cp.spherical = True
    training = np.random.default_rng(seed).permutation(n)[: TRAINING_POINTS * lists]
    index.train(vectors[np.sort(training)])
    nearest_list = np.empty(n, dtype=np.int64)
    for at in range(0, n, ADD_BLOCK):
        block = vectors[at : at + ADD_BLOCK]
        nearest_list[at : at + ADD_BLOCK] = index.quantizer.search(block, 1)[1].ravel()
        index.add(block)
    index.nprobe = PROBES
    # Rows of the same list visit the same lists, which then stay in cache.
    order = np.argsort(nearest_list, kind="stable")
    for at in range(0, n, QUERY_BLOCK):
        rows = order[at : at + QUERY_BLOCK]
        wider = float(_search_radius(radius, HALF_EPSILON))
        limits, _, other = index.range_search(vectors[rows], wider)
        row = np.repeat(rows, np.diff(limits.astype(np.int64)))
        row, other = row[other != row], other[other != row]
        similarity = cosine(vectors, row, other)
        near = similarity >= _search_radius(radius)
        yield row[near], other[near], similarity[near]
        progress(min(at + QUERY_BLOCK, n), n)


def inverted_hits(
    vectors: Vectors,
    rare: csr_array,
    radius: float,
    progress: Progress,
    floor: float | None = None,
    wanted: Wanted | None = None,
) -> Iterator[Hits]:
    """Search among earlier rows that share rare features with a row.

    A sparse product gives the cosine of rare features alone, one block of rows at a time. Whole
    vectors are compared only for the pairs where it is high, about :data:`SHARING_PER_RECORD` per
    record. The rows are searched in :data:`SHARING_PARTS` parts, each among the rows up to its end:
    that takes little more than half of the products of all rows with all.

    Where the rows are part of a file, `floor` is the cosine of rare features from which pairs are
    compared in it, and `wanted` tells which of these pairs are compared here.
    """
    n = len(vectors)
    rare = unit_rows(rare)
    if floor is None:
        floor = _sharing_floor(rare, rare.T.tocsr())

    def search_block(at: int, postings: csr_array) -> Hits:
        shared = rare[at : at + SHARING_BLOCK] @ postings
        alike = np.flatnonzero(shared.data >= floor)
        row = at - 1 + np.searchsorted(shared.indptr, alike, side="right")
        other = shared.indices[alike].astype(np.int64)
        earlier = other < row
        row, other = row[earlier], other[earlier]
        if wanted is not None:
            here = wanted(row, other)
            row, other = row[here], other[here]
        similarity = cosine(vectors, row, other)
        near = similarity >= _search_radius(radius)
        return row[near], other[near], similarity[near]

    part = SHARING_BLOCK * max(-(-n // (SHARING_BLOCK * SHARING_PARTS)), 1)
    with ThreadPoolExecutor(cpu_count()) as pool:
        for start in range(0, n, part):
            end = min(start + part, n)
            search = partial(search_block, postings=rare[:end].T.tocsr())
            starts = range(start, end, SHARING_BLOCK)
            for at, hits in zip(starts, pool.map(search, starts), strict=True):
                yield hits
                progress(min(at + SHARING_BLOCK, n), n)


def unit_rows(rare: csr_array) -> csr_array:
    """Scale the rows of a sparse matrix to length 1, so that long records do not share too much."""
    from scipy.sparse import csr_array

    per_row = np.diff(rare.indptr)
    row = np.repeat(np.arange(rare.shape[0]), per_row)
    length = np.sqrt(np.bincount(row, rare.data.astype(np.float64) ** 2, rare.shape[0]))
    scaled = (rare.data / np.repeat(np.maximum(length, 1e-9), per_row)).astype(np.float32)
    return csr_array((scaled, rare.indices, rare.indptr), shape=rare.shape)


def _sharing_floor(rare: csr_array, postings: csr_array) -> float:
    """Estimate the cosine of rare features that :data:`SHARING_PER_RECORD` records reach."""
    n = rare.shape[0]
    rows = np.sort(np.random.default_rng(0).permutation(n)[:SHARING_BLOCK])
    shared = np.sort((rare[rows] @ postings).data)
    allowed = len(rows) * (SHARING_PER_RECORD + 1)  # each row also shares features with itself
    return float(shared[-allowed]) if len(shared) > allowed else 0.0


def pair_frame(
    row: NDArray[np.int64], other: NDArray[np.int64], similarity: NDArray[np.float32]
) -> pl.DataFrame:
    """Convert hits to a frame of schema :data:`CANDIDATES`, unsorted; a pair may occur twice."""
    return pl.DataFrame(
        {
            "left": np.minimum(row, other).astype(np.uint32),
            "right": np.maximum(row, other).astype(np.uint32),
            "similarity": similarity.astype(np.float32),
        },
        schema=CANDIDATES,
    )


def cosine(vectors: Vectors, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float32]:
    """Compute the cosine of each pair of unit vectors, (k,) float32."""
    similarity = np.empty(len(left), dtype=np.float32)
    for at in range(0, len(left), COSINE_BLOCK):
        block = slice(at, at + COSINE_BLOCK)
        if isinstance(vectors, Int8Vectors):
            similarity[block] = vectors.dot(left[block], right[block])
        else:
            similarity[block] = np.einsum("ij,ij->i", vectors[left[block]], vectors[right[block]])
    return np.clip(similarity, -1, 1)


def _search_radius(radius: float, epsilon: np.float32 = EPSILON) -> np.float32:
    """Lower a radius for FAISS, whose comparison is strict and which rounds differently."""
    return np.float32(radius) - epsilon


def load_faiss() -> Any:
    """Import FAISS, after torch where both bring an OpenMP runtime."""
    # On some systems faiss and torch each bring an OpenMP runtime; torch's must be loaded first.
    if platform.system() == "Darwin":
        import torch  # noqa: F401

    # isort: split
    import faiss

    return faiss
