"""The model of match rates: draws of the number of undecided pairs that match."""

from __future__ import annotations

import numpy as np
import pytest

from dedupe.evaluation.audit_sample import UNKNOWN
from dedupe.evaluation.match_rates import draw_undecided_matches
from tests.evaluation.audits import decide, next_drawn, population


def test_without_a_sample_the_only_draw_is_the_expected_number() -> None:
    pairs, _ = population(np.random.default_rng(0), 500, 1.0)
    merged, others = draw_undecided_matches(pairs, pairs.sample())
    assert merged == pytest.approx([pairs.probability[pairs.merged].sum()])
    assert others == pytest.approx([pairs.probability[~pairs.merged].sum()])


def test_draws_stay_between_none_and_all_undecided_pairs() -> None:
    pairs, truth = population(np.random.default_rng(1), 500, 0.3)
    pairs = decide(pairs, truth, next_drawn(pairs, 60))
    for merged, draws in zip(
        (True, False), draw_undecided_matches(pairs, pairs.sample()), strict=True
    ):
        undecided = int(((pairs.decision == UNKNOWN) & (pairs.merged == merged)).sum())
        assert len(draws) > 100
        assert draws.min() >= 0 and draws.max() <= undecided
        assert draws.std() > 0


def test_the_sample_moves_the_rates_of_overconfident_probabilities() -> None:
    pairs, truth = population(np.random.default_rng(2), 2000, 0.3)
    expected = draw_undecided_matches(pairs, pairs.sample())[1].mean()
    pairs = decide(pairs, truth, next_drawn(pairs, 200))
    undecided = (pairs.decision == UNKNOWN) & ~pairs.merged
    drawn = draw_undecided_matches(pairs, pairs.sample())[1].mean()
    true = (truth & undecided).sum()
    assert abs(drawn - true) < abs(expected - true) / 2


def test_the_same_seed_gives_the_same_draws() -> None:
    pairs, truth = population(np.random.default_rng(3), 300, 1.0)
    pairs = decide(pairs, truth, next_drawn(pairs, 30))
    one, same, other = (
        draw_undecided_matches(pairs, pairs.sample(), seed=seed)[1] for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert not (one == other).all()
