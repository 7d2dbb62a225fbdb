"""What a file and the decisions on it say of pairs: their probabilities, corrected at once.

Between scoring and clustering, and without any model being run::

    pairs + sure decisions ──adapt──▶ pairs + decisions ──learn──▶ pairs, corrected

Both fit logistic regressions to what is known of each pair: similarities field by field, which
values are missing, and how a pair stands among the other pairs of its two records (a record of a
catalogue is seldom two others).

To adapt needs no decision. What the models are sure of, they are sure of for reasons that hold in
this file: pairs that they call matches and pairs that they call different, as many of each, are
lessons, and half of every logit then comes from what was learnt from them (self-training [1]_).
Where next to no pair is surely a match, records and copies of them, damaged as records are, take
the place of those.

From decisions is learnt what to add to the logits. All weights are drawn to zero, which is the
probability as it was, and sure pairs that nobody looked at hold it there as well. A part of the
decisions is held back in turn; of all strengths of that pull the one is taken that predicts those
best, and where none predicts them better than the probabilities as they are, these stay.

At last all odds are scaled by one number, so that a half is where merging begins to pay: pairs
above a probability of F/2 are those that make the expected F1 the largest, F [2]_. Where matches
are plain, that is a half already.

Nothing is kept: without the decisions, the probabilities are again what they were.

References
----------
.. [1] D. Yarowsky, "Unsupervised word sense disambiguation rivaling supervised methods", ACL 1995.
.. [2] Z. C. Lipton, C. Elkan and B. Naryanaswamy, "Optimal thresholding of classifiers to maximize
   F1 measure", ECML PKDD 2014.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.logistic import (
    LOGIT_LIMIT,
    Floats,
    Numbers,
    fit_penalised_logistic,
    log_loss,
    logit,
    sigmoid,
)
from dedupe.scoring.pairs import components, identical_groups
from dedupe.scoring.recalibration_features import COPIES, LEAST, PLAIN, recalibration_features

FEWEST = 10


FEWEST_OF_A_KIND = 4
"""Decisions from which something is learnt, and how many matches and others are among them."""


STRENGTHS = (4.0, 16.0, 64.0)
"""Pulls to zero that are tried, in decisions."""


FOLDS = 5


MOST = 30_000
"""Pairs looked at, the most doubtful first, so that it takes no time in large files."""


SURE = (0.02, 0.98)


LESSONS = 600


FEWEST_LESSONS = 50
"""Pairs outside `PLAIN` that a file is adapted to: how many of either kind at most and at least."""


ADAPTED = 0.5
"""Share of a logit that comes from what was learnt from them."""


LESSON_PULL = 4.0


ANCHORS = 400


PLAUSIBLE = 0.05
"""Probability from which a pair counts towards the matches that are expected."""


LEAST_CUT = 0.3
"""Merging never pays below it: an F1 that low is not known well enough to bet on."""


MOST_TOLD_APART = 200_000
"""Pairs whose likelihood is learnt, those of most similar vectors first."""


STRETCHED, LOWERED = 1.15, -1.0
"""From the mean of both logits to a likelihood: lessons hold as many matches as others, which pairs
do not. Measured on eleven full tables: expected recall was .21 off by the scores, .05 by these."""


STRANGER = 9.0
"""The logit of what is plainly different goes no lower than minus this, as it is learnt."""


@dataclass(frozen=True)
class Correction:
    """What was learnt.

    Parameters
    ----------
    decisions
        Scored pairs it was learnt from: those decided, and those that follow from them.
    changed
        Whether probabilities were corrected.
    loss_before, loss_after
        Mean negative log-likelihood of decisions held back; equal where nothing was changed.
    strength
        Pull to the probabilities as they were; 0 where nothing was changed.
    pays_from
        Probability from which merging pays, which the correction put at one half.
    lessons, copies
        Sure pairs that the probabilities were adapted to, 0 where they were not; and damaged copies
        that stood in for matches.
    """

    decisions: int
    changed: bool
    loss_before: float
    loss_after: float
    strength: float
    pays_from: float
    lessons: int = 0
    copies: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON types."""
        return asdict(self)


def correct(
    pairs: pl.DataFrame,
    texts: pl.Series,
    decided: pl.DataFrame,
    *,
    adapt: bool = False,
    learn: bool = True,
) -> tuple[pl.DataFrame, Correction | None]:
    """Correct the probabilities of scored pairs by the file they are of and decisions on them.

    Parameters
    ----------
    pairs
        Of schema :data:`~dedupe.scoring.pairs.PAIRS`. Pairs of identical text stay as they are.
    texts
        (n,) record texts.
    decided
        Decisions in force as row numbers: ``left < right``, ``decision``.
    adapt, learn
        Whether the file itself, and the decisions, correct anything.

    Returns
    -------
    pairs
        The same pairs in the same order.
    correction
        What was learnt; ``None`` where there was too little to learn from.
    """
    if not adapt and (decided.is_empty() or not learn):
        return pairs, None
    decision = known_decisions(pairs, decided, len(texts))
    matches, others = int((decision == 1).sum()), int((decision == 0).sum())
    learn = learn and matches + others >= FEWEST and min(matches, others) >= FEWEST_OF_A_KIND
    if not adapt and not learn:
        return pairs, None
    probability = pairs["probability"].to_numpy().astype(np.float64)
    scored = (pairs["decided_by"] != "identical").to_numpy()
    similarity = pairs["similarity"].to_numpy()
    looked = _looked_at(np.where(scored, probability, -1.0), similarity, decision)
    before = logit(probability[looked])
    low, high, _ = _plain(before)
    if not learn and low.sum() < FEWEST_LESSONS:
        return pairs, None
    copies = adapt and high.sum() < FEWEST_LESSONS <= low.sum()
    signs, copied = recalibration_features(
        pairs, texts, probability, looked, copies=COPIES if copies else 0
    )
    order = np.lexsort((before, similarity[looked]))
    known = np.flatnonzero(decision[looked] >= 0)
    lessons = used = 0
    if adapt:
        before, lessons, used = adapted(before, signs, known, order, copied)
    if not learn and not lessons:
        return pairs, None
    after, found = before, Correction(0, False, 0.0, 0.0, 0.0, 0.5, lessons, used)
    if learn:
        truth = decision[looked][known].astype(np.float64)
        after, found = learn_decisions(before, signs, known, truth, order)
        found = replace(found, lessons=lessons, copies=used)
    if not found.changed and not lessons:
        return pairs, found
    new = probability.copy()
    new[looked] = sigmoid(after)
    if found.changed:
        settled = new.copy()
        settled[looked[known]] = decision[looked[known]]
        pays = best_cut(settled[scored])
        new[looked] = sigmoid(after - logit(np.array([pays])))
        found = replace(found, pays_from=round(pays, 4))
    return pairs.with_columns(pl.Series("probability", new.astype(np.float32))), found


def adapted(
    before: Floats, signs: Floats, known: Numbers, order: Numbers, copied: Floats | None = None
) -> tuple[Floats, int, int]:
    """Adapt logits to the file: half of each comes from what sure pairs have in common.

    Parameters
    ----------
    before, signs, known, order
        As for :func:`learn_decisions`. Pairs that are known are no lessons here.
    copied
        (c, f) what is known of records beside damaged copies of them, which are taken for matches
        where too few pairs are.

    Returns
    -------
    after
        (m,) logits.
    lessons, copies
        Pairs and copies learnt from; 0 where there were too few, and nothing is changed.
    """
    free = np.ones(len(before), dtype=bool)
    free[known] = False
    low, high, count = _plain(np.where(free, before, 0.0))
    copies = np.empty((0, signs.shape[1])) if copied is None else copied
    copies = copies[: max(COPIES - int(high.sum()), 0) if high.sum() < FEWEST_LESSONS else 0]
    count = min(count + len(copies), int(low.sum())) if len(copies) else count
    if count < FEWEST_LESSONS:
        return before, 0, 0
    differ, match = (_evenly(order[side[order]], count) for side in (low, high))
    learnt = _self_taught(signs, differ, match, copies)
    learnt = np.clip(learnt, -LOGIT_LIMIT, LOGIT_LIMIT)
    return (1 - ADAPTED) * before + ADAPTED * learnt, len(differ) + len(match), len(copies)


def _self_taught(
    signs: Floats, differ: Numbers, match: Numbers, copies: Floats | None = None
) -> Floats:
    """Return the logits, (m,), that pairs taken for different and for matches teach."""
    copies = signs[:0] if copies is None else copies
    everything = np.vstack([signs, copies])
    chosen = np.concatenate([differ, match, np.arange(len(signs), len(everything))])
    truth = np.repeat([0.0, 1.0], [len(differ), len(match) + len(copies)])
    # Their own logits would tell all: lessons are told from the signs alone.
    nothing, nobody = np.zeros(len(everything)), np.empty(0, dtype=np.int64)
    inputs = np.column_stack([np.ones(len(everything)), nothing, everything])
    weights = fit_penalised_logistic(inputs, nothing, chosen, truth, nobody, LESSON_PULL)
    learnt: Floats = (inputs @ weights)[: len(signs)]
    return learnt


def likelihood(pairs: pl.DataFrame, texts: pl.Series) -> Floats:
    """Return how likely each pair is a match, told finer than its score.

    A cross-encoder gives most pairs the same lowest probability, whose sum would be more matches
    than a file has. What sure pairs have in common tells them apart.

    Parameters
    ----------
    pairs, texts
        As for :func:`correct`. Decisions do not count.

    Returns
    -------
    ndarray
        (m,); the probabilities as they are where too few of them are sure.
    """
    probability = pairs["probability"].to_numpy().astype(np.float64)
    scored = (pairs["decided_by"] != "identical").to_numpy()
    similarity = pairs["similarity"].to_numpy()
    looked = np.flatnonzero(scored)
    if len(looked) > MOST_TOLD_APART:
        worth = np.where(probability[looked] >= LEAST, 2.0, similarity[looked])
        looked = np.sort(looked[np.argsort(-worth, kind="stable")[:MOST_TOLD_APART]])
    before = logit(probability[looked])
    low, high, count = _plain(before)
    if count < FEWEST_LESSONS:
        return probability
    signs, _ = recalibration_features(pairs, texts, probability, looked, least=0.0)
    order = np.lexsort((before, similarity[looked]))
    differ, match = (_evenly(order[side[order]], count) for side in (low, high))
    learnt = np.clip(_self_taught(signs, differ, match), -STRANGER, STRANGER)
    # The strangers that were not looked at are as the most unlike of those that were.
    both = logit(probability) + learnt.min()
    both[looked] = before + learnt
    told = probability.copy()
    told[scored] = sigmoid(STRETCHED * both[scored] / 2 + LOWERED)
    return told


def learn_decisions(
    before: Floats, signs: Floats, known: Numbers, truth: Floats, order: Numbers
) -> tuple[Floats, Correction]:
    """Learn from decided pairs what to add to the logits of all.

    Parameters
    ----------
    before
        (m,) logits as they are.
    signs
        (m, f) what is known of each pair, about 0 on average and about 1 in spread.
    known
        (d,) numbers of the decided pairs.
    truth
        (d,) 1 for a match, 0 for different; both are there.
    order
        (m,) an order of all pairs that does not depend on how rows are numbered: anchors and
        folds are drawn along it.

    Returns
    -------
    after
        (m,) corrected logits.
    correction
        What was learnt.
    """
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    anchors = _anchors(before, known, order)
    inputs = np.column_stack([np.ones(len(before)), before, signs])
    fold = np.empty(len(known), dtype=np.int64)
    fold[np.argsort(rank[known], kind="stable")] = np.arange(len(known)) % FOLDS
    unchanged = log_loss(before[known], truth)
    losses = {}
    for strength in STRENGTHS:
        held = np.empty(len(known))
        for part in range(FOLDS):
            learnt = fold != part
            weights = fit_penalised_logistic(
                inputs, before, known[learnt], truth[learnt], anchors, strength
            )
            held[~learnt] = (before + inputs @ weights)[known[~learnt]]
        losses[strength] = log_loss(held, truth)
    best = min(STRENGTHS, key=lambda strength: (losses[strength], strength))
    if losses[best] >= unchanged:
        loss = round(unchanged, 4)
        return before, Correction(len(known), False, loss, loss, 0.0, 0.5)
    weights = fit_penalised_logistic(inputs, before, known, truth, anchors, best)
    found = Correction(len(known), True, round(unchanged, 4), round(losses[best], 4), best, 0.5)
    return before + inputs @ weights, found


def best_cut(probability: Floats) -> float:
    """Return the probability from which pairs are to be merged for the largest expected F1."""
    # What is left of the many improbable pairs adds up to more than can be believed.
    ranked = np.sort(probability[probability >= PLAUSIBLE])[::-1]
    if not len(ranked):
        return 0.5
    f1 = 2 * np.cumsum(ranked) / (np.arange(1, len(ranked) + 1) + ranked.sum())
    return max(float(f1.max()) / 2, LEAST_CUT)


def known_decisions(pairs: pl.DataFrame, decided: pl.DataFrame, n: int) -> NDArray[np.int8]:
    """Return 1 for a match, 0 for different and -1 for unknown, for each pair.

    What follows from decisions counts as they do: pairs that nobody need be asked about any more
    are no fair sample, and nor are those that are asked without them.
    """
    # Of records with the same text the first alone stands in scored pairs.
    group = identical_groups(n, pairs).astype(np.int64)
    said = {
        decision: decided.filter(pl.col("decision") == decision).select("left", "right").to_numpy()
        for decision in ("match", "different")
    }
    joined = group[said["match"].reshape(-1, 2).astype(np.int64)]
    part = components(n, joined[:, 0], joined[:, 1]).astype(np.int64)[group]
    apart = np.sort(part[said["different"].reshape(-1, 2).astype(np.int64)], axis=1)
    left, right = (part[pairs[side].to_numpy()] for side in ("left", "right"))
    low, high = np.minimum(left, right), np.maximum(left, right)
    decision = np.full(len(left), -1, dtype=np.int8)
    decision[low == high] = 1
    decision[(low != high) & np.isin(low * n + high, apart[:, 0] * n + apart[:, 1])] = 0
    decision[(pairs["decided_by"] == "identical").to_numpy()] = -1
    return decision


def _looked_at(
    probability: Floats, similarity: NDArray[Any], decision: NDArray[np.int8]
) -> Numbers:
    """Return the numbers of the pairs that may change: the doubtful, and all that are decided.

    Where they are too many, some of the sure ones stay among them, to learn from.
    """
    likely = np.flatnonzero(probability >= LEAST)
    if len(likely) > MOST:
        ranked = likely[np.argsort(np.abs(logit(probability[likely])), kind="stable")]
        rest = ranked[MOST:][np.argsort(similarity[ranked[MOST:]], kind="stable")]
        sure = [rest[side[rest]] for side in (probability >= 0.5, probability < 0.5)]
        likely = np.concatenate([ranked[:MOST], *(_evenly(one, 2 * LESSONS) for one in sure)])
    return np.union1d(likely, np.flatnonzero((decision >= 0) & (probability >= 0)))


def _plain(before: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
    """Return which pairs plainly differ and which plainly match, and how many to take of each."""
    least, most = logit(np.array(PLAIN))
    low, high = before < least, before > most
    return low, high, min(int(low.sum()), int(high.sum()), LESSONS)


def _evenly(numbers: Numbers, count: int) -> Numbers:
    """Return up to `count` of the numbers, evenly along them."""
    if len(numbers) <= count:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, count).astype(np.int64)]


def _anchors(before: Floats, known: Numbers, order: Numbers) -> Numbers:
    """Return sure pairs that nobody decided, evenly along the order."""
    chance = sigmoid(before[order])
    sure = order[((chance < SURE[0]) | (chance > SURE[1])) & ~np.isin(order, known)]
    return _evenly(sure, ANCHORS)
