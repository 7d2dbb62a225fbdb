"""Union-find: sets of rows that are joined and never split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from dedupe.scoring.pairs import Rows


class UnionFind:
    """Disjoint sets of rows, some of which must stay apart."""

    def __init__(self, apart: Rows) -> None:
        self.parent: dict[int, int] = {}
        self.foes: dict[int, set[int]] = defaultdict(set)
        for left, right in apart.tolist():
            self.foes[left].add(right)
            self.foes[right].add(left)

    def find(self, row: int) -> int:
        """Return the representative of the set of a row."""
        root = row
        while (above := self.parent.get(root, root)) != root:
            root = above
        while row != root:
            self.parent[row], row = root, self.parent.get(row, row)
        return root

    def join(self, rows: Iterable[int]) -> bool:
        """Make one set of those of `rows`, unless two of them must stay apart."""
        roots = {self.find(row) for row in rows}
        if any(not self.foes[root].isdisjoint(roots) for root in roots):
            return False
        kept = max(roots, key=lambda root: (len(self.foes[root]), root))
        for root in roots - {kept}:
            self.parent[root] = kept
            for foe in self.foes[root]:
                self.foes[foe].remove(root)
                self.foes[foe].add(kept)
            self.foes[kept] |= self.foes.pop(root)
        return True
