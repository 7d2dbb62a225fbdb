"""Hashed TF-IDF: embeddings of record texts from character trigrams and words.

Records are short and full of names, codes and numbers; matching records mostly share spellings.
The embedding is a TF-IDF vector of hashed character trigrams and words, weighted by their rarity in
the file it is fitted to, and projected to a few hundred dimensions by a sparse random projection
(Achlioptas, "Database-friendly random projections", 2003; feature hashing after Weinberger et al.,
2009), so that one dense vector fits one FAISS index. In a large file the rarest features of a text
find the records it is compared with: trigrams, words, and pairs of neighbouring words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.backends import unit_rows
from dedupe.blocking.embedding.features import (
    BUCKET_BITS,
    COLUMNS,
    EMBEDDED,
    Features,
    extract_features,
)
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.models.loading import cpu_count

DIMENSIONS = 512
DIMENSIONS_PER_FEATURE = 4
"""Dimensions that each trigram or word is added to or subtracted from."""
RARITY_POWER = 1.5
"""Exponent of the inverse document frequency; above 1, features that are rare in the file weigh
more."""
FIELD_DAMPING = 0.5
"""Exponent of the field length that the weights of a field are divided by: with 0.5, a long
description weighs more than a short title, but less than in proportion to its length."""
BLOCK = 4096
"""Texts processed together, so that the arrays of their trigrams stay in cache."""
COUNTED_BLOCKS = 16
"""Blocks whose features are counted together: each count goes over all buckets."""
SHARING_PER_RECORD = 1_500
"""Mean number of other records that a record may share a rare feature with."""
MAX_RARE = 24
"""Rare features per record, the rarest first."""
MAX_SINGLETONS = 40
"""Features that no other record has, per record, kept beside those."""
SINGLETON_BELOW = 1.5
"""Number of records below which a bucket belongs to a single record; frequencies are restored from
rounded weights."""
_Result = TypeVar("_Result")
_U = np.uint64
_RareFeatures: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32]]
"""Number of rare features of each text, and their columns, text after text."""


class HashedTfidf:
    """Embeds record texts, with weights fitted to one file.

    Parameters
    ----------
    rarity
        (k, 2^20) float32: weight of each bucket, kind after kind. Of a small file the kinds are
        trigrams and words; where rare features are looked up, pairs of neighbouring words as well.
    fitted_on
        Number of texts that the weights were fitted to.
    """

    def __init__(self, rarity: NDArray[np.float32], fitted_on: int) -> None:
        self.rarity = rarity
        self.fitted_on = fitted_on

    @classmethod
    def fit(cls, texts: Sequence[str], kinds: int = EMBEDDED) -> HashedTfidf:
        """Fit weights to the document frequencies of features in `texts`.

        Parameters
        ----------
        texts
            n record texts.
        kinds
            :data:`~dedupe.blocking.embedding.features.EMBEDDED` for vectors alone,
            :data:`~dedupe.blocking.embedding.features.KINDS` for rare features as well.
        """
        return cls.of_counts(cls.count(texts, kinds), len(texts))

    @staticmethod
    def count(texts: Sequence[str], kinds: int = EMBEDDED) -> NDArray[np.int64]:
        """Count the occurrences of features in `texts` by bucket, (kinds, 2^20).

        The counts of the parts of a file add up to those of the file.
        """
        counts = np.zeros((kinds, 1 << BUCKET_BITS), dtype=np.int64)
        blocks = _in_blocks(
            texts, lambda block: [found.bucket for found in extract_features(block, kinds)]
        )
        while some := list(islice(blocks, COUNTED_BLOCKS)):
            for kind, buckets in enumerate(zip(*some, strict=True)):
                counts[kind] += np.bincount(np.concatenate(buckets), minlength=counts.shape[1])
        return counts

    @classmethod
    def of_counts(cls, counts: NDArray[np.int64], texts: int) -> HashedTfidf:
        """Fit weights to the counts of :meth:`count` and the number of texts."""
        # Computed once per count where these are fewer than buckets: of a small file, most have
        # none.
        table = int(counts.max()) < counts.size
        of_counts = np.arange(counts.max() + 1) if table else counts
        inverse_frequency = (texts + 1) / np.maximum(of_counts, 1)
        rarity = np.maximum(np.log(inverse_frequency), 0) ** RARITY_POWER
        weights = rarity.astype(np.float32)
        return cls(weights[counts] if table else weights, texts)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> HashedTfidf:
        """Restore an embedding from its :meth:`to_arrays`."""
        fitted_on = int(arrays["fitted_on"][0])
        kinds = int(arrays["kinds"][0]) if "kinds" in arrays else EMBEDDED
        rarity = np.full(kinds << BUCKET_BITS, _unseen_rarity(fitted_on), dtype=np.float32)
        rarity[arrays["seen"]] = arrays["rarity"]
        return cls(rarity.reshape(kinds, -1), fitted_on)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Convert to arrays for a file: ``seen`` buckets, their ``rarity``, and two numbers."""
        rarity = self.rarity.ravel()
        seen = np.flatnonzero(rarity != _unseen_rarity(self.fitted_on)).astype(np.int32)
        return {
            "seen": seen,
            "rarity": rarity[seen],
            "fitted_on": np.array([self.fitted_on]),
            "kinds": np.array([len(self.rarity)]),
        }

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed `texts` on all cores, (n, 512) float32 unit vectors."""
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        blocks = _in_blocks(
            texts, lambda block: self._embed(extract_features(block, EMBEDDED), len(block))
        )
        for number, block in enumerate(blocks):
            vectors[number * BLOCK : number * BLOCK + len(block)] = block
        return vectors

    def features(self, texts: Sequence[str]) -> csr_array:
        """Weight all trigrams and words of `texts`, as :meth:`embed` does before it projects them.

        Returns
        -------
        csr_array
            (n, f) float32, rows of length 1: their products are the cosines of the texts.
        """
        from scipy.sparse import vstack

        blocks = list(
            _in_blocks(
                texts,
                lambda block: self._all_features(extract_features(block, EMBEDDED), len(block)),
            )
        )
        return csr_array(vstack(blocks, format="csr")) if blocks else csr_array((0, COLUMNS))

    def rare_features(self, texts: Sequence[str], *, singletons: bool = False) -> csr_array:
        """Extract the rare features of `texts`, to find records that share some.

        A feature is rare if few enough records have it that comparing all records that share one
        takes :data:`SHARING_PER_RECORD` comparisons per record. The :data:`MAX_RARE` rarest of each
        record are kept.

        Parameters
        ----------
        texts
            n record texts, of the file that the weights were fitted to or of others.
        singletons
            Also keep features of one record or none, :data:`MAX_SINGLETONS` per record: later
            records may share them.

        Returns
        -------
        csr_array
            (n, f) float32: weight of each rare feature of a record.
        """
        blocks = _in_blocks(
            texts,
            lambda block: self._rarest(self._extract(block), len(block), singletons=singletons),
        )
        return self._as_matrix(list(blocks))

    def embed_new(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], csr_array]:
        """Compute what :meth:`embed` and :meth:`rare_features` do, with singletons, in one pass."""

        def process(block: Sequence[str]) -> tuple[NDArray[np.float32], _RareFeatures]:
            features = self._extract(block)
            rare = self._rarest(features, len(block), singletons=True)
            return self._embed(features, len(block)), rare

        found = list(_in_blocks(texts, process))
        vectors = [np.empty((0, DIMENSIONS), dtype=np.float32), *(block for block, _ in found)]
        return np.concatenate(vectors), self._as_matrix([rare for _, rare in found])

    def embed_with_features(self, texts: Sequence[str]) -> tuple[Int8Vectors, csr_array]:
        """Compute quantized vectors and rare features, with singletons, in one pass."""

        def process(block: Sequence[str]) -> tuple[Int8Vectors, _RareFeatures]:
            features = self._extract(block)
            quantized = Int8Vectors.of(self._embed(features, len(block)))
            return quantized, self._rarest(features, len(block), singletons=True)

        vectors = Int8Vectors.empty(len(texts), DIMENSIONS)
        rare = []
        for number, (block, rare_of_block) in enumerate(_in_blocks(texts, process)):
            vectors.write(number * BLOCK, block)
            rare.append(rare_of_block)
        return vectors, self._as_matrix(rare)

    def without_singletons(self, rare: csr_array) -> csr_array:
        """Drop the features of one record or none; see :meth:`rare_features`."""
        keep = self.rarity.ravel()[rare.indices] < self._rarity_bounds[1]
        starts = np.concatenate([[0], np.cumsum(keep)])[rare.indptr].astype(np.int32)
        return csr_array((rare.data[keep], rare.indices[keep], starts), shape=rare.shape)

    def records_with(self, rarity: NDArray[np.float32]) -> NDArray[np.float64]:
        """Restore the number of records of buckets from their weights."""
        power = rarity.astype(np.float64) ** (1 / RARITY_POWER)
        records: NDArray[np.float64] = (self.fitted_on + 1) * np.exp(-power)
        return records

    def _extract(self, texts: Sequence[str]) -> list[Features]:
        """Extract the features that there are weights for."""
        return extract_features(texts, len(self.rarity))

    def _rarest(self, kinds: Sequence[Features], n: int, *, singletons: bool) -> _RareFeatures:
        least, singleton_from = self._rarity_bounds
        rarity = self.rarity.ravel()
        width = 1 << BUCKET_BITS
        keys = []
        for kind, features in enumerate(kinds):
            column = features.bucket + kind * width
            keep = rarity[column] >= least
            if not singletons:
                keep &= rarity[column] < singleton_from
            keys.append(features.text[keep] * COLUMNS + column[keep])
        key = np.unique(np.concatenate(keys))
        text, column = key // COLUMNS, key % COLUMNS
        order = np.lexsort((column, -rarity[column], text))
        text, column = text[order], column[order]
        rank = np.arange(len(text)) - np.searchsorted(text, text)
        # Singletons rank first; each kind has places of its own.
        singleton = rarity[column] >= singleton_from
        singletons_of_text = np.bincount(text[singleton], minlength=n)[text]
        keep = np.where(singleton, rank < MAX_SINGLETONS, rank - singletons_of_text < MAX_RARE)
        return np.bincount(text[keep], minlength=n), column[keep].astype(np.int32)

    def _as_matrix(self, blocks: Sequence[_RareFeatures]) -> csr_array:
        """Join the rare features of blocks of texts in one sparse matrix."""
        if not blocks:
            return csr_array((0, COLUMNS), dtype=np.float32)
        per_text = np.concatenate([count for count, _ in blocks])
        columns = np.concatenate([column for _, column in blocks])
        starts = np.concatenate([[0], np.cumsum(per_text)]).astype(np.int32)
        weight = self.rarity.ravel()[columns] ** np.float32(1 / RARITY_POWER)
        return csr_array((weight, columns, starts), shape=(len(per_text), COLUMNS))

    @cached_property
    def _rarity_bounds(self) -> tuple[np.float32, np.float32]:
        """Rarity from which a feature is rare, and from which it belongs to a single record."""
        n = self.fitted_on
        singleton_from = np.float32(np.log((n + 1) / SINGLETON_BELOW) ** RARITY_POWER)
        rarity = self.rarity[self.rarity < singleton_from]
        records = self.records_with(rarity)
        rarest_first = np.argsort(records, kind="stable")
        comparisons = np.cumsum(records[rarest_first] ** 2)
        affordable = int(np.searchsorted(comparisons, SHARING_PER_RECORD * n))
        if not len(rarity):
            return singleton_from, singleton_from
        return rarity[rarest_first[min(affordable, len(rarity) - 1)]], singleton_from

    def _embed(self, kinds: Sequence[Features], n: int) -> NDArray[np.float32]:
        """Weight features, and add them up in the dimensions of their texts."""
        places: list[NDArray[np.int64]] = []
        weights: list[NDArray[np.float64]] = []
        for weight, features in zip(self._weights(kinds, n), kinds[:EMBEDDED], strict=True):
            start = features.text * DIMENSIONS
            for turn in range(DIMENSIONS_PER_FEATURE):
                # Ten bits of the hash choose a dimension and a sign; the bucket uses the top ones.
                bits = (features.hash >> _U(10 * turn)).astype(np.int64)
                places.append(start + (bits & 511))
                weights.append(np.where(bits & 512, weight, -weight))
        # One pass over the vectors for all features: they are larger than the cache.
        total = np.bincount(
            np.concatenate(places), np.concatenate(weights), minlength=n * DIMENSIONS
        )
        vectors = total.reshape(n, DIMENSIONS)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(length, 1e-12), dtype=np.float32)

    def _weights(self, kinds: Sequence[Features], n: int) -> Iterator[NDArray[np.float64]]:
        """Weight what vectors are made of: rare ones more, those of long fields less."""
        for rarity, features in zip(self.rarity[:EMBEDDED], kinds[:EMBEDDED], strict=True):
            weight = rarity[features.bucket].astype(np.float64)
            length = np.sqrt(np.bincount(features.field, weight * weight))
            weight *= np.maximum(length[features.field], 1e-6) ** -FIELD_DAMPING
            length = np.sqrt(np.bincount(features.text, weight * weight, minlength=n))
            yield weight / np.maximum(length[features.text], 1e-9)

    def _all_features(self, kinds: Sequence[Features], n: int) -> csr_array:
        width = 1 << BUCKET_BITS
        weight = np.concatenate(list(self._weights(kinds, n))).astype(np.float32)
        text = np.concatenate([features.text for features in kinds])
        column = np.concatenate(
            [features.bucket + kind * width for kind, features in enumerate(kinds)]
        )
        return unit_rows(csr_array((weight, (text, column)), shape=(n, COLUMNS)))


def _unseen_rarity(fitted_on: int) -> np.float32:
    """Compute the weight of a bucket that no text has."""
    return np.float32(np.log(fitted_on + 1) ** RARITY_POWER)


def _in_blocks(
    texts: Sequence[str], process: Callable[[Sequence[str]], _Result]
) -> Iterator[_Result]:
    """Process blocks of texts in threads, and yield the results in order."""
    if len(texts) <= BLOCK:
        if texts:
            yield process(texts)
        return
    workers = cpu_count()
    blocks = (texts[at : at + BLOCK] for at in range(0, len(texts), BLOCK))
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[_Result]] = deque()
        for block in blocks:
            pending.append(pool.submit(process, block))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        for future in pending:
            yield future.result()
