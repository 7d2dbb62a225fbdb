"""Clusters that follow every decision: only what a decision can reach is clustered again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.records.records import Records
from dedupe.resolution.confidence import link_confidence
from dedupe.resolution.decisions import (
    CHOICES,
    Decision,
    chosen_representatives,
    decisions_by_row,
    typed_values,
)
from dedupe.resolution.resolve import cluster_records
from dedupe.resolution.survivorship.merge import (
    merged_row,
    representatives,
)
from dedupe.resolution.survivorship.merge_rules import parse_rules
from dedupe.scoring.pairs import components, identical_groups
from dedupe.workspace.log.decision_log import CURRENT
from dedupe.workspace.state import Clustered

ComponentPair = tuple[int, int]
"""Two components that a decided match joins."""


class LiveClusters:
    """The clusters of a workspace, updated after every decision.

    Records that no chain of matching pairs connects are never in one cluster, unless decisions
    join them. So a decision is followed by clustering the connected components that it reaches,
    and the result equals that of clustering all records.

    Parameters
    ----------
    clustered
        The workspace, clustered under the decisions it held.
    """

    def __init__(self, clustered: Clustered) -> None:
        self._clustered = clustered
        self.records, self.config = clustered.records, clustered.config
        rows = clustered.resolved.rows
        self.labels = rows["label"].to_numpy().copy()
        """(n,) uint32: the smallest row of each record's cluster."""
        self.contradictions = clustered.resolved.contradictions
        """Schema :data:`~dedupe.resolution.clustering.constrained.CONTRADICTIONS`."""
        self._confidence = rows["confidence"].to_numpy().copy()
        self._representative = rows["representative"].to_numpy().copy()
        self._outdated: set[int] = set()
        self._decisions = pl.DataFrame(schema=CURRENT)
        self._choices = pl.DataFrame(schema=CHOICES)
        self._joined: set[ComponentPair] = set()
        pairs, n = clustered.pairs, len(self.labels)
        left, right = (pairs[side].to_numpy() for side in ("left", "right"))
        strong = pairs["probability"].to_numpy() >= np.float32(self.config.threshold)
        strong |= (pairs["decided_by"] == "identical").to_numpy()
        self._component = components(n, left[strong], right[strong])
        self._rows = Grouped.by(self._component, n)
        left_component, right_component = self._component[left], self._component[right]
        inner = np.flatnonzero(left_component == right_component)
        self._inner = Grouped.by(left_component[inner], n, inner)
        across = np.flatnonzero(left_component != right_component)
        self._from = Grouped.by(left_component[across], n, across)
        self._to = Grouped.by(right_component[across], n, across)
        self._confidence_alone = 1 - _highest(pairs, n)[identical_groups(n, pairs)]

    def follow(
        self,
        decisions: pl.DataFrame,
        choices: pl.DataFrame,
        row_of: Mapping[str, int],
        rows: Iterable[int],
    ) -> None:
        """Cluster again what decisions about `rows` reach.

        Parameters
        ----------
        decisions, choices
            All that are in force, as :func:`~dedupe.resolution.resolve.resolve` takes them.
        row_of
            Row of each record in `decisions`, by key. Other records are ignored.
        rows
            Rows whose decisions or choices changed since the last call.
        """
        self._decisions, self._choices = decisions, choices
        joined = self._joined_by(decisions, row_of)
        # Components that were joined before and no longer are fall apart: they are reached too.
        members = self._reached(rows, joined | self._joined)
        self._joined = joined
        if not len(members):
            return
        self._outdated.update(members.tolist())
        records, pairs = self._subset(members)
        decided = decisions_by_row(decisions, records)
        clustering = cluster_records(records, pairs, decided, self.config)[0]
        self.labels[members] = members[clustering.labels]
        replaced = np.isin(self.contradictions["left"].to_numpy(), members)
        found = clustering.contradictions.with_columns(
            pl.Series(side, members[clustering.contradictions[side].to_numpy()], pl.UInt32)
            for side in ("left", "right")
        )
        others = self.contradictions.filter(pl.Series(~replaced))
        self.contradictions = pl.concat([others, found]).sort("left", "right")

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(n,) float32: how certain each record's place in its cluster is."""
        self._update()
        return self._confidence

    @property
    def representative(self) -> NDArray[np.uint32]:
        """(n,) uint32: the representative of each record's cluster."""
        self._update()
        return self._representative

    def size_with(self, decisions: pl.DataFrame, row_of: Mapping[str, int], row: int) -> int:
        """Count the rows that the cluster of `row` would have under other decisions.

        Parameters
        ----------
        decisions, row_of
            As for :meth:`follow`. The decisions differ from the current ones by some about `row`.
        row
            One of the rows of these decisions.
        """
        members = self._reached([row], self._joined_by(decisions, row_of) | self._joined)
        records, pairs = self._subset(members)
        decided = decisions_by_row(decisions, records)
        labels = cluster_records(records, pairs, decided, self.config)[0].labels
        return int((labels == labels[np.searchsorted(members, row)]).sum())

    def rows(self, row: int) -> NDArray[np.int64]:
        """List all rows of the cluster of `row`, ascending."""
        return np.flatnonzero(self.labels == self.labels[row])

    def size(self, row: int) -> int:
        """Count the rows of the cluster of `row`."""
        return int(np.count_nonzero(self.labels == self.labels[row]))

    def merged_row(
        self,
        row: int,
        choices: pl.DataFrame,
        rules: Mapping[str, str] | None = None,
    ) -> dict[str, object]:
        """Merge the rows of the cluster of `row`, as an export would write them.

        Parameters
        ----------
        row
            A row of the cluster.
        choices
            Each choice in force: ``record_id``, ``column`` and ``value``, the newest last.
        rules
            Survivorship rules by column; ``None``: those of the configuration.
        """
        config = self.config if rules is None else replace(self.config, merge=rules)
        rows = self.rows(row)
        row_of = {self.records.keys[member]: member for member in rows.tolist()}
        frame = self.records.frame
        chosen: dict[str, Any] = {}
        for key, column, value in choices.select("record_id", "column", "value").iter_rows():
            if column in frame.columns and key in row_of:
                series = frame[column]
                chosen[column] = (
                    series[row_of[key]]
                    if value is None
                    else typed_values(column, pl.Series([value]), series.dtype)[0]
                )
        return merged_row(
            self.records,
            rows,
            int(self.representative[row]),
            chosen,
            parse_rules(config, self.records.frame.columns),
            config,
            self._clustered.state.table.linked,
        )

    def _update(self) -> None:
        """Compute confidence and representatives, which few screens show, of outdated rows."""
        if not self._outdated:
            return
        members = np.array(sorted(self._outdated), dtype=np.int64)
        self._outdated.clear()
        records, pairs = self._subset(members)
        labels = np.searchsorted(members, self.labels[members]).astype(np.uint32)
        if self.config.link:
            decided = decisions_by_row(self._decisions, records)
            pairs = cluster_records(records, pairs, decided, self.config)[1]
        sizes = np.bincount(labels, minlength=len(labels))[labels]
        # The nearest neighbour of a record alone may be outside these components.
        self._confidence[members] = np.where(
            sizes > 1, link_confidence(len(members), pairs, labels), self._confidence_alone[members]
        )
        chosen = chosen_representatives(self._choices, records)
        self._representative[members] = members[representatives(records.frame, labels, chosen)]

    def _joined_by(self, decisions: pl.DataFrame, row_of: Mapping[str, int]) -> set[ComponentPair]:
        """List the components that decided matches join."""
        matches = decisions.filter(pl.col("decision") == Decision.MATCH.value)
        return {
            (int(self._component[row_of[left]]), int(self._component[row_of[right]]))
            for left, right in matches.select("left_id", "right_id").iter_rows()
            if left in row_of and right in row_of
        }

    def _reached(self, rows: Iterable[int], joined: Iterable[ComponentPair]) -> NDArray[np.int64]:
        """List all rows of the components of `rows`, and of those joined to them."""
        neighbours: dict[int, list[int]] = defaultdict(list)
        for one, other in joined:
            neighbours[one].append(other)
            neighbours[other].append(one)
        reached = {int(self._component[row]) for row in rows}
        waiting = list(reached)
        while waiting:
            for component in neighbours[waiting.pop()]:
                if component not in reached:
                    reached.add(component)
                    waiting.append(component)
        members = [self._rows.of(component) for component in reached]
        return np.sort(np.concatenate(members)) if members else np.empty(0, dtype=np.int64)

    def _subset(self, members: NDArray[np.int64]) -> tuple[Records, pl.DataFrame]:
        """Select the records of some components and the pairs between them, numbered from 0."""
        reached = np.unique(self._component[members])
        selected = [self._inner.of(component) for component in reached]
        if len(reached) > 1:
            begin, end = (
                np.concatenate([side.of(component) for component in reached])
                for side in (self._from, self._to)
            )
            selected.append(np.intersect1d(begin, end, assume_unique=True))
        pairs = self._clustered.pairs[np.sort(np.concatenate(selected))]
        pairs = pairs.with_columns(
            pl.Series(side, np.searchsorted(members, pairs[side].to_numpy()), dtype=pl.UInt32)
            for side in ("left", "right")
        )
        return self.records.take(members), pairs


@dataclass(frozen=True, eq=False)
class Grouped:
    """Numbers by group.

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
        """Group `numbers`, or 0, 1, 2 …, by the `group` of each."""
        order = np.argsort(group, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=groups))])
        return cls(order if numbers is None else numbers[order], starts.astype(np.int64))

    def of(self, group: int) -> NDArray[np.int64]:
        """List the numbers in one group, ascending."""
        return self.numbers[self.starts[group] : self.starts[group + 1]]


@dataclass(frozen=True)
class MatchEffect:
    """What deciding that two records match would do to the clusters.

    Parameters
    ----------
    sizes
        Rows of the clusters of the two records.
    together
        Rows that their common cluster would have. Rows of either cluster may leave it.
    joined
        Whether the two are in one cluster already.
    contradicts
        Ids of two records that were decided to be different and would be in one cluster.
    """

    sizes: tuple[int, int]
    together: int
    joined: bool
    contradicts: tuple[str, str] | None = None

    def __str__(self) -> str:
        if self.contradicts:
            a, b = self.contradicts
            return f"a match contradicts the decision that {a} and {b} are different"
        if self.joined:
            return f"already in one cluster of {self.sizes[0]:,} rows: a match confirms it"
        leaving = sum(self.sizes) - self.together
        return (
            f"a match joins clusters of {self.sizes[0]:,} and {self.sizes[1]:,} rows into one of "
            f"{self.together:,}"
            + (
                f"; {leaving:,} {'row leaves' if leaving == 1 else 'rows leave'} it"
                if leaving > 0
                else ""
            )
        )


def _highest(pairs: pl.DataFrame, n: int) -> NDArray[np.float32]:
    """Find the highest probability among the pairs of each of n records; 0 without any."""
    highest = np.zeros(n, dtype=np.float32)
    for side in ("left", "right"):
        found = pairs.group_by(side).agg(pl.col("probability").max())
        rows = found[side].to_numpy()
        highest[rows] = np.maximum(highest[rows], found["probability"].to_numpy())
    return highest
