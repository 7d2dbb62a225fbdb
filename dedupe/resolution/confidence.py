"""How certain the place of each record in its cluster is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from dedupe.resolution.clustering import as_pairs, edges, heads, inner_links
from dedupe.scoring.pairs import Rows, identical_groups


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
    head, copies = heads(group, labels)
    links = inner_links(pairs, group, labels, head)
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
    must = as_pairs(np.empty((0, 2), np.uint32) if must_link is None else must_link)
    must = must[labels[must[:, 0]] == labels[must[:, 1]]]
    group = identical_groups(n, pairs)
    head, _ = heads(group, labels)
    rows = np.arange(n, dtype=np.uint32)
    member = rows[head != rows]
    sure = [(head[member], member), (must[:, 0], must[:, 1])]
    links = (
        pl.concat(
            [
                inner_links(pairs, group, labels, head),
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
    cost = 2 - links["probability"].to_numpy().astype(np.float64)
    ends = (links["a"].to_numpy().astype(np.int32), links["b"].to_numpy().astype(np.int32))
    tree = minimum_spanning_tree(csr_array((cost, ends), shape=(n, n))).tocoo()
    # One more node, linked to every kept record: a single walk from there goes through all trees.
    roots = np.unique(kept).astype(np.int32)
    start, stop = edges((tree.row, tree.col), (np.full(len(roots), n, np.int32), roots))
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
