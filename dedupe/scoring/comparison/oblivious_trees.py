"""Boosted oblivious trees as plain arrays: a file can hold them, and loading it runs no code.

All nodes of one level of an oblivious tree ask the same question, so a tree of depth d is d
comparisons and a table of 2^d values (Prokhorenkova et al., "CatBoost: unbiased boosting with
categorical features", 2018). On vectors of bytes in columns, NumPy evaluates them at a speed of
hundreds of thousands of pairs a second.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.models.loading import cpu_count

BLOCK = 1 << 14
"""Pairs evaluated together; their intermediate arrays stay in cache."""


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
        result = np.empty(len(vectors), dtype=np.float32)
        starts = range(0, len(vectors), BLOCK)

        def evaluate(at: int) -> None:
            result[at : at + BLOCK] = self._log_odds(vectors[at : at + BLOCK])

        if len(starts) > 1 and cpu_count() > 1:
            with ThreadPoolExecutor(min(cpu_count(), len(starts))) as pool:
                list(pool.map(evaluate, starts))
        else:
            for at in starts:
                evaluate(at)
        return result

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as the constructor takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _log_odds(self, vectors: NDArray[np.uint8]) -> NDArray[np.float32]:
        columns = np.asfortranarray(vectors)
        total = np.full(len(vectors), self.base[0], dtype=np.float64)
        for feature, limit, value in zip(self.feature, self.limit, self.value, strict=True):
            place = np.zeros(len(vectors), dtype=np.uint8)
            for level, (column, bound) in enumerate(zip(feature, limit, strict=True)):
                if column >= 0:
                    place |= (columns[:, column] > bound).view(np.uint8) << np.uint8(level)
            total += value.take(place)
        return total.astype(np.float32)
