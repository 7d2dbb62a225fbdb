from dataclasses import replace

import numpy as np
import pytest

from dedupe.evaluation.estimate import (
    BASES,
    FIRST_DRAWS,
    UNKNOWN,
    UNSURE,
    Reviewed,
    audit_turns,
    chances,
    draws_left,
    estimate,
    unbiased_matches_left,
)


def population(rng: np.random.Generator, n: int, warp: float) -> tuple[Reviewed, np.ndarray]:
    """Return n unreviewed pairs, and the truth; `warp` bends the model's probabilities."""
    true = rng.beta(0.15, 0.6, n)
    truth = rng.random(n) < true
    said = true**warp
    merged = said >= 0.5
    turn = audit_turns(said, 1 - rng.random(n))
    return Reviewed(said, merged, merged, np.full(n, UNKNOWN, dtype=np.int8), turn), truth


def answer(pairs: Reviewed, truth: np.ndarray, chosen: np.ndarray) -> Reviewed:
    """Decide pairs: from then on they are right."""
    decision, merged = pairs.decision.copy(), pairs.merged.copy()
    decision[chosen] = truth[chosen]
    merged[chosen] = truth[chosen]
    return replace(pairs, decision=decision, merged=merged)


def drawn(pairs: Reviewed, count: int) -> np.ndarray:
    return pairs.order[pairs.decision[pairs.order] == UNKNOWN][:count]


def some(pairs: Reviewed, chosen: np.ndarray, count: int) -> np.ndarray:
    return np.flatnonzero(chosen & (pairs.decision == UNKNOWN))[:count]


def truly(pairs: Reviewed, truth: np.ndarray) -> dict[str, float]:
    right = (truth & pairs.merged).sum()
    return {"precision": right / pairs.merged.sum(), "recall": right / truth.sum()}


@pytest.mark.parametrize("warp", [1.0, 0.5, 2.0], ids=["calibrated", "too sure", "too shy"])
def test_intervals_cover_the_truth_and_estimates_lean_to_no_side(warp: float) -> None:
    orders = ("audit", "matches first", "matches between", "different after")
    runs, n = 40, 1000
    covered = dict.fromkeys(("precision", "recall"), 0)
    errors: dict[str, list[float]] = {name: [] for name in covered}
    for run in range(runs):
        order = orders[run % len(orders)]
        pairs, truth = population(np.random.default_rng(run), n, warp)
        if order == "matches first":
            pairs = answer(pairs, truth, some(pairs, truth, 60))
        for part in range(4):
            pairs = answer(pairs, truth, drawn(pairs, 40))
            if order == "matches between" and part < 3:
                pairs = answer(pairs, truth, some(pairs, truth, 20))
        if order == "different after":
            pairs = answer(pairs, truth, some(pairs, ~truth, 200))
        found = estimate(pairs, seed=run)
        for name, value in truly(pairs, truth).items():
            measure = getattr(found, name)
            covered[name] += measure.low <= value <= measure.high
            errors[name].append(measure.value - value)
    assert min(covered.values()) >= 0.9 * runs
    assert max(abs(float(np.mean(error))) for error in errors.values()) < 0.025


@pytest.mark.parametrize("warp", [0.3, 3.0], ids=["far too sure", "far too shy"])
def test_estimates_are_unbiased_whatever_the_scores_are_worth(warp: float) -> None:
    runs, n, draws = 400, 1000, 150
    pairs, truth = population(np.random.default_rng(1), n, warp)
    # Decided out of turn for what they are: the drawn pairs have to make up for them.
    chosen = np.concatenate([some(pairs, truth, 20), some(pairs, ~truth & (pairs.merged), 10)])
    rng = np.random.default_rng(2)
    errors = np.empty((runs, 2))
    for run in range(runs):
        turned = replace(pairs, turn=audit_turns(pairs.probability, 1 - rng.random(n)))
        found = answer(turned, truth, chosen)
        found = answer(found, truth, drawn(found, draws))
        open_ = found.decision == UNKNOWN
        real = [int((truth & open_ & (pairs.merged == side)).sum()) for side in (True, False)]
        errors[run] = np.subtract(unbiased_matches_left(found, found.sample()), real)
    standard = errors.std(axis=0) / np.sqrt(runs)
    assert (np.abs(errors.mean(axis=0)) < 3 * standard).all()
    # The scores alone are far off, so that this is no matter of course.
    said = pairs.probability[~pairs.merged].sum() - (truth & ~pairs.merged).sum()
    assert abs(said) > 10 * abs(errors.mean(axis=0)[1])


def test_what_an_estimate_rests_on_is_told() -> None:
    pairs, truth = population(np.random.default_rng(0), 500, 1.0)
    bases = []
    for count in (0, FIRST_DRAWS - 1, 1):
        pairs = answer(pairs, truth, drawn(pairs, count))
        bases.append(estimate(pairs).basis)
    assert bases == list(BASES) == ["model", "reviews", "sample"]


def test_likely_pairs_have_their_share_of_the_draws() -> None:
    probability = np.repeat([0.9, 0.001], [100, 20_000])
    turn = audit_turns(probability, 1 - np.random.default_rng(9).random(len(probability)))
    first = np.argsort(turn)[:200]
    assert 0.15 < (probability[first] > 0.5).mean() < 0.35


def test_without_draws_no_interval_is_claimed() -> None:
    pairs, truth = population(np.random.default_rng(0), 500, 1.0)
    last = pairs.order[-50:]
    found = estimate(answer(pairs, truth, last))
    assert found.basis == "model"
    assert found.precision.low is None
    assert found.width == 1.0
    assert (found.reviewed, found.drawn) == (50, 0)
    assert draws_left(found, 0.1) > 0


def test_everything_reviewed_is_exact() -> None:
    pairs, truth = population(np.random.default_rng(1), 300, 3.0)
    pairs = answer(pairs, truth, pairs.order)
    found = estimate(pairs)
    real = truly(pairs, truth)
    assert found.precision.value == pytest.approx(real["precision"])
    assert found.recall.value == pytest.approx(real["recall"])
    assert found.width == pytest.approx(0, abs=1e-9)
    assert draws_left(found, 0.1) == 0


def test_more_draws_narrow_the_interval() -> None:
    pairs, truth = population(np.random.default_rng(2), 3000, 1.0)
    widths = []
    for _ in range(3):
        pairs = answer(pairs, truth, drawn(pairs, 200))
        widths.append(estimate(pairs).width)
    assert widths[0] > widths[1] > widths[2]


def test_the_sample_is_the_beginning_of_the_order_whoever_decided_it() -> None:
    pairs, truth = population(np.random.default_rng(3), 400, 1.0)
    early = answer(pairs, truth, pairs.order[[0, 1, 2, 4]])
    assert early.sample().tolist() == pairs.order[:3].tolist()
    later = answer(early, truth, pairs.order[[3]])
    assert later.sample().tolist() == pairs.order[:5].tolist()


def test_pairs_nobody_can_tell_do_not_end_an_audit() -> None:
    pairs, truth = population(np.random.default_rng(4), 400, 1.0)
    pairs = answer(pairs, truth, pairs.order[:20])
    decision = pairs.decision.copy()
    decision[pairs.order[5]] = UNSURE
    assert len(replace(pairs, decision=decision).sample()) == 19


def test_the_order_does_not_depend_on_how_pairs_are_numbered() -> None:
    rng = np.random.default_rng(5)
    probability, lots = rng.random(200), 1 - rng.random(200)
    turn = audit_turns(probability, lots)
    shuffled = rng.permutation(200)
    assert audit_turns(probability[shuffled], lots[shuffled]) == pytest.approx(turn[shuffled])


def test_doubtful_pairs_come_early() -> None:
    probability = np.repeat([0.001, 0.5], 500)
    order = np.argsort(audit_turns(probability, 1 - np.random.default_rng(6).random(1000)))
    assert (probability[order[:200]] == 0.5).mean() > 0.7


def test_lost_matches_lower_the_recall_of_all() -> None:
    pairs, truth = population(np.random.default_rng(7), 500, 1.0)
    pairs = answer(pairs, truth, pairs.order)
    matches = int(truth.sum())
    found = estimate(replace(pairs, lost=float(matches)))
    assert found.recall_of_all.value == pytest.approx(found.recall.value / 2)


def test_a_goal_far_below_the_estimate_is_sure_and_one_above_is_not() -> None:
    pairs, truth = population(np.random.default_rng(8), 2000, 1.0)
    pairs = answer(pairs, truth, drawn(pairs, 300))
    value = estimate(pairs).precision.value
    assert chances(pairs, "precision", value - 0.2) > 0.99
    assert chances(pairs, "precision", min(value + 0.15, 1.0)) < 0.05
