"""The queue of pairs, without a workspace."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.records.records import make_records
from dedupe.review.pairs import ReviewPairs, Scores
from dedupe.review.queue import Pace, PairQueue, View

N = 6
P = (0.05, 0.2, 0.5, 0.8, 0.95)


@pytest.fixture
def pairs() -> ReviewPairs:
    """Make five scored pairs of neighbours; the second and third are doubtful."""
    config = Config(threshold=0.8, review_from=0.1)
    records = make_records(pl.DataFrame({"name": [f"name {row}" for row in range(N)]}), config)
    left = np.arange(N - 1)
    probability = np.array(P, dtype=np.float32)
    scores = Scores(left, left + 1, probability, 0.8, 0.1)
    scored_by = pl.Series(["cross-encoder"] * (N - 1))
    group = np.arange(N, dtype=np.uint32)
    return ReviewPairs(records, config, scores, probability, scored_by, group)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(OptionError, match="informative"):
        View("best")


def test_filters_are_described() -> None:
    assert View().filters == ""
    assert View(text="ada", low=0.3).filters == "“ada” 0.3-1"


def test_the_queue_advances_over_done_pairs_to_its_end(pairs: ReviewPairs) -> None:
    queue = PairQueue(pairs, np.array([4, 2, 0]), position=-1)
    queue.advance(lambda pair: pair == 4)
    assert (queue.pair, queue.position) == (2, 1)
    queue.advance(lambda pair: True)
    assert (queue.pair, queue.position) == (None, 3)


def test_moving_stays_in_the_queue(pairs: ReviewPairs) -> None:
    queue = PairQueue(pairs, np.array([4, 2, 0]))
    queue.move(-5)
    assert queue.pair == 4
    queue.move(5)
    assert queue.pair == 0
    queue.go_to(2)
    assert queue.position == 1
    queue.go_to(3)  # not in the queue
    assert queue.position == 1


def test_only_a_pair_still_to_come_is_moved_forward(pairs: ReviewPairs) -> None:
    queue = PairQueue(pairs, np.array([4, 2, 0, 1]), position=1)
    assert queue.with_next(pairs, 1).order.tolist() == [4, 1, 2, 0]
    assert queue.with_next(pairs, 1).position == 1
    for pair in (4, 2, 3):
        assert queue.with_next(pairs, pair) is queue


def test_doubtful_pairs_are_counted_from_the_position_on(pairs: ReviewPairs) -> None:
    queue = PairQueue(pairs, np.array([0, 1, 2, 3, 4]))
    assert queue.doubtful_left([]) == 2
    assert queue.doubtful_left([0, 2]) == 1
    queue.position = 2
    assert queue.doubtful_left([1, 3]) == 1
    queue.position = 5
    assert queue.doubtful_left([1]) == 0


def test_a_pair_without_a_score_gets_the_next_number_once(pairs: ReviewPairs) -> None:
    number = pairs.number(5, 0)
    assert number == N - 1 == pairs.number(0, 5)
    assert pairs.ends(number) == (0, 5)
    assert pairs.probability(number) is None
    assert pairs.number(1, 0) == 0
    assert number in PairQueue(pairs, np.array([number]))
    assert PairQueue(pairs, np.array([number])).doubtful_left([]) == 0


def test_pairs_between_records_are_listed(pairs: ReviewPairs) -> None:
    assert pairs.between(np.array([1, 2, 4])).tolist() == [1]


def test_the_pace_needs_three_decisions() -> None:
    pace = Pace()
    for _ in range(2):
        pace.decided()
    assert pace.seconds_for(10) is None
    pace.decided()
    estimate = pace.seconds_for(10)
    assert estimate is not None and estimate >= 0
