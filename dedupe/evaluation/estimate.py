"""Estimates of precision and recall from reviewed pairs, in whatever order they were reviewed.

From the sample of an audit (:mod:`~dedupe.evaluation.audit_sample`) the number of matches is
estimated without bias, whatever the model's probabilities are worth: their sum, corrected by the
errors on the sampled pairs, each weighted by one over its inclusion probability (the difference
estimator [1]_). From few draws that is a rough number: below :data:`MIN_DRAWS` the mean of a model
of match rates (:mod:`~dedupe.evaluation.match_rates`) is given instead.

If every sampled pair agrees with the model, the variance is underestimated: intervals from the
sample alone held the truth in 55 to 90% of samples from fully labelled tables. So the interval is
the hull of that interval and the one of the model of match rates, which may be wrong in another
way.

The estimates are about candidate pairs that differ in text. Recall is also given for all matches,
including those that the search did not find, by its own estimate.

References
----------
.. [1] C.-E. Särndal, B. Swensson and J. Wretman, "Model Assisted Survey Sampling", 1992, 6.3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.evaluation.audit_sample import UNKNOWN, UNSURE, AuditedPairs, Floats
from dedupe.evaluation.match_rates import draw_undecided_matches

MIN_DRAWS = 50
"""Sampled pairs from which an estimate is unbiased, and the remaining draws can be predicted."""
TAIL = 0.01
"""Share of the draws beyond each limit of an interval. With 0.025, intervals held the truth in 88
to 96% of simulated files: the prior does not know how far a model may be off."""
NORMAL = 1.96
"""Standard errors on each side of an unbiased estimate for an interval of 95%."""
BASES = {
    "model": "what the model expects; randomly drawn pairs (dedupe review --audit) would check it",
    "reviews": "the model's expectation, corrected by the {drawn:,} randomly drawn pairs so far",
    "sample": "unbiased: from {drawn:,} randomly drawn pairs, however good the model's scores are",
}
"""Explanation of each basis of an estimate, to be shown with it."""
IMPROBABLE, SHARE = 0.1, 0.05
"""Without a sample, recall is not known if pairs below this probability, of which each is hardly a
match, but which are many, hold more than this share of the expected matches."""
NOT_KNOWN = (
    "recall is not known: it would rest on many pairs of probability under 0.1, none reviewed"
)
"""Explanation of a recall that is not known, to be shown with it."""


@dataclass(frozen=True)
class Measure:
    """An estimate and its 95% interval; limits are ``None`` if no sampled pair supports one.

    An estimate that is not `known` rests on hardly anything, and is not shown to people.
    """

    value: float
    low: float | None = None
    high: float | None = None
    known: bool = True


@dataclass(frozen=True)
class Estimate:
    """Estimated precision and recall of the merged candidate pairs.

    Parameters
    ----------
    precision, recall
        The estimates. With nothing merged, precision is 1; without matches, recall is 1.
    recall_of_all
        Recall of all matches, including those that are not among the candidate pairs.
    reviewed, drawn
        Number of decided pairs, including those whose decision follows from others, and number of
        pairs in the sample.
    basis
        ``"model"``: expectation from the model's probabilities and decisions, without intervals;
        ``"reviews"``: that expectation, corrected by a small sample; ``"sample"``: unbiased, by
        inclusion probabilities, from :data:`MIN_DRAWS` sampled pairs on.
    """

    precision: Measure
    recall: Measure
    recall_of_all: Measure
    reviewed: int
    drawn: int
    basis: str

    def as_dict(self) -> dict[str, Any]:
        """Convert everything to plain JSON types by name, nested as it is."""
        return asdict(self)

    @property
    def explanation(self) -> str:
        """What the estimates rest on, and why one is not known, to be shown with them."""
        basis = BASES[self.basis].format(drawn=self.drawn)
        return basis if self.recall.known else f"{basis}; {NOT_KNOWN}"

    @property
    def width(self) -> float:
        """The wider of the intervals of precision and recall; 1 without intervals."""
        return max(
            1.0 if measure.low is None or measure.high is None else measure.high - measure.low
            for measure in (self.precision, self.recall)
        )

    def draws_left(self, width: float) -> int:
        """Predict how many more pairs an audit takes until no interval is wider than `width`.

        0 if that is reached. Widths fall with one over the root of the number of draws.
        """
        if self.width <= width:
            return 0
        if self.basis == "model":
            return MIN_DRAWS
        return max(1, round(self.drawn * ((self.width / width) ** 2 - 1)))


def estimate(pairs: AuditedPairs, *, seed: int = 0) -> Estimate:
    """Estimate precision and recall from the decisions made so far.

    Parameters
    ----------
    pairs
        The candidate pairs and their decisions.
    seed
        Seed of the Monte Carlo draws.
    """
    sample = pairs.sample()
    simulated = _simulated(pairs, sample, seed)
    values = [float(draws.mean()) for draws in simulated]
    errors = [0.0] * len(values)
    basis = "reviews" if len(sample) else "model"
    if len(sample) >= MIN_DRAWS:
        values, errors = _unbiased(pairs, sample)
        basis = "sample"
    precision, recall, recall_of_all = (
        _measure(value, error, draws if len(sample) else None)
        for value, error, draws in zip(values, errors, simulated, strict=True)
    )
    known = bool(len(sample)) or _rests_on_probable_pairs(pairs)
    return Estimate(
        precision,
        replace(recall, known=known),
        replace(recall_of_all, known=known),
        int((pairs.decision >= 0).sum()),
        len(sample),
        basis,
    )


def probability_of_goal(pairs: AuditedPairs, goal: str, target: float, *, seed: int = 0) -> float:
    """Estimate the probability that precision, or recall of all matches, is at least `target`."""
    precision, _, recall_of_all = _simulated(pairs, pairs.sample(), seed)
    draws = precision if goal == "precision" else recall_of_all
    return round(float((draws >= target).mean()), 4)


def unbiased_undecided_matches(
    pairs: AuditedPairs, sample: NDArray[np.int64]
) -> tuple[float, float]:
    """Estimate the numbers of undecided pairs that match: merged ones, and others.

    The expectation of the estimates is the true number; a single one may be negative, or higher
    than the number of pairs.
    """
    decided = pairs.decision >= 0
    error = np.where(decided, pairs.decision - pairs.probability, 0.0)
    # The sample represents all pairs. Subtracting the errors on the decided pairs leaves those on
    # the undecided.
    weight = np.where(decided, -1.0, 0.0)
    weight[sample] += 1 / pairs.inclusion_probability(sample)
    estimates = []
    for merged in (True, False):
        side = pairs.merged_unaided == merged
        undecided = side & (pairs.decision == UNKNOWN)
        expected = pairs.probability[undecided].sum()
        estimates.append(float(expected + (weight * error)[side].sum()))
    return estimates[0], estimates[1]


def _rests_on_probable_pairs(pairs: AuditedPairs) -> bool:
    """Tell whether improbable pairs hold so few of the expected matches that recall is known."""
    undecided = pairs.decision == UNKNOWN
    improbable = undecided & ~pairs.merged & (pairs.probability < IMPROBABLE)
    matches = pairs.probability[undecided].sum() + (pairs.decision == 1).sum()
    return bool(pairs.probability[improbable].sum() <= SHARE * matches)


def _simulated(
    pairs: AuditedPairs, sample: NDArray[np.int64], seed: int
) -> tuple[Floats, Floats, Floats]:
    """Draw precision, recall, and recall of all matches from the model of match rates."""
    return _ratios(pairs, *draw_undecided_matches(pairs, sample, seed=seed))


def _ratios(pairs: AuditedPairs, found: Floats, missed: Floats) -> tuple[Floats, Floats, Floats]:
    """Compute precision, recall, and recall of all matches.

    `found` and `missed` are the numbers of matches among the undecided pairs that are merged, and
    among the others.
    """
    match = pairs.decision == 1
    found = found + int((match & pairs.merged).sum())
    missed = missed + int((match & ~pairs.merged).sum())
    merged = float((pairs.merged & (pairs.decision != UNSURE)).sum())
    return (
        _ratio(found, np.full(len(found), merged)),
        _ratio(found, found + missed),
        _ratio(found, found + missed + pairs.missed),
    )


def _unbiased(pairs: AuditedPairs, sample: NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Estimate the three ratios by inclusion probabilities, and their standard errors."""
    undecided = pairs.decision == UNKNOWN
    found, missed = (
        np.clip([matches], 0, (undecided & (pairs.merged == merged)).sum())
        for matches, merged in zip(
            unbiased_undecided_matches(pairs, sample), (True, False), strict=True
        )
    )
    values = [float(ratio[0]) for ratio in _ratios(pairs, found, missed)]
    merged = int((pairs.merged & (pairs.decision != UNSURE)).sum())
    matches = float(found[0] + missed[0]) + int((pairs.decision == 1).sum())
    inclusion = pairs.inclusion_probability(sample)
    error = pairs.decision[sample] - pairs.probability[sample]
    variance = (1 - inclusion) / inclusion**2 * error**2
    side = pairs.merged_unaided[sample].astype(np.float64)
    influences = (side, side - values[1], side - values[2])
    denominators = (merged, matches, matches + pairs.missed)
    return values, [
        float(np.sqrt((variance * influence**2).sum())) / max(denominator, 1.0)
        for influence, denominator in zip(influences, denominators, strict=True)
    ]


def _measure(value: float, error: float, draws: Floats | None) -> Measure:
    if draws is None:
        return Measure(value)
    low, high = (float(np.quantile(draws, share)) for share in (TAIL, 1 - TAIL))
    margin = NORMAL * error
    return Measure(value, min(low, max(value - margin, 0.0)), max(high, min(value + margin, 1.0)))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 1.0)
