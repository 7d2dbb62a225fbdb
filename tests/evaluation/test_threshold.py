"""Cross-fitted clusters, and thresholds that meet a goal, on pairs whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.evaluation.audit_sample import UNKNOWN, UNSURE
from dedupe.evaluation.estimate import estimate
from dedupe.evaluation.threshold import (
    CrossFit,
    cross_fit,
    find_target_threshold,
    with_target_threshold,
)
from dedupe.io.dialect import CSV
from dedupe.records.records import Records, make_records
from dedupe.resolution.decisions import CHOICES
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.pairs import PAIRS
from dedupe.workspace.state import State
from dedupe.workspace.stored import RecordTable

CONFIG = Config(fields=("name",))


@cache
def couples(count: int) -> tuple[Records, pl.DataFrame, np.ndarray]:
    """Make records, one scored pair for each two of them, and whether they match."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"id": [f"r{i}" for i in range(2 * count)]}).with_columns(
        name=pl.lit("name ") + pl.col("id")
    )
    probability = rng.beta(0.4, 0.4, count)
    pairs = pl.DataFrame(
        {
            "left": np.arange(0, 2 * count, 2),
            "right": np.arange(1, 2 * count, 2),
            "similarity": rng.uniform(0.4, 0.9, count),
            "probability": probability,
            "decided_by": ["cross-encoder"] * count,
            "reason": [""] * count,
        },
        schema=PAIRS,
    )
    return make_records(frame, CONFIG), pairs, rng.random(count) < probability


def decisions_on(records: Records, pairs: pl.DataFrame, truth: np.ndarray, chosen: list[int]):
    keys = records.keys
    return pl.DataFrame(
        {
            "left_id": keys.gather(pairs["left"].gather(chosen)),
            "right_id": keys.gather(pairs["right"].gather(chosen)),
            "decision": pl.Series(
                np.where(truth[chosen], "match", "different").tolist(), dtype=pl.String
            ),
        }
    )


def state_of(
    records: Records,
    pairs: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config = CONFIG,
    missed: float = 0,
) -> State:
    table, comparison = RecordTable(records, CSV), Comparison.of(records.texts, pairs)
    return State(table, pairs, decisions, pl.DataFrame(schema=CHOICES), config, comparison, missed)


def fit(
    chosen: list[int], count: int = 300, config: Config = CONFIG, missed: float = 0
) -> CrossFit:
    records, pairs, truth = couples(count)
    decisions = decisions_on(records, pairs, truth, chosen)
    return cross_fit(state_of(records, pairs, decisions, config, missed))


@cache
def first_drawn(number: int, count: int = 300) -> list[int]:
    return fit([], count).at(0.5).order[:number].tolist()


@pytest.mark.slow
def test_the_order_of_an_audit_does_not_depend_on_decisions() -> None:
    before = fit([])
    after = fit(before.at(0.5).order[:40].tolist())
    assert (before.turn == after.turn).all()
    assert (after.decision[before.at(0.5).order[:40]] != UNKNOWN).all()
    assert estimate(after.at(0.5)).drawn == 40


@pytest.mark.slow
def test_another_threshold_keeps_the_sample_of_an_audit() -> None:
    fitted = fit(first_drawn(50))
    for threshold in (0.2, 0.5, 0.9):
        assert estimate(fitted.at(threshold)).drawn == 50


@pytest.mark.slow
def test_a_decided_pair_is_right_and_is_judged_without_its_decision() -> None:
    found = fit(list(range(300))).at(0.5)
    _, pairs, truth = couples(300)
    assert (found.merged == truth).all()
    alone = pairs["probability"].to_numpy() >= 0.5
    assert (found.merged_unaided != found.merged).any()
    # Other decisions may recalibrate the pair, but do not determine it.
    assert (found.merged_unaided == alone).mean() > 0.9


def test_pairs_whose_decision_follows_from_others_count_as_decided() -> None:
    records = make_records(pl.DataFrame({"name": ["a b", "a c", "a d", "x"]}), CONFIG)
    rows = [(0, 1, 0.5, 0.5), (0, 2, 0.5, 0.5), (1, 2, 0.5, 0.5), (2, 3, 0.5, 0.4)]
    pairs = pl.DataFrame([(*row, "cross-encoder", "") for row in rows], schema=PAIRS, orient="row")
    ends = [(0, 1, "match"), (0, 2, "match"), (1, 3, "unsure"), (2, 3, "unsure")]
    decisions = pl.DataFrame(
        [(records.keys[a], records.keys[b], decision) for a, b, decision in ends],
        schema=["left_id", "right_id", "decision"],
        orient="row",
    )
    found = cross_fit(state_of(records, pairs, decisions))
    assert found.decision.tolist() == [1, 1, 1, UNSURE]


@pytest.mark.slow
@pytest.mark.parametrize("goal", ["precision", "recall"])
@pytest.mark.parametrize("drawn", [0, 200])
def test_a_threshold_meets_its_goal(goal: str, drawn: int) -> None:
    chosen = first_drawn(drawn, 1000) if drawn else []
    config = replace(CONFIG, **{f"target_{goal}": 0.9})
    fitted = fit(chosen, 1000, config)
    found = find_target_threshold(fitted)
    measure = found.estimate.precision if goal == "precision" else found.estimate.recall_of_all
    assert measure.value >= 0.9
    assert (found.sure is None) == (not drawn)
    pairs, truth = fitted.at(found.threshold), couples(1000)[2]
    right = (truth & pairs.merged).sum()
    real = right / (pairs.merged.sum() if goal == "precision" else truth.sum())
    assert real > 0.82
    further = {"precision": found.threshold - 0.1, "recall": found.threshold + 0.1}[goal]
    beyond = estimate(fitted.at(further), seed=config.seed)
    assert (beyond.precision if goal == "precision" else beyond.recall_of_all).value < 0.9


def test_a_goal_out_of_reach_is_one_clear_line() -> None:
    config = replace(CONFIG, target_recall=0.99)
    with pytest.raises(OptionError, match="no threshold reaches a recall"):
        find_target_threshold(fit([], config=config, missed=500.0))


def test_a_precision_goal_is_met_by_a_threshold_that_merges_something() -> None:
    config = replace(CONFIG, target_precision=0.8)
    records, pairs, truth = couples(300)
    nothing = decisions_on(records, pairs, truth, [])
    modest = pairs.with_columns(pl.col("probability") * 0.9)
    fitted = cross_fit(state_of(records, modest, nothing, config))
    found = find_target_threshold(fitted)
    assert fitted.at(found.threshold).merged.any() and found.threshold < 0.9
    assert found.estimate.precision.value >= 0.8
    unlike = pairs.with_columns(pl.col("probability") * 0.005)
    with pytest.raises(OptionError, match="none merges any pair"):
        find_target_threshold(cross_fit(state_of(records, unlike, nothing, config)))


def test_without_a_goal_the_threshold_stays() -> None:
    records, pairs, truth = couples(20)
    nothing = decisions_on(records, pairs, truth, [])
    state = state_of(records, pairs, nothing)
    assert with_target_threshold(state) == (state, None)
    aimed = replace(state, config=replace(CONFIG, target_recall=0.8))
    changed, found = with_target_threshold(aimed)
    assert found is not None
    assert changed.config.threshold == found.threshold >= changed.config.review_from
    assert replace(changed, config=aimed.config).pairs is pairs
