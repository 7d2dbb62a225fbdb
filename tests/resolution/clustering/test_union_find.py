"""Disjoint sets, some of which must stay apart."""

from __future__ import annotations

import math
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.resolution.clustering.union_find import UnionFind

N = 8
PAIR = st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda ends: len({*ends}) > 1)
STEPS = st.lists(
    st.tuples(st.just("separate"), PAIR)
    | st.tuples(st.just("join"), st.lists(st.integers(0, N - 1), min_size=1, max_size=4)),
    max_size=20,
)


@given(STEPS)
def test_sets_are_those_of_relabelling_every_member(steps: list[tuple[str, list[int]]]) -> None:
    sets: UnionFind[int] = UnionFind()
    label, separated = list(range(N)), []

    def apart(one: int, other: int) -> bool:
        ends = {label[one], label[other]}
        return any({label[a], label[b]} == ends for a, b in separated)

    for kind, members in steps:
        if kind == "separate":
            one, other = members
            assert sets.separate(one, other) == (label[one] != label[other])
            if label[one] != label[other]:
                separated.append((one, other))
        else:
            allowed = not any(apart(one, other) for one, other in combinations(members, 2))
            assert sets.join(members) == allowed
            if allowed:
                joined = {label[member] for member in members}
                label = [min(joined) if old in joined else old for old in label]
        for one, other in combinations(range(N), 2):
            assert (sets.find(one) == sets.find(other)) == (label[one] == label[other])
            separation = sets.separation(one, other)
            assert (separation is not None) == apart(one, other)
            if separation is not None:
                assert separation in separated or separation[::-1] in separated
                assert [label[end] for end in separation] == [label[one], label[other]]


def test_members_may_be_anything_hashable() -> None:
    sets = UnionFind([("a", "b")])
    assert sets.join(["a", "c"])
    assert not sets.join(["c", "b"])
    assert sets.separation("b", "c") == ("b", "a")


class Counted:
    """A member that counts how often any dictionary looks it up."""

    lookups = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        Counted.lookups += 1
        return self.number


def chain(n: int) -> list[tuple[str, int, int]]:
    """Differences to one row, which a chain of matches then joins to ever more rows."""
    half = n // 2
    differences = [("separate", 0, half + row) for row in range(1, half)]
    return differences + [("join", row + 1, row) for row in range(half - 1)]


def tournament(n: int) -> list[tuple[str, int, int]]:
    """Equal sets joined two by two, each with as many separations as members."""
    half = n // 2
    steps = [("separate", row, half + row) for row in range(half)]
    width = 1
    while 2 * width <= half:
        steps += [("join", row, row + width) for row in range(0, half - width, 2 * width)]
        width *= 2
    return steps


def shuffled(n: int) -> list[tuple[str, int, int]]:
    random = Random(7)
    return [
        (random.choice(["join", "separate"]), random.randrange(n), random.randrange(n))
        for _ in range(n)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("steps", [chain, tournament, shuffled])
def test_twenty_thousand_operations_take_a_near_linear_number_of_lookups(steps) -> None:
    n = 20_000
    members = [Counted(number) for number in range(n)]
    operations = steps(n)
    Counted.lookups = 0
    sets: UnionFind[Counted] = UnionFind()
    for kind, one, other in operations:
        if kind == "join":
            sets.join((members[one], members[other]))
        else:
            sets.separate(members[one], members[other])
    assert Counted.lookups < 3 * len(operations) * math.log2(n)
    # Paths stay short: a search takes few steps up, and the next one of the same member fewer.
    Counted.lookups = 0
    for member in members:
        sets.find(member)
    assert Counted.lookups < 5 * n
    Counted.lookups = 0
    for member in members:
        sets.find(member)
    assert Counted.lookups <= 3 * n
