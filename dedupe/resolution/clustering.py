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
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from dedupe.resolution.union_find import UnionFind
from dedupe.scoring.pairs import Rows, components, identical_ends, identical_groups, smallest

MISSING_WEIGHT = 3 / 16
"""Weight, beside 1 for a scored pair, of a pair that the search did not bring; it counts as
probability 0.

The search leaves a pair out because its texts are far apart. That is evidence against, but weaker
than a model's decision. At a threshold of one half, this weight lets a record with links of 0.95
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
    cannot = as_pairs(cannot_link)
    must, overruled = _consistent(as_pairs(must_link), cannot)
    group = identical_groups(n, pairs)
    unit, split = _units(group, must, cannot)
    rows = np.arange(n)
    node = components(n, *edges((rows, unit), (must[:, 0], must[:, 1])))
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
    labels = smallest(label[node])
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


def as_pairs(pairs: npt.ArrayLike) -> Rows:
    """Return decisions as an (m, 2) array of row numbers."""
    rows: Rows = np.sort(np.asarray(pairs, dtype=np.uint32).reshape(-1, 2), axis=1)
    pairs_of_two: Rows = rows[rows[:, 0] != rows[:, 1]]
    return pairs_of_two


def edges(*edges: tuple[Any, Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Concatenate the ends of several sets of edges."""
    return np.concatenate([e[0] for e in edges]), np.concatenate([e[1] for e in edges])


def _reasons(rows: Rows, reason: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"left": rows[:, 0], "right": rows[:, 1], "reason": [reason] * len(rows)},
        schema=CONTRADICTIONS,
    )


def _average(total: Any, count: Any, possible: Any, missing_weight: float) -> Any:
    """Average link of two clusters of `possible` pairs of records; numbers or arrays."""
    return total / ((count + missing_weight * (possible - count)) * _SCALE)


def _consistent(must: Rows, cannot: Rows) -> tuple[Rows, Rows]:
    """Part must-links into those that cannot-links and newer ones allow, and the others."""
    sets = UnionFind(cannot)
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
    sets = UnionFind(cannot)
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
    scored = pairs.filter(~identical_ends()).select("left", "right", "probability", "similarity")
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


def heads(group: Rows, labels: Rows) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Find the smallest row of the same text in the same cluster, and how many such rows it has."""
    both = group.astype(np.uint64) * np.uint64(len(group)) + labels
    head = smallest(np.unique(both, return_inverse=True)[1])
    return head, np.bincount(head, minlength=len(head))


def inner_links(pairs: pl.DataFrame, group: Rows, labels: Rows, head: Rows) -> pl.DataFrame:
    """Return ``a``, ``b``, ``probability`` of the scored pairs inside clusters.

    The rows are heads: where a group of identical text lies in several clusters, the head that it
    has in this cluster stands for its representative.
    """
    rows = np.unique(head)
    heads = pl.DataFrame({"group": group[rows], "label": labels[rows], "head": rows})
    return (
        pairs.filter(~identical_ends())
        .join(heads, left_on="left", right_on="group")
        .join(heads, left_on=["right", "label"], right_on=["group", "label"], suffix="_right")
        .select(a="head", b="head_right", probability="probability")
    )
