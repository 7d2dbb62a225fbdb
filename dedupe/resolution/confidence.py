"""Confidence in the place of each record in its cluster."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from dedupe.resolution.clustering.constrained import as_pairs
from dedupe.scoring.pairs import Rows, identical_ends, identical_groups, smallest


def link_confidence(n: int, pairs: pl.DataFrame, labels: Rows) -> npt.NDArray[np.float32]:
    """Average the probabilities of each record's pairs inside its cluster.

    In a cluster of two or more the confidence is the mean probability of the record's scored pairs
    inside the cluster (a record of identical text has those of its group) and of 1 for each other
    record of identical text; it is 1 if there are none, since only a decision joined the record.
    A record alone has 1 minus the highest probability among its pairs; 1 if it has none.

    Parameters
    ----------
    n
        Number of records.
    pairs
        As for :func:`~dedupe.resolution.clustering.constrained.cluster`.
    labels
        (n,) uint32 as :func:`~dedupe.resolution.clustering.constrained.cluster` returns them.

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

    highest = np.zeros(n)
    for side in ("left", "right"):
        np.maximum.at(highest, pairs[side].to_numpy(), pairs["probability"].to_numpy())
    # A record separated from others of identical text has, as they have, a pair of probability 1.
    alone = 1 - highest[group]
    return np.where(np.bincount(labels, minlength=n)[labels] > 1, together, alone).astype(
        np.float32
    )


def joining_probability(
    n: int,
    pairs: pl.DataFrame,
    labels: Rows,
    *,
    representative: Rows | None = None,
    must_link: Rows | None = None,
) -> npt.NDArray[np.float32]:
    """Find the strength of the path that links each record to the representative of its cluster.

    Of all paths inside the cluster between the two, the strongest is taken, and of that its weakest
    link: the path in the maximum spanning tree. The result is the highest threshold at which the
    two records would still be connected. Links are the scored pairs, and have probability 1
    between records of identical text and for must-links.

    Parameters
    ----------
    n
        Number of records.
    pairs
        As for :func:`~dedupe.resolution.clustering.constrained.cluster`.
    labels
        (n,) uint32 as :func:`~dedupe.resolution.clustering.constrained.cluster` returns them.
    representative
        (n,) row number of the representative of the record's cluster; by default, the smallest row
        of the cluster.
    must_link
        (m, 2) pairs decided to match; those between two clusters are ignored.

    Returns
    -------
    ndarray
        (n,) float32 in [0, 1]; 1 for a representative, 0 where no path leads to it.
    """
    roots = np.unique(labels if representative is None else representative).astype(np.int32)
    must = as_pairs(np.empty((0, 2), np.uint32) if must_link is None else must_link)
    must = must[labels[must[:, 0]] == labels[must[:, 1]]]
    links = _strongest_links(n, pairs, labels, must)
    # Costs from 1 to 2: the least cost is the highest probability, and none is 0, "no edge".
    cost = 2 - links["probability"].to_numpy().astype(np.float64)
    ends = (links["a"].to_numpy().astype(np.int32), links["b"].to_numpy().astype(np.int32))
    tree = minimum_spanning_tree(csr_array((cost, ends), shape=(n, n)))
    return _weakest_on_path(tree, roots)


def _strongest_links(n: int, pairs: pl.DataFrame, labels: Rows, must: Rows) -> pl.DataFrame:
    """List the links inside clusters as ``a < b`` and the highest ``probability`` of each."""
    group = identical_groups(n, pairs)
    head, _ = _heads(group, labels)
    rows = np.arange(n, dtype=np.uint32)
    copies = rows[head != rows]
    certain = [
        pl.DataFrame(
            {
                "a": np.minimum(left, right),
                "b": np.maximum(left, right),
                "probability": np.ones(len(left), np.float32),
            }
        )
        for left, right in ((head[copies], copies), (must[:, 0], must[:, 1]))
    ]
    return (
        pl.concat([_inner_links(pairs, group, labels, head), *certain])
        .group_by("a", "b")
        .agg(pl.col("probability").max())
    )


def _weakest_on_path(tree: csr_array, roots: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Find the lowest probability on the path from each row to the root of its tree.

    Parameters
    ----------
    tree
        (n, n) sparse array, a forest; an edge is 2 minus its probability.
    roots
        Rows from which paths start, one per tree.

    Returns
    -------
    ndarray
        (n,) float32; 1 for a root, 0 where no root is in the tree.
    """
    n = tree.shape[0]
    edges = tree.tocoo()
    # One more node, linked to every root: a single search from there goes through all trees.
    start = np.concatenate([edges.row, np.full(len(roots), n, np.int32)])
    stop = np.concatenate([edges.col, roots])
    cost = np.concatenate([edges.data, np.ones(len(roots))])
    graph = csr_array((cost, (start, stop)), shape=(n + 1, n + 1))
    graph = (graph + graph.T).tocsr()
    _, before = breadth_first_order(graph, n, directed=True)
    reached = before[:n] >= 0
    before = np.where(before >= 0, before, n)
    weakest = np.ones(n + 1)
    rows = np.flatnonzero(reached)
    weakest[rows] = 2 - np.asarray(graph[before[rows], rows]).ravel()
    weakest[:n][~reached] = 0
    # Each round doubles the length of the part of the path that is covered.
    while (before != n).any():
        weakest = np.minimum(weakest, weakest[before])
        before = before[before]
    return weakest[:n].astype(np.float32)


def _heads(group: Rows, labels: Rows) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Find the smallest row of the same text in the same cluster, and how many such rows it has."""
    both = group.astype(np.uint64) * np.uint64(len(group)) + labels
    head = smallest(np.unique(both, return_inverse=True)[1])
    return head, np.bincount(head, minlength=len(head))


def _inner_links(pairs: pl.DataFrame, group: Rows, labels: Rows, head: Rows) -> pl.DataFrame:
    """List the scored pairs inside clusters as ``a``, ``b``, ``probability``.

    The rows are heads (see :func:`_heads`): where a group of identical text lies in several
    clusters, its pairs belong to the head in each of them.
    """
    rows = np.unique(head)
    heads = pl.DataFrame({"group": group[rows], "label": labels[rows], "head": rows})
    return (
        pairs.filter(~identical_ends())
        .join(heads, left_on="left", right_on="group")
        .join(heads, left_on=["right", "label"], right_on=["group", "label"], suffix="_right")
        .select(a="head", b="head_right", probability="probability")
    )
