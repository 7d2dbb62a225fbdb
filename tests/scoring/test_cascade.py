"""The distilled model decides where it agrees with the cross-encoder, and its fidelity is true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dedupe.scoring.cascade import MAX_SAMPLED, CascadeScores, CascadeSettings, cascade

SETTINGS = CascadeSettings(fidelity=0.99, budget=10**6, structured=False, records=1_000, seed=0)

CROSS_ENCODER_ONLY = 400
"""More pairs than :func:`run` leaves to the cross-encoder whatever happens."""


def run(
    noise: float, settings: CascadeSettings = SETTINGS, *, m: int = 30_000, order: int = 0
) -> tuple[CascadeScores, NDArray[np.float32], list[int]]:
    """Run a cascade whose cross-encoder depends on two of three features and on `noise`.

    Returns the scores in the original order of the pairs, the cross-encoder's probabilities, and
    the pairs that it was asked to score. `order` shuffles the pairs.
    """
    rng = np.random.default_rng(7)
    features = rng.integers(0, 255, (m, 4)).astype(np.uint8)
    features[:, 3] = rng.integers(0, 3, m)
    features = np.insert(features, 1, 255, axis=1)  # a field that no two records both have
    log_odds = (features[:, 0] / 20.0 + features[:, 2] / 25.0 - 15) + noise * rng.normal(size=m)
    probability = (1 / (1 + np.exp(-3 * log_odds))).astype(np.float32)
    sampling_key = rng.permutation(m).astype(np.uint64)
    similarity = features[:, 3].astype(np.float32) / 254
    cross_encoder_only = rng.random(m) < 0.005
    shuffle = np.random.default_rng(order).permutation(m) if order else np.arange(m)
    scored: list[int] = []

    def scorer(pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        scored.extend(shuffle[pairs].tolist())
        return probability[shuffle][pairs]

    found = cascade(
        features[shuffle],
        similarity[shuffle],
        sampling_key[shuffle],
        cross_encoder_only[shuffle],
        scorer,
        settings,
    )
    back = np.argsort(shuffle)
    unshuffled = CascadeScores(found.probability[back], found.by_cross_encoder[back], found.facts)
    assert set(np.flatnonzero(cross_encoder_only)) <= set(scored)
    return unshuffled, probability, scored


def test_the_distilled_model_decides_clear_pairs_and_its_errors_are_few() -> None:
    found, probability, scored = run(0.3)
    assert len(scored) == len(set(scored)) == found.by_cross_encoder.sum()
    np.testing.assert_array_equal(
        found.probability[found.by_cross_encoder], probability[found.by_cross_encoder]
    )
    assert found.facts["pairs"] > 0.6 * len(probability)
    match, decided_match = probability >= 0.5, found.probability >= 0.5
    assert (match & ~decided_match).sum() < 0.02 * match.sum()
    assert (decided_match & ~match).sum() < 0.02 * match.sum()
    wrong = (decided_match != match)[~found.by_cross_encoder].mean()
    assert abs((1 - found.facts["agreement"]) - wrong) < 0.005


def test_a_distilled_model_that_explains_nothing_decides_little() -> None:
    clear, *_ = run(0.3)
    noisy, *_ = run(50.0)
    assert noisy.facts["pairs"] < 0.2 * clear.facts["pairs"]


def test_the_cross_encoder_scores_no_more_than_its_budget() -> None:
    found, _, scored = run(2.0, replace(SETTINGS, budget=500))
    assert found.facts["over_budget"] > 0
    assert len(scored) <= MAX_SAMPLED + 500 + CROSS_ENCODER_ONLY
    assert ((found.probability >= 0) & (found.probability <= 1)).all()


def test_for_structured_records_a_model_that_explains_the_scores_decides_doubtful_pairs() -> None:
    structured = replace(SETTINGS, structured=True)
    found, probability, scored = run(0.3, structured)
    assert found.facts["trusted"]
    assert len(scored) <= MAX_SAMPLED + CROSS_ENCODER_ONLY
    assert ((found.probability >= 0.5) != (probability >= 0.5)).mean() < 0.03
    noisy, *_ = run(50.0, structured)
    assert not noisy.facts["trusted"]
    unstructured, *_ = run(50.0)
    np.testing.assert_array_equal(noisy.probability, unstructured.probability)


def test_in_large_structured_files_the_odds_fall_with_the_number_of_records() -> None:
    few, *_ = run(0.3, replace(SETTINGS, structured=True, records=100_000))
    many, *_ = run(0.3, replace(SETTINGS, structured=True, records=1_000_000))
    np.testing.assert_array_equal(few.by_cross_encoder, many.by_cross_encoder)
    doubtful = (few.probability > 0.01) & (few.probability < 0.99)
    odds = [p[doubtful] / (1 - p[doubtful]) for p in (few.probability, many.probability)]
    np.testing.assert_allclose(odds[0] / odds[1], 10, rtol=1e-3)
    unstructured, *_ = run(0.3, replace(SETTINGS, records=1_000_000))
    np.testing.assert_array_equal(unstructured.probability, run(0.3)[0].probability)


def test_the_order_of_the_pairs_changes_nothing() -> None:
    one, *_ = run(0.5, m=9_000)
    other, *_ = run(0.5, m=9_000, order=3)
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.by_cross_encoder, other.by_cross_encoder)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_cross_encoder_that_gives_all_pairs_one_score(probability: float) -> None:
    m = 8_000
    features = np.random.default_rng(0).integers(0, 255, (m, 3)).astype(np.uint8)
    found = cascade(
        features,
        np.linspace(0, 1, m, dtype=np.float32),
        np.arange(m, dtype=np.uint64),
        np.zeros(m, dtype=bool),
        lambda pairs: np.full(len(pairs), probability, np.float32),
        replace(SETTINGS, fidelity=0.995, budget=0),
    )
    assert ((found.probability >= 0.5) == (probability == 1)).all()
    assert found.facts["agreement"] == 1.0
