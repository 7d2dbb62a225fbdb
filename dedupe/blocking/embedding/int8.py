"""Vectors quantized to int8: a quarter of the memory of float32, and faster to gather and compare.

Each vector is scaled so that its largest absolute value is 127, and rounded: scalar quantization
with one scale per vector, because the largest values of records differ widely. Cosines are
typically off by less than a thousandth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEVELS = 127


@dataclass(frozen=True, eq=False)
class Int8Vectors:
    """n quantized vectors.

    Parameters
    ----------
    values
        (n, d) int8: 127 times each vector, divided by its largest absolute value.
    scale
        (n,) float32: factors that restore the vectors.
    """

    values: NDArray[np.int8]
    scale: NDArray[np.float32]

    @classmethod
    def empty(cls, n: int, d: int) -> Int8Vectors:
        """Allocate n vectors of d dimensions, to be written to."""
        return cls(np.empty((n, d), dtype=np.int8), np.empty(n, dtype=np.float32))

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Int8Vectors:
        """Quantize (n, d) float32 vectors."""
        largest = np.maximum(np.abs(vectors).max(axis=1, initial=0), np.float32(1e-12))
        values = np.rint(vectors * (_LEVELS / largest)[:, None]).astype(np.int8)
        return cls(values, (largest / _LEVELS).astype(np.float32))

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.values.shape[0], self.values.shape[1]

    def write(self, at: int, block: Int8Vectors) -> None:
        """Write vectors from number `at` on."""
        self.values[at : at + len(block)] = block.values
        self.scale[at : at + len(block)] = block.scale

    def __getitem__(self, rows: slice | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Restore some of the vectors, (k, d) float32."""
        vectors: NDArray[np.float32] = self.values[rows].astype(np.float32)
        vectors *= self.scale[rows][:, None]
        return vectors

    def dot(
        self, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]
    ) -> NDArray[np.float32]:
        """Compute the dot product of each pair of vectors, (k,) float32."""
        a, b = (self.values.take(side, axis=0).astype(np.float32) for side in (left, right))
        product: NDArray[np.float32] = np.einsum("ij,ij->i", a, b)
        product *= self.scale[left] * self.scale[right]
        return product
