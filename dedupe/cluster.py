"""Constrained clustering: from scored pairs and decisions to one label a record.

Plain connected components would fuse two things through one chain of doubtful pairs. Here two
clusters are joined only while the average of *all* pairs between them speaks for it, best average
first: average-link agglomeration [1]_ on a sparse graph, with must-links and cannot-links [2]_.

References
----------
.. [1] R. R. Sokal and C. D. Michener, "A statistical method for evaluating systematic
   relationships", University of Kansas Science Bulletin 38, 1958 (UPGMA).
.. [2] I. Davidson and S. S. Ravi, "Agglomerative hierarchical clustering with constraints:
   theoretical and empirical results", PKDD 2005.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

Rows: TypeAlias = npt.NDArray[np.uint32]
"""Row numbers; (n,) when it is a label a record, (m, 2) when it is pairs."""

MISSING_WEIGHT = 3 / 16
"""Weight, beside 1 for a scored pair, of a pair that the search did not bring; it counts as
probability 0.

The search leaves a pair out because its texts are far apart. That is evidence against, but weaker
than a model's verdict. At a threshold of one half, this weight lets a record with links of 0.95
join a cluster if it was compared with a fifth of its records, breaks a chain of links of 0.55 into
pairs, and ends even a chain of certain links after seven records. A binary fraction keeps averages
exact.
"""

MATCH_OVERRULED = "match overruled"
"""Two records decided to match stay apart: other decisions forbid them to be in one cluster."""

DIFFERENT_LINKED = "different but linked"
"""Two records decided to be different would be in one cluster through other records."""

CONTRADICTIONS = pl.Schema({"left": pl.UInt32(), "right": pl.UInt32(), "reason": pl.String()})
"""Schema of :attr:`Clustering.contradictions`."""

# Probabilities are added as whole numbers of 2**-32: sums do not depend on the order of the pairs.
_SCALE = 2**32

_Link: TypeAlias = tuple[int, int, int]  # probabilities and similarities added up, and how many


@dataclass(frozen=True, eq=False)
class Clustering:
    """Which records are one thing, and where decisions did not go together.

    Parameters
    ----------
    labels
        (n,) uint32: the smallest row number of the record's cluster.
    contradictions
        Schema :data:`CONTRADICTIONS`, unique and sorted; ``reason`` is :data:`MATCH_OVERRULED` or
        :data:`DIFFERENT_LINKED`.
    """

    labels: Rows
    contradictions: pl.DataFrame


def cluster(
    n: int,
    pairs: pl.DataFrame,
    *,
    threshold: float,
    must_link: Rows,
    cannot_link: Rows,
    missing_weight: float = MISSING_WEIGHT,
) -> Clustering:
    """Join records whose links speak for it on average, and obey every decision that can be.

    1. Must-links are joined, the newest first; one that would join a cannot-link is left out and
       reported.
    2. Records of identical text are joined, unless that would join a cannot-link. Such a group is
       taken apart: its decided records and the rest of it have links of probability 1 to each
       other, and each of them has the scored pairs of the group.
    3. Of all clusters, the two with the highest average link are joined while it is at least
       `threshold` and no cannot-link stands between them. A group of identical records counts as
       one record; a pair that was scored counts with its probability, be it below the
       threshold; a pair that was not is 0 with `missing_weight`.

    What holds: a cannot-link is never inside a cluster. The result does not depend on the order
    of `pairs`, nor on the order in `cannot_link`. If the rows are numbered differently, the
    clusters are the same ones, except where two joins tie in the average, the number of scored
    pairs *and* the sum of their similarities, and where identical groups cannot all stay whole:
    then the smaller row numbers (the larger group, there) come first. A higher threshold does the
    same joins and stops earlier: with the same decisions, its clusters lie inside those of a lower
    one.

    Parameters
    ----------
    n
        Number of records.
    pairs
        ``left < right`` row numbers, ``similarity``, ``probability``, ``decided_by``. Groups of
        identical text are stars of ``identical`` pairs around their smallest row, which alone
        stands in the scored pairs.
    threshold
        Average probability from which (inclusive) clusters are joined.
    must_link
        (m, 2) pairs decided to match, the oldest first.
    cannot_link
        (k, 2) pairs decided to be different.
    missing_weight
        Weight of a pair that was not scored, from 0 (only what was scored counts) to 1.
    """
    cannot = _as_pairs(cannot_link)
    must, overruled = _consistent(_as_pairs(must_link), cannot)
    group = identical_groups(n, pairs)
    unit, split = _units(group, must, cannot)
    rows = np.arange(n)
    node = components(n, *_edges((rows, unit), (must[:, 0], must[:, 1])))
    size = np.bincount(node[unit == rows], minlength=n)

    links = _links(pairs, split, unit[cannot], node)
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    average = _average(
        links["total"].to_numpy(), links["count"].to_numpy(), size[a] * size[b], missing_weight
    )
    # Rounded as the probabilities are, so that `>=` means the same for both.
    floor = round(float(np.float32(threshold)) * _SCALE) / _SCALE
    strong = average >= floor
    part = components(n, a[strong], b[strong])
    easy = _all_linked(n, part, node, a[strong], cannot)[part]
    label = np.where(easy, part, rows)
    blocking = np.flatnonzero(_inside(cannot, part[node]))
    nodes, joined, linked = _agglomerate(
        links.filter(pl.Series((part[a] == part[b]) & ~easy[a])),
        size,
        floor,
        missing_weight,
        node[cannot[blocking]],
    )
    label[nodes] = joined
    labels = _smallest(label[node])
    return Clustering(
        labels,
        pl.concat(
            [
                _reasons(overruled, MATCH_OVERRULED),
                _reasons(cannot[blocking[linked]], DIFFERENT_LINKED),
            ]
        )
        .unique()
        .sort("left", "right", "reason"),
    )


def components(n: int, left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Rows:
    """Return the connected components of a graph of `n` rows as labels.

    Parameters
    ----------
    n
        Number of rows.
    left, right
        (m,) row numbers of the ends of each edge.

    Returns
    -------
    ndarray
        (n,) uint32: the smallest row number of the row's component.
    """
    graph = csr_array((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    return _smallest(connected_components(graph, directed=False)[1])


def identical_groups(n: int, pairs: pl.DataFrame) -> Rows:
    """Return the groups of identical text that `pairs` holds as stars.

    Returns
    -------
    ndarray
        (n,) uint32: the smallest row number with the text of this row.
    """
    stars = pairs.filter(_identical())
    group = np.arange(n, dtype=np.uint32)
    group[stars["right"].to_numpy()] = stars["left"].to_numpy()
    return group


def link_confidence(n: int, pairs: pl.DataFrame, labels: Rows) -> npt.NDArray[np.float32]:
    """Say for every record how sure its place is.

    In a cluster of two or more it is the mean probability of the record's pairs inside the
    cluster: those that were scored (a record of identical text has those of its group), and 1 for
    each record of identical text. Where there are none (only a decision joined it) it is 1.
    Alone, it is 1 less the highest probability among the record's pairs; 1 if it has none.

    Parameters
    ----------
    n
        Number of records.
    pairs
        As for :func:`cluster`.
    labels
        (n,) uint32 as :func:`cluster` gives them.

    Returns
    -------
    ndarray
        (n,) float32 in [0, 1].
    """
    group = identical_groups(n, pairs)
    head, copies = _heads(group, labels)
    links = _inner_links(pairs, group, labels, head)
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    weight = links["probability"].to_numpy().astype(np.float64)
    total = np.bincount(a, weight, n) + np.bincount(b, weight, n) + copies - 1
    count = np.bincount(a, minlength=n) + np.bincount(b, minlength=n) + copies - 1
    together = np.divide(total, count, out=np.ones(n), where=count > 0)[head]

    best = np.zeros(n)
    for side in ("left", "right"):
        np.maximum.at(best, pairs[side].to_numpy(), pairs["probability"].to_numpy())
    # A record apart from others of identical text has, as they have, a pair of probability 1.
    alone = 1 - best[group]
    return np.where(np.bincount(labels, minlength=n)[labels] > 1, together, alone).astype(
        np.float32
    )


def joining_probability(
    n: int,
    pairs: pl.DataFrame,
    labels: Rows,
    *,
    kept: Rows | None = None,
    must_link: Rows | None = None,
) -> npt.NDArray[np.float32]:
    """Say for every record by how strong a link it hangs on the one kept for its cluster.

    Of all chains of links inside the cluster between the two, the strongest is taken, and of it
    the weakest link: the path in the maximum spanning tree. It is the highest threshold at which
    the two would still be connected. Links are the scored pairs, 1 between records of identical
    text and 1 for a must-link.

    Parameters
    ----------
    n
        Number of records.
    pairs
        As for :func:`cluster`.
    labels
        (n,) uint32 as :func:`cluster` gives them.
    kept
        (n,) row number of the record kept for the record's cluster. ``None``: its smallest.
    must_link
        (m, 2) pairs decided to match; those across two clusters are passed over.

    Returns
    -------
    ndarray
        (n,) float32 in [0, 1]; 1 for a kept record, 0 where no chain of links leads to it.
    """
    kept = labels if kept is None else kept
    must = _as_pairs(np.empty((0, 2), np.uint32) if must_link is None else must_link)
    must = must[labels[must[:, 0]] == labels[must[:, 1]]]
    group = identical_groups(n, pairs)
    head, _ = _heads(group, labels)
    rows = np.arange(n, dtype=np.uint32)
    member = rows[head != rows]
    sure = [(head[member], member), (must[:, 0], must[:, 1])]
    edges = (
        pl.concat(
            [
                _inner_links(pairs, group, labels, head),
                *(
                    pl.DataFrame(
                        {
                            "a": np.minimum(left, right),
                            "b": np.maximum(left, right),
                            "probability": np.ones(len(left), np.float32),
                        }
                    )
                    for left, right in sure
                ),
            ]
        )
        .group_by("a", "b")
        .agg(pl.col("probability").max())
    )
    # Costs from 1 to 2: the least cost is the highest probability, and none is 0, "no edge".
    cost = 2 - edges["probability"].to_numpy().astype(np.float64)
    ends = (edges["a"].to_numpy().astype(np.int32), edges["b"].to_numpy().astype(np.int32))
    tree = minimum_spanning_tree(csr_array((cost, ends), shape=(n, n))).tocoo()
    # One more node, linked to every kept record: a single walk from there goes through all trees.
    roots = np.unique(kept).astype(np.int32)
    start, stop = _edges((tree.row, tree.col), (np.full(len(roots), n, np.int32), roots))
    costs = np.concatenate([tree.data, np.ones(len(roots))])
    walk = csr_array((costs, (start, stop)), shape=(n + 1, n + 1))
    walk = (walk + walk.T).tocsr()
    _, before = breadth_first_order(walk, n, directed=True)
    reached = before[:n] >= 0
    before = np.where(before >= 0, before, n)
    weakest = np.ones(n + 1)
    at = np.flatnonzero(reached)
    weakest[at] = 2 - np.asarray(walk[before[at], at]).ravel()
    weakest[:n][~reached] = 0
    # Each round doubles the part of the way to the kept record that is looked at.
    while (before != n).any():
        weakest = np.minimum(weakest, weakest[before])
        before = before[before]
    return weakest[:n].astype(np.float32)


def _as_pairs(pairs: npt.ArrayLike) -> Rows:
    rows: Rows = np.sort(np.asarray(pairs, dtype=np.uint32).reshape(-1, 2), axis=1)
    pairs_of_two: Rows = rows[rows[:, 0] != rows[:, 1]]
    return pairs_of_two


def _edges(*edges: tuple[Any, Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return np.concatenate([e[0] for e in edges]), np.concatenate([e[1] for e in edges])


def _identical() -> pl.Expr:
    return pl.col("decided_by").cast(pl.String) == "identical"


def _smallest(label: npt.NDArray[Any]) -> Rows:
    """Name every set by its smallest row; `label` names sets by any numbers below n."""
    rows = np.arange(len(label), dtype=np.uint32)
    first = np.full(len(label), len(label), dtype=np.uint32)
    np.minimum.at(first, label, rows)
    smallest: Rows = first[label]
    return smallest


def _reasons(rows: Rows, reason: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"left": rows[:, 0], "right": rows[:, 1], "reason": [reason] * len(rows)},
        schema=CONTRADICTIONS,
    )


def _average(total: Any, count: Any, possible: Any, missing_weight: float) -> Any:
    """Average link of two clusters of `possible` pairs of records; numbers or arrays."""
    return total / ((count + missing_weight * (possible - count)) * _SCALE)


class _Sets:
    """Disjoint sets of rows, some of which must stay apart."""

    def __init__(self, apart: Rows) -> None:
        self.parent: dict[int, int] = {}
        self.foes: dict[int, set[int]] = defaultdict(set)
        for left, right in apart.tolist():
            self.foes[left].add(right)
            self.foes[right].add(left)

    def find(self, row: int) -> int:
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


def _consistent(must: Rows, cannot: Rows) -> tuple[Rows, Rows]:
    """Part must-links into those that cannot-links and newer ones allow, and the others."""
    sets = _Sets(cannot)
    holds = np.ones(len(must), dtype=bool)
    for index in range(len(must) - 1, -1, -1):
        holds[index] = sets.join(must[index].tolist())
    return must[holds], must[~holds]


def _units(group: Rows, must: Rows, cannot: Rows) -> tuple[Rows, pl.DataFrame]:
    """Find the records that count as one, and what groups of identical text must be split into.

    Returns
    -------
    unit
        (n,) the smallest row of the unit: a whole group; of a split one, each decided row by
        itself and all others together.
    split
        ``group``, ``unit``: a line a unit of a split group.
    """
    decided = np.unique(np.concatenate([must.ravel(), cannot.ravel()]))
    size = np.bincount(group, minlength=len(group))
    inside: dict[int, list[int]] = defaultdict(list)
    for row, representative in zip(decided.tolist(), group[decided].tolist(), strict=True):
        inside[representative].append(row)
    sets = _Sets(cannot)
    for left, right in must.tolist():
        sets.join((left, right))
    order = sorted(inside, key=lambda representative: (-int(size[representative]), representative))
    apart = [representative for representative in order if not sets.join(inside[representative])]

    rows = np.flatnonzero(np.isin(group, np.array(apart, dtype=np.uint32))).astype(np.uint32)
    alone = np.isin(rows, decided)
    unit = group.copy()
    unit[rows[alone]] = rows[alone]
    others = rows[~alone]
    first = np.full(len(group), len(group), dtype=np.uint32)
    np.minimum.at(first, group[others], others)
    unit[others] = first[group[others]]
    return unit, pl.DataFrame({"group": group[rows], "unit": unit[rows]}).unique()


def _links(pairs: pl.DataFrame, split: pl.DataFrame, apart: Rows, node: Rows) -> pl.DataFrame:
    """Add up the pairs of units between each two nodes.

    Parameters
    ----------
    pairs
        As for :func:`cluster`.
    split
        ``group``, ``unit`` of the groups that were taken apart.
    apart
        (k, 2) units decided to be different: what was scored between them says no more.
    node
        (n,) label of the node that a unit belongs to.

    Returns
    -------
    DataFrame
        ``a < b`` nodes, ``total`` and ``alike`` (probabilities and similarities added up, in
        2**-32), ``count`` of pairs.
    """
    scored = pairs.filter(~_identical()).select("left", "right", "probability", "similarity")
    if split.height:
        for side in ("left", "right"):
            scored = scored.join(split, left_on=side, right_on="group", how="left").select(
                pl.coalesce("unit", side).alias(side), pl.exclude(side, "unit")
            )
        copies = split.join(split, on="group", suffix="_right").filter(
            pl.col("unit") < pl.col("unit_right")
        )
        scored = pl.concat(
            [
                scored.select("left", "right", "probability", "similarity"),
                copies.select(
                    left="unit",
                    right="unit_right",
                    probability=pl.lit(1, pl.Float32),
                    similarity=pl.lit(1, pl.Float32),
                ),
            ]
        )
    if len(apart):
        both = np.concatenate([apart, apart[:, ::-1]])
        decided = pl.DataFrame({"left": both[:, 0], "right": both[:, 1]}).unique()
        scored = scored.join(decided, on=["left", "right"], how="anti")
    left, right = node[scored["left"].to_numpy()], node[scored["right"].to_numpy()]
    fixed = (
        (scored[name].cast(pl.Float64) * _SCALE).round().cast(pl.Int64)
        for name in ("probability", "similarity")
    )
    links = pl.DataFrame([*fixed]).select(
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


def _all_linked(
    n: int, part: Rows, node: Rows, strong: npt.NDArray[Any], cannot: Rows
) -> npt.NDArray[np.bool_]:
    """Tell which parts are one cluster at first sight.

    Those in which every two nodes have a strong link (one end of each in `strong`) and no
    cannot-link: averages of averages that reach the threshold reach it, in whatever order.

    Returns
    -------
    ndarray
        (n,) bool, by the label of the part.
    """
    nodes = np.bincount(part[node == np.arange(n)], minlength=n)
    easy: npt.NDArray[np.bool_] = np.bincount(part[strong], minlength=n) == nodes * (nodes - 1) // 2
    easy[part[node[cannot[_inside(cannot, part[node])][:, 0]]]] = False
    return easy


def _inside(decided: Rows, label: Rows) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = label[decided[:, 0]] == label[decided[:, 1]]
    return inside


def _agglomerate(
    links: pl.DataFrame,
    size: npt.NDArray[np.int64],
    floor: float,
    missing_weight: float,
    apart: Rows,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], list[int]]:
    """Join the two clusters of highest average link until it is below `floor`.

    A heap holds the links, the best first. What a join makes better is put on it anew; what it
    makes worse (more pairs that were not scored) is found out when its turn comes: until then the
    old value is too high, never too low. Of two clusters the one with fewer neighbours goes into
    the other, so that a link is moved at most log2(m) times.

    Parameters
    ----------
    links
        As :func:`_links` gives them.
    size
        (n,) records in each node.
    floor
        Average link from which clusters are joined.
    missing_weight
        As for :func:`cluster`.
    apart
        (k, 2) nodes that must not be in one cluster.

    Returns
    -------
    nodes, joined
        (j,) nodes, and for each the node that stands for its cluster.
    linked
        Which lines of `apart` kept two clusters from being joined.
    """
    ends = np.stack([links["a"].to_numpy(), links["b"].to_numpy()], axis=1)
    nodes, inverse = np.unique(np.concatenate([ends, apart]), return_inverse=True)
    index: list[list[int]] = inverse.reshape(-1, 2).tolist()
    smallest: list[int] = nodes.tolist()
    sizes: list[int] = size[nodes].tolist()
    joined = list(range(len(smallest)))
    near: list[dict[int, _Link]] = [{} for _ in smallest]
    for (a, b), link in zip(
        index, links.select("total", "alike", "count").iter_rows(), strict=False
    ):
        near[a][b] = near[b][a] = link
    foes: dict[int, dict[int, list[int]]] = defaultdict(dict)
    for line, (a, b) in enumerate(index[len(ends) :]):
        foes[a].setdefault(b, []).append(line)
        foes[b].setdefault(a, []).append(line)
    linked: set[int] = set()

    def entry(a: int, b: int, link: _Link) -> tuple[float, int, int, int, int, int, int]:
        total, alike, count = link
        average = _average(total, count, sizes[a] * sizes[b], missing_weight)
        low, high = smallest[a], smallest[b]
        if low > high:
            a, b, low, high = b, a, high, low
        return -average, -count, -alike, low, high, a, b

    heap = [
        item
        for a, links_of_a in enumerate(near)
        for b, link in links_of_a.items()
        if a < b and (item := entry(a, b, link))[0] <= -floor
    ]
    heapq.heapify(heap)
    while heap:
        item = heapq.heappop(heap)
        a, b = item[-2:]
        if joined[a] != a or joined[b] != b:
            continue
        now = entry(a, b, near[a][b])
        if now != item:
            if now[0] <= -floor:
                heapq.heappush(heap, now)
            continue
        if b in foes[a]:
            linked.update(foes[a][b])
            continue
        if (len(near[a]), a) < (len(near[b]), b):
            a, b = b, a
        joined[b] = a
        sizes[a] += sizes[b]
        smallest[a] = min(smallest[a], smallest[b])
        del near[a][b]
        for other, link in near[b].items():
            if other == a:
                continue
            near_other = near[other]
            del near_other[b]
            if (old := near[a].get(other)) is not None:
                link = (old[0] + link[0], old[1] + link[1], old[2] + link[2])
            near[a][other] = near_other[a] = link
            if (better := entry(a, other, link))[0] <= -floor:
                heapq.heappush(heap, better)
        near[b] = {}
        for foe, lines in foes.pop(b, {}).items():
            del foes[foe][b]
            foes[a].setdefault(foe, []).extend(lines)
            foes[foe].setdefault(a, []).extend(lines)

    for at in range(len(joined)):
        while joined[joined[at]] != joined[at]:
            joined[at] = joined[joined[at]]
        joined[at] = joined[at]
    return nodes, nodes[joined], sorted(linked)


def _heads(group: Rows, labels: Rows) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Find the smallest row of the same text in the same cluster, and how many such rows it has."""
    both = group.astype(np.uint64) * np.uint64(len(group)) + labels
    head = _smallest(np.unique(both, return_inverse=True)[1])
    return head, np.bincount(head, minlength=len(head))


def _inner_links(pairs: pl.DataFrame, group: Rows, labels: Rows, head: Rows) -> pl.DataFrame:
    """Return ``a``, ``b``, ``probability`` of the scored pairs inside clusters.

    The rows are heads: where a group of identical text lies in several clusters, the head that it
    has in this cluster stands for its representative.
    """
    rows = np.unique(head)
    heads = pl.DataFrame({"group": group[rows], "label": labels[rows], "head": rows})
    return (
        pairs.filter(~_identical())
        .join(heads, left_on="left", right_on="group")
        .join(heads, left_on=["right", "label"], right_on=["group", "label"], suffix="_right")
        .select(a="head", b="head_right", probability="probability")
    )
