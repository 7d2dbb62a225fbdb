"""From decisions to estimates and thresholds, on pairs whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.evaluation.estimate import UNKNOWN, UNSURE, estimate
from dedupe.evaluation.threshold import Review, aimed, reviewed, with_aim
from dedupe.records import Records, make_records
from dedupe.scoring.pairs import PAIRS

CONFIG = Config(fields=("name",))


def couples(count: int) -> tuple[Records, pl.DataFrame, np.ndarray]:
    """Return records, one scored pair of each two, and whether they match."""
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
        },
        schema=PAIRS,
    )
    return make_records(frame, CONFIG), pairs, rng.random(count) < probability


def said(records: Records, pairs: pl.DataFrame, truth: np.ndarray, chosen: list[int]):
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


def review(chosen: list[int], count: int = 300, config: Config = CONFIG, lost: float = 0) -> Review:
    records, pairs, truth = couples(count)
    return reviewed(records, pairs, said(records, pairs, truth, chosen), config, lost)


def first_drawn(number: int, count: int = 300) -> list[int]:
    return review([], count).at(0.5).order[:number].tolist()


def test_the_order_stays_while_decisions_are_made() -> None:
    before = review([])
    after = review(before.at(0.5).order[:40].tolist())
    assert (before.turn == after.turn).all()
    assert (after.decision[before.at(0.5).order[:40]] != UNKNOWN).all()
    assert estimate(after.at(0.5)).drawn == 40


def test_another_threshold_does_not_end_an_audit() -> None:
    chosen = first_drawn(50)
    for threshold in (0.2, 0.5, 0.9):
        assert estimate(review(chosen).at(threshold)).drawn == 50


def test_a_decided_pair_is_right_and_judged_without_its_decision() -> None:
    found = review(list(range(300))).at(0.5)
    _, pairs, truth = couples(300)
    assert (found.merged == truth).all()
    alone = pairs["probability"].to_numpy() >= 0.5
    assert (found.otherwise != found.merged).any()
    # Others' decisions may correct it, but cannot know it.
    assert (found.otherwise == alone).mean() > 0.9


def test_pairs_that_follow_from_decisions_are_known() -> None:
    records = make_records(pl.DataFrame({"name": ["a b", "a c", "a d", "x"]}), CONFIG)
    rows = [(0, 1, 0.5, 0.5), (0, 2, 0.5, 0.5), (1, 2, 0.5, 0.5), (2, 3, 0.5, 0.4)]
    pairs = pl.DataFrame([(*row, "cross-encoder") for row in rows], schema=PAIRS, orient="row")
    ends = [(0, 1, "match"), (0, 2, "match"), (1, 3, "unsure"), (2, 3, "unsure")]
    decisions = pl.DataFrame(
        [(records.keys[a], records.keys[b], decision) for a, b, decision in ends],
        schema=["left_id", "right_id", "decision"],
        orient="row",
    )
    found = reviewed(records, pairs, decisions, CONFIG, 0.0)
    assert found.decision.tolist() == [1, 1, 1, UNSURE]


@pytest.mark.parametrize("goal", ["precision", "recall"])
@pytest.mark.parametrize("drawn", [0, 200])
def test_a_threshold_meets_its_goal(goal: str, drawn: int) -> None:
    chosen = first_drawn(drawn, 1000) if drawn else []
    config = replace(CONFIG, **{f"target_{goal}": 0.9})
    asked = review(chosen, 1000, config)
    aim = aimed(asked)
    found = aim.estimate.precision if goal == "precision" else aim.estimate.recall_of_all
    assert found.value >= 0.9
    assert (aim.sure is None) == (not drawn)
    pairs, truth = asked.at(aim.threshold), couples(1000)[2]
    right = (truth & pairs.merged).sum()
    real = right / (pairs.merged.sum() if goal == "precision" else truth.sum())
    assert real > 0.82
    further = {"precision": aim.threshold - 0.1, "recall": aim.threshold + 0.1}[goal]
    beyond = estimate(asked.at(further), seed=config.seed)
    assert (beyond.precision if goal == "precision" else beyond.recall_of_all).value < 0.9


def test_a_goal_out_of_reach_is_one_clear_line() -> None:
    config = replace(CONFIG, target_recall=0.99)
    with pytest.raises(OptionError, match="no threshold reaches a recall"):
        aimed(review([], config=config, lost=500.0))


def test_a_precision_is_looked_for_where_something_is_merged() -> None:
    config = replace(CONFIG, adapt=False, target_precision=0.8)
    records, pairs, truth = couples(300)
    nothing = said(records, pairs, truth, [])
    modest = pairs.with_columns(pl.col("probability") * 0.9)
    asked = reviewed(records, modest, nothing, config, 0.0)
    aim = aimed(asked)
    assert asked.at(aim.threshold).merged.any() and aim.threshold < 0.9
    assert aim.estimate.precision.value >= 0.8
    unlike = pairs.with_columns(pl.col("probability") * 0.005)
    with pytest.raises(OptionError, match="none merges any pair"):
        aimed(reviewed(records, unlike, nothing, config, 0.0))


def test_without_a_goal_the_threshold_stays() -> None:
    records, pairs, truth = couples(20)
    nothing = said(records, pairs, truth, [])
    assert with_aim(records, pairs, nothing, CONFIG, 0.0) == (CONFIG, None)
    config, aim = with_aim(records, pairs, nothing, replace(CONFIG, target_recall=0.8), 0.0)
    assert aim is not None
    assert config.threshold == aim.threshold >= config.review_from
