"""The distilled: it decides where it agrees with its teacher, and says how well."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dedupe.scoring.boosted_trees import BoostedTrees
from dedupe.scoring.cascade import (
    AUDIT,
    FIRST_SAMPLE,
    SECOND_SAMPLE,
    CascadeScores,
    _fitted,
    _predicted,
    cascade,
)

SAMPLES = FIRST_SAMPLE + SECOND_SAMPLE + AUDIT


def decide(
    noise: float,
    *,
    m: int = 30_000,
    agreement: float = 0.99,
    budget: int = 10**6,
    order: int = 0,
    structured: bool = False,
    records: int = 1_000,
) -> tuple[CascadeScores, NDArray[np.float32], list[int]]:
    """Run a cascade whose teacher looks at two of three features, and at `noise` of chance."""
    rng = np.random.default_rng(7)
    features = rng.integers(0, 255, (m, 4)).astype(np.uint8)
    features[:, 3] = rng.integers(0, 3, m)
    features = np.insert(features, 1, 255, axis=1)  # a field that no two records both have
    logit = (features[:, 0] / 20.0 + features[:, 2] / 25.0 - 15) + noise * rng.normal(size=m)
    truth = (1 / (1 + np.exp(-3 * logit))).astype(np.float32)
    ticket = rng.permutation(m).astype(np.uint64)
    similarity = features[:, 3].astype(np.float32) / 254
    always = rng.random(m) < 0.005
    shuffle = np.random.default_rng(order).permutation(m) if order else np.arange(m)
    asked: list[int] = []

    def judge(numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        asked.extend(shuffle[numbers].tolist())
        return truth[shuffle][numbers]

    found = cascade(
        features[shuffle], similarity[shuffle], ticket[shuffle], always[shuffle], judge,
        agreement=agreement, budget=budget, structured=structured, records=records, seed=0,
    )  # fmt: skip
    back = np.argsort(shuffle)
    unshuffled = CascadeScores(found.probability[back], found.by_teacher[back], found.facts)
    assert set(np.flatnonzero(always)) <= set(asked)
    return unshuffled, truth, asked


def test_the_clear_pairs_are_the_students_and_its_errors_are_few() -> None:
    found, truth, asked = decide(0.3)
    assert len(asked) == len(set(asked)) == found.by_teacher.sum()
    np.testing.assert_array_equal(found.probability[found.by_teacher], truth[found.by_teacher])
    assert found.facts["pairs"] > 0.6 * len(truth)
    match, said = truth >= 0.5, found.probability >= 0.5
    assert (match & ~said).sum() < 0.02 * match.sum()
    assert (said & ~match).sum() < 0.02 * match.sum()
    wrong = (said != match)[~found.by_teacher].mean()
    assert abs((1 - found.facts["agreement"]) - wrong) < 0.005


def test_a_student_that_learns_nothing_decides_little() -> None:
    clear, *_ = decide(0.3)
    blind, *_ = decide(50.0)
    assert blind.facts["pairs"] < 0.2 * clear.facts["pairs"]


def test_the_budget_holds() -> None:
    found, _, asked = decide(2.0, budget=500)
    assert found.facts["over_budget"] > 0
    assert len(asked) <= SAMPLES + 500 + 400
    assert ((found.probability >= 0) & (found.probability <= 1)).all()


def test_a_student_of_structured_records_is_trusted_if_it_explains_its_teacher() -> None:
    found, truth, asked = decide(0.3, structured=True)
    assert found.facts["trusted"]
    assert len(asked) <= SAMPLES + 400  # the pairs that only the teacher may judge
    match, said = truth >= 0.5, found.probability >= 0.5
    assert (said != match).mean() < 0.03
    blind, *_ = decide(50.0, structured=True)
    assert not blind.facts["trusted"]
    plain, *_ = decide(50.0)
    np.testing.assert_array_equal(blind.probability, plain.probability)


def test_among_very_many_records_a_trusted_student_asks_for_more() -> None:
    few, *_ = decide(0.3, structured=True, records=100_000)
    many, *_ = decide(0.3, structured=True, records=1_000_000)
    np.testing.assert_array_equal(few.by_teacher, many.by_teacher)
    doubtful = (few.probability > 0.01) & (few.probability < 0.99)
    odds = [p[doubtful] / (1 - p[doubtful]) for p in (few.probability, many.probability)]
    np.testing.assert_allclose(odds[0] / odds[1], 10, rtol=1e-3)
    alone, *_ = decide(0.3, records=1_000_000)
    np.testing.assert_array_equal(alone.probability, decide(0.3)[0].probability)


def test_the_order_of_the_pairs_changes_nothing() -> None:
    one, *_ = decide(0.5, m=9_000)
    other, *_ = decide(0.5, m=9_000, order=3)
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.by_teacher, other.by_teacher)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_teacher_of_one_mind(chance: float) -> None:
    m = 8_000
    features = np.random.default_rng(0).integers(0, 255, (m, 3)).astype(np.uint8)
    found = cascade(
        features, np.linspace(0, 1, m, dtype=np.float32), np.arange(m, dtype=np.uint64),
        np.zeros(m, dtype=bool), lambda some: np.full(len(some), chance, np.float32),
        agreement=0.995, budget=0, structured=False, records=1_000, seed=0,
    )  # fmt: skip
    assert ((found.probability >= 0.5) == (chance == 1)).all()
    assert found.facts["agreement"] == 1.0


def test_the_trees_say_as_arrays_what_they_said_as_a_model() -> None:
    rng = np.random.default_rng(1)
    features = rng.integers(0, 256, (3_000, 6)).astype(np.uint8)  # 255 is a missing value
    features[:, 4] = 255
    truth = (1 / (1 + np.exp(-(features[:, 0] / 30.0 - 4)))).astype(np.float32)
    model = _fitted(features[:1_000], truth[:1_000], seed=0)
    kept = BoostedTrees(**BoostedTrees.of(model).arrays())
    np.testing.assert_allclose(kept.predict(features), _predicted(model, features), atol=1e-6)
    crowded = BoostedTrees.of(model, crowding=1.0).predict(features)
    assert (crowded < kept.predict(features)).all()
    assert len(kept.predict(features[:0])) == 0
