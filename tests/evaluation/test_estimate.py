"""Estimates of precision and recall, on pairs whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dedupe.evaluation.audit_sample import UNKNOWN, audit_turns
from dedupe.evaluation.estimate import (
    BASES,
    MIN_DRAWS,
    NOT_KNOWN,
    estimate,
    probability_of_goal,
    unbiased_undecided_matches,
)
from tests.evaluation.audits import (
    decide,
    first_undecided,
    next_drawn,
    population,
    true_ratios,
)
from tests.laws import tries


@pytest.mark.slow
@pytest.mark.parametrize(
    "warp", [1.0, 0.5, 2.0], ids=["calibrated", "overconfident", "underconfident"]
)
def test_intervals_cover_the_truth_and_estimates_are_unbiased(warp: float) -> None:
    orders = ("audit", "matches first", "matches between", "different after")
    runs, n = tries(40), 1000
    covered = dict.fromkeys(("precision", "recall"), 0)
    errors: dict[str, list[float]] = {name: [] for name in covered}
    for run in range(runs):
        order = orders[run % len(orders)]
        pairs, truth = population(np.random.default_rng(run), n, warp)
        if order == "matches first":
            pairs = decide(pairs, truth, first_undecided(pairs, truth, 60))
        for part in range(4):
            pairs = decide(pairs, truth, next_drawn(pairs, 40))
            if order == "matches between" and part < 3:
                pairs = decide(pairs, truth, first_undecided(pairs, truth, 20))
        if order == "different after":
            pairs = decide(pairs, truth, first_undecided(pairs, ~truth, 200))
        found = estimate(pairs, seed=run)
        for name, value in true_ratios(pairs, truth).items():
            measure = getattr(found, name)
            covered[name] += measure.low <= value <= measure.high
            errors[name].append(measure.value - value)
    assert min(covered.values()) >= int(0.9 * runs)
    # The mean of 40 errors is within 0.025, that of fewer in proportion to its standard error.
    bound = 0.025 * np.sqrt(40 / runs)
    assert max(abs(float(np.mean(error))) for error in errors.values()) < bound


@pytest.mark.parametrize("warp", [0.3, 3.0], ids=["far overconfident", "far underconfident"])
def test_estimates_are_unbiased_however_wrong_the_scores_are(warp: float) -> None:
    runs, n, draws = 400, 1000, 150
    pairs, truth = population(np.random.default_rng(1), n, warp)
    # Pairs selected for their outcome: the sample must not be biased by them.
    chosen = np.concatenate(
        [first_undecided(pairs, truth, 20), first_undecided(pairs, ~truth & (pairs.merged), 10)]
    )
    rng = np.random.default_rng(2)
    errors = np.empty((runs, 2))
    for run in range(runs):
        turned = replace(pairs, turn=audit_turns(pairs.probability, 1 - rng.random(n)))
        found = decide(turned, truth, chosen)
        found = decide(found, truth, next_drawn(found, draws))
        open_ = found.decision == UNKNOWN
        real = [int((truth & open_ & (pairs.merged == side)).sum()) for side in (True, False)]
        errors[run] = np.subtract(unbiased_undecided_matches(found, found.sample()), real)
    standard = errors.std(axis=0) / np.sqrt(runs)
    assert (np.abs(errors.mean(axis=0)) < 3 * standard).all()
    # The scores alone are far off, so unbiased estimates do not follow from them.
    bias_of_scores = pairs.probability[~pairs.merged].sum() - (truth & ~pairs.merged).sum()
    assert abs(bias_of_scores) > 10 * abs(errors.mean(axis=0)[1])


def test_an_estimate_names_its_basis() -> None:
    pairs, truth = population(np.random.default_rng(0), 500, 1.0)
    bases = []
    for count in (0, MIN_DRAWS - 1, 1):
        pairs = decide(pairs, truth, next_drawn(pairs, count))
        bases.append(estimate(pairs).basis)
    assert bases == list(BASES) == ["model", "reviews", "sample"]


def test_without_sampled_pairs_there_is_no_interval() -> None:
    pairs, truth = population(np.random.default_rng(0), 500, 1.0)
    last = pairs.order[-50:]
    found = estimate(decide(pairs, truth, last))
    assert found.basis == "model"
    assert found.precision.low is None
    assert found.width == 1.0
    assert (found.reviewed, found.drawn) == (50, 0)
    assert found.draws_left(0.1) > 0


def test_an_estimate_from_all_pairs_is_exact() -> None:
    pairs, truth = population(np.random.default_rng(1), 300, 3.0)
    pairs = decide(pairs, truth, pairs.order)
    found = estimate(pairs)
    real = true_ratios(pairs, truth)
    assert found.precision.value == pytest.approx(real["precision"])
    assert found.recall.value == pytest.approx(real["recall"])
    assert found.width == pytest.approx(0, abs=1e-9)
    assert found.draws_left(0.1) == 0


def test_more_draws_narrow_the_interval() -> None:
    pairs, truth = population(np.random.default_rng(2), 3000, 1.0)
    widths = []
    for _ in range(3):
        pairs = decide(pairs, truth, next_drawn(pairs, 200))
        widths.append(estimate(pairs).width)
    assert widths[0] > widths[1] > widths[2]


def test_recall_is_not_known_where_it_rests_on_improbable_pairs() -> None:
    pairs, truth = population(np.random.default_rng(3), 500, 1.0)
    clear = replace(pairs, probability=np.where(pairs.merged, 0.99, 1e-6))
    found = estimate(clear)
    assert found.recall.known and NOT_KNOWN not in found.explanation
    found = estimate(replace(pairs, probability=np.where(pairs.merged, 0.99, 0.05)))
    assert not found.recall.known and not found.recall_of_all.known
    assert found.precision.known and NOT_KNOWN in found.explanation
    nothing = np.zeros(len(truth), dtype=bool)
    apart = replace(clear, merged=nothing, merged_unaided=nothing, probability=np.full(500, 1e-6))
    assert not estimate(apart).recall.known
    drawn = decide(apart, truth, next_drawn(apart, 10))
    assert estimate(drawn).recall.known


def test_missed_matches_lower_the_recall_of_all_matches() -> None:
    pairs, truth = population(np.random.default_rng(7), 500, 1.0)
    pairs = decide(pairs, truth, pairs.order)
    matches = int(truth.sum())
    found = estimate(replace(pairs, missed=float(matches)))
    assert found.recall_of_all.value == pytest.approx(found.recall.value / 2)


def test_a_goal_far_below_the_estimate_is_met_almost_certainly_and_one_above_is_not() -> None:
    pairs, truth = population(np.random.default_rng(8), 2000, 1.0)
    pairs = decide(pairs, truth, next_drawn(pairs, 300))
    value = estimate(pairs).precision.value
    assert probability_of_goal(pairs, "precision", value - 0.2) > 0.99
    assert probability_of_goal(pairs, "precision", min(value + 0.15, 1.0)) < 0.05
