"""Transitive closure of decisions: two records that match a third match each other, and so on.

Rows of identical text count as one row from the beginning.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dedupe.resolution.clustering.union_find import UnionFind
from dedupe.resolution.decisions import Decision

RowPair = tuple[int, int]
"""Two row numbers."""


class DecisionClosure:
    """What decisions imply: matches join rows, and differences keep joined rows apart.

    Parameters
    ----------
    group
        (n,) uint32: the smallest row of identical text, for each row.
    """

    def __init__(self, group: NDArray[np.uint32]) -> None:
        self.contradictions: list[tuple[RowPair, ...]] = []
        """Pairs whose decisions cannot all hold: the latest, then the earlier ones it contradicts.
        """
        self._group = group
        self._sets: UnionFind[int] = UnionFind()
        # The rows of the first decision that separated two groups: the sets know only the groups.
        self._different: dict[RowPair, RowPair] = {}
        self._matches: dict[int, list[int]] = defaultdict(list)
        self._decided: set[int] = set()

    def add(self, a: int, b: int, decision: Decision) -> None:
        """Take one decision about two rows into account.

        A decision that contradicts earlier ones is recorded in :attr:`contradictions` and has no
        other effect. Unsure implies nothing.
        """
        if decision is Decision.UNSURE:
            return
        group_a, group_b = self._groups(a, b)
        self._decided |= {group_a, group_b}
        if decision is Decision.DIFFERENT:
            if self._sets.separate(group_a, group_b):
                self._different.setdefault(_sorted(group_a, group_b), (a, b))
            else:
                self.contradictions.append(((a, b), *self.path(a, b)))
            return
        separation = self._sets.separation(group_a, group_b)
        if separation is not None:
            end_a, end_b = separation
            rows = self._different[_sorted(end_a, end_b)]
            if self._groups(*rows) != separation:
                rows = rows[::-1]
            self.contradictions.append(((a, b), rows, *self.path(a, end_a), *self.path(b, end_b)))
            return
        self._matches[group_a].append(group_b)
        self._matches[group_b].append(group_a)
        self._sets.join((group_a, group_b))

    def decision(self, a: int, b: int) -> Decision | None:
        """Look up the decision made or implied about two rows; ``None`` if there is none."""
        group_a, group_b = self._groups(a, b)
        if self._sets.find(group_a) == self._sets.find(group_b):
            return Decision.MATCH
        return Decision.DIFFERENT if self._sets.separation(group_a, group_b) else None

    def contradicted_by_match(self, a: int, b: int) -> RowPair | None:
        """Find the pair decided to be different that a match of two rows would contradict."""
        separation = self._sets.separation(*self._groups(a, b))
        return None if separation is None else self._different[_sorted(*separation)]

    def decided_groups(self) -> NDArray[np.int64]:
        """List the groups of identical rows that have decisions, ascending."""
        return np.array(sorted(self._decided), dtype=np.int64)

    def path(self, a: int, b: int) -> Iterator[RowPair]:
        """Yield the decided matches on a shortest path between two rows, as pairs of groups."""
        start, end = self._groups(a, b)
        came_from: dict[int, int] = {start: start}
        waiting = deque([start])
        while waiting and end not in came_from:
            at = waiting.popleft()
            for neighbour in self._matches[at]:
                if neighbour not in came_from:
                    came_from[neighbour] = at
                    waiting.append(neighbour)
        while end in came_from and end != start:
            before = came_from[end]
            yield _sorted(before, end)
            end = before

    def _groups(self, a: int, b: int) -> RowPair:
        return int(self._group[a]), int(self._group[b])


def _sorted(one: int, other: int) -> RowPair:
    return (one, other) if one < other else (other, one)
