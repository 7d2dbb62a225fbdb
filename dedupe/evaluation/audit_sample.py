"""The sample of an audit: candidate pairs in a random order that is drawn once.

Each pair gets a random number from the ids of its records, and comes the earlier the more its
decision may improve the estimate: sequential Poisson sampling [1]_, with the uncertainty of the
model's probability as the size measure (after [2]_). The sample is the longest beginning of that
order in which all pairs are decided. So it does not matter who decided a pair, when or why: a pair
decided out of turn joins the sample only when its turn comes. Nor does the order depend on the
threshold.

The beginning of such an order is a priority sample [3]_: given the turn of the first pair that is
not in it, each earlier pair was included with a known probability, independently of the others.

References
----------
.. [1] E. Ohlsson, "Sequential Poisson sampling", Journal of Official Statistics 14(2), 1998.
.. [2] N. G. Marchant and B. I. P. Rubinstein, "In search of an entity resolution OASIS: optimal
   asymptotic sequential importance sampling", PVLDB 10(11), 2017.
.. [3] N. Duffield, C. Lund and M. Thorup, "Priority sampling for estimation of arbitrary subset
   sums", Journal of the ACM 54(6), 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.logistic import logit, sigmoid

LOGIT_LIMIT = 8.0
"""Log odds are clipped to plus and minus this."""
SIZE_DAMPING = 0.7
"""Factor on the log odds from which size measures follow, so that confident pairs are drawn too."""
LIKELY_SHARE = 0.25
"""Lowest share of the draws for pairs with a probability of 0.5 or more.

Precision depends on these alone, and next to a hundred times as many unlikely pairs they would
hardly be drawn.
"""
UNKNOWN = -1
"""Code of a pair without a decision."""
UNSURE = -2
"""Code of a pair about which reviewers are unsure."""
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AuditedPairs:
    """The n candidate pairs that an estimate is about, and their decisions.

    Parameters
    ----------
    probability
        (n,) float: probability of a match, without any decision.
    merged
        (n,) bool: whether the two records are in one cluster.
    merged_unaided
        (n,) bool: whether they would be without the decisions that affect them; equals `merged`
        where nothing is decided.
    decision
        (n,) int8: 1 match, 0 different, -1 unknown, -2 unsure. Pairs whose decision follows from
        others count as decided.
    turn
        (n,) float: an audit reviews pairs in ascending order of turn; see :func:`audit_turns`.
    missed
        Estimated number of matches that are not among the pairs.
    """

    probability: Floats
    merged: NDArray[np.bool_]
    merged_unaided: NDArray[np.bool_]
    decision: NDArray[np.int8]
    turn: Floats
    missed: float = 0.0

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """(n,) int: all pairs in the order of an audit."""
        return np.argsort(self.turn, kind="stable").astype(np.int64)

    def sample(self) -> NDArray[np.int64]:
        """Select the decided pairs before the first pair in the order that has no decision.

        Pairs about which reviewers are unsure do not end the sample, and are not in it.
        """
        undecided = np.flatnonzero(self.decision[self.order] == UNKNOWN)
        reached = self.order[: undecided[0]] if len(undecided) else self.order
        return reached[self.decision[reached] >= 0]

    def inclusion_probability(self, sample: NDArray[np.int64]) -> Floats:
        """Compute the probability with which each pair of the sample was included in it."""
        first = self.order[self.decision[self.order] == UNKNOWN][:1]
        first_turn = float(self.turn[first[0]]) if len(first) else np.inf
        inclusion: Floats = np.minimum(_sizes(self.probability)[sample] * first_turn, 1.0)
        return inclusion


def audit_turns(probability: Floats, uniform: Floats) -> Floats:
    """Compute the turn of each pair: an audit reviews pairs in ascending order of turn.

    Parameters
    ----------
    probability
        (n,) probability of a match, without any decision.
    uniform
        (n,) random number in (0, 1] of each pair, which depends on its records alone.
    """
    turns: Floats = uniform / _sizes(probability)
    return turns


def _sizes(probability: Floats) -> Floats:
    """Compute the size measures, to which inclusion probabilities are proportional."""
    damped = sigmoid(SIZE_DAMPING * logit(probability, LOGIT_LIMIT))
    size: Floats = np.sqrt(damped * (1 - damped))
    likely = probability >= 0.5
    of_likely, of_others = float(size[likely].sum()), float(size[~likely].sum())
    if 0 < of_likely < LIKELY_SHARE * (of_likely + of_others):
        factor = LIKELY_SHARE / (1 - LIKELY_SHARE) * of_others / of_likely
        size = np.where(likely, size * factor, size)
    return size
