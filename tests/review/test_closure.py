"""What decisions imply, compared with the closure worked out by listing sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedupe.resolution.decisions import Decision
from dedupe.review.closure import DecisionClosure

N = 7
DECISIONS = st.lists(
    st.tuples(
        st.integers(0, N - 1),
        st.integers(0, N - 1),
        st.sampled_from([Decision.MATCH, Decision.DIFFERENT, Decision.UNSURE]),
    ).filter(lambda decision: decision[0] != decision[1]),
    max_size=12,
)
MATCH, DIFFERENT = Decision.MATCH, Decision.DIFFERENT


def closure_of(
    decisions: list[tuple[int, int, Decision]], group: list[int] | None = None, n: int = N
) -> DecisionClosure:
    closure = DecisionClosure(np.array(group or range(n), dtype=np.uint32))
    for a, b, decision in decisions:
        closure.add(a, b, decision)
    return closure


def listed(decisions: list[tuple[int, int, Decision]]) -> dict[tuple[int, int], Decision]:
    """Everything that decisions imply; where they contradict each other, the earlier hold."""
    sets = [{row} for row in range(N)]
    separated: list[tuple[int, int]] = []

    def set_of(row: int) -> set[int]:
        return next(rows for rows in sets if row in rows)

    def apart(one: set[int], other: set[int]) -> bool:
        return any((a in one and b in other) or (b in one and a in other) for a, b in separated)

    for a, b, decision in decisions:
        one, other = set_of(a), set_of(b)
        if decision is MATCH and one is not other and not apart(one, other):
            sets.remove(other)
            one |= other
        elif decision is DIFFERENT and one is not other:
            separated.append((a, b))
    implied = {}
    for a in range(N):
        for b in range(a + 1, N):
            if set_of(a) is set_of(b):
                implied[a, b] = MATCH
            elif apart(set_of(a), set_of(b)):
                implied[a, b] = DIFFERENT
    return implied


@given(DECISIONS)
def test_exactly_the_closure_is_implied(decisions: list[tuple[int, int, Decision]]) -> None:
    closure, expected = closure_of(decisions), listed(decisions)
    made = {frozenset((a, b)) for a, b, decision in decisions if decision is DIFFERENT}
    for a in range(N):
        for b in range(a + 1, N):
            assert closure.decision(a, b) is expected.get((a, b))
            assert closure.decision(b, a) is closure.decision(a, b)
            contradicted = closure.contradicted_by_match(a, b)
            assert (contradicted is not None) == (closure.decision(a, b) is DIFFERENT)
            assert contradicted is None or frozenset(contradicted) in made


@given(DECISIONS)
def test_a_contradiction_is_a_decision_that_earlier_ones_exclude(
    decisions: list[tuple[int, int, Decision]],
) -> None:
    expected = []
    for count, (a, b, decision) in enumerate(decisions):
        before = listed(decisions[:count]).get((min(a, b), max(a, b)))
        if decision is not Decision.UNSURE and before not in (None, decision):
            expected.append((a, b))
    found = closure_of(decisions).contradictions
    assert [contradiction[0] for contradiction in found] == expected


@given(DECISIONS)
def test_a_contradiction_names_decisions_that_lead_from_one_row_to_the_other(
    decisions: list[tuple[int, int, Decision]],
) -> None:
    made = {(frozenset((a, b)), decision) for a, b, decision in decisions}
    for (a, b), *earlier in closure_of(decisions).contradictions:
        degree = np.bincount(np.ravel([(a, b), *earlier]), minlength=N)
        assert (degree % 2 == 0).all()  # with the contradicted pair, the path is a ring
        for pair in earlier:
            assert {(frozenset(pair), MATCH), (frozenset(pair), DIFFERENT)} & made


def test_the_path_between_two_rows_follows_decided_matches() -> None:
    closure = closure_of([(0, 1, MATCH), (1, 2, MATCH), (0, 3, MATCH), (0, 2, DIFFERENT)])
    assert sorted(closure.path(0, 2)) == [(0, 1), (1, 2)]
    assert list(closure.path(0, 5)) == []
    assert closure.contradictions == [((0, 2), (1, 2), (0, 1))]
    closure = closure_of([(0, 1, MATCH), (1, 2, DIFFERENT), (2, 3, MATCH), (0, 3, MATCH)])
    assert set(closure.contradictions[0]) == {(0, 3), (1, 2), (0, 1), (2, 3)}


def test_rows_of_identical_text_count_as_one() -> None:
    closure = closure_of([(1, 2, MATCH)], [0, 0, 2, 3, 4, 5, 6])
    assert closure.decision(0, 2) is MATCH
    assert list(closure.path(0, 2)) == [(0, 2)]
    assert closure.decided_groups().tolist() == [0, 2]


def test_a_difference_is_shown_with_the_rows_that_were_decided() -> None:
    closure = closure_of([(3, 1, DIFFERENT), (3, 4, MATCH)], [0, 0, 2, 3, 4, 5, 6])
    assert closure.contradicted_by_match(0, 4) == (3, 1)
    closure.add(4, 1, MATCH)
    assert closure.contradictions == [((4, 1), (3, 1), (3, 4))]


def test_twenty_thousand_decisions_are_a_matter_of_one_pass() -> None:
    # All differences are about one row, which a chain of matches joins to ever more rows.
    many = 10_000
    differences = [(0, many + row, DIFFERENT) for row in range(many)]
    matches = [(row + 1, row, MATCH) for row in range(many - 1)]
    closure = closure_of(differences + matches, n=2 * many)
    assert closure.contradictions == []
    assert closure.decision(0, many - 1) is MATCH
    assert closure.decision(many - 1, 2 * many - 1) is DIFFERENT
    assert closure.decision(many, many + 1) is None
