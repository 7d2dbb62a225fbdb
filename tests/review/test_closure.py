"""What decisions imply, against the closure worked out in full."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedupe.resolution.decisions import Decision
from dedupe.review.closure import Implied

N = 7
LINES = st.lists(
    st.tuples(
        st.integers(0, N - 1),
        st.integers(0, N - 1),
        st.sampled_from([Decision.MATCH, Decision.DIFFERENT, Decision.UNSURE]),
    ).filter(lambda line: line[0] != line[1]),
    max_size=12,
)


def told(lines: list[tuple[int, int, Decision]], group: list[int] | None = None) -> Implied:
    implied = Implied(np.array(group or range(N), dtype=np.uint32))
    for a, b, decision in lines:
        implied.tell(a, b, decision)
    return implied


def closure(lines: list[tuple[int, int, Decision]]) -> dict[tuple[int, int], Decision]:
    """Everything that lines imply; where they contradict each other, the earlier hold."""
    sets = [{row} for row in range(N)]
    apart: list[tuple[int, int]] = []

    def where(row: int) -> set[int]:
        return next(one for one in sets if row in one)

    def foes(one: set[int], other: set[int]) -> bool:
        return any((a in one and b in other) or (b in one and a in other) for a, b in apart)

    for a, b, decision in lines:
        one, other = where(a), where(b)
        if decision is Decision.MATCH and one is not other and not foes(one, other):
            sets.remove(other)
            one |= other
        elif decision is Decision.DIFFERENT and one is not other:
            apart.append((a, b))
    said = {}
    for a in range(N):
        for b in range(a + 1, N):
            if where(a) is where(b):
                said[a, b] = Decision.MATCH
            elif foes(where(a), where(b)):
                said[a, b] = Decision.DIFFERENT
    return said


@given(LINES)
def test_it_implies_just_the_closure(lines: list[tuple[int, int, Decision]]) -> None:
    implied, due = told(lines), closure(lines)
    for a in range(N):
        for b in range(a + 1, N):
            assert implied.of(a, b) is due.get((a, b))
            assert implied.of(b, a) is implied.of(a, b)
            if implied.of(a, b) is Decision.DIFFERENT:
                assert implied.against(a, b) is not None


@given(LINES)
def test_a_clash_is_a_line_that_earlier_ones_contradict(
    lines: list[tuple[int, int, Decision]],
) -> None:
    due = []
    for count, (a, b, decision) in enumerate(lines):
        before = closure(lines[:count]).get((min(a, b), max(a, b)))
        if decision is not Decision.UNSURE and before not in (None, decision):
            due.append((a, b))
    assert [clash[0] for clash in told(lines).clashes] == due


def test_the_way_between_two_rows_goes_over_decided_matches() -> None:
    match, different = Decision.MATCH, Decision.DIFFERENT
    implied = told([(0, 1, match), (1, 2, match), (0, 3, match), (0, 2, different)])
    assert sorted(implied.way(0, 2)) == [(0, 1), (1, 2)]
    assert list(implied.way(0, 5)) == []
    assert implied.clashes == [((0, 2), (1, 2), (0, 1))]
    implied = told([(0, 1, match), (1, 2, different), (2, 3, match), (0, 3, match)])
    assert set(implied.clashes[0]) == {(0, 3), (1, 2), (0, 1), (2, 3)}
    # Rows of identical text are one.
    implied = told([(1, 2, match)], [0, 0, 2, 3, 4, 5, 6])
    assert implied.of(0, 2) is match
    assert list(implied.way(0, 2)) == [(0, 2)]
    assert implied.touched().tolist() == [0, 2]
