"""The sample of records has its exact nearest neighbours, whatever the block size."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import dedupe.blocking.sampling
from dedupe.blocking.backends import ANY_SOURCE
from dedupe.blocking.candidates import find_candidate_pairs
from dedupe.blocking.sampling import NEIGHBOURS, NO_NEIGHBOUR, NeighbourSample
from dedupe.config import Config
from tests.blocking.samples import unit_vectors


def test_the_nearest_neighbours_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit_vectors(900, groups=40)
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -2)
    sample = NeighbourSample.draw(vectors, 0, None)
    expected = -np.sort(-cosine[sample.rows], axis=1)[:, : 2 * NEIGHBOURS]
    np.testing.assert_allclose(sample.similarity, expected, atol=1e-6)
    monkeypatch.setattr(dedupe.blocking.sampling, "SAMPLE_BLOCK", 100)
    in_blocks = NeighbourSample.draw(vectors, 0, None)
    np.testing.assert_array_equal(in_blocks.nearest, sample.nearest)
    np.testing.assert_allclose(in_blocks.hits, sample.hits, atol=1)


def test_hits_are_counted_at_and_above_each_step() -> None:
    vectors = unit_vectors(300)
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -2)
    sample = NeighbourSample.draw(vectors, 0, None)
    for radius in (0.005, 0.405):  # between two steps: the step below counts
        at_step = (cosine >= radius - 0.005).sum(axis=1).mean()
        assert sample.hits_per_record(radius) == pytest.approx(at_step, abs=0.05)


def test_records_of_the_same_source_are_no_neighbours() -> None:
    vectors = unit_vectors(60)
    source = np.array([0, 1, 1] * 20, dtype=np.uint8)
    source[::10] = ANY_SOURCE
    sample = NeighbourSample.draw(vectors, 0, source)
    there = sample.similarity > NO_NEIGHBOUR
    own = np.repeat(source[sample.rows][:, None], there.shape[1], axis=1)[there]
    other = source[sample.nearest[there]]
    assert ((own != other) | (own == ANY_SOURCE)).all()


def test_recall_is_the_share_of_exact_neighbours_that_are_candidates() -> None:
    vectors = unit_vectors(400, groups=40)
    found = find_candidate_pairs(vectors, Config(radius=0.5))
    sample = NeighbourSample.draw(vectors, 0, None)
    assert sample.recall(found.pairs, 0.5) == 1.0
    half = found.pairs.filter(pl.col("left") % 2 == 0)
    assert 0.3 < sample.recall(half, 0.5) < 0.7
    assert sample.recall(found.pairs.clear(), 0.999) == 1.0  # there are no neighbours to find
