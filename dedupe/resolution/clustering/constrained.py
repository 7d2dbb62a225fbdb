"""Constrained clustering: from scored pairs and decisions to one label per record.

Connected components alone would join two entities through a single chain of doubtful pairs. Here
two clusters are joined only if the average of *all* pairs between them reaches the threshold, the
best average first: see :mod:`~dedupe.resolution.clustering.average_link`. Decisions are must-links
and cannot-links [1]_.

References
----------
.. [1] I. Davidson and S. S. Ravi, "Agglomerative hierarchical clustering with constraints:
   theoretical and empirical results", PKDD 2005.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from dedupe.resolution.clustering.average_link import agglomerate, sum_links
from dedupe.resolution.clustering.union_find import UnionFind
from dedupe.resolution.ruled_pairs import split_scored
from dedupe.resolution.rules import Rules, RuleSets, exact_joins
from dedupe.scoring.pairs import (
    Rows,
    by_rule,
    components,
    identical_ends,
    identical_groups,
    smallest,
)

MISSING_WEIGHT = 3 / 16
"""Weight, beside 1 for a scored pair, of a pair that is no candidate; it counts as probability 0.

The search omits a pair if its texts are far apart. That is evidence against a match, but weaker
than a model's score. At a threshold of one half, this weight lets a record with links of 0.95 join
a cluster if it was compared with a fifth of its records, breaks a chain of links of 0.55 into
pairs, and ends even a chain of certain links after seven records. As a binary fraction it keeps
averages exact.
"""
NO_PAIRS: Rows = np.empty((0, 2), dtype=np.uint32)
MATCH_OVERRULED = "match overruled"
"""Two records decided to match stay apart: other decisions forbid them to be in one cluster."""
DIFFERENT_LINKED = "different but linked"
"""Two records decided to be different would be in one cluster through other records."""
CONTRADICTIONS = pl.Schema({"left": pl.UInt32(), "right": pl.UInt32(), "reason": pl.String()})
"""Schema of :attr:`Clustering.contradictions`."""


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters of n records, and the decisions that contradict each other.

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
    rules: Rules | None = None,
    exact: Rows | None = None,
) -> Clustering:
    """Cluster records by the average link, obeying every decision that can be obeyed.

    1. Must-links are joined, the newest first; one that would join a cannot-link is left out and
       reported.
    2. Pairs of exact columns are joined in their order, unless that would join a cannot-link or a
       pair that the rules forbid.
    3. Records of identical text are joined, unless that would join such a pair. Such a group is
       split: each of its decided records and all others together are units of their own, which
       have links of probability 1 to each other and the scored pairs of the group.
    4. Of all clusters, the two with the highest average link are joined while it is at least
       `threshold` and no such pair is between them. A group of identical records counts as one
       record; a scored pair counts with its probability, even below the threshold; a pair that was
       not scored counts as 0 with `missing_weight`.

    Guarantees: a cannot-link is never inside a cluster, nor is a pair that rules forbid, unless
    must-links join it. The result does not depend on the order of
    `pairs`, nor on the order of `cannot_link`. If the rows are numbered differently, the clusters
    stay the same, except where two joins tie in the average, the number of scored pairs *and* the
    sum of their similarities, and where identical groups cannot all stay whole: then the smaller
    row numbers (the larger group, there) come first. A higher threshold makes the same joins and
    stops earlier: with the same decisions, its clusters lie inside those of a lower one.

    Parameters
    ----------
    n
        Number of records.
    pairs
        ``left < right`` row numbers, ``similarity``, ``probability``, ``decided_by``. Groups of
        identical text are stars of ``identical`` pairs around their smallest row, which alone
        occurs in the scored pairs.
    threshold
        Average probability from which (inclusive) clusters are joined.
    must_link
        (m, 2) pairs decided to match, the oldest first.
    cannot_link
        (k, 2) pairs decided to be different.
    missing_weight
        Weight of a pair that was not scored, from 0 (only scored pairs count) to 1.
    rules
        Which records must not be in one cluster; see :mod:`~dedupe.resolution.rules`.
    exact
        (j, 2) pairs that exact columns join. What rules decided among `pairs` does not count: the
        rules themselves do.
    """
    cannot = as_pairs(cannot_link)
    must, overruled = _consistent(as_pairs(must_link), cannot)
    if rules is not None:
        pairs = pairs.filter(~by_rule())
        joins = exact_joins(NO_PAIRS if exact is None else exact, must, cannot, rules)
        decided, must = must, np.concatenate([must, joins])
    else:
        decided = must
    group = identical_groups(n, pairs)
    unit, split = _units(group, must, cannot, rules, decided)
    rows = np.arange(n)
    node = components(n, np.concatenate([rows, must[:, 0]]), np.concatenate([unit, must[:, 1]]))
    label, blocking = agglomerate(
        sum_links(_between_units(pairs, split, unit[cannot]), node),
        np.bincount(node[unit == rows], minlength=n),
        node[cannot],
        threshold=threshold,
        missing_weight=missing_weight,
        rules=rules,
        node=node,
    )
    contradictions = [
        _contradictions(overruled, MATCH_OVERRULED),
        _contradictions(cannot[blocking], DIFFERENT_LINKED),
    ]
    return Clustering(
        smallest(label[node]),
        pl.concat(contradictions).unique().sort("left", "right", "reason"),
    )


def as_pairs(pairs: npt.ArrayLike) -> Rows:
    """Convert pairs of rows to an (m, 2) array, the smaller row first, without pairs of one row."""
    ends: Rows = np.sort(np.asarray(pairs, dtype=np.uint32).reshape(-1, 2), axis=1)
    distinct: Rows = ends[ends[:, 0] != ends[:, 1]]
    return distinct


def _contradictions(pairs: Rows, reason: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"left": pairs[:, 0], "right": pairs[:, 1], "reason": [reason] * len(pairs)},
        schema=CONTRADICTIONS,
    )


def _consistent(must: Rows, cannot: Rows) -> tuple[Rows, Rows]:
    """Split must-links into those that cannot-links and newer must-links allow, and the others."""
    sets: UnionFind[int] = UnionFind(cannot.tolist())
    allowed = np.ones(len(must), dtype=bool)
    for index in range(len(must) - 1, -1, -1):
        allowed[index] = sets.join(must[index].tolist())
    return must[allowed], must[~allowed]


def _units(
    group: Rows, must: Rows, cannot: Rows, rules: Rules | None, by_reviewers: Rows
) -> tuple[Rows, pl.DataFrame]:
    """Find the sets of records that count as one, and the groups of identical text to be split.

    `by_reviewers` are those of the must-links that hold whatever the rules say.

    Returns
    -------
    unit
        (n,) the smallest row of the unit: a whole group; of a split one, each decided row alone
        and all others together, or in units that the rules allow.
    split
        ``group``, ``unit``: one row per unit of a split group.
    """
    decided = np.unique(np.concatenate([must.ravel(), cannot.ravel()]))
    size = np.bincount(group, minlength=len(group))
    decided_in: dict[int, list[int]] = defaultdict(list)
    for row, first in zip(decided.tolist(), group[decided].tolist(), strict=True):
        decided_in[first].append(row)
    apart: list[int] = []
    if rules is None:
        sets: UnionFind[int] = UnionFind(cannot.tolist())
        for pair in must.tolist():
            sets.join(pair)
        joined_in: Mapping[int, list[int]] = decided_in
    else:
        sets = ruled = RuleSets(cannot.tolist(), rules)
        for pair in by_reviewers.tolist():
            ruled.join_decided(pair)
        for pair in must.tolist():
            sets.join(pair)
        mixed = rules.mixed(group)
        apart = np.flatnonzero(mixed).tolist()
        # All rows of a group bring their values.
        concerned = np.flatnonzero(np.isin(group, list(decided_in)) & ~mixed[group])
        joined_in = defaultdict(list)
        for row, first in zip(concerned.tolist(), group[concerned].tolist(), strict=True):
            joined_in[first].append(row)
    largest_first = sorted(joined_in, key=lambda first: (-int(size[first]), first))
    apart += [first for first in largest_first if not sets.join(joined_in[first])]

    rows = np.flatnonzero(np.isin(group, np.array(apart, dtype=np.uint32))).astype(np.uint32)
    alone = np.isin(rows, decided)
    unit = group.copy()
    unit[rows[alone]] = rows[alone]
    others = rows[~alone]
    if rules is None:
        first_other = np.full(len(group), len(group), dtype=np.uint32)
        np.minimum.at(first_other, group[others], others)
        unit[others] = first_other[group[others]]
    else:
        unit[others] = rules.units(group, others)
    return unit, pl.DataFrame({"group": group[rows], "unit": unit[rows]}).unique()


def _between_units(pairs: pl.DataFrame, split: pl.DataFrame, apart: Rows) -> pl.DataFrame:
    """List the scored pairs of units, without those decided to be different.

    Parameters
    ----------
    pairs
        As for :func:`cluster`.
    split
        ``group``, ``unit`` of the groups that are split: each unit has the pairs of its group.
    apart
        (k, 2) units decided to be different, whose scores no longer count.

    Returns
    -------
    DataFrame
        ``left``, ``right``, ``probability``, ``similarity``.
    """
    columns = ("left", "right", "probability", "similarity")
    scored = pairs.filter(~identical_ends()).select(columns)
    if split.height:
        scored = split_scored(scored, split)
        copies = split.join(split, on="group", suffix="_right").filter(
            pl.col("unit") < pl.col("unit_right")
        )
        certain = pl.lit(1, pl.Float32)
        scored = pl.concat(
            [
                scored.select(columns),
                copies.select(
                    left="unit", right="unit_right", probability=certain, similarity=certain
                ),
            ]
        )
    if len(apart):
        both = np.concatenate([apart, apart[:, ::-1]])
        decided = pl.DataFrame({"left": both[:, 0], "right": both[:, 1]}).unique()
        scored = scored.join(decided, on=["left", "right"], how="anti")
    return scored
