"""The search backends yield each hit at or above the radius, and FAISS loads after torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

from dedupe.blocking.backends import (
    ANY_SOURCE,
    CANDIDATES,
    Hits,
    cosine,
    flat_hits,
    inverted_hits,
    ivf_hits,
    pair_frame,
    same_source,
    unit_rows,
)
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.progress import silent
from tests.blocking.samples import unit_vectors


def pairs_of(hits: list[Hits]) -> set[tuple[int, int]]:
    return {
        (min(pair), max(pair))
        for row, other, _ in hits
        for pair in zip(row.tolist(), other.tolist(), strict=True)
    }


def pairs_above(vectors: np.ndarray, radius: float) -> set[tuple[int, int]]:
    left, right = np.nonzero(np.triu(vectors @ vectors.T >= radius, 1))
    return set(zip(left.tolist(), right.tolist(), strict=True))


def test_the_flat_index_finds_all_pairs_above_the_radius() -> None:
    vectors = unit_vectors(2_500, groups=200)
    found = pairs_of(list(flat_hits(vectors, 0.8, silent)))
    assert pairs_above(vectors, 0.8) <= found <= pairs_above(vectors, 0.8 - 1e-4)


@pytest.mark.slow
def test_the_ivf_index_finds_nearly_all_pairs_above_the_radius() -> None:
    vectors = unit_vectors(6_000, groups=300)
    found, expected = (
        pairs_of(list(ivf_hits(vectors, 0.9, 0, silent))),
        pairs_above(vectors, 0.9),
    )
    assert found <= pairs_above(vectors, 0.9 - 1e-4)
    assert len(found & expected) > 0.95 * len(expected)


def test_the_inverted_index_finds_pairs_that_share_features() -> None:
    vectors = unit_vectors(60, groups=5)
    rng = np.random.default_rng(0)
    rare = csr_array((rng.random((60, 12)) < 0.2).astype(np.float32))
    found = pairs_of(list(inverted_hits(vectors, rare, 0.5, silent)))
    shared = (rare @ rare.T).toarray() > 0
    assert found == {pair for pair in pairs_above(vectors, 0.5) if shared[pair]}
    quantized = pairs_of(list(inverted_hits(Int8Vectors.of(vectors), rare, 0.5, silent)))
    assert len(found ^ quantized) < 0.05 * len(found)


def test_the_cosine_of_few_pairs_is_that_of_many() -> None:
    vectors = unit_vectors(3_000)
    left, right = np.arange(3_000), np.arange(3_000)[::-1]
    exact = cosine(vectors, left, right)
    assert exact.dtype == np.float32 and np.abs(exact).max() <= 1
    np.testing.assert_allclose(exact, (vectors * vectors[::-1]).sum(axis=1), atol=1e-6)
    np.testing.assert_array_equal(cosine(vectors, left[7:9], right[7:9]), exact[7:9])


def test_rows_are_scaled_to_length_1_and_empty_ones_stay_empty() -> None:
    scaled = unit_rows(csr_array(np.array([[3, 4], [0, 0], [0, 2]], dtype=np.float32)))
    np.testing.assert_allclose(scaled.toarray(), [[0.6, 0.8], [0, 0], [0, 1]])


@pytest.mark.parametrize(
    ("a", "b", "same"), [(0, 0, True), (0, 1, False), (ANY_SOURCE, ANY_SOURCE, False)]
)
def test_a_text_of_several_sources_is_of_no_single_one(a: int, b: int, same: bool) -> None:
    assert bool(same_source(np.uint8(a), np.uint8(b))) == same


def test_hits_become_ascending_pairs() -> None:
    frame = pair_frame(np.array([5, 1]), np.array([2, 4]), np.array([0.5, 0.25], np.float32))
    assert frame.schema == CANDIDATES
    assert frame.rows() == [(2, 5, 0.5), (1, 4, 0.25)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "loaded"), [("Darwin", ["torch", "faiss"]), ("Linux", ["faiss"])]
)
def test_torch_is_loaded_before_faiss_only_where_both_bring_openmp(
    system: str, loaded: list[str]
) -> None:
    code = (
        "import sys, builtins, platform\n"
        "from dedupe.blocking.backends import load_faiss\n"
        f"platform.system = lambda: {system!r}\n"
        "sys.modules |= {name: type(sys)(name) for name in ('torch', 'faiss')}\n"
        "load, order = builtins.__import__, []\n"
        "def record(name, *rest, **more):\n"
        "    if name in ('faiss', 'torch') and name not in order: order.append(name)\n"
        "    return load(name, *rest, **more)\n"
        "builtins.__import__ = record\n"
        "load_faiss()\n"
        "print(*order)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == loaded
