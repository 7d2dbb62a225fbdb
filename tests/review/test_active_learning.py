import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedupe.review.active_learning import informative_order, uncertainty


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 1), st.integers(0, 9))
def test_every_pair_comes_once(chances: list[float], threshold: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, 5, (2, len(chances)))
    order = informative_order(left, right, np.array(chances), threshold=threshold)
    assert sorted(order.tolist()) == list(range(len(chances)))


def test_the_pair_nearest_to_the_threshold_comes_first() -> None:
    apart = np.arange(4)
    order = informative_order(apart, apart + 10, np.array([0.99, 0.45, 0.02, 0.7]), threshold=0.5)
    assert order.tolist() == [1, 3, 2, 0]


def test_uncertainty_is_highest_at_the_threshold() -> None:
    found = uncertainty(np.array([0.0, 0.4, 0.8, 0.9, 1.0]), 0.8)
    assert found.argmax() == 2
    assert (found[0], found[2], found[4]) == (0, 1, 0)


def test_later_pairs_of_one_record_move_down() -> None:
    left = np.array([0, 0, 0, 5])
    right = np.array([1, 2, 3, 6])
    order = informative_order(left, right, np.array([0.5, 0.49, 0.48, 0.40]), threshold=0.5)
    assert order.tolist() == [0, 3, 1, 2]
