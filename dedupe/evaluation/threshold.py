"""Cross-fitted clusters for estimates, and the threshold that meets a goal.

A decided pair is always right, and decisions recalibrate the other pairs too. How often the result
is right about pairs without decisions shows only if a pair's decision is left out. So decisions are
split into folds, no record in two of them, and the pairs of each fold are judged by clusters made
with the decisions of the other folds: cross-fitting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.evaluation.audit_sample import UNSURE, AuditedPairs, audit_turns
from dedupe.evaluation.estimate import Estimate, estimate, probability_of_goal
from dedupe.records.records import Records
from dedupe.resolution.decisions import Decision, decisions_by_row
from dedupe.resolution.resolve import cluster_records, recalibrated_pairs
from dedupe.scoring.comparison.model import LOGIT_LIMIT
from dedupe.scoring.logistic import logit, sigmoid
from dedupe.scoring.pairs import by_rule, components, identical_groups
from dedupe.scoring.recalibration import known_decisions
from dedupe.workspace.state import State

FOLDS = 3
"""Folds of the decisions."""
SHARPNESS = 1.15
"""Factor from log odds to those of the likelihood. Scores are fitted to hold on files of any kind,
and lean to the middle on most of them. On 38 labelled tables, with trees that had not seen their
kind, the expected precision was off by .097 and the expected recall by .119 with this factor, by
.099 and .118 without, and by .097 and .129 with 1.25."""
THRESHOLDS = 48
"""Number of thresholds to choose from, evenly spaced in log odds."""
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.01, 0.995


@dataclass(frozen=True, eq=False)
class CrossFit:
    """The n candidate pairs that differ in text, with their decisions split into folds.

    Parameters
    ----------
    records
        The records.
    pairs
        Every scored pair, as the models scored it.
    config
        Configuration of the run.
    versions
        Decisions and recalibrated pairs: first with all decisions, then without each fold.
    version_of_pair
        (n,) int: number of the version that judges a pair.
    likelihood
        (n,) float: probability of a match, without any decision.
    decision, turn
        (n,) of the pairs; see :class:`~dedupe.evaluation.audit_sample.AuditedPairs`.
    missed
        Estimated number of matches that are not among the pairs.
    """

    records: Records
    pairs: pl.DataFrame
    config: Config
    versions: tuple[tuple[pl.DataFrame, pl.DataFrame], ...]
    version_of_pair: NDArray[np.int64]
    likelihood: NDArray[np.float64]
    decision: NDArray[np.int8]
    turn: NDArray[np.float64]
    missed: float

    def at(self, threshold: float) -> AuditedPairs:
        """Cluster every version at a threshold."""
        config = replace(self.config, threshold=threshold, review_from=0.0)
        scored = self.pairs.filter(pl.col("decided_by") != "identical")
        left, right = (scored[side].to_numpy() for side in ("left", "right"))
        merged = np.zeros((len(self.versions), len(left)), dtype=bool)
        for number, (decisions, pairs) in enumerate(self.versions):
            decided = decisions_by_row(decisions, self.records)
            labels = cluster_records(self.records, pairs, decided, config)[0].labels
            merged[number] = labels[left] == labels[right]
        return AuditedPairs(
            self.likelihood,
            merged[0],
            merged[self.version_of_pair, np.arange(len(left))],
            self.decision,
            self.turn,
            self.missed,
        )


def cross_fit(state: State) -> CrossFit:
    """Split the decisions into folds, and recalibrate the pairs without each of them.

    Parameters
    ----------
    state
        Records, scored pairs, decisions and configuration.
    """
    records, pairs, config, comparison = state.records, state.pairs, state.config, state.comparison
    decisions = state.decisions
    decided = decisions_by_row(decisions, records)
    random = _random_numbers(records.keys, config.seed)
    fold = _folds(pairs, decided, random)
    folds = [number for number in range(FOLDS) if (fold == number).any()]
    rows = pl.DataFrame({"key": records.keys, "fold": fold})
    fold_of_decision = decisions.join(rows, left_on="left_id", right_on="key", how="left")["fold"]
    versions = [(decisions, recalibrated_pairs(records, pairs, decisions, config, comparison)[0])]
    for number in folds:
        others = decisions.filter((fold_of_decision != number).fill_null(True))
        versions.append((others, recalibrated_pairs(records, pairs, others, config, comparison)[0]))

    scored = (pairs["decided_by"] != "identical").to_numpy()
    left, right = (pairs[side].to_numpy()[scored] for side in ("left", "right"))
    decision = _decision_codes(pairs, decided, len(records))[scored]
    version_of_fold = np.zeros(FOLDS + 1, dtype=np.int64)
    version_of_fold[folds] = np.arange(len(folds)) + 1
    probability = _under_rules(match_likelihood(pairs), pairs, versions[0][1])[scored]
    return CrossFit(
        records=records,
        pairs=pairs,
        config=config,
        versions=tuple(versions),
        version_of_pair=np.where(decision >= 0, version_of_fold[fold[left]], 0),
        likelihood=probability,
        decision=decision,
        turn=audit_turns(probability, _uniform_of_pairs(random, left, right)),
        missed=state.missed,
    )


def _under_rules(
    likelihood: NDArray[np.float64], pairs: pl.DataFrame, ruled: pl.DataFrame
) -> NDArray[np.float64]:
    """Replace the likelihood of the pairs that rules decide among `ruled` by what they say."""
    decided = ruled.filter(by_rule()).select("left", "right", pl.col("probability").alias("rule"))
    found = pairs.select("left", "right").join(
        decided, on=["left", "right"], how="left", maintain_order="left"
    )["rule"]
    certain = found.is_not_null().to_numpy()
    return np.where(certain, found.fill_null(0).to_numpy().astype(np.float64), likelihood)


def match_likelihood(pairs: pl.DataFrame) -> NDArray[np.float64]:
    """Estimate how likely each scored pair is a match, without any decision, (m,)."""
    probability = pairs["probability"].to_numpy().astype(np.float64)
    found: NDArray[np.float64] = sigmoid(SHARPNESS * logit(probability, LOGIT_LIMIT))
    return found


def _folds(
    pairs: pl.DataFrame, decided: pl.DataFrame, random: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Assign records to folds, so that those connected by decisions are in one.

    Returns
    -------
    ndarray
        (n,) number of the fold; -1 for records without decisions.
    """
    n = len(random)
    group = identical_groups(n, pairs).astype(np.int64)
    sure = decided.filter(pl.col("decision") != Decision.UNSURE)
    ends = group[sure.select("left", "right").to_numpy().reshape(-1, 2).astype(np.int64)]
    component = components(n, ends[:, 0], ends[:, 1])
    with_decisions = np.unique(component[ends.ravel()])
    # In random order, but in turn, so that no fold is empty if there are enough decisions.
    shuffled = with_decisions[np.argsort(random[with_decisions], kind="stable")]
    fold = np.full(n, -1, dtype=np.int64)
    fold[shuffled] = np.arange(len(shuffled)) % FOLDS
    folds: NDArray[np.int64] = fold[component[group]]
    return folds


def _decision_codes(pairs: pl.DataFrame, decided: pl.DataFrame, n: int) -> NDArray[np.int8]:
    """Encode the decision of each pair as :class:`AuditedPairs` does."""
    decision = known_decisions(pairs, decided, n)
    unsure = decided.filter(pl.col("decision") == Decision.UNSURE)
    joined = pairs.join(unsure, on=["left", "right"], how="left", maintain_order="left")
    is_unsure = joined["decision"].is_not_null().to_numpy()
    return np.where(is_unsure & (decision < 0), UNSURE, decision).astype(np.int8)


@dataclass(frozen=True)
class TargetThreshold:
    """A threshold that meets a goal.

    Parameters
    ----------
    goal, target
        ``"precision"`` or ``"recall"``, and the value to reach.
    threshold
        The lowest that reaches the precision, or the highest that reaches the recall.
    estimate
        Estimate at that threshold.
    sure
        Probability that the goal is met; ``None`` without sampled pairs.
    """

    goal: str
    target: float
    threshold: float
    estimate: Estimate
    sure: float | None

    def as_dict(self) -> dict[str, Any]:
        """Convert the values to plain JSON types by name."""
        return {
            "goal": self.goal,
            "target": self.target,
            "threshold": self.threshold,
            "sure": self.sure,
            "estimate": self.estimate.as_dict(),
        }


def find_target_threshold(fitted: CrossFit) -> TargetThreshold:
    """Find the threshold that meets the goal of ``fitted.config``.

    Raises
    ------
    OptionError
        If no threshold is estimated to meet it.
    """
    config = fitted.config
    if config.target_precision is not None:
        goal, target = "precision", config.target_precision
    else:
        assert config.target_recall is not None
        goal, target = "recall", config.target_recall
    thresholds = _thresholds(descending=goal == "recall")

    @cache
    def pairs_at(number: int) -> AuditedPairs:
        return fitted.at(thresholds[number])

    @cache
    def estimate_at(number: int) -> Estimate:
        return estimate(pairs_at(number), seed=config.seed)

    def value_at(number: int) -> float:
        found = estimate_at(number)
        return (found.precision if goal == "precision" else found.recall_of_all).value

    # With nothing merged the precision is 1, but that is not the goal.
    last = len(thresholds) - 1
    if not pairs_at(last).merged.any():
        last = _first(lambda number: not pairs_at(number).merged.any(), last) - 1
    if last < 0:
        raise OptionError(f"no threshold reaches a {goal}: none merges any pair")
    if value_at(last) < target:
        raise OptionError(
            f"no threshold reaches a {goal} of {target:g}: the highest estimate is "
            f"{value_at(last):.3f}, at a threshold of {thresholds[last]:g}; review more pairs, or "
            "set a lower goal"
        )
    best = _first(lambda number: value_at(number) >= target, last)
    sure = None
    if estimate_at(best).drawn:
        sure = probability_of_goal(pairs_at(best), goal, target, seed=config.seed)
    return TargetThreshold(goal, target, thresholds[best], estimate_at(best), sure)


def with_target_threshold(state: State) -> tuple[State, TargetThreshold | None]:
    """Set the threshold that meets the goal of a configuration, if it has one.

    Parameters
    ----------
    state
        Records, scored pairs, decisions and configuration.

    Raises
    ------
    OptionError
        If no threshold is estimated to meet the goal.
    """
    config = state.config
    if config.target_precision is None and config.target_recall is None:
        return state, None
    found = find_target_threshold(cross_fit(state))
    review_from = min(config.review_from, found.threshold)
    config = replace(config, threshold=found.threshold, review_from=review_from)
    return replace(state, config=config), found


def _thresholds(*, descending: bool) -> list[float]:
    ends = np.array([LOWEST_THRESHOLD, HIGHEST_THRESHOLD])
    lowest, highest = np.log(ends / (1 - ends))
    steps = sigmoid(np.linspace(lowest, highest, THRESHOLDS))
    return [round(float(step), 4) for step in (steps[::-1] if descending else steps)]


def _first(holds: Callable[[int], bool], last: int) -> int:
    """Find the first number up to `last` from which on a condition holds, by bisection."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _random_numbers(keys: pl.Series, seed: int) -> NDArray[np.uint64]:
    """Compute a random number for each record from its key."""
    start = f"{seed}\0".encode()
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(start + key.encode(), digest_size=8).digest(), "big")
            for key in keys
        ],
        dtype=np.uint64,
    )


def _uniform_of_pairs(
    random: NDArray[np.uint64], left: NDArray[Any], right: NDArray[Any]
) -> NDArray[np.float64]:
    """Compute a random number in (0, 1] for each pair, whichever of its records comes first.

    The numbers of both records are added and mixed as in SplitMix64.
    """
    mixed = (random[left] ^ (random[left] >> np.uint64(31))) + (
        random[right] ^ (random[right] >> np.uint64(31))
    )
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    uniform: NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64)
    return (uniform + 1) / 2.0**53
