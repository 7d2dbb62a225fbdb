"""A small model of the cross-encoder, fitted to the pairs of this very file.

The cross-encoder judges a sample of the candidates; gradient-boosted trees on field similarities
learn its decisions; a second sample, which they did not learn from, says where the two agree. There
the distilled decides. What lies between goes to the cross-encoder, the most doubtful first::

    candidates ──sample──▶ cross-encoder ──fit──▶ distilled ──audit──▶ two cuts
        below the lower cut: distilled · between: cross-encoder · above the upper cut: distilled

Where records are many short fields, field similarities say nearly all there is to say, and the
distilled, which averages over its lessons, is a better judge of doubtful pairs than single decisions
of its teacher (measured on files of people with known duplicates; on titles and descriptions it is
the other way round). There the distilled decides what lies between as well, as long as it explains
its teacher.

Most candidates are no matches, so that a distilled that rejects everything would agree with its
teacher nearly always. The rate of agreement is therefore asked of the matches: of all pairs that
the teacher would call a match, and of all pairs that the distilled calls one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.boosted_trees import BoostedTrees
from dedupe.scoring.comparison import Bytes, as_numbers

ALL_BELOW = 6_000
"""Candidates up to which the cross-encoder judges all: a distilled would save nothing."""


FIRST_SAMPLE = 768


SECOND_SAMPLE = 1_024


AUDIT = 1_024
"""Pairs judged to fit the distilled, to fit it better where it doubts, and to check it."""


SHORT_AUDIT = 512
"""To ask how much a distilled of structured records explains; only if that is too little is it asked
where to cut."""


MOST_SURVEYED = 1 << 17
"""Pairs among which the second sample is drawn: a first distilled need not look at millions."""


SAMPLED = FIRST_SAMPLE + SECOND_SAMPLE + AUDIT


MATCH_FROM = 0.5
"""Probability from which a pair is a match, where distilled and teacher are compared."""


EDGES = (0.001, 0.005, 0.02, 0.08, 0.25, 0.5, 0.75, 0.92, 0.98, 0.995)
"""Probabilities between which samples are drawn evenly, so that rare doubts are seen."""


DOUBTFUL = (0.02, 0.98)
"""Probabilities between which a distilled is in doubt."""


LEAST_EXPLAINED = 0.5
"""Share of the variance of its teacher's logits, on doubtful pairs that it did not learn from, from
which a distilled of structured records is trusted."""


TEACHER_SHARE = 0.3
"""Weight of the teacher's logit beside that of a trusted distilled, on the pairs that it judged."""


CROWD = 100_000
"""Records from which strangers are so many that some look like a match: the odds that a pair of
like records is one fall as one over their number (Fellegi and Sunter, "A theory for record
linkage", 1969)."""


Judge: TypeAlias = "Callable[[NDArray[np.int64]], NDArray[np.float32]]"
"""Gives the teacher's probability for pairs of these numbers."""


_LOGIT_LIMIT = 6.0


@dataclass(frozen=True, eq=False)
class CascadeScores:
    """Who decided m pairs, and how.

    Parameters
    ----------
    probability
        (m,) float32.
    by_teacher
        (m,) bool: judged by the cross-encoder; the others by the distilled.
    facts
        Pairs decided by the distilled, agreement measured, cuts; empty where there was no distilled.
    distilled
        The distilled, for pairs to come; ``None`` where there was none.
    """

    probability: NDArray[np.float32]
    by_teacher: NDArray[np.bool_]
    facts: dict[str, Any]
    distilled: BoostedTrees | None = None


def cascade(
    features: Bytes,
    similarity: NDArray[np.float32],
    ticket: NDArray[np.uint64],
    always: NDArray[np.bool_],
    judge: Judge,
    *,
    agreement: float,
    budget: int,
    structured: bool,
    records: int,
    seed: int,
) -> CascadeScores:
    """Decide m pairs, the clear ones by the distilled.

    Parameters
    ----------
    features
        (m, f) as :func:`~dedupe.scoring.comparison.comparison_vectors` gives them.
    similarity
        (m,) cosine.
    ticket
        (m,) a number drawn for each pair from its content: samples do not depend on the order of
        the pairs.
    always
        (m,) bool: pairs that the teacher has to judge.
    judge
        The teacher.
    agreement
        Share of the teacher's matches that the distilled may not lose, and of its own matches that
        the teacher must share, as measured on the audit.
    budget
        Pairs for the teacher at most, beyond its samples; the most doubtful first.
    structured
        Records are many short fields: a distilled that explains its teacher is trusted with doubtful
        pairs.
    records
        How many records the pairs were found among.
    seed
        Of the distilled.
    """
    m = len(features)
    probability = np.full(m, -1, dtype=np.float32)

    def ask(chosen: NDArray[np.int64]) -> None:
        fresh = chosen[probability[chosen] < 0]
        if len(fresh):
            probability[fresh] = judge(fresh)

    def learnt(of: NDArray[np.int64]) -> Any:
        # In the order of the tickets, so that sums come out the same whatever the order of rows.
        of = of[np.argsort(ticket[of], kind="stable")]
        return _fitted(features[of], probability[of], seed)

    ask(np.flatnonzero(always))
    steps: NDArray[np.float64] = np.quantile(similarity, np.linspace(0, 1, 17)[1:-1])
    ask(_even(np.searchsorted(np.unique(steps), similarity), ticket, FIRST_SAMPLE, probability < 0))
    pool = _drawn(ticket, MOST_SURVEYED)
    rough = _predicted(learnt(np.flatnonzero(probability >= 0)), features[pool])
    ask(pool[_even(_strata(rough), ticket[pool], SECOND_SAMPLE, probability[pool] < 0)])
    model = learnt(np.flatnonzero(probability >= 0))
    distilled = _predicted(model, features)

    open_ = probability < 0
    strata = _strata(distilled)
    trusted = False
    if structured:
        audit = _even(strata, ticket, SHORT_AUDIT, open_)
        ask(audit)
        trusted = _explained(distilled[audit], probability[audit]) >= LEAST_EXPLAINED
    if not trusted:
        audit = _even(strata, ticket, AUDIT, open_)
        ask(audit)
    there = np.bincount(strata[open_], minlength=len(EDGES) + 1)
    drawn = np.bincount(strata[audit], minlength=len(EDGES) + 1)
    weight = (there / np.maximum(drawn, 1))[strata[audit]]
    low, high = _cuts(distilled[audit], probability[audit], weight, 1 - agreement)

    explained = _explained(distilled[audit], probability[audit])
    if trusted:
        low = high = MATCH_FROM
    between = np.flatnonzero((probability < 0) & (distilled > low) & (distilled < high))
    doubt = np.lexsort((ticket[between], np.abs(distilled[between] - MATCH_FROM)))
    ask(between[doubt[:budget]])
    by_teacher = probability >= 0
    decided = ~by_teacher
    agreed = _agreement(distilled[audit], probability[audit], weight, low, high)
    if trusted:
        said, own = (_logit(of[by_teacher]) for of in (probability, distilled))
        blended = TEACHER_SHARE * said + (1 - TEACHER_SHARE) * own
        probability[by_teacher] = (1 / (1 + np.exp(-blended))).astype(np.float32)
    facts = {
        "pairs": int(decided.sum()),
        "explained": round(explained, 4),
        "trusted": trusted,
        "over_budget": max(len(between) - budget, 0),
        "audited": len(audit),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        **agreed,
    }
    chance = np.where(by_teacher, probability, distilled)
    crowding = float(np.log(max(records / CROWD, 1))) if trusted else 0.0
    if crowding:
        chance = (1 / (1 + np.exp(crowding - _logit(chance)))).astype(np.float32)
    return CascadeScores(chance, by_teacher, facts, BoostedTrees.of(model, crowding))


def _explained(distilled: NDArray[np.float32], teacher: NDArray[np.float32]) -> float:
    """Return the share of the variance of the teacher's logits that the distilled's explain.

    Only pairs that the distilled doubts count: the others are easy to explain in every file.
    """
    low, high = DOUBTFUL
    doubtful = (distilled > low) & (distilled < high)
    truth, guess = _logit(teacher[doubtful]), _logit(distilled[doubtful])
    variance = float(truth.var()) if len(truth) > 1 else 0.0
    return 1 - float(np.mean((truth - guess) ** 2)) / variance if variance else 0.0


def _logit(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    clipped = np.clip(probability.astype(np.float64), 1e-9, 1 - 1e-9)
    logit: NDArray[np.float64] = np.clip(
        np.log(clipped / (1 - clipped)), -_LOGIT_LIMIT, _LOGIT_LIMIT
    )
    return logit


def _fitted(features: Bytes, probability: NDArray[np.float32], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    logit = _logit(probability)
    # More alike is never less likely a match: what a few thousand pairs cannot teach.
    rising = np.ones(features.shape[1], dtype=int)
    rising[-1] = 0
    model = HistGradientBoostingRegressor(
        max_iter=160,
        learning_rate=0.08,
        max_leaf_nodes=16,
        min_samples_leaf=8,
        l2_regularization=1.0,
        monotonic_cst=rising,
        early_stopping=False,
        random_state=seed,
    )
    numbers = as_numbers(features)
    # A column that no sampled pair has a value in has nothing to be binned by.
    numbers[:, np.isnan(numbers).all(axis=0)] = 0
    return model.fit(numbers, logit)


def _predicted(model: Any, features: Bytes) -> NDArray[np.float32]:
    """Return the distilled's probability for each pair, in blocks."""
    out = np.empty(len(features), dtype=np.float32)
    for at in range(0, len(features), 1 << 18):
        some = slice(at, at + (1 << 18))
        out[some] = 1 / (1 + np.exp(-model.predict(as_numbers(features[some]))))
    return out


def _strata(distilled: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.searchsorted(np.array(EDGES), distilled, side="right")


def _drawn(ticket: NDArray[np.uint64], most: int) -> NDArray[np.int64]:
    """Return the numbers of up to `most` pairs, those with the smallest tickets, in order."""
    if len(ticket) <= most:
        return np.arange(len(ticket))
    return np.sort(np.argpartition(ticket, most)[:most])


def _even(
    strata: NDArray[np.int64],
    ticket: NDArray[np.uint64],
    count: int,
    allowed: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Choose about `count` of the allowed pairs, as evenly over the strata as they allow."""
    pool = np.flatnonzero(allowed)
    order = pool[np.lexsort((ticket[pool], strata[pool]))]
    sizes = np.bincount(strata[order], minlength=int(strata.max(initial=0)) + 1)
    share = _fair_shares(sizes, count)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[rank < np.repeat(share, sizes)])


def _fair_shares(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return how many to take of each stratum: the same of all, what small ones lack of others."""
    share = np.zeros(len(sizes), dtype=np.int64)
    left = count
    for rank, stratum in enumerate(np.argsort(sizes, kind="stable")):
        share[stratum] = min(int(sizes[stratum]), left // (len(sizes) - rank))
        left -= int(share[stratum])
    return share


def _cuts(
    distilled: NDArray[np.float32],
    teacher: NDArray[np.float32],
    weight: NDArray[np.float64],
    allowed: float,
) -> tuple[float, float]:
    """Return the probabilities up to and from which the distilled decides.

    Below the lower one lie at most `allowed` of the teacher's matches, above the upper one at most
    that many pairs, as a share of those matches, which the teacher calls different.
    """
    order = np.argsort(distilled, kind="stable")
    ranked, mass = distilled[order], weight[order]
    match = teacher[order] >= MATCH_FROM
    most = allowed * float(mass[match].sum())
    lost = np.cumsum(np.where(match, mass, 0.0))
    wrong = np.cumsum(np.where(match, 0.0, mass)[::-1])[::-1]
    below = int(np.searchsorted(lost, most, side="right"))
    above = int((wrong > most).sum())
    low = float(ranked[below - 1]) if below else 0.0
    high = float(ranked[above]) if above < len(ranked) else 1.0
    return min(low, MATCH_FROM), max(high, MATCH_FROM)


def _agreement(
    distilled: NDArray[np.float32],
    teacher: NDArray[np.float32],
    weight: NDArray[np.float64],
    low: float,
    high: float,
) -> dict[str, float]:
    """Return how often the distilled, where it decides, is of its teacher's mind."""
    decides = (distilled <= low) | (distilled >= high)
    said, truth = distilled >= MATCH_FROM, teacher >= MATCH_FROM
    matches = float(weight[truth].sum())
    return {
        "agreement": _share(weight[decides & (said == truth)], weight[decides]),
        "matches_kept": 1 - _part(float(weight[decides & ~said & truth].sum()), matches),
        "matches_shared": _share(weight[decides & said & truth], weight[decides & said]),
    }


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    return round(_part(float(part.sum()), float(whole.sum()), empty=1.0), 5)


def _part(part: float, whole: float, empty: float = 0.0) -> float:
    return part / whole if whole else empty
