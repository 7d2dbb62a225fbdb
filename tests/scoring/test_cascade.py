"""The cross-encoder gets the most doubtful pairs, within a budget of the number of records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.scoring.cascade import (
    DOUBTFUL,
    MAX_PAIRS,
    MIN_PAIRS,
    RECORDS_PER_PAIR,
    cross_encoder_budget,
    doubtful_pairs,
)

LOG_ODDS = st.lists(st.floats(-9, 9, width=32), max_size=20)


def keys_of(count: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(count).astype(np.uint64)


def test_the_budget_grows_with_the_number_of_records() -> None:
    def budget(records: int) -> float:
        return cross_encoder_budget(records, Config())

    few, many = MIN_PAIRS * RECORDS_PER_PAIR, MAX_PAIRS * RECORDS_PER_PAIR
    assert budget(0) == budget(100) == MIN_PAIRS
    assert budget(few + 10 * RECORDS_PER_PAIR) >= MIN_PAIRS + 10
    assert budget(many) == budget(1_000_000) == MAX_PAIRS
    grown = [budget(records) for records in range(0, 10_000, 100)]
    assert grown == sorted(grown)


@pytest.mark.parametrize("records", [2, 1_000_000])
def test_the_effort_and_a_given_number_of_pairs_take_precedence(records: int) -> None:
    assert cross_encoder_budget(records, Config(effort="fast")) == 0
    assert cross_encoder_budget(records, Config(effort="thorough")) == np.inf
    assert cross_encoder_budget(records, Config(cross_encoder_pairs=7)) == 7
    assert cross_encoder_budget(records, Config(cross_encoder_pairs=0)) == 0


def test_the_most_doubtful_pairs_are_chosen_first() -> None:
    log_odds = np.array([2.9, -0.1, 3.0, 1.0, -7.0, -2.0, 0.2], dtype=np.float32)
    assert [doubtful_pairs(log_odds, keys_of(7), budget)[0].tolist() for budget in range(6)] == [
        [], [1], [1, 6], [1, 3, 6], [1, 3, 5, 6], [0, 1, 3, 5, 6],
    ]  # fmt: skip
    assert [doubtful_pairs(log_odds, keys_of(7), budget)[1] for budget in (0, 2, 5, 99)] == [
        5, 3, 0, 0,
    ]  # fmt: skip


def test_an_infinite_budget_chooses_all_pairs() -> None:
    pairs, over_budget = doubtful_pairs(np.array([-9, 0, 9], np.float32), keys_of(3), np.inf)
    assert pairs.tolist() == [0, 1, 2]
    assert over_budget == 0


@given(LOG_ODDS, st.integers(0, 12))
def test_no_pair_that_is_left_is_in_greater_doubt(values: list[float], budget: int) -> None:
    log_odds = np.array(values, dtype=np.float32)
    pairs, over_budget = doubtful_pairs(log_odds, keys_of(len(values)), budget)
    doubtful = np.flatnonzero(np.abs(log_odds) < DOUBTFUL)
    assert len(pairs) == min(budget, len(doubtful))
    assert len(pairs) + over_budget == len(doubtful)
    assert set(pairs) <= set(doubtful)
    left = np.setdiff1d(doubtful, pairs)
    if len(left) and len(pairs):
        assert np.abs(log_odds[pairs]).max() <= np.abs(log_odds[left]).min()


@given(LOG_ODDS, st.integers(0, 12), st.data())
def test_the_order_of_the_pairs_changes_nothing(
    values: list[float], budget: int, data: st.DataObject
) -> None:
    # Rounded, many pairs are in equal doubt: their keys decide.
    log_odds, keys = np.round(np.array(values, dtype=np.float32)), keys_of(len(values))
    order = np.array(data.draw(st.permutations(range(len(values)))), dtype=np.int64)
    straight, over_budget = doubtful_pairs(log_odds, keys, budget)
    shuffled, also_over = doubtful_pairs(log_odds[order], keys[order], budget)
    assert sorted(order[shuffled]) == straight.tolist()
    assert also_over == over_budget
