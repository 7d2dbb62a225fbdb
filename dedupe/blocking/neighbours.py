"""Nearest neighbours of every record, exactly, and by more than one view of it.

A view is a way to compare records: by their whole texts, or by the field that names them alone, in
which long descriptions do not count. Each view has dense vectors, in which FAISS finds the nearest
records, and the exact weights of all features, by which these are put in order: the projection to
few dimensions blurs the order of records that are not very similar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import (
    ANY_SOURCE,
    CANDIDATES,
    QUERY_BLOCK,
    Vectors,
    cosine,
    load_faiss,
    pair_frame,
)
from dedupe.blocking.bi_encoder import BiEncoder, embed
from dedupe.blocking.int8 import Int8Vectors
from dedupe.blocking.naming_field import naming_values
from dedupe.blocking.tfidf import HashedTfidf
from dedupe.progress import Progress, silent

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DEPTH = 40
"""Nearest neighbours that FAISS finds for each record, to be put in order exactly."""
DEPTH_WITHIN = 16
"""The same within a source, where neighbours in other sources are listed apart."""
EXACT_BLOCK = 8192
"""Pairs whose features are gathered together."""
NAME_DIMENSIONS = 256
"""Dimensions of the vectors of naming fields, which are short."""


@dataclass(frozen=True, eq=False)
class View:
    """One way to compare n records.

    Parameters
    ----------
    vectors
        (n, d) float32 unit vectors; zeros for a record that this view does not see.
    features
        (n, f) weights of all features, rows of length 1; ``None``: cosines of the vectors count.
    """

    vectors: NDArray[np.float32]
    features: csr_array | None = None

    def similarity(
        self, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]
    ) -> NDArray[np.float32]:
        """Compute the similarity of each pair of records, (k,) float32."""
        if self.features is None:
            return cosine(self.vectors, left, right)
        return _products(self.features, left, right)


def _products(
    features: csr_array, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]
) -> NDArray[np.float32]:
    """Compute the products of pairs of sparse rows, (k,); fast where `left` is sorted.

    The features of a left row are spread out once, and read at the features of all its partners.
    """
    products = np.empty(len(left), dtype=np.float32)
    spread = np.zeros(features.shape[1], dtype=np.float32)
    for at in range(0, len(left), EXACT_BLOCK):
        rows = left[at : at + EXACT_BLOCK]
        others = features[right[at : at + EXACT_BLOCK]]
        terms = np.empty(len(others.data), dtype=np.float32)
        changes = np.flatnonzero(np.diff(rows)) + 1
        for start, stop in pairwise([0, *changes.tolist(), len(rows)]):
            own = slice(features.indptr[rows[start]], features.indptr[rows[start] + 1])
            part = slice(others.indptr[start], others.indptr[stop])
            spread[features.indices[own]] = features.data[own]
            terms[part] = spread[others.indices[part]]
            spread[features.indices[own]] = 0
        pair = np.repeat(np.arange(len(rows)), np.diff(others.indptr))
        products[at : at + EXACT_BLOCK] = np.bincount(pair, terms * others.data, len(rows))
    return products


def views_of(encoder: BiEncoder, texts: Sequence[str], vectors: Vectors) -> tuple[View, ...]:
    """Make the views of n record texts, the whole text first.

    Parameters
    ----------
    encoder
        Embedded the texts. Only the bundled one has features, and a view of the naming field.
    texts
        n record texts.
    vectors
        (n, d) unit vectors of the texts. There are no views of quantized ones, which are not
        searched exactly.
    """
    if isinstance(vectors, Int8Vectors):
        return ()
    if not isinstance(encoder, HashedTfidf):
        return (View(vectors),)
    whole = View(vectors, encoder.features(texts))
    names = naming_values(texts)
    if names is None:
        return (whole,)
    of_names = HashedTfidf.fit(names)
    wide = embed(of_names, names)
    # Sums of dimensions of a random projection are a random projection too.
    narrow = wide.reshape(len(wide), -1, NAME_DIMENSIONS).sum(axis=1)
    narrow /= np.maximum(np.linalg.norm(narrow, axis=1, keepdims=True), np.float32(1e-12))
    return whole, View(narrow, of_names.features(names))


def nearest_pairs(
    view: View,
    k: int,
    source: NDArray[np.uint8] | None = None,
    progress: Progress = silent,
    *,
    within: bool = True,
) -> pl.DataFrame:
    """Pair each record with its `k` nearest, of its own source and of the others.

    Parameters
    ----------
    view
        The view of n records by which they are compared.
    k
        Most neighbours of a record. Of its own source :data:`DEPTH_WITHIN`, if there are several.
    source
        (n,) u8 number of each record's source; :data:`ANY_SOURCE` differs from all.
        ``None``: there is one list of all records.
    progress
        Called after each block.
    within
        Whether records of one source may be paired.

    Returns
    -------
    DataFrame
        Schema :data:`~dedupe.blocking.backends.CANDIDATES`, with the similarity of the view.
    """
    n = len(view.vectors)
    k_within = k if source is None else min(k, DEPTH_WITHIN)
    source = np.zeros(n, dtype=np.uint8) if source is None else source
    seen = np.flatnonzero(view.vectors.any(axis=1))
    frames = [pl.DataFrame(schema=CANDIDATES)]
    across = _RunningNearest(n, k)
    groups = np.unique(source[seen])
    for number, group in enumerate(groups):
        members = seen[source[seen] == group]
        index = load_faiss().IndexFlatIP(view.vectors.shape[1])
        index.add(view.vectors[members])
        asked = seen if within or group == ANY_SOURCE else seen[source[seen] != group]
        for at in range(0, len(asked), QUERY_BLOCK):
            rows = asked[at : at + QUERY_BLOCK]
            similarity, place = index.search(view.vectors[rows], min(k + 1, len(members)))
            other = members[place]
            similarity[other == rows[:, None]] = _NOTHING
            own = (source[rows] == group) & (group != ANY_SOURCE)
            if within and own.any():
                frames.append(_frame(rows[own], other[own], similarity[own], k_within))
            if not own.all():
                across.add(rows[~own], other[~own], similarity[~own])
            done = number + (at + len(rows)) / len(asked)
            progress(int(done * n / len(groups)), n)
    frames.append(_frame(np.arange(n), across.other, across.similarity, k))
    pairs = pl.concat(frames).unique(["left", "right"]).sort("left", "right")
    exact = view.similarity(pairs["left"].to_numpy(), pairs["right"].to_numpy())
    return pairs.with_columns(pl.Series("similarity", exact))


_NOTHING = np.float32(-2)
"""Similarity of a record with itself, and where there are too few others."""


def _frame(
    rows: NDArray[np.int64],
    other: NDArray[np.int64],
    similarity: NDArray[np.float32],
    k: int,
) -> pl.DataFrame:
    """Pair rows with the `k` nearest of their (m, .) others."""
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    similarity = np.take_along_axis(similarity, order, axis=1)
    other = np.take_along_axis(other, order, axis=1)
    found = similarity > _NOTHING
    row = np.repeat(rows, found.sum(axis=1))
    return pair_frame(row, other[found], similarity[found])


class _RunningNearest:
    """The k nearest others of n rows, over sources that come one after another."""

    def __init__(self, n: int, k: int) -> None:
        self.other = np.zeros((n, k), dtype=np.int64)
        self.similarity = np.full((n, k), _NOTHING, dtype=np.float32)

    def add(
        self, rows: NDArray[np.int64], other: NDArray[np.int64], similarity: NDArray[np.float32]
    ) -> None:
        similarity = np.concatenate([self.similarity[rows], similarity], axis=1)
        other = np.concatenate([self.other[rows], other], axis=1)
        k = self.other.shape[1]
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        self.similarity[rows] = np.take_along_axis(similarity, order, axis=1)
        self.other[rows] = np.take_along_axis(other, order, axis=1)
