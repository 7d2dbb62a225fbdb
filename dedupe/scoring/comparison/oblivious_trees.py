"""Boosted oblivious trees as plain arrays: a file can hold them, and loading it runs no code.

All nodes of one level of an oblivious tree ask the same question, so a tree of depth d is d
comparisons and a table of 2^d values (Prokhorenkova et al., "CatBoost: unbiased boosting with
categorical features", 2018). On vectors of bytes in columns, NumPy needs 4 to 10 microseconds of a
core for a pair and the bundled trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.models.loading import cpu_count

BLOCK = 1 << 16
"""Pairs evaluated together; their intermediate arrays stay in cache."""
FIRST_TREES = 300
"""Trees after which clear pairs are settled."""
CLEAR = 4.0
"""Log odds, on either side, from which a pair is clear after the first trees: 98.2 percent. The
other trees changed no verdict on such pairs of eight sets."""


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

    def all_log_odds(self, vectors: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Predict log odds from all trees, also for clear pairs, (m,) float64."""
        log_odds: NDArray[np.float64] = self.base[0] + self._sum(
            list(np.asfortranarray(vectors).T), slice(None)
        )
        return log_odds

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as the constructor takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _log_odds(self, vectors: NDArray[np.uint8]) -> NDArray[np.float32]:
        columns = list(np.asfortranarray(vectors).T)
        total = self.base[0] + self._sum(columns, slice(None, FIRST_TREES))
        if len(self.feature) > FIRST_TREES:
            rest = np.flatnonzero(np.abs(total) < CLEAR)
            columns = [column[rest] for column in columns]
            total[rest] += self._sum(columns, slice(FIRST_TREES, None))
        log_odds: NDArray[np.float32] = total.astype(np.float32)
        return log_odds

    def _sum(self, columns: Sequence[NDArray[np.uint8]], trees: slice) -> NDArray[np.float64]:
        """Sum the values that some trees give to m vectors, given as columns, (m,) float64."""
        m = len(columns[0]) if columns else 0
        total = np.zeros(m, dtype=np.float64)
        place, above = np.empty(m, dtype=np.uint8), np.empty(m, dtype=np.bool_)
        answer, added = above.view(np.uint8), np.empty(m, dtype=np.float32)
        chosen = self.feature[trees].tolist(), self.limit[trees].tolist(), self.value[trees]
        for feature, limit, value in zip(*chosen, strict=True):
            place.fill(0)
            # From the last level to the first, so that bit k is the answer at level k.
            for column, bound in zip(reversed(feature), reversed(limit), strict=True):
                np.left_shift(place, 1, out=place)
                if column >= 0:
                    np.greater(columns[column], np.uint8(bound), out=above)
                    np.bitwise_or(place, answer, out=place)
            np.take(value, place, out=added, mode="clip")
            total += added
        return total
