"""Lookup of the stored texts that are nearest to new ones, which are not stored: for matching.

Where rare features are stored, texts that share the most of them are compared by cosine. Elsewhere
neighbours are searched by the views of a run, and those that rank best in any of them are returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dedupe.blocking.backends import load_faiss
from dedupe.blocking.embedding.tfidf import HashedTfidf
from dedupe.blocking.index import Index
from dedupe.blocking.neighbours import DEPTH, View, similarity_between
from dedupe.blocking.retrieve import most_sharing

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Nearest = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""Numbers of new texts, of stored texts that are near them, and their cosines, (h,) each."""


class Lookup:
    """Looks up the stored texts that are nearest to new ones.

    Parameters
    ----------
    index
        s stored texts.
    texts
        The s texts; only looked at where the index has views.
    searchable
        (s,) bool: texts that can be found.
    """

    def __init__(self, index: Index, texts: Sequence[str], searchable: NDArray[np.bool_]) -> None:
        self._index = index
        self._searchable = searchable
        self._views = [_SearchedView(view, searchable) for view in index.views(texts)]

    def nearest(self, texts: Sequence[str], k: int) -> Nearest:
        """Look up the `k` nearest stored texts of each new one, or fewer, the nearest first.

        A text gets the same alone as among others; an empty one gets none.
        """
        if self._views:
            return self._nearest_by_views(texts, k)
        return self._nearest_by_features(texts, k)

    def _nearest_by_views(self, texts: Sequence[str], k: int) -> Nearest:
        asked = self._index.views_of_new(texts)
        found = [_ranked(new, stored) for new, stored in zip(asked, self._views, strict=True)]
        row, slot, rank = (np.concatenate(part) for part in zip(*found, strict=True))
        # Of the ranks of a pair in several views, the best one counts.
        order = np.lexsort((rank, slot, row))
        row, slot, rank = row[order], slot[order], rank[order]
        first = np.append(True, (np.diff(row) != 0) | (np.diff(slot) != 0))[: len(row)]
        row, slot, rank = row[first], slot[first], rank[first]
        whole = self._index.vectors[slot]
        cosine = np.clip(np.einsum("ij,ij->i", asked[0].vectors[row], whole), -1, 1)
        order = np.lexsort((slot, -cosine, rank, row))
        row, slot, cosine = row[order], slot[order], cosine[order]
        best = np.arange(len(row)) - np.searchsorted(row, row) < k
        row, slot, cosine = row[best], slot[best], cosine[best]
        order = np.lexsort((slot, -cosine, row))
        return row[order], slot[order], cosine[order].astype(np.float32)

    def _nearest_by_features(self, texts: Sequence[str], k: int) -> Nearest:
        encoder = self._index.encoder
        assert isinstance(encoder, HashedTfidf)
        vectors, rare = encoder.embed_new(texts)
        parts = [slice(*ends) for ends in pairwise(rare.indptr.tolist())]
        found = [
            self._most_similar(vector, rare.indices[part], rare.data[part], k)
            for vector, part in zip(vectors, parts, strict=True)
        ]
        row = np.repeat(np.arange(len(texts)), [len(slots) for slots, _ in found])
        slots = np.concatenate([np.empty(0, np.int64), *(slots for slots, _ in found)])
        cosine = np.concatenate([np.empty(0, np.float32), *(cosine for _, cosine in found)])
        return row, slots, cosine

    def _most_similar(
        self,
        vector: NDArray[np.float32],
        features: NDArray[np.int32],
        weights: NDArray[np.float32],
        k: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the `k` texts of the highest cosines among those that share rare features."""
        texts = most_sharing(*self._sharing(features, weights))
        similarity = self._index.vectors[texts] @ vector
        if len(texts) > k:
            nearest = np.sort(np.argpartition(-similarity, k - 1)[:k])
            texts, similarity = texts[nearest], similarity[nearest]
        order = np.lexsort((texts, -similarity))
        clipped: NDArray[np.float32] = np.clip(similarity[order], -1, 1).astype(np.float32)
        return texts[order].astype(np.int64), clipped

    @cached_property
    def _postings(self) -> csr_array:
        assert self._index.rare is not None
        return self._index.rare.T.tocsr()

    def _sharing(
        self, features: NDArray[np.int32], weights: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Find the texts that share one of some features, and their dot products with them."""
        starts = self._postings.indptr
        lists = [slice(*ends) for ends in zip(starts[features], starts[features + 1], strict=True)]
        if not lists:
            return np.empty(0, dtype=np.int64), np.empty(0)
        hits = np.concatenate([self._postings.indices[part] for part in lists])
        products = np.concatenate(
            [
                self._postings.data[part] * weight
                for part, weight in zip(lists, weights, strict=True)
            ]
        )
        texts, position = np.unique(hits, return_inverse=True)
        total = np.bincount(position, products)
        found = self._searchable[texts]
        return texts[found].astype(np.int64), total[found]


class _SearchedView:
    """A view of stored texts, in a FAISS index."""

    def __init__(self, view: View, searchable: NDArray[np.bool_]) -> None:
        self.view = view
        self._found = np.flatnonzero(view.seen & searchable)
        self._index = load_faiss().IndexFlatIP(view.vectors.shape[1])
        self._index.add(view.vectors[self._found])

    def nearest(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the :data:`DEPTH` nearest texts of (m, d) vectors: rows and texts, (h,) each."""
        k = min(DEPTH, len(self._found))
        if not k or not len(vectors):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        # One by one: FAISS sums up several together in another order.
        place = np.concatenate([self._index.search(vector[None], k)[1][0] for vector in vectors])
        return np.repeat(np.arange(len(vectors)), k), self._found[place]


def _ranked(
    new: View, stored: _SearchedView
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Find the stored texts near to new ones in one view, and their weighted ranks from 1."""
    asked = np.flatnonzero(new.seen)
    place, slot = stored.nearest(new.vectors[asked])
    row = asked[place]
    similarity = similarity_between(new, stored.view, row, slot)
    order = np.lexsort((slot, -similarity, row))
    row, slot = row[order], slot[order]
    rank = 1 + np.arange(len(row)) - np.searchsorted(row, row)
    return row, slot, rank.astype(np.float64) * stored.view.rank_weight
