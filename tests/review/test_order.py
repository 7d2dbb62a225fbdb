"""Orders of the queue, without a workspace."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.review.order import ranked, triangles
from dedupe.review.pairs import Scores

N = 6
CHANCES = st.lists(st.none() | st.floats(0, 1, width=32), min_size=15, max_size=15)


def scores(chances: dict[tuple[int, int], float]) -> Scores:
    pairs = sorted(chances)
    return Scores(
        np.array([a for a, _ in pairs], dtype=np.int64),
        np.array([b for _, b in pairs], dtype=np.int64),
        np.array([chances[pair] for pair in pairs], dtype=np.float32),
        threshold=0.5,
        review_from=0.2,
    )


@given(CHANCES)
def test_triangles_are_all_different_pairs_with_two_matches(chances: list[float | None]) -> None:
    some = {
        pair: chance
        for pair, chance in zip(combinations(range(N), 2), chances, strict=True)
        if chance is not None
    }
    made = scores(some)
    found = list(triangles(made, N))
    due = set()
    for (a, b), chance in some.items():
        thirds = [c for c in range(N) if c not in (a, b)]
        ways = [
            (some.get((min(a, c), max(a, c))), some.get((min(b, c), max(b, c)))) for c in thirds
        ]
        if np.float32(chance) < np.float32(0.2) and any(
            p is not None and q is not None and min(p, q) >= 0.5 for p, q in ways
        ):
            due.add((a, b))
    ends = [(int(made.left[three[0]]), int(made.right[three[0]])) for three in found]
    assert set(ends) == due and len(ends) == len(due)
    for weak, one, other in found:
        assert made.probability[weak] < 0.2 and made.probability[[one, other]].min() >= 0.5
        rows = {int(end) for p in (weak, one, other) for end in (made.left[p], made.right[p])}
        assert len(rows) == 3
    assert (np.diff(made.probability[[three[0] for three in found]]) >= 0).all()


def test_a_pair_is_found_by_its_rows_in_either_order() -> None:
    made = scores({(0, 1): 0.9, (0, 3): 0.1, (2, 3): 0.5})
    assert [made.number(a, b) for a, b in ((0, 1), (3, 0), (2, 3), (1, 2), (4, 5))] == [
        0, 1, 2, None, None
    ]  # fmt: skip


def test_impact_puts_doubt_and_conflicts_with_the_clusters_first() -> None:
    made = scores({(0, 1): 0.99, (2, 3): 0.5, (3, 4): 0.9, (4, 5): 0.01})
    labels = np.array([0, 1, 2, 2, 2, 5], dtype=np.uint32)
    order = ranked(made, np.arange(4), labels, "impact", 0).tolist()
    assert order[0] == 1  # one half
    assert order[1] == 0  # a match whose records are in two clusters
    assert order[-1] == 3


@pytest.mark.parametrize(
    "order", ["informative", "impact", "lowest", "highest", "random", "clusters"]
)
def test_an_order_is_a_permutation_and_the_same_each_time(order: str) -> None:
    rng = np.random.default_rng(5)
    made = scores({pair: float(rng.random()) for pair in combinations(range(N), 2)})
    labels = np.array([0, 0, 2, 2, 2, 5], dtype=np.uint32)
    some = np.arange(1, 15)
    first, again = (ranked(made, some, labels, order, 3).tolist() for _ in range(2))
    assert first == again and sorted(first) == some.tolist()
