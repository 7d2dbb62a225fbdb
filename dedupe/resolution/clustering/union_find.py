"""Union-find: disjoint sets that only ever grow, some of which must stay apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


class UnionFind(Generic[Member]):
    """Disjoint sets of members; some pairs of sets must stay apart.

    Every member is a set of its own until it is joined. Paths are compressed, and of two sets the
    one with fewer separations goes into the other, so that m operations take O(m log m) steps [1]_.

    Parameters
    ----------
    apart
        Pairs of members that must stay in different sets.

    References
    ----------
    .. [1] R. E. Tarjan and J. van Leeuwen, "Worst-case analysis of set union algorithms", Journal
       of the ACM 31(2), 1984.
    """

    def __init__(self, apart: Iterable[tuple[Member, Member]] = ()) -> None:
        self._parent: dict[Member, Member] = {}
        self._size: dict[Member, int] = {}
        # Of each root, by the roots it must stay apart from: the member on this side and the other.
        self._separations: dict[Member, dict[Member, tuple[Member, Member]]] = {}
        for one, other in apart:
            self.separate(one, other)

    def find(self, member: Member) -> Member:
        """Find the root of the set of a member: equal for all members of one set."""
        root = member
        while (parent := self._parent.get(root, root)) != root:
            root = parent
        while member != root:
            # Path compression: the next search from here takes one step.
            following = self._parent[member]
            self._parent[member] = root
            member = following
        return root

    def separate(self, one: Member, other: Member) -> bool:
        """Keep the sets of two members apart from now on; ``False`` if they are one set."""
        first, second = self.find(one), self.find(other)
        if first == second:
            return False
        self._separations.setdefault(first, {}).setdefault(second, (one, other))
        self._separations.setdefault(second, {}).setdefault(first, (other, one))
        return True

    def separation(self, one: Member, other: Member) -> tuple[Member, Member] | None:
        """Find the separated members, one of each set, that keep the sets of two members apart."""
        separations = self._separations.get(self.find(one))
        return None if separations is None else separations.get(self.find(other))

    def join(self, members: Iterable[Member]) -> bool:
        """Join the sets of all `members`; ``False``, and no change, if two must stay apart."""
        roots = list(dict.fromkeys(self.find(member) for member in members))
        if len(roots) > 1 and any(
            not self._separations.get(root, {}).keys().isdisjoint(roots) for root in roots
        ):
            return False
        for root in roots[1:]:
            self._union(self.find(roots[0]), root)
        return True

    def _union(self, one: Member, other: Member) -> None:
        """Join two sets, named by their roots.

        Where both must stay apart from the same set, the separation of `one` is the one remembered.
        """
        root, child = sorted((one, other), key=self._weight, reverse=True)
        self._parent[child] = root
        self._size[root] = self._size.get(root, 1) + self._size.pop(child, 1)
        moved = self._separations.pop(child, None)
        if moved is None:
            return
        separations = self._separations.setdefault(root, {})
        for other_root, separation in moved.items():
            back = self._separations[other_root]
            reverse = back.pop(child)
            if child == one or other_root not in separations:
                separations[other_root] = separation
                back[root] = reverse

    def _weight(self, root: Member) -> tuple[int, int]:
        return len(self._separations.get(root, ())), self._size.get(root, 1)
