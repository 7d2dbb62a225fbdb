"""Clusters that follow every decision at once: only what a decision can reach is clustered anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.records import Records
from dedupe.resolution.confidence import link_confidence
from dedupe.resolution.decisions import CHOICES, Decision, decided_rows, standing
from dedupe.resolution.resolve import cluster_records
from dedupe.resolution.survivorship import representatives
from dedupe.scoring.pairs import components, identical_groups
from dedupe.workspace.decision_log import CURRENT
from dedupe.workspace.state import Clustered

Bond = tuple[int, int]
"""Two parts that a decided match joins."""


class LiveClusters:
    """The clusters of a workspace, kept up to date.

    Records fall into parts: two records that no chain of matching pairs joins are never in one
    cluster, unless decisions join them. So a decision is followed by clustering the parts that it
    touches, and the result is what clustering everything would give.

    Parameters
    ----------
    state
        What the workspace holds, clustered under the decisions it held.
    """

    def __init__(self, state: Clustered) -> None:
        self.state = state
        self.labels = state.resolved.clustering.labels.copy()
        """(n,) uint32: the smallest row of each record's cluster."""
        self._confidence = state.resolved.confidence.copy()
        self._kept = state.resolved.kept.copy()
        self._stale: set[int] = set()
        self._decisions = pl.DataFrame(schema=CURRENT)
        self._choices = pl.DataFrame(schema=CHOICES)
        self.contradictions = state.resolved.clustering.contradictions
        """Schema :data:`~dedupe.resolution.clustering.CONTRADICTIONS`."""
        n = len(self.labels)
        left, right = (state.pairs[side].to_numpy() for side in ("left", "right"))
        strong = state.pairs["probability"].to_numpy() >= np.float32(state.config.threshold)
        strong |= (state.pairs["decided_by"] == "identical").to_numpy()
        self._part = components(n, left[strong], right[strong])
        self._rows = Grouped.by(self._part, n)
        parts = self._part[left], self._part[right]
        inner = np.flatnonzero(parts[0] == parts[1])
        self._inner = Grouped.by(parts[0][inner], n, inner)
        across = np.flatnonzero(parts[0] != parts[1])
        self._from = Grouped.by(parts[0][across], n, across)
        self._to = Grouped.by(parts[1][across], n, across)
        self._nearest = 1 - _highest(state.pairs, n)[identical_groups(n, state.pairs)]
        self._bonds: set[Bond] = set()

    def follow(
        self,
        decisions: pl.DataFrame,
        choices: pl.DataFrame,
        row_of: Mapping[str, int],
        rows: Iterable[int],
    ) -> None:
        """Cluster anew what decisions about `rows` reach.

        Parameters
        ----------
        decisions, choices
            All that are in force, as :func:`~dedupe.resolution.resolve.resolve` takes them.
        row_of
            Row of each record that decisions name; those that are not in it are passed over.
        rows
            Rows about which something was said, or taken back, since the last time.
        """
        self._decisions, self._choices = decisions, choices
        bonds = self._bonds_of(decisions, row_of)
        # What was joined before and is no more falls apart: that is reached too.
        members = self._reached(rows, bonds | self._bonds)
        self._bonds = bonds
        if not len(members):
            return
        self._stale.update(members.tolist())
        some, pairs = self._alone_with(members)
        decided = decided_rows(decisions, some)
        clustering = cluster_records(some, pairs, decided, self.state.config)[0]
        labels = clustering.labels
        self.labels[members] = members[labels]
        gone = np.isin(self.contradictions["left"].to_numpy(), members)
        here = clustering.contradictions.with_columns(
            pl.Series(side, members[clustering.contradictions[side].to_numpy()], pl.UInt32)
            for side in ("left", "right")
        )
        self.contradictions = pl.concat([self.contradictions.filter(pl.Series(~gone)), here]).sort(
            "left", "right"
        )

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(n,) float32: how sure a record's place is."""
        self._settle()
        return self._confidence

    @property
    def kept(self) -> NDArray[np.uint32]:
        """(n,) uint32: the row that stands for each record's cluster."""
        self._settle()
        return self._kept

    def _settle(self) -> None:
        """Work out what is only looked at now and then, for the rows that moved since."""
        if not self._stale:
            return
        members = np.array(sorted(self._stale), dtype=np.int64)
        self._stale.clear()
        some, pairs = self._alone_with(members)
        labels = np.searchsorted(members, self.labels[members]).astype(np.uint32)
        if self.state.config.link:
            decided = decided_rows(self._decisions, some)
            pairs = cluster_records(some, pairs, decided, self.state.config)[1]
        sizes = np.bincount(labels, minlength=len(labels))[labels]
        sure = link_confidence(len(members), pairs, labels)
        # Of a record alone it says how near the nearest is, be that among these records or not.
        self._confidence[members] = np.where(sizes > 1, sure, self._nearest[members])
        stands = standing(self._choices, some)
        self._kept[members] = members[representatives(some.frame, labels, stands)]

    def if_told(self, decisions: pl.DataFrame, row_of: Mapping[str, int], row: int) -> int:
        """Count the rows that the cluster of `row` would have under other decisions.

        Parameters
        ----------
        decisions, row_of
            As for :meth:`follow`; the decisions differ from those it had by some about `row`.
        row
            One of the two rows that they are about.
        """
        members = self._reached([row], self._bonds_of(decisions, row_of) | self._bonds)
        some, pairs = self._alone_with(members)
        decided = decided_rows(decisions, some)
        labels = cluster_records(some, pairs, decided, self.state.config)[0].labels
        return int((labels == labels[np.searchsorted(members, row)]).sum())

    def rows(self, row: int) -> NDArray[np.int64]:
        """Return all rows of the cluster of `row`, ascending."""
        return np.flatnonzero(self.labels == self.labels[row])

    def size(self, row: int) -> int:
        """Count the rows of the cluster of `row`."""
        return int(np.count_nonzero(self.labels == self.labels[row]))

    def _bonds_of(self, decisions: pl.DataFrame, row_of: Mapping[str, int]) -> set[Bond]:
        """Return the parts that decided matches join."""
        matches = decisions.filter(pl.col("decision") == Decision.MATCH.value)
        return {
            (int(self._part[row_of[a]]), int(self._part[row_of[b]]))
            for a, b in matches.select("left_id", "right_id").iter_rows()
            if a in row_of and b in row_of
        }

    def _reached(self, rows: Iterable[int], bonds: Iterable[Bond]) -> NDArray[np.int64]:
        """Return all rows of the parts of `rows`, and of those that bonds join to them."""
        near: dict[int, list[int]] = defaultdict(list)
        for one, other in bonds:
            near[one].append(other)
            near[other].append(one)
        reached = {int(self._part[row]) for row in rows}
        waiting = list(reached)
        while waiting:
            for part in near[waiting.pop()]:
                if part not in reached:
                    reached.add(part)
                    waiting.append(part)
        some = [self._rows.of(part) for part in reached]
        return np.sort(np.concatenate(some)) if some else np.empty(0, dtype=np.int64)

    def _alone_with(self, members: NDArray[np.int64]) -> tuple[Records, pl.DataFrame]:
        """Return the records of some parts and the pairs between them, numbered from 0."""
        parts = np.unique(self._part[members])
        found = [self._inner.of(part) for part in parts]
        if len(parts) > 1:
            begin, end = (
                np.concatenate([side.of(part) for part in parts]) for side in (self._from, self._to)
            )
            found.append(np.intersect1d(begin, end, assume_unique=True))
        pairs = self.state.pairs[np.sort(np.concatenate(found))]
        pairs = pairs.with_columns(
            pl.Series(side, np.searchsorted(members, pairs[side].to_numpy()), dtype=pl.UInt32)
            for side in ("left", "right")
        )
        return self.state.records.some(members), pairs


@dataclass(frozen=True, eq=False)
class Grouped:
    """Numbers by the group they are in.

    Parameters
    ----------
    numbers
        (m,) int64, group after group.
    starts
        (groups + 1,) int64: where each group begins.
    """

    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def by(
        cls, group: NDArray[Any], groups: int, numbers: NDArray[np.int64] | None = None
    ) -> Grouped:
        """Group `numbers`, or 0, 1, 2 …, by the group of each."""
        order = np.argsort(group, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=groups))])
        return cls(order if numbers is None else numbers[order], starts.astype(np.int64))

    def of(self, group: int) -> NDArray[np.int64]:
        """Return the numbers in one group, ascending."""
        return self.numbers[self.starts[group] : self.starts[group + 1]]


def _highest(pairs: pl.DataFrame, n: int) -> NDArray[np.float32]:
    """Return the highest probability among the pairs of each of n records; 0 without any."""
    best = np.zeros(n, dtype=np.float32)
    for side in ("left", "right"):
        found = pairs.group_by(side).agg(pl.col("probability").max())
        rows = found[side].to_numpy()
        best[rows] = np.maximum(best[rows], found["probability"].to_numpy())
    return best
