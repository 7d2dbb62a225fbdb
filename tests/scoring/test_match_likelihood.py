"""Confident pairs of a file rank the others on a finer scale than their scores."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.match_likelihood import likelihood
from tests.scoring.samples import people


def test_unlikely_pairs_with_the_same_score_get_different_likelihoods() -> None:
    pairs, comparison, truth = people(np.random.default_rng(11), 600)
    # The first half of the scores are confident and right; the others are all the same.
    confident = np.where(truth, 0.99, 0.008)
    scores = np.where(np.arange(600) < 300, confident, 0.008)
    pairs = pairs.with_columns(probability=pl.Series(scores, dtype=pl.Float32))
    rest, found = truth[300:], likelihood(pairs, comparison)[300:]
    assert found[rest].min() > 2 * found[~rest].max()
    order = np.random.default_rng(12).permutation(600)
    shuffled = Comparison.of(comparison.texts, pairs[order])
    assert likelihood(pairs[order], shuffled) == pytest.approx(likelihood(pairs, comparison)[order])


def test_without_confident_pairs_the_likelihood_is_the_score() -> None:
    pairs, comparison, _ = people(np.random.default_rng(13), 60)
    assert (likelihood(pairs, comparison) == pairs["probability"].to_numpy()).all()


def test_of_too_many_pairs_the_least_similar_get_the_lowest_likelihood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs, comparison, truth = people(np.random.default_rng(14), 400)
    scores = np.where(truth, 0.99, 0.008)
    pairs = pairs.with_columns(probability=pl.Series(scores, dtype=pl.Float32))
    monkeypatch.setattr("dedupe.scoring.match_likelihood.MAX_LIKELIHOODS", 300)
    found = likelihood(pairs, comparison)
    last = np.argsort(np.where(truth, 2.0, pairs["similarity"].to_numpy()))[:100]
    assert len(np.unique(found[last])) == 1
    assert found[last[0]] <= found[~truth].min()
