"""How good a result is, estimated from reviewed pairs, in whatever order they were reviewed.

An audit has an order of all pairs that is drawn once, before anything is looked at: each pair gets
a number from its ids, as by lot, and comes the earlier the more one may learn from it (sequential
Poisson sampling [1]_, with the doubt of the model's probability as the size; after [2]_). The
sample is the longest beginning of that order in which all pairs are decided. So it does not matter
who decided a pair, when or why; a pair that was decided out of its turn speaks for itself alone
until its turn comes. Nor does it matter where the threshold is: the order does not depend on it.

The beginning of such an order is a priority sample [3]_: given the turn of the first pair that is
not in it, each pair before that turn was drawn with a known probability, independently of the
others. What is estimated from it is unbiased whatever the model's probabilities are worth: their
sum, corrected by what they are off on the drawn pairs, each weighted by one over its chance to be
drawn (the difference estimator [4]_). From few draws that is a rough number: up to
:data:`FIRST_DRAWS` the mean of the draws below is given instead.

How far it may be off is a question of pairs that were not drawn: variances estimated from a sample
without a single surprise are too good (intervals made of them held the truth in 55 to 90% of
samples from full tables). So intervals hold these and those of a model, which may be wrong in
another way. Pairs fall into fine cells, by their
probability and by whether they would be merged if nobody had decided about their records (decided
pairs are always right, and so no sample of the others). Of each cell the share of matches is
unknown. Together, the shares follow the probabilities, shifted, stretched and bent: a Gaussian
process over cells, whose likelihood is the sample, drawn from by elliptical slice sampling [5]_. As
the sample depends on probabilities and lots alone, it needs no weights (the design is ignorable
[6]_). From the shares come the matches among the pairs that nobody looked at; decided pairs are
counted.

Measured are candidate pairs that differ in text. Recall is also given for all matches, with those
that the search did not bring as it estimates them.

References
----------
.. [1] E. Ohlsson, "Sequential Poisson sampling", Journal of Official Statistics 14(2), 1998.
.. [2] N. G. Marchant and B. I. P. Rubinstein, "In search of an entity resolution OASIS: optimal
   asymptotic sequential importance sampling", PVLDB 10(11), 2017.
.. [3] N. Duffield, C. Lund and M. Thorup, "Priority sampling for estimation of arbitrary subset
   sums", Journal of the ACM 54(6), 2007.
.. [4] C.-E. Särndal, B. Swensson and J. Wretman, "Model Assisted Survey Sampling", 1992, 6.3.
.. [5] I. Murray, R. P. Adams and D. J. C. MacKay, "Elliptical slice sampling", AISTATS 2010.
.. [6] D. B. Rubin, "Inference and missing data", Biometrika 63(3), 1976.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FINENESS = 4
"""Cells a logit."""


CHAINS = 200


SWEEPS = 14


KEPT = 5
"""Monte Carlo: independent chains, steps of each, and how many of the last are kept."""


SHIFT = 1.5


STRETCH = 1.0


MERGED = 2.0


BENT = 0.6


REACH = 1.5
"""How far the shares of matches may be from the probabilities: standard deviations of the shift of
all logits, of the factor on them, of the shift of merged against other pairs, and of a bend of the
curve, and how far a bend reaches, in logits."""


SOFTENED = 0.7
"""Share of the logit that is believed when doubts are compared: sure pairs are drawn as well."""


LOGIT_LIMIT = 8.0


LIKELY_DRAWN = 0.25
"""Share of the draws that pairs of even chance or more have at least: precision is theirs alone,
and beside a hundred times as many unlikely pairs they would hardly be drawn."""


FIRST_DRAWS = 50
"""What an audit takes before it can be told how many pairs it takes, and speaks for itself."""


TAIL = 0.01
"""Share of the draws beyond each limit of an interval. With 0.025, limits held the truth in 88 to
96% of simulated files: the prior does not know how far a model may be off."""


BASES = {
    "model": "what the model expects; pairs drawn by lot (dedupe review --audit) would check it",
    "reviews": "the model's expectation, corrected by the {drawn:,} pairs drawn by lot so far",
    "sample": "unbiased: from {drawn:,} pairs drawn by lot, whatever the model's scores are worth",
}
"""What an estimate rests on, to be told beside it."""


NORMAL = 1.96
"""Standard errors within which an unbiased figure is in 95% of samples, if there are many draws."""


UNKNOWN = -1


UNSURE = -2


Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reviewed:
    """n candidate pairs and what is known of them.

    Parameters
    ----------
    probability
        (n,) float: how likely a match is, without any decision.
    merged
        (n,) bool: whether the two records are in one cluster.
    otherwise
        (n,) bool: whether they would be without the decisions that touch them; as `merged` where
        nothing is decided.
    decision
        (n,) int8: 1 match, 0 different, -1 unknown, -2 unsure. What follows from decisions is
        known.
    turn
        (n,) float: an audit reviews pairs by rising turn; see :func:`audit_turns`.
    lost
        Matches that the search did not bring, as it estimates them.
    """

    probability: Floats
    merged: NDArray[np.bool_]
    otherwise: NDArray[np.bool_]
    decision: NDArray[np.int8]
    turn: Floats
    lost: float = 0.0

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """(n,) int: all pairs in the order of an audit."""
        return np.argsort(self.turn, kind="stable").astype(np.int64)

    def sample(self) -> NDArray[np.int64]:
        """Return the pairs at the beginning of the order that are all decided."""
        open_ = np.flatnonzero(self.decision[self.order] == UNKNOWN)
        reached = self.order[: open_[0]] if len(open_) else self.order
        return reached[self.decision[reached] >= 0]


@dataclass(frozen=True)
class Measure:
    """An estimate and its 95% interval; ``None`` where nothing drawn supports one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Estimate:
    """Precision and recall of the merged candidate pairs.

    Parameters
    ----------
    precision, recall
        The estimates. With nothing merged, precision is 1; without matches, recall is 1.
    recall_of_all
        Recall with the matches that the search did not bring.
    reviewed, drawn
        Decided pairs, those that follow from them included, and those of them that are the sample.
    basis
        ``"model"``: expectation from the model's probabilities and decisions, without a claim of
        how far it may be off; ``"reviews"``: the model's, corrected by what few drawn pairs say;
        ``"sample"``: unbiased, by the draws' known chances, from :data:`FIRST_DRAWS` of them on.
    """

    precision: Measure
    recall: Measure
    recall_of_all: Measure
    reviewed: int
    drawn: int
    basis: str

    def as_dict(self) -> dict[str, Any]:
        """Return everything by name, nested as it is."""
        return asdict(self)

    @property
    def width(self) -> float:
        """The wider of the intervals of precision and recall; 1 without intervals."""
        return max(
            1.0 if m.low is None or m.high is None else m.high - m.low
            for m in (self.precision, self.recall)
        )


def audit_turns(probability: Floats, lots: Floats) -> Floats:
    """Return the turn of each pair: an audit reviews those of lower turns first.

    Parameters
    ----------
    probability
        (n,) how likely a match is, without any decision.
    lots
        (n,) a number above 0 and up to 1 for each pair, drawn once from what tells it from others.
    """
    turns: Floats = lots / _sizes(probability)
    return turns


def _sizes(probability: Floats) -> Floats:
    """Return how much is to be learnt from each pair: what its chance to be drawn goes by."""
    said = 1 / (1 + np.exp(-SOFTENED * _logit(probability)))
    size: Floats = np.sqrt(said * (1 - said))
    likely = probability >= 0.5
    ours, others = float(size[likely].sum()), float(size[~likely].sum())
    if 0 < ours < LIKELY_DRAWN * (ours + others):
        size = np.where(likely, size * (LIKELY_DRAWN / (1 - LIKELY_DRAWN) * others / ours), size)
    return size


def estimate(pairs: Reviewed, *, seed: int = 0) -> Estimate:
    """Estimate precision and recall from the decisions made so far.

    Parameters
    ----------
    pairs
        The candidate pairs.
    seed
        Of the Monte Carlo draws.
    """
    sample = pairs.sample()
    simulated = _simulated(pairs, sample, seed)
    values = [float(draws.mean()) for draws in simulated]
    errors = [0.0] * len(values)
    basis = "reviews" if len(sample) else "model"
    if len(sample) >= FIRST_DRAWS:
        values, errors = _from_chances(pairs, sample)
        basis = "sample"
    precision, recall, recall_of_all = (
        _measure(value, error, draws if len(sample) else None)
        for value, error, draws in zip(values, errors, simulated, strict=True)
    )
    return Estimate(
        precision,
        recall,
        recall_of_all,
        int((pairs.decision >= 0).sum()),
        len(sample),
        basis,
    )


def chances(pairs: Reviewed, goal: str, target: float, *, seed: int = 0) -> float:
    """Return how likely precision, or recall of all matches, is at least `target`."""
    precision, _, recall_of_all = _simulated(pairs, pairs.sample(), seed)
    draws = precision if goal == "precision" else recall_of_all
    return round(float((draws >= target).mean()), 4)


def draws_left(found: Estimate, width: float) -> int:
    """Return about how many pairs more an audit takes until no interval is wider than `width`.

    0 says that it is reached. Widths fall as one over the root of the number of draws.
    """
    if found.width <= width:
        return 0
    if found.basis == "model":
        return FIRST_DRAWS
    return max(1, round(found.drawn * ((found.width / width) ** 2 - 1)))


def _simulated(
    pairs: Reviewed, sample: NDArray[np.int64], seed: int
) -> tuple[Floats, Floats, Floats]:
    """Return draws of precision, recall, and recall of all matches."""
    return _measures(pairs, *matches_left(pairs, sample, seed=seed))


def _measures(pairs: Reviewed, right: Floats, missed: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the measures for numbers of matches among the undecided: merged ones, and others."""
    match = pairs.decision == 1
    right = right + int((match & pairs.merged).sum())
    missed = missed + int((match & ~pairs.merged).sum())
    merged = float((pairs.merged & (pairs.decision != UNSURE)).sum())
    return (
        _ratio(right, np.full(len(right), merged)),
        _ratio(right, right + missed),
        _ratio(right, right + missed + pairs.lost),
    )


def unbiased_matches_left(pairs: Reviewed, sample: NDArray[np.int64]) -> tuple[float, float]:
    """Estimate the numbers of undecided pairs that match: merged ones, and others.

    The expectation is the truth; a single estimate may be less than none, or more than there are.
    """
    known = pairs.decision >= 0
    off = np.where(known, pairs.decision - pairs.probability, 0.0)
    # What is known is taken off again: the drawn pairs speak of all, and all others are left.
    weight = np.where(known, -1.0, 0.0)
    weight[sample] += 1 / _drawn_with(pairs, sample)
    found = []
    for merged in (True, False):
        side = pairs.otherwise == merged
        left = side & (pairs.decision == UNKNOWN)
        found.append(float(pairs.probability[left].sum() + (weight * off)[side].sum()))
    return found[0], found[1]


def _drawn_with(pairs: Reviewed, sample: NDArray[np.int64]) -> Floats:
    """Return the chance with which each pair of the sample was drawn."""
    first = pairs.order[pairs.decision[pairs.order] == UNKNOWN][:1]
    until = float(pairs.turn[first[0]]) if len(first) else np.inf
    chance: Floats = np.minimum(_sizes(pairs.probability)[sample] * until, 1.0)
    return chance


def _from_chances(pairs: Reviewed, sample: NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Return the measures by the draws' chances, and their standard errors."""
    undecided = pairs.decision == UNKNOWN
    right, missed = (
        np.clip([left], 0, (undecided & (pairs.merged == merged)).sum())
        for left, merged in zip(unbiased_matches_left(pairs, sample), (True, False), strict=True)
    )
    values = [float(one[0]) for one in _measures(pairs, right, missed)]
    match = pairs.decision == 1
    merged = int((pairs.merged & (pairs.decision != UNSURE)).sum())
    found = float(right[0] + missed[0]) + int(match.sum())
    chance = _drawn_with(pairs, sample)
    off = pairs.decision[sample] - pairs.probability[sample]
    spread = (1 - chance) / chance**2 * off**2
    side = pairs.otherwise[sample].astype(np.float64)
    shares = (side, side - values[1], side - values[2])
    wholes = (merged, found, found + pairs.lost)
    return values, [
        float(np.sqrt((spread * share**2).sum())) / max(whole, 1.0)
        for share, whole in zip(shares, wholes, strict=True)
    ]


def matches_left(
    pairs: Reviewed, sample: NDArray[np.int64], *, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return draws of the numbers of undecided pairs that match: merged ones, and others."""
    rng = np.random.default_rng(seed)
    cell, shares = cell_shares(pairs, sample, rng)
    undecided = pairs.decision == UNKNOWN
    known = pairs.decision >= 0
    apart = known.copy()
    apart[sample] = False
    totals = []
    for merged in (True, False):
        total = np.zeros(len(shares))
        for name in np.unique(cell[undecided & (pairs.merged == merged)]):
            inside = cell == name
            left = int((inside & undecided).sum())
            # Pairs decided out of turn may have been chosen for what they are: the sample speaks
            # of them and of the undecided together, and what is known of them is taken off.
            out = int((inside & apart).sum())
            found = int((inside & apart & (pairs.decision == 1)).sum())
            if not len(sample):
                total += left * shares[:, name]
                continue
            drawn = rng.binomial(left + out, shares[:, name])
            total += np.clip(drawn - found, 0, left)
        totals.append(total)
    return totals[0], totals[1]


def cell_shares(
    pairs: Reviewed, sample: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """Return the cell of each pair, (n,), and draws of the share of matches of each, (draws, c).

    Without a sample the shares are the mean probabilities, one draw.
    """
    bins = np.floor(FINENESS * _logit(pairs.probability)).astype(np.int64)
    names, cell = np.unique(bins * 2 + pairs.otherwise, return_inverse=True)
    expected = np.bincount(cell, pairs.probability) / np.bincount(cell)
    if not len(sample):
        return cell, expected[None, :]
    tried = np.bincount(cell[sample], minlength=len(names)).astype(np.float64)
    matches = cell[sample[pairs.decision[sample] == 1]]
    hits = np.bincount(matches, minlength=len(names)).astype(np.float64)
    mean = _logit(expected)
    side = np.where(names % 2 == 1, 1.0, -1.0)
    alike = (1 + np.outer(side, side)) / 2
    covariance = (
        SHIFT**2
        + STRETCH**2 * np.outer(mean, mean)
        + MERGED**2 * np.outer(side, side)
        + BENT**2 * (1 + alike) / 2 * np.exp(-0.5 * np.subtract.outer(mean, mean) ** 2 / REACH**2)
        + 1e-4 * np.eye(len(names))
    )
    return cell, 1 / (1 + np.exp(-_slice_sampled(mean, covariance, tried, hits, rng)))


def _slice_sampled(
    mean: Floats, covariance: Floats, tried: Floats, hits: Floats, rng: np.random.Generator
) -> Floats:
    """Return draws of logits, (draws, c), given binomial counts: elliptical slice sampling."""
    root = np.linalg.cholesky(covariance)

    def likelihood(off: Floats) -> Floats:
        logits = mean + off
        found: Floats = (hits * logits - tried * np.logaddexp(0, logits)).sum(axis=1)
        return found

    # The chains begin where a normal distribution at the mode would have them.
    mode, spread = _mode(mean, covariance, tried, hits)
    off = mode + rng.standard_normal((CHAINS, len(mean))) @ np.linalg.cholesky(spread).T
    kept = []
    for sweep in range(SWEEPS):
        other = rng.standard_normal(off.shape) @ root.T
        floor = likelihood(off) + np.log(rng.random(CHAINS))
        angle = rng.uniform(0, 2 * np.pi, CHAINS)
        low, high = angle - 2 * np.pi, angle.copy()
        waiting = np.ones(CHAINS, dtype=bool)
        new = off.copy()
        while waiting.any():
            turned = angle[waiting, None]
            new[waiting] = off[waiting] * np.cos(turned) + other[waiting] * np.sin(turned)
            waiting &= likelihood(new) <= floor
            low = np.where(waiting & (angle < 0), angle, low)
            high = np.where(waiting & (angle >= 0), angle, high)
            angle = np.where(waiting, rng.uniform(low, high), angle)
        off = new
        if sweep >= SWEEPS - KEPT:
            kept.append(mean + off)
    return np.concatenate(kept)


def _mode(mean: Floats, covariance: Floats, tried: Floats, hits: Floats) -> tuple[Floats, Floats]:
    """Return the likeliest distance from the mean, by Newton's method, and the covariance there."""
    precision = np.linalg.inv(covariance)
    off = np.zeros(len(mean))
    for _ in range(100):
        chance = 1 / (1 + np.exp(-(mean + off)))
        slope = hits - tried * chance - precision @ off
        spread = np.linalg.inv(precision + np.diag(tried * chance * (1 - chance)))
        step = spread @ slope
        off = off + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-6:
            break
    return off, (spread + spread.T) / 2 + 1e-9 * np.eye(len(mean))


def _measure(value: float, error: float, draws: Floats | None) -> Measure:
    if draws is None:
        return Measure(value)
    low, high = (float(np.quantile(draws, at)) for at in (TAIL, 1 - TAIL))
    reach = NORMAL * error
    return Measure(value, min(low, max(value - reach, 0.0)), max(high, min(value + reach, 1.0)))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 1.0)


def _logit(probability: Floats) -> Floats:
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    odds: Floats = np.clip(np.log(p / (1 - p)), -LOGIT_LIMIT, LOGIT_LIMIT)
    return odds
