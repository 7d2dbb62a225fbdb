"""The order of an audit, and the sample that is the beginning of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dedupe.evaluation.audit_sample import UNSURE, audit_turns
from tests.evaluation.audits import decide, next_drawn, population


def test_the_sample_is_the_decided_beginning_of_the_order() -> None:
    pairs, truth = population(np.random.default_rng(3), 400, 1.0)
    early = decide(pairs, truth, pairs.order[[0, 1, 2, 4]])
    assert early.sample().tolist() == pairs.order[:3].tolist()
    later = decide(early, truth, pairs.order[[3]])
    assert later.sample().tolist() == pairs.order[:5].tolist()


def test_pairs_about_which_reviewers_are_unsure_do_not_end_the_sample() -> None:
    pairs, truth = population(np.random.default_rng(4), 400, 1.0)
    pairs = decide(pairs, truth, pairs.order[:20])
    decision = pairs.decision.copy()
    decision[pairs.order[5]] = UNSURE
    assert len(replace(pairs, decision=decision).sample()) == 19


def test_inclusion_probabilities_are_shares_of_the_draws() -> None:
    runs, draws = 300, 60
    rng = np.random.default_rng(10)
    pairs, truth = population(rng, 500, 1.0)
    included = np.zeros(500)
    weights = np.zeros(runs)
    for run in range(runs):
        turned = replace(pairs, turn=audit_turns(pairs.probability, 1 - rng.random(500)))
        turned = decide(turned, truth, next_drawn(turned, draws))
        sample = turned.sample()
        included[sample] += 1
        weights[run] = (1 / turned.inclusion_probability(sample)).sum()
    # Each sampled pair represents as many pairs as its weight, and all of them together all pairs.
    assert weights.mean() == pytest.approx(500, abs=3 * weights.std() / np.sqrt(runs))
    assert included.sum() == runs * draws


def test_the_order_does_not_depend_on_how_pairs_are_numbered() -> None:
    rng = np.random.default_rng(5)
    probability, uniform = rng.random(200), 1 - rng.random(200)
    turn = audit_turns(probability, uniform)
    shuffled = rng.permutation(200)
    assert audit_turns(probability[shuffled], uniform[shuffled]) == pytest.approx(turn[shuffled])


def test_doubtful_pairs_come_early() -> None:
    probability = np.repeat([0.001, 0.5], 500)
    order = np.argsort(audit_turns(probability, 1 - np.random.default_rng(6).random(1000)))
    assert (probability[order[:200]] == 0.5).mean() > 0.7


def test_likely_pairs_get_their_share_of_the_draws() -> None:
    probability = np.repeat([0.9, 0.001], [100, 20_000])
    turn = audit_turns(probability, 1 - np.random.default_rng(9).random(len(probability)))
    first = np.argsort(turn)[:200]
    assert 0.15 < (probability[first] > 0.5).mean() < 0.35
