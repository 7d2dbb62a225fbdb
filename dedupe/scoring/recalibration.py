"""Recalibration of scored pairs, from decisions on pairs of the file.

Between scoring and clustering, without running a model. A logistic regression on features of the
pairs is fitted to the decisions: comparison vectors, and how a pair compares with the other pairs
of its two records (a record of a catalogue rarely matches two others). It corrects the log odds of
all pairs. A ridge penalty pulls the correction to zero, and confident pairs
without a decision anchor it there. Of several penalties, the one that predicts held-out decisions
best is used. If none predicts them better than the uncorrected probabilities, nothing is changed.

Finally, the odds of all pairs are scaled so that 0.5 is the threshold of the largest expected F1:
with F that largest F1, it is F/2 [1]_. In files with clear matches it is 0.5 already.

No probability is overwritten in the workspace: without the decisions, the scores are as before.

References
----------
.. [1] Z. C. Lipton, C. Elkan and B. Naryanaswamy, "Optimal thresholding of classifiers to maximize
   F1 measure", ECML PKDD 2014.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.model import LOGIT_LIMIT
from dedupe.scoring.logistic import (
    Floats,
    Numbers,
    fit_penalised_logistic,
    log_loss,
    logit,
    sigmoid,
)
from dedupe.scoring.pairs import components, identical_groups
from dedupe.scoring.recalibration_features import (
    MIN_PROBABILITY,
    recalibration_features,
)
from dedupe.scoring.sampling import evenly_spaced

MIN_DECISIONS = 10
"""Fewest decisions that recalibration is fitted to."""
MIN_DECISIONS_OF_A_KIND = 4
"""Fewest matches and fewest non-matches among them."""
PENALTIES = (4.0, 16.0, 64.0)
"""Ridge penalties that are tried, in decisions."""
FOLDS = 5
"""Parts that decisions are divided into; each is held out once."""
MAX_PAIRS = 30_000
"""Most pairs that are recalibrated, the most doubtful first; bounds the time for large files."""
ANCHOR_RANGE = (0.02, 0.98)
"""Probabilities below and above which a pair without a decision can be an anchor."""
MAX_ANCHORS = 400
PLAUSIBLE = 0.05
"""Probability from which a pair counts towards the expected number of matches."""
MIN_THRESHOLD = 0.3
"""Lowest threshold of the largest expected F1: a lower F1 is not known well enough to rely on."""


@dataclass(frozen=True)
class Recalibration:
    """Facts of a recalibration.

    Parameters
    ----------
    decisions
        Number of scored pairs it was fitted to: decided pairs, and those that follow from them.
    changed
        Whether decisions changed probabilities.
    loss_before, loss_after
        Mean negative log-likelihood of held-out decisions; equal where nothing was changed.
    penalty
        Ridge penalty that was chosen; 0 where nothing was changed.
    best_threshold
        Threshold of the largest expected F1, which recalibration moved to 0.5.
    """

    decisions: int
    changed: bool
    loss_before: float
    loss_after: float
    penalty: float
    best_threshold: float

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON types."""
        return asdict(self)


def recalibrate(
    pairs: pl.DataFrame,
    comparison: Comparison,
    decided: pl.DataFrame,
) -> tuple[pl.DataFrame, Recalibration | None]:
    """Recalibrate the probabilities of scored pairs.

    Parameters
    ----------
    pairs
        Schema :data:`~dedupe.scoring.pairs.PAIRS`. Pairs of identical text keep their probability.
    comparison
        Comparison of these pairs.
    decided
        Decisions in force, by row number: ``left < right``, ``decision``.

    Returns
    -------
    pairs
        The same pairs in the same order.
    recalibration
        What was fitted; ``None`` if there was too little to fit to.
    """
    if decided.is_empty():
        return pairs, None
    labels = known_decisions(pairs, decided, len(comparison.texts))
    if not _enough_decisions(labels):
        return pairs, None
    probability = pairs["probability"].to_numpy().astype(np.float64)
    scored = (pairs["decided_by"] != "identical").to_numpy()
    similarity = pairs["similarity"].to_numpy()
    selected = _select_pairs(np.where(scored, probability, -1.0), labels)
    log_odds = logit(probability[selected], LOGIT_LIMIT)
    features = recalibration_features(pairs, comparison, probability, selected)
    order = np.lexsort((log_odds, similarity[selected]))
    decided_pairs = np.flatnonzero(labels[selected] >= 0)
    decided_labels = labels[selected][decided_pairs].astype(np.float64)
    log_odds, facts = fit_to_decisions(log_odds, features, decided_pairs, decided_labels, order)
    if not facts.changed:
        return pairs, facts
    new = probability.copy()
    new[selected] = sigmoid(log_odds)
    settled = new.copy()
    settled[selected[decided_pairs]] = labels[selected[decided_pairs]]
    threshold = best_threshold(settled[scored])
    new[selected] = sigmoid(log_odds - logit(np.array([threshold]), LOGIT_LIMIT))
    facts = replace(facts, best_threshold=round(threshold, 4))
    return pairs.with_columns(pl.Series("probability", new.astype(np.float32))), facts


def fit_to_decisions(
    log_odds: Floats, features: Floats, decided: Numbers, labels: Floats, order: Numbers
) -> tuple[Floats, Recalibration]:
    """Fit a correction of all log odds to decided pairs.

    Parameters
    ----------
    log_odds
        (m,) log odds of the pairs.
    features
        (m, f), about 0 on average and about 1 in spread.
    decided
        (d,) numbers of the decided pairs.
    labels
        (d,) 1 for a match, 0 for a non-match; both occur.
    order
        (m,) an order of all pairs that does not depend on how rows are numbered. Anchors and folds
        are drawn along it.

    Returns
    -------
    log_odds
        (m,) corrected log odds.
    recalibration
        What was fitted.
    """
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    anchors = _anchors(log_odds, decided, order)
    inputs = np.column_stack([np.ones(len(log_odds)), log_odds, features])
    fold = np.empty(len(decided), dtype=np.int64)
    fold[np.argsort(rank[decided], kind="stable")] = np.arange(len(decided)) % FOLDS
    losses = {}
    for penalty in PENALTIES:
        held_out = np.empty(len(decided))
        for part in range(FOLDS):
            train = fold != part
            weights = fit_penalised_logistic(
                inputs, log_odds, decided[train], labels[train], anchors, penalty
            )
            held_out[~train] = (log_odds + inputs @ weights)[decided[~train]]
        losses[penalty] = log_loss(held_out, labels)
    best = min(PENALTIES, key=lambda penalty: (losses[penalty], penalty))
    loss_before = log_loss(log_odds[decided], labels)
    before, after = round(loss_before, 4), round(losses[best], 4)
    if losses[best] >= loss_before:
        return log_odds, Recalibration(len(decided), False, before, before, 0.0, 0.5)
    weights = fit_penalised_logistic(inputs, log_odds, decided, labels, anchors, best)
    facts = Recalibration(len(decided), True, before, after, best, 0.5)
    return log_odds + inputs @ weights, facts


def best_threshold(probability: Floats) -> float:
    """Return the threshold of the largest expected F1, and at least :data:`MIN_THRESHOLD`."""
    # The many improbable pairs add up to more matches than a file can have.
    ranked = np.sort(probability[probability >= PLAUSIBLE])[::-1]
    if not len(ranked):
        return 0.5
    f1 = 2 * np.cumsum(ranked) / (np.arange(1, len(ranked) + 1) + ranked.sum())
    return max(float(f1.max()) / 2, MIN_THRESHOLD)


def known_decisions(pairs: pl.DataFrame, decided: pl.DataFrame, n: int) -> NDArray[np.int8]:
    """Label each pair by the decisions and by what follows from them.

    Pairs that follow from decisions count as decided: review does not show them, so without them
    the decided pairs would be a biased sample.

    Returns
    -------
    ndarray
        (m,) int8: 1 for a match, 0 for a non-match, -1 for unknown.
    """
    # Among records of the same text, only the first one is in scored pairs.
    group = identical_groups(n, pairs).astype(np.int64)

    def ends_of(decision: str) -> NDArray[np.int64]:
        rows = decided.filter(pl.col("decision") == decision).select("left", "right").to_numpy()
        return rows.reshape(-1, 2).astype(np.int64)

    joined = group[ends_of("match")]
    component = components(n, joined[:, 0], joined[:, 1]).astype(np.int64)[group]
    apart = np.sort(component[ends_of("different")], axis=1)
    left, right = (component[pairs[side].to_numpy()] for side in ("left", "right"))
    low, high = np.minimum(left, right), np.maximum(left, right)
    labels = np.full(len(left), -1, dtype=np.int8)
    labels[low == high] = 1
    labels[(low != high) & np.isin(low * n + high, apart[:, 0] * n + apart[:, 1])] = 0
    labels[(pairs["decided_by"] == "identical").to_numpy()] = -1
    return labels


def _enough_decisions(labels: NDArray[np.int8]) -> bool:
    matches, non_matches = int((labels == 1).sum()), int((labels == 0).sum())
    return (
        matches + non_matches >= MIN_DECISIONS
        and min(matches, non_matches) >= MIN_DECISIONS_OF_A_KIND
    )


def _select_pairs(probability: Floats, labels: NDArray[np.int8]) -> Numbers:
    """Select the pairs to recalibrate: the doubtful ones, and all decided ones."""
    likely = np.flatnonzero(probability >= MIN_PROBABILITY)
    if len(likely) > MAX_PAIRS:
        doubt = np.abs(logit(probability[likely], LOGIT_LIMIT))
        likely = likely[np.argsort(doubt, kind="stable")[:MAX_PAIRS]]
    return np.union1d(likely, np.flatnonzero((labels >= 0) & (probability >= 0)))


def _anchors(log_odds: Floats, decided: Numbers, order: Numbers) -> Numbers:
    """Take confident pairs without a decision, evenly spaced along the order."""
    low, high = ANCHOR_RANGE
    probability = sigmoid(log_odds[order])
    confident = order[((probability < low) | (probability > high)) & ~np.isin(order, decided)]
    return evenly_spaced(confident, MAX_ANCHORS)
