from dataclasses import replace

import numpy as np
import pytest

from dedupe.estimates import Reviewed, audit_order, estimate, strata


def population(rng: np.random.Generator, n: int, warp: float) -> tuple[Reviewed, np.ndarray]:
    """Return n unreviewed pairs, and the truth; `warp` bends the model's probabilities."""
    true = rng.beta(0.15, 0.6, n)
    truth = rng.random(n) < true
    said = true**warp
    merged = said >= 0.5
    nothing = np.full(n, -1, dtype=np.int8)
    pairs = Reviewed(
        said,
        strata(said, merged),
        merged,
        nothing,
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=bool),
    )
    return pairs, truth


def answer(pairs: Reviewed, truth: np.ndarray, chosen: np.ndarray, drawn: bool) -> Reviewed:
    verdict, sequence, marks = pairs.verdict.copy(), pairs.sequence.copy(), pairs.drawn.copy()
    verdict[chosen] = truth[chosen]
    sequence[chosen] = pairs.sequence.max() + 1 + np.arange(len(chosen))
    marks[chosen] = drawn
    return replace(pairs, verdict=verdict, sequence=sequence, drawn=marks)


def all_ids(n: int) -> list[tuple[str, str]]:
    return [(f"a{i}", f"b{i}") for i in range(n)]


def some(pairs: Reviewed, chosen: np.ndarray, count: int) -> np.ndarray:
    open_ = np.flatnonzero(chosen & (pairs.verdict < 0))
    return open_[:count]


@pytest.mark.parametrize("warp", [1.0, 0.3, 3.0], ids=["calibrated", "too sure", "too shy"])
@pytest.mark.parametrize("order", ["audit", "matches first", "matches between", "different after"])
def test_intervals_cover_the_truth(warp: float, order: str) -> None:
    runs, n = 100, 2000
    covered = {"precision": 0, "recall": 0}
    for run in range(runs):
        pairs, truth = population(np.random.default_rng(run), n, warp)
        if order == "matches first":
            pairs = answer(pairs, truth, some(pairs, truth, 60), False)
        for part in range(4):
            drawn = audit_order(pairs, all_ids(n), 40, seed=run)
            pairs = answer(pairs, truth, drawn, True)
            if order == "matches between" and part < 3:
                pairs = answer(pairs, truth, some(pairs, truth, 20), False)
        if order == "different after":
            pairs = answer(pairs, truth, some(pairs, ~truth, 200), False)
        found = estimate(pairs, seed=run)
        right = (truth & pairs.merged).sum()
        real = {"precision": right / pairs.merged.sum(), "recall": right / truth.sum()}
        for name, value in real.items():
            measure = getattr(found, name)
            covered[name] += measure.low <= value <= measure.high
    assert min(covered.values()) >= 92


def test_without_draws_no_interval_is_claimed() -> None:
    pairs, truth = population(np.random.default_rng(0), 500, 1.0)
    reviewed = answer(pairs, truth, np.arange(50), False)
    found = estimate(reviewed)
    assert found.basis == "model"
    assert found.precision.low is None
    assert found.width == 1.0
    assert found.reviewed == 50


def test_everything_reviewed_is_exact() -> None:
    pairs, truth = population(np.random.default_rng(1), 300, 3.0)
    while len(drawn := audit_order(pairs, all_ids(300), 100)):
        pairs = answer(pairs, truth, drawn, True)
    found = estimate(pairs)
    right = (truth & pairs.merged).sum()
    assert found.precision.value == pytest.approx(right / pairs.merged.sum())
    assert found.recall.value == pytest.approx(right / truth.sum())
    assert found.width == pytest.approx(0, abs=1e-9)


def test_more_draws_narrow_the_interval() -> None:
    pairs, truth = population(np.random.default_rng(2), 3000, 1.0)
    widths = []
    for _ in range(3):
        pairs = answer(pairs, truth, audit_order(pairs, all_ids(3000), 200), True)
        widths.append(estimate(pairs).width)
    assert widths[0] > widths[1] > widths[2]


def test_the_order_of_draws_is_fixed_and_leaves_out_what_is_decided() -> None:
    pairs, truth = population(np.random.default_rng(3), 400, 1.0)
    first = audit_order(pairs, all_ids(400), 50)
    assert (first == audit_order(pairs, all_ids(400), 50)).all()
    later = audit_order(answer(pairs, truth, first, True), all_ids(400), 400)
    assert not set(first) & set(later)
    assert len(later) == 350
