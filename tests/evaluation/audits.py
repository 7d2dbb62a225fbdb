"""Candidate pairs whose truth is known, and reviewers who decide about them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dedupe.evaluation.audit_sample import UNKNOWN, AuditedPairs, audit_turns

Truth = NDArray[np.bool_]
Rows = NDArray[np.int64]


def population(rng: np.random.Generator, n: int, warp: float) -> tuple[AuditedPairs, Truth]:
    """Draw n unreviewed pairs, and the truth; `warp` bends the model's probabilities."""
    true = rng.beta(0.15, 0.6, n)
    truth = rng.random(n) < true
    probability = true**warp
    merged = probability >= 0.5
    turn = audit_turns(probability, 1 - rng.random(n))
    undecided = np.full(n, UNKNOWN, dtype=np.int8)
    return AuditedPairs(probability, merged, merged, undecided, turn), truth


def decide(pairs: AuditedPairs, truth: Truth, rows: Rows) -> AuditedPairs:
    """Decide pairs by the truth, which makes the result right about them."""
    decision, merged = pairs.decision.copy(), pairs.merged.copy()
    decision[rows] = truth[rows]
    merged[rows] = truth[rows]
    return replace(pairs, decision=decision, merged=merged)


def next_drawn(pairs: AuditedPairs, count: int) -> Rows:
    """Take the next undecided pairs in the order of the audit."""
    return pairs.order[pairs.decision[pairs.order] == UNKNOWN][:count]


def first_undecided(pairs: AuditedPairs, among: Truth, count: int) -> Rows:
    """Take the first undecided pairs of a selection, out of turn."""
    return np.flatnonzero(among & (pairs.decision == UNKNOWN))[:count]


def true_ratios(pairs: AuditedPairs, truth: Truth) -> dict[str, float]:
    """Compute the true precision and recall."""
    right = (truth & pairs.merged).sum()
    return {"precision": right / pairs.merged.sum(), "recall": right / truth.sum()}
