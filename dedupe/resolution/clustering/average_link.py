"""Average-link agglomeration on a sparse graph, with cannot-links.

The two clusters with the highest average link are joined while it reaches the threshold [1]_. A
node of the graph is a set of records that are one for certain; a link holds the sums of the scored
pairs between two nodes.

References
----------
.. [1] R. R. Sokal and C. D. Michener, "A statistical method for evaluating systematic
   relationships", University of Kansas Science Bulletin 38, 1958 (UPGMA).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from dedupe.resolution.rules import Rules, SetValues
from dedupe.scoring.pairs import Rows, components

# Probabilities are added as whole numbers of 2**-32: sums do not depend on the order of the pairs.
_SCALE = 2**32
_Link: TypeAlias = tuple[int, int, int]
"""Sum of probabilities and sum of similarities, both in 2**-32, and number of scored pairs."""
_Entry: TypeAlias = tuple[float, int, int, int, int, int, int]
"""Sort key of a possible join, the best first, and the indices of the two clusters."""


def sum_links(pairs: pl.DataFrame, node: Rows) -> pl.DataFrame:
    """Add up the scored pairs between each two nodes.

    Parameters
    ----------
    pairs
        ``left``, ``right`` (row numbers), ``probability``, ``similarity``.
    node
        (n,) uint32: the node of each row.

    Returns
    -------
    DataFrame
        ``a < b`` nodes, ``total`` and ``alike`` (int64 sums of probabilities and of similarities,
        in 2**-32), ``count`` of pairs; sorted by nodes.
    """
    left, right = node[pairs["left"].to_numpy()], node[pairs["right"].to_numpy()]
    fixed_point = (
        (pairs[name].cast(pl.Float64) * _SCALE).round().cast(pl.Int64)
        for name in ("probability", "similarity")
    )
    links = pl.DataFrame([*fixed_point]).select(
        pl.Series("a", np.minimum(left, right)),
        pl.Series("b", np.maximum(left, right)),
        pl.col("probability").alias("total"),
        pl.col("similarity").alias("alike"),
    )
    return (
        links.filter(pl.col("a") != pl.col("b"))
        .group_by("a", "b")
        .agg(pl.sum("total", "alike"), pl.len().cast(pl.Int64).alias("count"))
        .sort("a", "b")
    )


def agglomerate(
    links: pl.DataFrame,
    size: npt.NDArray[np.int64],
    apart: Rows,
    *,
    threshold: float,
    missing_weight: float,
    rules: Rules | None = None,
    node: Rows | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Join the two clusters with the highest average link while it reaches the threshold.

    Ties are broken by the number of scored pairs, then by the sum of their similarities, then by
    the smallest nodes.

    Parameters
    ----------
    links
        As :func:`sum_links` returns them.
    size
        (n,) int64: number of records in each node; 0 where a row number is no node.
    apart
        (k, 2) nodes that must not be in one cluster.
    threshold
        Lowest average link, inclusive, of which two clusters are joined.
    missing_weight
        Weight, beside 1 for a scored pair, of a pair that was not scored; its probability is 0.
    rules, node
        Which rows must not be in one cluster, and the (n,) node of each row.

    Returns
    -------
    label
        (n,): a number that the nodes of one cluster share.
    blocking
        Rows of `apart` that kept two clusters from being joined, ascending.
    """
    n = len(size)
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    average = _average(
        links["total"].to_numpy(), links["count"].to_numpy(), size[a] * size[b], missing_weight
    )
    # Rounded as the probabilities are, so that `>=` means the same for both.
    floor = round(float(np.float32(threshold)) * _SCALE) / _SCALE
    strong = average >= floor
    part = components(n, a[strong], b[strong])
    inside = np.flatnonzero(part[apart[:, 0]] == part[apart[:, 1]])
    complete = _complete(part, size, a[strong], apart[inside])
    if rules is not None and node is not None:
        complete &= ~rules.mixed(part[node])
    complete = complete[part]
    label = np.where(complete, part, np.arange(n))
    agglomeration = _Agglomeration(
        links.filter(pl.Series((part[a] == part[b]) & ~complete[a])),
        size,
        apart[inside],
        floor,
        missing_weight,
    )
    if rules is not None and node is not None:
        agglomeration.values = _values_of_nodes(rules, node, agglomeration.nodes)
    agglomeration.run()
    label[agglomeration.nodes] = agglomeration.labels()
    return label, inside[sorted(agglomeration.blocking)]


def _average(total: Any, count: Any, possible: Any, missing_weight: float) -> Any:
    """Average link of two clusters with `possible` pairs of records; numbers or arrays."""
    return total / ((count + missing_weight * (possible - count)) * _SCALE)


def _complete(
    part: Rows, size: npt.NDArray[np.int64], strong: npt.NDArray[Any], apart: Rows
) -> npt.NDArray[np.bool_]:
    """Find the components in which every two nodes have a strong link and no cannot-link.

    Such a component is one cluster: averages of averages that reach the threshold reach it, in
    whatever order they are joined.

    Parameters
    ----------
    part
        (n,) component of each node.
    size
        As for :func:`agglomerate`.
    strong
        One end of each strong link.
    apart
        Nodes of one component that must not be in one cluster.

    Returns
    -------
    ndarray
        (n,) bool, by the label of the component.
    """
    n = len(part)
    nodes = np.bincount(part[size > 0], minlength=n)
    complete: npt.NDArray[np.bool_] = (
        np.bincount(part[strong], minlength=n) == nodes * (nodes - 1) // 2
    )
    complete[part[apart[:, 0]]] = False
    return complete


def _values_of_nodes(rules: Rules, node: Rows, nodes: npt.NDArray[Any]) -> SetValues:
    """Collect the values of the rows of each node, by the index of the node in `nodes`."""
    rows = np.flatnonzero(np.isin(node, nodes))
    members: list[list[int]] = [[] for _ in nodes]
    for row, index in zip(rows.tolist(), np.searchsorted(nodes, node[rows]).tolist(), strict=True):
        members[index].append(row)
    of_row, values = SetValues(rules), SetValues(rules)
    for index, member_rows in enumerate(members):
        together = of_row.together(member_rows, whatever=True)
        assert together is not None
        values[index] = together
    return values


class _Agglomeration:
    """Average-link agglomeration with a heap of possible joins.

    The heap holds the links, the best first. A link that a join made better is pushed again. One
    that a join made worse (more pairs that were not scored) is noticed when it is popped: until
    then its value is too high, never too low. Of two clusters the one with fewer neighbours goes
    into the other, so that a link is moved at most log2(m) times.

    Parameters
    ----------
    links, size, missing_weight
        As for :func:`agglomerate`.
    apart
        (k, 2) nodes that must not be in one cluster.
    floor
        Average link from which clusters are joined.
    """

    def __init__(
        self,
        links: pl.DataFrame,
        size: npt.NDArray[np.int64],
        apart: Rows,
        floor: float,
        missing_weight: float,
    ) -> None:
        ends = np.stack([links["a"].to_numpy(), links["b"].to_numpy()], axis=1)
        self.nodes, inverse = np.unique(np.concatenate([ends, apart]), return_inverse=True)
        """(j,) nodes that have links or cannot-links, ascending. All else are their indices."""
        self.blocking: set[int] = set()
        """Rows of `apart` that kept two clusters from being joined."""
        self.values: SetValues | None = None
        """The values of each index that rules compare, if there are rules."""
        self._floor, self._missing_weight = floor, missing_weight
        self._parent = list(range(len(self.nodes)))
        self._smallest: list[int] = self.nodes.tolist()
        self._sizes: list[int] = size[self.nodes].tolist()
        index: list[list[int]] = inverse.reshape(-1, 2).tolist()
        self._links: list[dict[int, _Link]] = [{} for _ in self.nodes]
        for (a, b), link in zip(
            index, links.select("total", "alike", "count").iter_rows(), strict=False
        ):
            self._links[a][b] = self._links[b][a] = link
        # Of each cluster, the rows of `apart` between it and each cluster it must not join.
        self._cannot_links: dict[int, dict[int, list[int]]] = defaultdict(dict)
        for row, (a, b) in enumerate(index[len(ends) :]):
            self._cannot_links[a].setdefault(b, []).append(row)
            self._cannot_links[b].setdefault(a, []).append(row)
        self._heap: list[_Entry] = [
            entry
            for a, neighbours in enumerate(self._links)
            for b, link in neighbours.items()
            if a < b and (entry := self._entry(a, b, link))[0] <= -floor
        ]
        heapq.heapify(self._heap)

    def run(self) -> None:
        """Join clusters, the best first, until no average link reaches the floor."""
        while self._heap:
            entry = heapq.heappop(self._heap)
            a, b = entry[-2:]
            if self._parent[a] != a or self._parent[b] != b:
                continue
            current = self._entry(a, b, self._links[a][b])
            if current != entry:
                self._push(current)
            elif b in self._cannot_links[a]:
                self.blocking.update(self._cannot_links[a][b])
            elif self.values is None or not self.values.forbid(a, b):
                self._join(a, b)

    def labels(self) -> npt.NDArray[Any]:
        """Find the node that names the cluster of each of the nodes."""
        parent = np.array(self._parent, dtype=np.int64)
        while (parent[parent] != parent).any():
            parent = parent[parent]
        labels: npt.NDArray[Any] = self.nodes[parent]
        return labels

    def _entry(self, a: int, b: int, link: _Link) -> _Entry:
        total, alike, count = link
        average = _average(total, count, self._sizes[a] * self._sizes[b], self._missing_weight)
        low, high = self._smallest[a], self._smallest[b]
        if low > high:
            a, b, low, high = b, a, high, low
        return -average, -count, -alike, low, high, a, b

    def _push(self, entry: _Entry) -> None:
        if entry[0] <= -self._floor:
            heapq.heappush(self._heap, entry)

    def _join(self, a: int, b: int) -> None:
        if (len(self._links[a]), a) < (len(self._links[b]), b):
            a, b = b, a
        self._parent[b] = a
        if self.values is not None:
            self.values.add(a, b)
        self._sizes[a] += self._sizes[b]
        self._smallest[a] = min(self._smallest[a], self._smallest[b])
        del self._links[a][b]
        self._move_links(b, a)
        self._move_cannot_links(b, a)

    def _move_links(self, b: int, a: int) -> None:
        """Add the links of `b` to those of `a`."""
        links = self._links[a]
        for other, link in self._links[b].items():
            if other == a:
                continue
            links_of_other = self._links[other]
            del links_of_other[b]
            if (old := links.get(other)) is not None:
                link = (old[0] + link[0], old[1] + link[1], old[2] + link[2])
            links[other] = links_of_other[a] = link
            self._push(self._entry(a, other, link))
        self._links[b] = {}

    def _move_cannot_links(self, b: int, a: int) -> None:
        """Add the cannot-links of `b` to those of `a`."""
        for other, rows in self._cannot_links.pop(b, {}).items():
            del self._cannot_links[other][b]
            self._cannot_links[a].setdefault(other, []).extend(rows)
            self._cannot_links[other].setdefault(a, []).extend(rows)
