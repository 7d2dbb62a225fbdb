"""Vectors from spelling: hashed trigrams and words, weighted by their rarity in the file at hand.

Records are short and full of names, codes and numbers, and what two records of one thing share is
mostly spelling. The embedding is a TF-IDF vector over hashed character trigrams beside one over
words, folded into a few hundred dimensions by a sparse random projection (Achlioptas, "Database-
friendly random projections", 2003; feature hashing after Weinberger et al., 2009), so that one
dense vector serves one FAISS index.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from os import cpu_count
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.int8 import Int8Vectors

DIMENSIONS = 512


SPREAD = 4
"""Dimensions that each trigram or word is folded into, each with a sign of its own."""


BUCKETS_BITS = 20
"""log2 of the number of hash buckets that frequencies are counted in."""


RARITY_POWER = 1.5
"""Exponent of the inverse document frequency; above 1, what is rare in the file counts for more."""


FIELD_DAMPING = 0.5
"""Power of its own length that a field's weight is divided by: 0.5 lets a long description count
for more than a short title, but not in proportion to its length."""


BLOCK = 4096
"""Texts handled at a time, so that the arrays of their trigrams stay in cache."""


COMPARED = 1_500
"""Other records, on average, that a record may share a rare feature with."""


MOST_RARE = 24
"""Rare features kept of a record, the rarest first."""


MOST_LONE = 40
"""Features of one record kept beside those."""


ALONE = 1.5
"""Records below which a bucket is one of a lone record: frequencies are rounded to a float."""


_Made = TypeVar("_Made")


_LABEL = re.compile(r"(?m)^[^:\n]*: ")


_U = np.uint64


_TRIGRAM = (_U(0x9E3779B97F4A7C15), _U(0xC2B2AE3D27D4EB4F), _U(0x165667B19E3779F9))


_BASE = _U(0x100000001B3)


_WORD_SALT = _U(0xD1B54A32D192ED03)


_LONGEST_WORD = 64


_POWERS = np.cumprod(np.full(_LONGEST_WORD, _BASE, dtype=np.uint64))


_CJK = ((0x2E80, 0xA4D0), (0xF900, 0xFB00), (0x20000, 0x40000))


@dataclass(frozen=True, eq=False)
class Features:
    """Occurrences of one kind of feature: text number, field number and hash of each, (m,)."""

    text: NDArray[np.int64]
    field: NDArray[np.int64]
    hash: NDArray[np.uint64]

    @property
    def bucket(self) -> NDArray[np.int64]:
        """Where each is counted, (m,)."""
        return (self.hash >> _U(64 - BUCKETS_BITS)).astype(np.int64)


_Rarest: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32]]
"""How many rare features each text has, and their columns, text after text."""


class HashedTfidf:
    """Embeds record texts by their spelling, with weights fitted to one file.

    Parameters
    ----------
    rarity
        (2, 2^20) float32: weight of each bucket of trigrams and of words.
    fitted_on
        Number of texts that the weights were fitted to.
    """

    def __init__(self, rarity: NDArray[np.float32], fitted_on: int) -> None:
        self.rarity = rarity
        self.fitted_on = fitted_on

    @classmethod
    def fitted(cls, texts: Sequence[str]) -> HashedTfidf:
        """Return an embedding whose weights are the rarity of trigrams and words in `texts`."""
        counts = np.zeros((2, 1 << BUCKETS_BITS), dtype=np.int64)
        for block in _by_block(texts, lambda some: [f.bucket for f in _features(some)]):
            for kind, bucket in enumerate(block):
                counts[kind] += np.bincount(bucket, minlength=counts.shape[1])
        share = (len(texts) + 1) / np.maximum(counts, 1)
        rarity = (np.maximum(np.log(share), 0) ** RARITY_POWER).astype(np.float32)
        return cls(rarity, len(texts))

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> HashedTfidf:
        """Return what :meth:`arrays` was made of."""
        fitted_on = int(arrays["fitted_on"][0])
        rarity = np.full(2 << BUCKETS_BITS, np.log(fitted_on + 1) ** RARITY_POWER, dtype=np.float32)
        rarity[arrays["seen"]] = arrays["rarity"]
        return cls(rarity.reshape(2, -1), fitted_on)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the weights to be kept: ``seen`` buckets, their ``rarity``, and ``fitted_on``."""
        flat = self.rarity.ravel()
        unseen = np.float32(np.log(self.fitted_on + 1) ** RARITY_POWER)
        seen = np.flatnonzero(flat != unseen).astype(np.int32)
        return {"seen": seen, "rarity": flat[seen], "fitted_on": np.array([self.fitted_on])}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`, (n, 512) float32, made on all cores."""
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for at, block in enumerate(_by_block(texts, lambda some: self._embed(*_read(some)))):
            vectors[at * BLOCK : at * BLOCK + len(block)] = block
        return vectors

    def rare_features(self, texts: Sequence[str], *, lone: bool = False) -> csr_array:
        """Return the rare trigrams and words of `texts`, for finding records that share some.

        A feature is rare if few enough records have it that comparing all who share one takes
        :data:`COMPARED` comparisons a record; of each record the :data:`MOST_RARE` rarest count.

        Parameters
        ----------
        texts
            n record texts, of the file that the weights were fitted to or of others.
        lone
            Keep features of one record or none as well, :data:`MOST_LONE` a record: records that
            come later may share them.

        Returns
        -------
        csr_array
            (n, 2^21) float32: the rarity of each feature that a record has.
        """
        made = _by_block(texts, lambda some: self._rarest(*_read(some), lone=lone))
        return self._as_rows(list(made))

    def read(self, texts: Sequence[str]) -> tuple[Int8Vectors, csr_array]:
        """Return vectors at a byte a dimension and rare features, lone ones too, in one pass."""

        def both(some: Sequence[str]) -> tuple[Int8Vectors, _Rarest]:
            found = _read(some)
            return Int8Vectors.of(self._embed(*found)), self._rarest(*found, lone=True)

        vectors = Int8Vectors.empty(len(texts), DIMENSIONS)
        rarest = []
        for at, (block, rare) in enumerate(_by_block(texts, both)):
            vectors.put(at * BLOCK, block)
            rarest.append(rare)
        return vectors, self._as_rows(rarest)

    def _rarest(self, kinds: Sequence[Features], n: int, *, lone: bool) -> _Rarest:
        least, lone_from = self._rare_from
        rarities = self.rarity.ravel()
        width = 1 << BUCKETS_BITS
        keys = []
        for kind, found in enumerate(kinds):
            column = found.bucket + kind * width
            rarity = rarities[column]
            keep = rarity >= least
            if not lone:
                keep &= rarity < lone_from
            keys.append(found.text[keep] * (2 * width) + column[keep])
        key = np.unique(np.concatenate(keys))
        text, column = key // (2 * width), key % (2 * width)
        order = np.lexsort((column, -rarities[column], text))
        text, column = text[order], column[order]
        rank = np.arange(len(text)) - np.searchsorted(text, text)
        # The lone ones come first: neither kind takes places of the other.
        alone = rarities[column] >= lone_from
        before = np.bincount(text[alone], minlength=n)[text]
        kept = np.where(alone, rank < MOST_LONE, rank - before < MOST_RARE)
        return np.bincount(text[kept], minlength=n), column[kept].astype(np.int32)

    def _as_rows(self, blocks: Sequence[_Rarest]) -> csr_array:
        width = 2 << BUCKETS_BITS
        if not blocks:
            return csr_array((0, width), dtype=np.float32)
        per_text = np.concatenate([count for count, _ in blocks])
        columns = np.concatenate([column for _, column in blocks])
        starts = np.concatenate([[0], np.cumsum(per_text)]).astype(np.int32)
        weight = self.rarity.ravel()[columns] ** np.float32(1 / RARITY_POWER)
        return csr_array((weight, columns, starts), shape=(len(per_text), width))

    def shared(self, rare: csr_array) -> csr_array:
        """Return `rare` without the features of one record or none; see :meth:`rare_features`."""
        keep = self.rarity.ravel()[rare.indices] < self._rare_from[1]
        starts = np.concatenate([[0], np.cumsum(keep)])[rare.indptr].astype(np.int32)
        return csr_array((rare.data[keep], rare.indices[keep], starts), shape=rare.shape)

    @cached_property
    def _rare_from(self) -> tuple[np.float32, np.float32]:
        """Rarity from which a feature is rare, and from which only one record has it."""
        n = self.fitted_on
        lone_from = np.float32(np.log((n + 1) / ALONE) ** RARITY_POWER)
        rarity = self.rarity[self.rarity < lone_from]
        # The weight of a bucket tells how many records have it.
        records = (n + 1) * np.exp(-(rarity.astype(np.float64) ** (1 / RARITY_POWER)))
        falling = np.argsort(records, kind="stable")
        within = int(np.searchsorted(np.cumsum(records[falling] ** 2), COMPARED * n))
        if not len(rarity):
            return lone_from, lone_from
        return rarity[falling[min(within, len(rarity) - 1)]], lone_from

    def _embed(self, kinds: Sequence[Features], n: int) -> NDArray[np.float32]:
        places: list[NDArray[np.int64]] = []
        weights: list[NDArray[np.float64]] = []
        for rarity, found in zip(self.rarity, kinds, strict=True):
            weight = rarity[found.bucket].astype(np.float64)
            length = np.sqrt(np.bincount(found.field, weight * weight))
            weight *= np.maximum(length[found.field], 1e-6) ** -FIELD_DAMPING
            length = np.sqrt(np.bincount(found.text, weight * weight, minlength=n))
            weight /= np.maximum(length[found.text], 1e-9)
            start = found.text * DIMENSIONS
            for turn in range(SPREAD):
                # Ten bits of the hash choose a dimension and a sign; the bucket uses the top ones.
                bits = (found.hash >> _U(10 * turn)).astype(np.int64)
                places.append(start + (bits & 511))
                weights.append(np.where(bits & 512, weight, -weight))
        # One pass over the vectors for all of them: they are larger than the cache.
        total = np.bincount(
            np.concatenate(places), np.concatenate(weights), minlength=n * DIMENSIONS
        )
        vectors = total.reshape(n, DIMENSIONS)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(length, 1e-12), dtype=np.float32)


def _read(texts: Sequence[str]) -> tuple[list[Features], int]:
    """Return the features of some texts, kind by kind, and the number of texts."""
    return list(_features(texts)), len(texts)


def _by_block(texts: Sequence[str], make: Callable[[Sequence[str]], _Made]) -> Iterator[_Made]:
    """Yield what `make` makes of each block of texts, in order; several blocks are under way."""
    workers = cpu_count() or 1
    blocks = (texts[at : at + BLOCK] for at in range(0, len(texts), BLOCK))
    with ThreadPoolExecutor(workers) as pool:
        ahead = []
        for block in blocks:
            ahead.append(pool.submit(make, block))
            if len(ahead) > 2 * workers:
                yield ahead.pop(0).result()
        for one in ahead:
            yield one.result()


@dataclass(frozen=True, eq=False)
class Characters:
    """Texts laid end to end: of each of m characters its code point, text and field, (m,).

    `in_word` tells whether it is a letter, a digit or a combining mark, `alone` whether it is a
    Chinese, Japanese or Korean ideograph, which is a word by itself.
    """

    points: NDArray[np.uint32]
    text: NDArray[np.int64]
    field: NDArray[np.int64]
    in_word: NDArray[np.bool_]
    alone: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Characters:
        """Lay out the values of `texts`; names of fields are left out."""
        stream = " " + " \x00 ".join(_LABEL.sub("", text) for text in texts) + " "
        points = np.frombuffer(stream.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        distinct, inverse = np.unique(points, return_inverse=True)
        in_word = np.array([_in_word(int(point)) for point in distinct])[inverse]
        alone = np.array([_stands_alone(int(point)) for point in distinct])[inverse]
        text = np.cumsum(points == 0)
        field = np.cumsum((points == 0) | (points == 10))
        return cls(points, text, field, in_word, alone)

    @cached_property
    def letters(self) -> NDArray[np.uint64]:
        """Code points, (m,), where what is in no word is a blank."""
        return np.where(self.in_word, self.points, 32).astype(np.uint64)

    @cached_property
    def begins(self) -> NDArray[np.bool_]:
        """Whether a word begins, (m,)."""
        begins = self.in_word.copy()
        begins[1:] &= ~self.in_word[:-1] | self.alone[1:] | self.alone[:-1]
        return begins


def _features(texts: Sequence[str]) -> Iterator[Features]:
    """Yield the trigrams, then the words, of `texts`, cut by array operations."""
    characters = Characters.of(texts)
    yield trigrams(characters)
    yield words(characters)


def trigrams(characters: Characters) -> Features:
    """Return three characters around each that is in a word.

    They do not leave their word, but see where it begins and ends.
    """
    middle = characters.in_word[1:-1]
    text, field, letters = characters.text, characters.field, characters.letters
    trigram = (
        letters[:-2] * _TRIGRAM[0] + letters[1:-1] * _TRIGRAM[1] + letters[2:] * _TRIGRAM[2]
    )[middle]
    return Features(text[1:-1][middle], field[1:-1][middle], mixed(trigram))


def words(characters: Characters) -> Features:
    """Return the words: runs of letters, digits and combining marks, and single ideographs."""
    begins, in_word = characters.begins, characters.in_word
    starts = np.flatnonzero(begins)
    if len(starts):
        place = np.arange(len(begins)) - starts[np.maximum(np.cumsum(begins) - 1, 0)]
        powers = _POWERS[np.minimum(place, _LONGEST_WORD - 1)]
        spelled = np.where(in_word, (characters.letters + _U(7)) * powers, _U(0))
        found = mixed(np.add.reduceat(spelled, starts) ^ _WORD_SALT)
    else:
        found = np.empty(0, dtype=np.uint64)
    return Features(characters.text[starts], characters.field[starts], found)


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers (the finaliser of MurmurHash3, by Austin Appleby)."""
    values = values ^ (values >> _U(33))
    values *= _U(0xFF51AFD7ED558CCD)
    values ^= values >> _U(33)
    values *= _U(0xC4CEB9FE1A85EC53)
    values ^= values >> _U(33)
    return values


def _in_word(point: int) -> bool:
    character = chr(point)
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _stands_alone(point: int) -> bool:
    return any(first <= point < last for first, last in _CJK)
