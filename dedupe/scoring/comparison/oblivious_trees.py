"""Boosted oblivious trees as plain arrays: a file can hold them, and loading it runs no code.

All nodes of one level of an oblivious tree ask the same question, so a tree of depth d is d
comparisons and a table of 2^d values (Prokhorenkova et al., "CatBoost: unbiased boosting with
categorical features", 2018). On vectors of bytes in columns, NumPy needs about three
microseconds of a core for a pair and the 1,500 bundled trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 16
"""Pairs evaluated together; their intermediate arrays stay in cache. One thread is faster than two:
the operations are so short that threads mostly wait for the lock of the interpreter."""


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
        log_odds = np.empty(len(vectors), dtype=np.float32)
        for at in range(0, len(vectors), BLOCK):
            columns = list(np.asfortranarray(vectors[at : at + BLOCK]).T)
            total = np.full(len(columns[0]), float(self.base[0]))
            added = np.empty(len(total), dtype=np.float32)
            for value, place in zip(self.value, self.places(columns), strict=True):
                np.take(value, place, out=added, mode="clip")
                total += added
            log_odds[at : at + BLOCK] = total
        return log_odds

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
        answer = above.view(np.uint8)
        levels = zip(self.feature.tolist(), self.limit.tolist(), strict=True)
        for feature, limit in levels:
            place.fill(0)
            # From the last level to the first, so that bit k is the answer at level k.
            for column, bound in zip(reversed(feature), reversed(limit), strict=True):
                np.add(place, place, out=place)  # NumPy shifts bytes much more slowly
                if column >= 0:
                    np.greater(columns[column], np.uint8(bound), out=above)
                    np.bitwise_or(place, answer, out=place)
            yield place

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as the constructor takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
