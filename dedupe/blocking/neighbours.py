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
    ADD_BLOCK,
    ANY_SOURCE,
    CANDIDATES,
    QUERY_BLOCK,
    Vectors,
    cosine,
    load_faiss,
    pair_frame,
)
from dedupe.blocking.embedding.bi_encoder import BiEncoder, embed
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.blocking.embedding.naming_field import field_values, naming_field
from dedupe.blocking.embedding.tfidf import HashedTfidf
from dedupe.progress import Progress, silent

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DEPTH = 40
"""Nearest neighbours that FAISS finds for each record, to be put in order exactly."""
DEPTH_WITHIN = 16
"""The same within a source, where neighbours in other sources are listed apart."""
EXACT_BLOCK = 8192
"""Pairs whose features are gathered together."""
FULL_UP_TO = 20_000
"""Number of texts up to which FAISS compares all dimensions of their vectors."""
FEWER_DIMENSIONS = 256
"""Dimensions that it compares of more texts, where features put neighbours in order."""
NAME_WEIGHT = 2.0
"""Factor of ranks by the naming field, beside those by whole texts."""
NAME_DIMENSIONS = 256
"""Dimensions of the vectors of naming fields, which are short."""


@dataclass(frozen=True, eq=False)
class View:
    """One way to compare n texts.

    Parameters
    ----------
    vectors
        (n, d) unit vectors; zeros for a text of which this view sees nothing.
    weights
        Weights of the features by which neighbours are put in order; ``None``: cosines count.
    texts
        (n,) of str: what the view sees of each text; only used with `weights`.
    rank_weight
        Factor of the ranks among its neighbours, beside those of other views.
    """

    vectors: Vectors
    weights: HashedTfidf | None = None
    texts: pl.Series | None = None
    rank_weight: float = 1.0

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(n,) bool: texts of which this view sees anything."""
        vectors = self.vectors
        values = vectors.values if isinstance(vectors, Int8Vectors) else vectors
        return np.asarray(values.any(axis=1))

    def folded(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return vectors to find neighbours by, (k, d) float32.

        Where neighbours are put in order by features, half of the dimensions find nearly all.
        """
        vectors = self.vectors[rows]
        few = len(self.vectors) <= FULL_UP_TO or vectors.shape[1] <= FEWER_DIMENSIONS
        if self.weights is None or few:
            return vectors
        return folded(vectors, FEWER_DIMENSIONS)

    def similarity(
        self, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]
    ) -> NDArray[np.float32]:
        """Compute the similarity of each pair of texts, (k,) float32."""
        if self.weights is None or self.texts is None:
            return cosine(self.vectors, left, right)
        rows, place = np.unique(np.concatenate([left, right]), return_inverse=True)
        features = self.weights.features(self.texts.gather(rows).to_list())
        return _products(features, place[: len(left)], place[len(left) :])


def similarity_between(
    new: View, stored: View, row: NDArray[np.int64], slot: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Compute the similarity of texts of one view with those of another of the same kind, (k,)."""
    if stored.weights is None or stored.texts is None or new.texts is None:
        pairs: NDArray[np.float32] = np.einsum("ij,ij->i", new.vectors[row], stored.vectors[slot])
        return pairs
    rows, left = np.unique(row, return_inverse=True)
    slots, right = np.unique(slot, return_inverse=True)
    texts = [*new.texts.gather(rows).to_list(), *stored.texts.gather(slots).to_list()]
    return _products(stored.weights.features(texts), left, right + len(rows))


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


@dataclass(frozen=True, eq=False)
class NamingField:
    """The naming field of n texts, embedded.

    Parameters
    ----------
    label
        Label of the field.
    weights
        Weights of the features of its values.
    vectors
        (n, :data:`NAME_DIMENSIONS`) unit vectors; zeros for a text without the field.
    """

    label: str
    weights: HashedTfidf
    vectors: Vectors

    @classmethod
    def of(cls, texts: Sequence[str]) -> NamingField | None:
        """Find the naming field of `texts`, and embed its values; ``None`` if there is none."""
        label = naming_field(texts)
        if label is None:
            return None
        names = field_values(texts, label)
        weights = HashedTfidf.fit(names)
        return cls(label, weights, embed_names(weights, names))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed the field of further texts, (m, :data:`NAME_DIMENSIONS`) float32."""
        return embed_names(self.weights, field_values(texts, self.label))


def views_of(
    texts: Sequence[str],
    encoder: BiEncoder,
    vectors: Vectors,
    names: NamingField | None = None,
    semantic: Vectors | None = None,
) -> tuple[View, ...]:
    """Make the views of n record texts, the whole text first.

    Parameters
    ----------
    texts
        n record texts.
    encoder
        Embedded the texts. Only the bundled one has features to put neighbours in order.
    vectors
        (n, d) unit vectors of the texts.
    names
        The naming field of the texts, if they have one.
    semantic
        (n, e) unit vectors of a second bi-encoder, in a hybrid search.
    """
    if not isinstance(encoder, HashedTfidf):
        return (View(vectors),)
    views = [View(vectors, encoder, pl.Series(texts, dtype=pl.String))]
    if names is not None:
        values = pl.Series(field_values(texts, names.label), dtype=pl.String)
        views.append(View(names.vectors, names.weights, values, NAME_WEIGHT))
    if semantic is not None:
        views.append(View(semantic))
    return tuple(views)


def embed_names(weights: HashedTfidf, names: Sequence[str]) -> NDArray[np.float32]:
    """Embed values of the naming field, (n, :data:`NAME_DIMENSIONS`) float32 unit vectors."""
    wide = embed(weights, names)
    return folded(wide, NAME_DIMENSIONS)


def folded(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """Add up the dimensions of random projections, which makes a projection to fewer of them."""
    narrow: NDArray[np.float32] = vectors.reshape(len(vectors), -1, dimensions).sum(axis=1)
    narrow /= np.maximum(np.linalg.norm(narrow, axis=1, keepdims=True), np.float32(1e-12))
    return narrow


@dataclass(frozen=True, eq=False)
class Asked:
    """Which of n texts look for neighbours, and which can be found.

    Parameters
    ----------
    rows
        (m,) numbers of the texts that look for neighbours.
    searchable
        (n,) bool: texts that can be found.
    """

    rows: NDArray[np.int64]
    searchable: NDArray[np.bool_]

    @classmethod
    def all(cls, n: int) -> Asked:
        """Ask for the neighbours of all texts among all."""
        return cls(np.arange(n), np.ones(n, dtype=bool))


def nearest_pairs(
    view: View,
    k: int,
    asked: Asked,
    source: NDArray[np.uint8] | None = None,
    progress: Progress = silent,
    *,
    within: bool = True,
) -> pl.DataFrame:
    """Pair each text with its `k` nearest, of its own source and of the others.

    Parameters
    ----------
    view
        The view of n texts by which they are compared.
    k
        Most neighbours of a text. Of its own source :data:`DEPTH_WITHIN`, if there are several.
    asked
        Which texts look for neighbours, and which can be found.
    source
        (n,) u8 number of each text's source; :data:`ANY_SOURCE` differs from all.
        ``None``: there is one list of all texts.
    progress
        Called after each block.
    within
        Whether texts of one source may be paired.

    Returns
    -------
    DataFrame
        Schema :data:`~dedupe.blocking.backends.CANDIDATES`, with the similarity of the view.
    """
    n = len(view.vectors)
    k_within = k if source is None else min(k, DEPTH_WITHIN)
    source = np.zeros(n, dtype=np.uint8) if source is None else source
    seen = view.seen
    rows, found = asked.rows[seen[asked.rows]], np.flatnonzero(seen & asked.searchable)
    frames = [pl.DataFrame(schema=CANDIDATES)]
    across = _RunningNearest(rows, k)
    groups = np.unique(source[found])
    for number, group in enumerate(groups):
        members = found[source[found] == group]
        index = load_faiss().IndexFlatIP(view.folded(members[:1]).shape[1])
        for at in range(0, len(members), ADD_BLOCK):
            index.add(view.folded(members[at : at + ADD_BLOCK]))
        looking = rows if within or group == ANY_SOURCE else rows[source[rows] != group]
        for at in range(0, len(looking), QUERY_BLOCK):
            block = looking[at : at + QUERY_BLOCK]
            similarity, place = index.search(view.folded(block), min(k + 1, len(members)))
            other = members[place]
            similarity[other == block[:, None]] = _NOTHING
            own = (source[block] == group) & (group != ANY_SOURCE)
            if within and own.any():
                frames.append(_frame(block[own], other[own], similarity[own], k_within))
            if not own.all():
                across.add(block[~own], other[~own], similarity[~own])
            done = number + (at + len(block)) / len(looking)
            progress(int(done * n / len(groups)), n)
    frames.append(_frame(rows, across.other, across.similarity, k))
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
    """Pair rows with the first `k` of their (m, .) others, which are sorted but for gaps."""
    found = similarity > _NOTHING
    found &= np.cumsum(found, axis=1) <= k
    return pair_frame(np.repeat(rows, found.sum(axis=1)), other[found], similarity[found])


class _RunningNearest:
    """The k nearest others of m sorted rows, over sources that come one after another."""

    def __init__(self, rows: NDArray[np.int64], k: int) -> None:
        self._rows = rows
        self.other = np.zeros((len(rows), k), dtype=np.int64)
        self.similarity = np.full((len(rows), k), _NOTHING, dtype=np.float32)

    def add(
        self, rows: NDArray[np.int64], other: NDArray[np.int64], similarity: NDArray[np.float32]
    ) -> None:
        place = np.searchsorted(self._rows, rows)
        similarity = np.concatenate([self.similarity[place], similarity], axis=1)
        other = np.concatenate([self.other[place], other], axis=1)
        k = self.other.shape[1]
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        self.similarity[place] = np.take_along_axis(similarity, order, axis=1)
        self.other[place] = np.take_along_axis(other, order, axis=1)
