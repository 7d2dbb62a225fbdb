"""From decisions to what an estimate needs, and to the threshold that meets a goal.

A decided pair is always right, and the others are corrected by it: how often the result would be
right about pairs that nobody decided shows where a decision is left out. So decisions are put into
parts, no record in two of them, and for the pairs of each part the records are clustered by the
decisions of the others.
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
from dedupe.evaluation.estimate import UNSURE, Estimate, Reviewed, audit_turns, chances, estimate
from dedupe.records import Records
from dedupe.resolution.decisions import decided_rows
from dedupe.resolution.resolve import cluster_records, corrected
from dedupe.scoring.pairs import components, identical_groups
from dedupe.scoring.recalibration import known_decisions, likelihood

PARTS = 3
"""Of the decisions."""


STEPS = 48
"""Thresholds that a goal is looked for among, evenly along the logits from 0.01 to 0.995."""


@dataclass(frozen=True, eq=False)
class Review:
    """n candidate pairs that differ in text, and all that was decided.

    Parameters
    ----------
    records
        The records.
    pairs
        Every scored pair, as the models scored it.
    decisions
        In force, as :func:`~dedupe.resolution.resolve.resolve` takes them.
    config
        Of the run.
    versions
        Decisions and corrected pairs: first with all decisions, then without each part of them.
    part
        (n,) int: number of the version that judges a pair.
    likelihood
        (n,) float: how likely each pair is a match, without any decision.
    decision, turn
        Of the n pairs; see :class:`~dedupe.evaluation.estimate.Reviewed`.
    lost
        Matches that the search did not bring.
    """

    records: Records
    pairs: pl.DataFrame
    decisions: pl.DataFrame
    config: Config
    versions: tuple[tuple[pl.DataFrame, pl.DataFrame], ...]
    part: NDArray[np.int64]
    likelihood: NDArray[np.float64]
    decision: NDArray[np.int8]
    turn: NDArray[np.float64]
    lost: float

    def at(self, threshold: float) -> Reviewed:
        """Return what is known of the pairs where pairs are merged from this probability."""
        config = replace(self.config, threshold=threshold, review_from=0.0)
        scored = self.pairs.filter(pl.col("decided_by") != "identical")
        left, right = (scored[side].to_numpy() for side in ("left", "right"))
        merged = np.zeros((len(self.versions), len(left)), dtype=bool)
        for number, (decisions, pairs) in enumerate(self.versions):
            decided = decided_rows(decisions, self.records)
            labels = cluster_records(self.records, pairs, decided, config)[0].labels
            merged[number] = labels[left] == labels[right]
        return Reviewed(
            self.likelihood,
            merged[0],
            merged[self.part, np.arange(len(left))],
            self.decision,
            self.turn,
            self.lost,
        )


def reviewed(
    records: Records, pairs: pl.DataFrame, decisions: pl.DataFrame, config: Config, lost: float
) -> Review:
    """Take in what was decided; parameters as of :class:`Review`."""
    n = len(records)
    decided = decided_rows(decisions, records)
    group = identical_groups(n, pairs).astype(np.int64)
    known = decided.filter(pl.col("decision") != "unsure")
    ends = group[known.select("left", "right").to_numpy().reshape(-1, 2).astype(np.int64)]
    linked = components(n, ends[:, 0], ends[:, 1])
    lot = _lots(records.keys, config.seed)
    place = np.full(n, -1, dtype=np.int64)
    touched = np.unique(linked[ends.ravel()])
    # By lot, but evenly, so that no part is empty where there are decisions enough.
    place[touched[np.argsort(lot[touched], kind="stable")]] = np.arange(len(touched)) % PARTS
    of_record = place[linked[group]]
    parts = [part for part in range(PARTS) if (of_record == part).any()]
    rows = pl.DataFrame({"key": records.keys, "part": of_record})
    whose = decisions.join(rows, left_on="left_id", right_on="key", how="left")["part"]
    versions = [(decisions, corrected(records, pairs, decisions, config)[0])]
    for part in parts:
        others = decisions.filter((whose != part).fill_null(True))
        versions.append((others, corrected(records, pairs, others, config)[0]))
    scored = (pairs["decided_by"] != "identical").to_numpy()
    left, right = (pairs[side].to_numpy()[scored] for side in ("left", "right"))
    decision = known_decisions(pairs, decided, n)[scored]
    unsure = pairs.filter(scored).join(
        decided.filter(pl.col("decision") == "unsure"), on=["left", "right"], how="left",
        maintain_order="left",
    )["decision"].is_not_null().to_numpy()  # fmt: skip
    decision = np.where(unsure & (decision < 0), UNSURE, decision).astype(np.int8)
    number = np.zeros(PARTS + 1, dtype=np.int64)
    number[parts] = np.arange(len(parts)) + 1
    judge = np.where(decision >= 0, number[of_record[left]], 0)
    chance = likelihood(pairs, records.texts)[scored]
    turn = audit_turns(chance, _pair_lots(lot, left, right))
    return Review(
        records, pairs, decisions, config, tuple(versions), judge, chance, decision, turn, lost
    )


@dataclass(frozen=True)
class Aim:
    """A threshold that meets a goal.

    Parameters
    ----------
    goal, target
        ``"precision"`` or ``"recall"``, and how much of it.
    threshold
        The lowest that reaches the precision, or the highest that reaches the recall.
    estimate
        Of the result at that threshold.
    sure
        Probability that the goal is met; ``None`` without drawn pairs.
    """

    goal: str
    target: float
    threshold: float
    estimate: Estimate
    sure: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON types."""
        return {
            "goal": self.goal,
            "target": self.target,
            "threshold": self.threshold,
            "sure": self.sure,
            "estimate": self.estimate.as_dict(),
        }


def aimed(review: Review) -> Aim:
    """Find the threshold that meets the goal of ``review.config``.

    Raises
    ------
    OptionError
        If no threshold does, as far as the estimate goes.
    """
    config = review.config
    if config.target_precision is not None:
        goal, target = "precision", config.target_precision
    else:
        assert config.target_recall is not None
        goal, target = "recall", config.target_recall
    ends = np.log(np.array([0.01, 0.995]) / (1 - np.array([0.01, 0.995])))
    steps = 1 / (1 + np.exp(-np.linspace(ends[0], ends[1], STEPS)))
    thresholds = [round(float(step), 4) for step in (steps if goal == "precision" else steps[::-1])]

    @cache
    def at(number: int) -> Reviewed:
        return review.at(thresholds[number])

    @cache
    def found(number: int) -> Estimate:
        return estimate(at(number), seed=config.seed)

    def value(number: int) -> float:
        of = found(number)
        return (of.precision if goal == "precision" else of.recall_of_all).value

    # Nothing is wrong where nothing is merged, but that is not what was asked for.
    last = len(thresholds) - 1
    if not at(last).merged.any():
        last = _first(lambda number: not at(number).merged.any(), last) - 1
    if last < 0:
        raise OptionError(f"no threshold reaches a {goal}: none merges any pair")
    if value(last) < target:
        raise OptionError(
            f"no threshold reaches a {goal} of {target:g}: it is estimated to be {value(last):.3f} "
            f"at most, at a threshold of {thresholds[last]:g}; review more pairs, or ask for less"
        )
    best = _first(lambda number: value(number) >= target, last)
    drawn = found(best).drawn
    sure = chances(at(best), goal, target, seed=config.seed) if drawn else None
    return Aim(goal, target, thresholds[best], found(best), sure)


def _first(holds: Callable[[int], bool], last: int) -> int:
    """Return the first number up to `last` for which something holds, as for all after it."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def with_aim(
    records: Records, pairs: pl.DataFrame, decisions: pl.DataFrame, config: Config, lost: float
) -> tuple[Config, Aim | None]:
    """Return `config` with the threshold that meets its goal, where it has one.

    Parameters are as of :class:`Review`.

    Raises
    ------
    OptionError
        If no threshold meets the goal.
    """
    if config.target_precision is None and config.target_recall is None:
        return config, None
    aim = aimed(reviewed(records, pairs, decisions, config, lost))
    low = min(config.review_from, aim.threshold)
    return replace(config, threshold=aim.threshold, review_from=low), aim


def _lots(keys: pl.Series, seed: int) -> NDArray[np.uint64]:
    """Return a number drawn for each record from its key."""
    start = f"{seed}\0".encode()
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(start + key.encode(), digest_size=8).digest(), "big")
            for key in keys
        ],
        dtype=np.uint64,
    )


def _pair_lots(
    lot: NDArray[np.uint64], left: NDArray[Any], right: NDArray[Any]
) -> NDArray[np.float64]:
    """Return a number above 0 and up to 1 for each pair, drawn from both records' alike."""
    mixed = (lot[left] ^ (lot[left] >> np.uint64(31))) + (
        lot[right] ^ (lot[right] >> np.uint64(31))
    )
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    lots: NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64)
    return (lots + 1) / 2.0**53
