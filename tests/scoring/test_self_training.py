"""Self-training: confident pairs, or synthetic ones, separate the doubtful pairs of a file."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.pairs import PAIRS
from dedupe.scoring.recalibration import recalibrate
from dedupe.scoring.self_training import MIN_CONFIDENT, likelihood, self_trained
from tests.scoring.samples import decisions, people


def test_confident_pairs_of_the_file_recalibrate_the_doubtful_ones() -> None:
    rng = np.random.default_rng(9)
    pairs, comparison, truth = people(rng, 400)
    # Half of the scores are confident and right.
    confident = np.where(truth, 0.99, 0.02)
    scores = np.where(np.arange(400) < 200, confident, pairs["probability"].to_numpy())
    pairs = pairs.with_columns(probability=pl.Series(scores, dtype=pl.Float32))
    nothing = decisions(pairs, truth, 0)
    new, found = recalibrate(pairs, comparison, nothing, self_training=True)
    assert found is not None
    assert found.confident_pairs >= 2 * MIN_CONFIDENT
    assert (found.decisions, found.changed) == (0, False)

    def right(frame: pl.DataFrame) -> float:
        return float(((frame["probability"].to_numpy() >= 0.5) == truth)[200:].mean())

    assert right(pairs) < 0.65
    assert right(new) > 0.95
    assert recalibrate(pairs, comparison, nothing, self_training=False)[0].equals(pairs)


def test_too_few_confident_pairs_change_nothing() -> None:
    pairs, comparison, truth = people(np.random.default_rng(10), 60)
    new, found = recalibrate(pairs, comparison, decisions(pairs, truth, 0), self_training=True)
    assert found is None
    assert new.equals(pairs)
    before = np.linspace(-6, 6, 40)
    no_decisions = np.empty(0, dtype=np.int64)
    after, confident_pairs, synthetic_pairs = self_trained(
        before, np.zeros((40, 1)), no_decisions, np.arange(40)
    )
    assert (confident_pairs, synthetic_pairs) == (0, 0)
    assert (after == before).all()


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
    monkeypatch.setattr("dedupe.scoring.self_training.MAX_LIKELIHOODS", 300)
    found = likelihood(pairs, comparison)
    last = np.argsort(np.where(truth, 2.0, pairs["similarity"].to_numpy()))[:100]
    assert len(np.unique(found[last])) == 1
    assert found[last[0]] <= found[~truth].min()


def test_synthetic_matches_stand_in_where_no_pair_is_a_confident_match() -> None:
    rng = np.random.default_rng(15)
    texts, rows, truth = [], [], np.arange(300) < 40
    for i, match in enumerate(truth):
        words = [f"{a}{b}ton" for a, b in rng.integers(100, 999, (4, 2))]
        others = [*words[:3], f"{words[3]}e"] if match else [words[0], "hill", "park", f"end {i}"]
        texts += [f"name: {' '.join(words)}", f"name: {' '.join(others)}"]
        rows.append((2 * i, 2 * i + 1))
    # Doubtful pairs have random scores, and no pair is a confident match.
    doubt = truth | (np.arange(300) >= 260)
    pairs = pl.DataFrame(
        {
            "left": [a for a, _ in rows],
            "right": [b for _, b in rows],
            "similarity": [0.7] * 300,
            "probability": np.where(doubt, rng.uniform(0.3, 0.7, 300), 0.02),
            "decided_by": ["cross-encoder"] * 300,
            "reason": [""] * 300,
        },
        schema=PAIRS,
    )
    texts = pl.Series("text", texts)
    comparison = Comparison.of(texts, pairs)
    new, found = recalibrate(pairs, comparison, decisions(pairs, truth, 0), self_training=True)
    assert found is not None and found.synthetic_pairs > 0
    probability = new["probability"].to_numpy()
    assert probability[truth].min() > probability[doubt & ~truth].max()
    # The synthetic matches do not depend on how rows are numbered.
    order = rng.permutation(len(texts))
    place = np.argsort(order)
    ends = np.sort(place[pairs.select("left", "right").to_numpy()], axis=1)
    renumbered = pairs.with_columns(left=pl.Series(ends[:, 0]), right=pl.Series(ends[:, 1])).cast(
        dict(PAIRS)
    )
    comparison = Comparison.of(texts.gather(order), renumbered)
    again, _ = recalibrate(renumbered, comparison, decisions(pairs, truth, 0), self_training=True)
    assert again["probability"].to_numpy() == pytest.approx(probability, abs=1e-4)


def test_with_stored_statistics_only_the_records_of_doubtful_pairs_are_prepared() -> None:
    pairs, scored, truth = people(np.random.default_rng(16), 400)
    confident = np.where(truth, 0.99, 0.02)
    pairs = pairs.with_columns(probability=pl.Series(confident, dtype=pl.Float32))
    none = decisions(pairs, truth, 0)
    # After scoring, all records are prepared.
    assert len(scored.table) == 800
    after_scoring, _ = recalibrate(pairs, scored, none, self_training=True)
    assert not after_scoring.equals(pairs)
    fresh = Comparison.of(scored.texts, pairs, scored.table.statistics)
    from_store, _ = recalibrate(pairs, fresh, none, self_training=True)
    assert from_store.equals(after_scoring)
    assert "table" not in fresh.__dict__
