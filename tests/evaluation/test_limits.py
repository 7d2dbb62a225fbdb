"""Limits are inclusive, and every figure that misses its limit is named."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from dedupe.errors import LimitError
from dedupe.evaluation.estimate import Estimate, Measure
from dedupe.evaluation.gold import Evaluation
from dedupe.evaluation.limits import check_estimated, check_measured

MEASURED = replace(
    Evaluation(**{field.name: 0 for field in fields(Evaluation)}),
    pair_precision=0.9, pair_recall=0.6, pair_f1=0.72, bcubed_f1=1.0,
)  # fmt: skip
ESTIMATED = Estimate(
    precision=Measure(0.95, 0.9, 1.0),
    recall=Measure(0.99, 0.98, 1.0),
    recall_of_all=Measure(0.8, 0.6, 0.9),
    reviewed=60, drawn=60, basis="sample",
)  # fmt: skip


def test_a_figure_at_its_limit_reaches_it() -> None:
    check_measured(MEASURED, {"precision": 0.9, "recall": 0.6, "f1": 0.72})
    check_estimated(ESTIMATED, {"precision": 0.9, "recall": 0.6, "f1": 0.72})
    check_measured(MEASURED, {})


def test_every_measure_below_its_limit_is_named() -> None:
    with pytest.raises(LimitError) as raised:
        check_measured(MEASURED, {"precision": 0.8, "recall": 0.7, "f1": 0.8})
    assert str(raised.value) == (
        "pair_recall is 0.6000, below 0.7 and pair_f1 is 0.7200, below 0.8"
    )


@pytest.mark.parametrize(
    ("name", "limit", "missed"),
    [("precision", 0.91, "precision is 0.9"), ("recall", 0.61, "recall_of_all is 0.6"),
     ("f1", 0.73, "f1 is 0.72")],
)  # fmt: skip
def test_the_lower_end_of_an_interval_has_to_reach_a_limit(
    name: str, limit: float, missed: str
) -> None:
    with pytest.raises(LimitError, match=f"lower end of the interval of {missed}"):
        check_estimated(ESTIMATED, {name: limit})


def test_an_estimate_without_intervals_reaches_no_limit() -> None:
    unreviewed = replace(
        ESTIMATED, precision=Measure(1.0), recall=Measure(1.0), recall_of_all=Measure(1.0)
    )
    check_estimated(unreviewed, {})
    with pytest.raises(LimitError, match="review --audit"):
        check_estimated(unreviewed, {"precision": 0.0})
