"""Boosted oblivious trees as plain arrays: a file can hold them, and loading it runs no code.

All nodes of one level of an oblivious tree ask the same question, so a tree of depth d is d
comparisons and a table of 2^d values (Prokhorenkova et al., "CatBoost: unbiased boosting with
categorical features", 2018). Values are added up as integers: a sum is exact, so it does not depend
on the order or on how many pairs are evaluated together. On vectors of bytes in columns, NumPy
needs about three microseconds of a core for a pair and the 1,500 bundled trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 17
"""Pairs evaluated together; their intermediate arrays stay in cache. One thread is faster than two:
the operations are so short that threads mostly wait for the lock of the interpreter."""
FEW = 512
"""Pairs up to which all trees are evaluated together: a call for each level would take longer."""


@dataclass(frozen=True, eq=False)
class ObliviousTrees:
    """Boosted oblivious trees that predict log odds from vectors of bytes.

    Parameters
    ----------
    feature
        (t, d) int16: feature that each level of a tree asks for; -1 where a tree is not so deep.
    limit
        (t, d) uint8: value that the feature must exceed.
    value
        (t, 2**d) float32: log odds that a tree adds. Bit k of the place of a value is the answer
        at level k.
    base
        (1,) float64: log odds before the first tree.
    """

    feature: NDArray[np.int16]
    limit: NDArray[np.uint8]
    value: NDArray[np.float32]
    base: NDArray[np.float64]

    def log_odds(self, vectors: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Predict log odds, (m,) float32, from vectors (m, f); Fortran order is fastest."""
        if len(vectors) <= FEW:
            totals = self._totals_of_few(vectors)
        else:
            blocks = (vectors[at : at + BLOCK] for at in range(0, len(vectors), BLOCK))
            totals = np.concatenate([self._totals(block) for block in blocks])
        log_odds = self.base[0] + totals * np.float64(self._step)
        return np.asarray(log_odds, dtype=np.float32)

    @cached_property
    def _step(self) -> float:
        """The unit of the integer values: a power of two, so fine that no sum overflows."""
        most = float(np.abs(self.value).max(axis=1, initial=0).sum(dtype=np.float64))
        return float(2.0 ** (np.ceil(np.log2(max(most, 1.0))) - 30))

    @cached_property
    def _integers(self) -> NDArray[np.int32]:
        """(t, 2**d) the values, in steps."""
        return np.rint(self.value.astype(np.float64) / self._step).astype(np.int32)

    @property
    def exact_value(self) -> NDArray[np.float64]:
        """(t, 2**d) float64: the values in whole steps, as they are added up."""
        return np.multiply(self._integers, self._step, dtype=np.float64)

    def _totals_of_few(self, vectors: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Add up the integers of all trees at once, (m,)."""
        feature, limit = self._by_level
        count, size = self.value.shape
        asked = np.take(np.ascontiguousarray(vectors), feature, axis=1, mode="clip")
        above = (asked.reshape(len(vectors), *limit.shape) > limit).view(np.uint8)
        # From the last level to the first, so that bit k is the answer at level k.
        place = np.zeros((len(vectors), count), dtype=np.uint8)
        for level in reversed(range(len(limit))):
            np.add(place, place, out=place)
            np.bitwise_or(place, above[:, level], out=place)
        of_trees = np.take(self._integers, place + np.arange(0, count * size, size), mode="clip")
        totals: NDArray[np.int32] = of_trees.sum(axis=1, dtype=np.int32)
        return totals

    @cached_property
    def _by_level(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(d t,) features and (d, t) limits, that no byte is above where there is no question."""
        limit = np.where(self.feature >= 0, self.limit, np.uint8(255))
        return np.maximum(self.feature, 0).T.ravel().astype(np.int64), limit.T.copy()

    def _totals(self, vectors: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Add up the integers of two trees at a time, (m,): half of the look-ups."""
        columns = list(np.asfortranarray(vectors).T)
        m, size = len(vectors), self.value.shape[1]
        total, added = np.zeros(m, dtype=np.int32), np.empty(m, dtype=np.int32)
        both, high = np.empty(m, dtype=np.uint16), np.empty(m, dtype=np.uint16)
        places = self.places(columns)
        for tree in range(0, len(self.feature), 2):
            table = self._integers[tree]
            np.copyto(both, next(places))
            if tree + 1 < len(self.feature):
                np.multiply(next(places), np.uint16(size), out=high, dtype=np.uint16)
                np.bitwise_or(both, high, out=both)
                table = np.add.outer(self._integers[tree + 1], table).ravel()
            np.take(table, both, out=added, mode="clip")
            np.add(total, added, out=total)
        return total

    def places(self, columns: Sequence[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        """Yield, tree by tree, the place of m vectors in its values.

        Parameters
        ----------
        columns
            (f,) of (m,) uint8: the vectors.

        Yields
        ------
        ndarray
            (m,) uint8; the same array each time.
        """
        m = len(columns[0]) if columns else 0
        place, above = np.empty(m, dtype=np.uint8), np.empty(m, dtype=np.bool_)
        first, answer = place.view(np.bool_), above.view(np.uint8)
        levels = zip(self.feature.tolist(), self.limit.tolist(), strict=True)
        for feature, limit in levels:
            begun = False
            # From the last level to the first, so that bit k is the answer at level k.
            for column, bound in zip(reversed(feature), reversed(limit), strict=True):
                if begun:
                    np.add(place, place, out=place)  # NumPy shifts bytes much more slowly
                if column < 0:
                    continue
                np.greater(columns[column], np.uint8(bound), out=above if begun else first)
                if begun:
                    np.bitwise_or(place, answer, out=place)
                begun = True
            if not begun:
                place.fill(0)
            yield place

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as the constructor takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
