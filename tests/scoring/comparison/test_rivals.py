"""Rivals of a pair are the other pairs of its two records, unless they complete a cluster."""

from __future__ import annotations

from math import exp, log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.comparison import rivals
from dedupe.scoring.comparison.rivals import MOST_LOG_ODDS, exclusiveness, rival_log_odds

Scores = dict[tuple[int, int], float]

SCORES = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(8, 15)).map(lambda pair: (pair[0], pair[1] % 11)),
    st.floats(-9, 9, width=32),
    max_size=40,
)


def of(scores: Scores) -> dict[tuple[int, int], float]:
    left, right = np.array([*scores], dtype=np.uint32).reshape(-1, 2).T
    found = rival_log_odds(left, right, np.array([*scores.values()], dtype=np.float32))
    return dict(zip(scores, found.tolist(), strict=True))


def one_by_one(scores: Scores) -> dict[tuple[int, int], float]:
    """The same, by the definition."""
    limited = {
        frozenset(pair): max(-MOST_LOG_ODDS, min(score, MOST_LOG_ODDS))
        for pair, score in scores.items()
        if pair[0] != pair[1]
    }

    def total(a: int, b: int) -> float:
        odds = 0.0
        for pair, score in limited.items():
            if a in pair and b not in pair:
                (c,) = pair - {a}
                third = limited.get(frozenset({b, c}))
                probability = 0.0 if third is None else 1 / (1 + exp(-third))
                odds += exp(score) * (1 - probability)
        return odds

    return {(a, b): 0.0 if a == b else log1p(total(a, b) + total(b, a)) for a, b in scores}


@given(SCORES.filter(lambda scores: len({frozenset(pair) for pair in scores}) == len(scores)))
@pytest.mark.parametrize("chunk", [1, 5, 1_000])
def test_their_odds_are_added_up(chunk: int, scores: Scores) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rivals, "_CHUNK", chunk)
        found = of(scores)
    assert found == pytest.approx(one_by_one(scores), abs=1e-9)


@given(SCORES, st.randoms())
def test_the_order_of_the_pairs_and_of_their_records_does_not_matter(scores, rng) -> None:
    scores = {min(pair, pair[::-1]): score for pair, score in scores.items()}
    known = of(scores)
    shuffled = [*scores]
    rng.shuffle(shuffled)
    again = of({pair[::-1]: scores[pair] for pair in shuffled})
    assert {pair[::-1]: score for pair, score in again.items()} == known


def test_a_pair_without_other_pairs_has_none() -> None:
    assert of({(0, 1): 4.0, (2, 3): -4.0}) == {(0, 1): 0.0, (2, 3): 0.0}
    assert of({}) == {}


def test_a_pair_that_is_there_twice_is_not_its_own_rival() -> None:
    left, right = np.array([[0, 1], [1, 0], [1, 1]], dtype=np.uint32).T
    found = rival_log_odds(left, right, np.array([5, 5, 9], dtype=np.float32))
    np.testing.assert_array_equal(found, 0)


def test_likely_matches_are_rivals_unless_they_complete_a_cluster() -> None:
    open_ends = of({(0, 1): 0.0, (0, 2): 3.0})
    closed = of({(0, 1): 0.0, (0, 2): 3.0, (1, 2): 3.0})
    assert open_ends[0, 1] > 3
    assert open_ends[0, 2] < 1
    assert closed[0, 1] < 1.2


def test_a_record_of_very_many_pairs_is_no_trouble() -> None:
    m = 300_000
    left, right = np.zeros(m, dtype=np.uint32), np.arange(1, m + 1, dtype=np.uint32)
    found = rival_log_odds(left, right, np.full(m, -3, dtype=np.float32))
    assert found == pytest.approx(np.full(m, log1p((m - 1) * exp(-3))))


def exclusiveness_of(scores: Scores) -> float:
    rivals = np.array([*of(scores).values()])
    return exclusiveness(np.array([*scores.values()], dtype=np.float32), rivals)


def test_matches_exclude_others_where_each_record_has_one() -> None:
    # Each record of one list has a match in the other one, and a pair with the next record's match.
    one_to_one = {(i, 200 + j): 4.0 if i == j else -2.0 for i in range(99) for j in (i, i + 1)}
    # Each record has two matches, which are not compared with each other.
    clusters = {(i, 200 + j): 4.0 for i in range(99) for j in (i, i + 1)}
    assert exclusiveness_of(one_to_one) > 0.3
    assert exclusiveness_of(clusters) < 0.1


@given(SCORES)
def test_few_matches_hardly_tell_whether_they_exclude_others(scores: Scores) -> None:
    assert 0 <= exclusiveness_of(scores) <= 1.1 * len(scores) / (len(scores) + 20)


def test_without_rivals_nothing_is_excluded() -> None:
    assert exclusiveness_of({(i, i + 1): 4.0 for i in range(0, 400, 2)}) == 0
    assert exclusiveness_of({}) == 0
