"""Quantized vectors keep cosines within a few thousandths."""

from __future__ import annotations

import numpy as np
import pytest

from dedupe.blocking.embedding.int8 import Int8Vectors
from tests.blocking.samples import unit_vectors


@pytest.mark.slow
def test_cosines_are_typically_off_by_less_than_a_thousandth() -> None:
    vectors = unit_vectors(300, d=512)
    quantized = Int8Vectors.of(vectors)
    assert quantized.shape == (300, 512) and len(quantized) == 300
    left, right = np.triu_indices(300, 1)
    exact = np.einsum("ij,ij->i", vectors[left], vectors[right])
    error = np.abs(quantized.dot(left, right) - exact)
    assert error.mean() < 1e-3 and error.max() < 4e-3
    assert np.abs(quantized[:] - vectors).max() <= quantized.scale.max()


def test_zero_vectors_stay_zero() -> None:
    quantized = Int8Vectors.of(np.zeros((2, 4), dtype=np.float32))
    assert not quantized[:].any()


def test_vectors_are_written_block_by_block() -> None:
    vectors = unit_vectors(10)
    whole = Int8Vectors.of(vectors)
    blocks = Int8Vectors.empty(10, 16)
    for at in (0, 5):
        blocks.write(at, Int8Vectors.of(vectors[at : at + 5]))
    np.testing.assert_array_equal(blocks.values, whole.values)
    np.testing.assert_array_equal(blocks[np.array([7, 2])], whole[[7, 2]])
