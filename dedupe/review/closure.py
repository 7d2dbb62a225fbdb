"""What decisions imply: two records that match a third match each other, and so on.

Rows of identical text are one thing here from the beginning.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dedupe.resolution.decisions import Decision

Ends = tuple[int, int]
"""Two rows."""


class Implied:
    """The closure of decisions: matches join rows, differences keep what is joined apart.

    Parameters
    ----------
    group
        (n,) uint32: the smallest row of identical text, for each row.
    """

    def __init__(self, group: NDArray[np.uint32]) -> None:
        self.group = group
        self.clashes: list[tuple[Ends, ...]] = []
        """Decided pairs of rows that cannot all hold: the latest of them, then the earlier."""
        self._parent: dict[int, int] = {}
        self._foes: dict[Ends, Ends] = {}
        self._matches: dict[int, list[Ends]] = defaultdict(list)
        self._touched: set[int] = set()

    def tell(self, a: int, b: int, decision: Decision) -> None:
        """Take in one decision about two rows."""
        if decision is Decision.UNSURE:
            return
        one, other = self.find(a), self.find(b)
        ends = (int(self.group[a]), int(self.group[b]))
        self._touched |= set(ends)
        apart = self._key(one, other)
        if decision is Decision.DIFFERENT:
            if one == other:
                self.clashes.append(((a, b), *self.way(a, b)))
            else:
                self._foes.setdefault(apart, (a, b))
            return
        if apart in self._foes:
            foe, enemy = self._foes[apart]
            if self.find(foe) != one:
                foe, enemy = enemy, foe
            self.clashes.append(((a, b), (foe, enemy), *self.way(a, foe), *self.way(b, enemy)))
            return
        for end, far in (ends, ends[::-1]):
            self._matches[end].append((far, end) if end > far else (end, far))
        if one != other:
            self._join(one, other)

    def find(self, row: int) -> int:
        """Return the row that stands for all that `row` is decided to match."""
        at = int(self.group[row])
        while at in self._parent:
            at = self._parent[at]
        return at

    def of(self, a: int, b: int) -> Decision | None:
        """Return what decisions imply of two rows; ``None`` where they imply nothing."""
        if not self._parent and not self._foes:
            return None
        one, other = self.find(a), self.find(b)
        if one == other:
            return Decision.MATCH
        return Decision.DIFFERENT if self._key(one, other) in self._foes else None

    def against(self, a: int, b: int) -> Ends | None:
        """Return the decision, as two rows, that a match of two rows would contradict."""
        return self._foes.get(self._key(self.find(a), self.find(b)))

    def touched(self) -> NDArray[np.int64]:
        """Return the groups of identical rows about which something was decided, ascending."""
        return np.array(sorted(self._touched), dtype=np.int64)

    def way(self, a: int, b: int) -> Iterator[Ends]:
        """Yield the decided matches that lead from one row to another, as groups of rows."""
        start, end = int(self.group[a]), int(self.group[b])
        came_from: dict[int, int] = {start: start}
        waiting = deque([start])
        while waiting and end not in came_from:
            at = waiting.popleft()
            for low, high in self._matches[at]:
                far = high if low == at else low
                if far not in came_from:
                    came_from[far] = at
                    waiting.append(far)
        while end in came_from and end != start:
            before = came_from[end]
            yield min(end, before), max(end, before)
            end = before

    def _join(self, one: int, other: int) -> None:
        self._parent[other] = one
        for pair in [pair for pair in self._foes if other in pair]:
            foe = pair[0] if pair[1] == other else pair[1]
            self._foes.setdefault(self._key(one, foe), self._foes.pop(pair))

    @staticmethod
    def _key(one: int, other: int) -> Ends:
        return (one, other) if one < other else (other, one)
