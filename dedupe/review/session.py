"""What a review knows and does, without a screen: the queue, decisions, undo, what they imply."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.cluster import identical_groups
from dedupe.decisions import Decision, Decisions, Verdict
from dedupe.errors import OptionError
from dedupe.kept import Clustered, clustered
from dedupe.learn.questions import useful_order
from dedupe.workspace import open_workspace

ORDERS = {
    "useful": "what teaches most first: doubtful pairs, bridges of clusters, large clusters",
    "lowest": "the least probable of the matches first",
    "highest": "the most probable pairs first",
    "random": "a random sample, for auditing",
    "clusters": "one cluster after another",
}
"""Orders of the queue, and what each is for."""

PAUSE = 60.0
"""Seconds after which a reviewer is taken to have had a break."""

Pairs: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Effect:
    """What a match of the pair at hand would do.

    Parameters
    ----------
    sizes
        Rows of the clusters of the two records.
    joined
        Whether the two are in one cluster already.
    contradicts
        Ids of two records that were decided to be different, and would be in one cluster.
    """

    sizes: tuple[int, int]
    joined: bool
    contradicts: tuple[str, str] | None

    def __str__(self) -> str:
        if self.contradicts:
            a, b = self.contradicts
            return f"a match would contradict the decision that {a} and {b} are different"
        if self.joined:
            return f"both are in one cluster of {self.sizes[0]:,}; a match confirms it"
        return (
            f"a match joins a cluster of {self.sizes[0]:,} and one of {self.sizes[1]:,}: "
            f"{sum(self.sizes):,} rows"
        )


class Session:
    """One reviewer at one workspace.

    Parameters
    ----------
    workspace
        Its folder.
    reviewer
        Who decides.
    order
        A name of :data:`ORDERS`.
    seed
        Of the random order.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If the order is unknown.
    """

    def __init__(
        self, workspace: str | Path, *, reviewer: str, order: str = "useful", seed: int = 0
    ) -> None:
        self.workspace = open_workspace(workspace)
        self.reviewer = reviewer
        self.seed = seed
        self.log: Decisions = self.workspace.decisions()
        self.state: Clustered = clustered(self.workspace)
        self.keys = self.state.records.keys
        scored = self.state.pairs.filter(pl.col("decided_by") != "identical")
        self.left, self.right = (
            scored[side].to_numpy().astype(np.int64) for side in ("left", "right")
        )
        self.probability = scored["probability"].to_numpy()
        self.similarity = scored["similarity"].to_numpy()
        self.decided_by = scored["decided_by"].cast(pl.String)
        self.group = identical_groups(len(self.keys), self.state.pairs)
        self._row: dict[str, int] = {}
        self._lines: list[tuple[str, ...]] | None = None
        self._undone: list[Decision] = []
        self._spent: list[float] = []
        self._since = time.monotonic()
        self.queue: Pairs = np.empty(0, dtype=np.int64)
        self.at = 0
        self.order = order
        self.filter = ""
        self.refresh()
        self.sort(order)

    # The queue ----------------------------------------------------------------------------

    def sort(self, order: str, *, text: str = "", low: float = 0.0, high: float = 1.0) -> None:
        """Put the pairs in an order, leave out what does not hold `text`, and begin anew."""
        if order not in ORDERS:
            raise OptionError(f"unknown order {order!r}: use one of {', '.join(ORDERS)}")
        self.order, self.filter = order, text
        chosen = (self.probability >= low) & (self.probability <= high)
        if text:
            holds = (
                self.state.records.texts.str.contains(text.lower(), literal=True)
                .to_numpy()
                .astype(bool)
            )
            chosen &= holds[self.left] | holds[self.right]
        pairs = np.flatnonzero(chosen)
        self.queue = pairs[self._ranking(pairs, order)]
        self.at = -1
        self.forward()

    def _ranking(self, pairs: Pairs, order: str) -> Pairs:
        p = self.probability[pairs].astype(np.float64)
        labels = self.state.resolved.clustering.labels
        a, b = labels[self.left[pairs]], labels[self.right[pairs]]
        match order:
            case "lowest":
                below = p < self.state.config.threshold
                return np.lexsort((pairs, p, below))
            case "highest":
                return np.lexsort((pairs, -p))
            case "random":
                return np.random.default_rng(self.seed).permutation(len(pairs))
            case "clusters":
                return np.lexsort((pairs, p, np.minimum(a, b), a != b))
        scored = self.state.pairs.filter(pl.col("decided_by") != "identical")
        return useful_order(
            self.left[pairs],
            self.right[pairs],
            scored["probability"].to_numpy()[pairs],
            threshold=self.state.config.threshold,
        )

    @property
    def pair(self) -> int | None:
        """Number of the pair at hand; ``None`` at the end of the queue."""
        return int(self.queue[self.at]) if 0 <= self.at < len(self.queue) else None

    def forward(self) -> None:
        """Go to the next pair that is neither decided nor implied by what was decided."""
        self.at += 1
        while self.at < len(self.queue) and self.known(int(self.queue[self.at])):
            self.at += 1

    def move(self, steps: int) -> None:
        """Go along the queue without deciding, over decided pairs too."""
        self.at = min(max(self.at + steps, 0), max(len(self.queue) - 1, 0))
        self._since = time.monotonic()

    def known(self, pair: int) -> str:
        """Return what is known of a pair: its verdict, "implied …", or an empty text."""
        a, b = int(self.left[pair]), int(self.right[pair])
        key = tuple(sorted((self.keys[a], self.keys[b])))
        if key in self.verdicts:
            return str(self.verdicts[key])
        if not self._parent and not self._foes:
            return ""
        a, b = self._find(a), self._find(b)
        if a == b:
            return "implied match"
        return "implied different" if (min(a, b), max(a, b)) in self._foes else ""

    def passed_over(self) -> int:
        """Count the undecided pairs of the queue that earlier decisions imply."""
        if not self._parent and not self._foes:
            return 0
        touched = np.zeros(len(self.keys), dtype=bool)
        touched[[*self._touched]] = True
        some = self.queue[touched[self.group[self.left[self.queue]]]]
        some = some[touched[self.group[self.right[some]]]]
        return sum(self.known(int(pair)).startswith("implied") for pair in some)

    def remaining(self) -> int:
        """Count the doubtful pairs, from ``review_from`` to the mirror of it, still to come."""
        low = self.state.config.review_from
        p = self.probability[self.queue[max(self.at, 0) :]]
        return int(((p >= low) & (p <= 1 - low)).sum())

    def seconds_left(self) -> float | None:
        """Return how long the doubtful pairs will take at the pace so far."""
        if len(self._spent) < 3:
            return None
        return float(np.median(self._spent[-50:])) * self.remaining()

    # Decisions ----------------------------------------------------------------------------

    def decide(self, verdict: Verdict) -> None:
        """Record a verdict on the pair at hand, and go on; it is on the disk when this returns."""
        pair = self.pair
        if pair is None:
            return
        a, b = self.keys[int(self.left[pair])], self.keys[int(self.right[pair])]
        made = self.log.record(a, b, verdict, self.reviewer)
        self._undone.clear()
        self._lines = None
        self._spent.append(min(time.monotonic() - self._since, PAUSE))
        self._since = time.monotonic()
        self._obey([(made.left_id, made.right_id, verdict)])
        self.forward()

    def undo(self) -> Decision | None:
        """Take back this reviewer's latest decision, and go to its pair."""
        taken = self.log.undo(self.reviewer)
        if taken is not None:
            self._undone.append(taken)
            self.refresh()
            self._go_to(taken)
        return taken

    def redo(self) -> Decision | None:
        """Make again the decision that was taken back last."""
        if not self._undone:
            return None
        taken = self._undone.pop()
        self.log.record(taken.left_id, taken.right_id, taken.verdict, self.reviewer)
        self.refresh()
        self._go_to(taken)
        return taken

    def decide_rows(self, pairs: Iterable[tuple[int, int]], verdict: Verdict) -> int:
        """Record one verdict on several pairs of rows; return how many."""
        count = 0
        for a, b in pairs:
            made = self.log.record(self.keys[a], self.keys[b], verdict, self.reviewer)
            self._obey([(made.left_id, made.right_id, verdict)])
            count += 1
        self._undone.clear()
        self._lines = None
        return count

    def refresh(self) -> bool:
        """Take in what is in the log, other reviewers' decisions too; tell if something changed."""
        current = self.log.current()
        lines = current.select("left_id", "right_id", "verdict").rows()
        if lines == self._lines:
            return False
        self._lines = lines
        self.verdicts: dict[tuple[str, ...], Verdict] = {}
        self._parent: dict[int, int] = {}
        self._foes: dict[tuple[int, int], tuple[str, str]] = {}
        self._touched: set[int] = set()
        new = {key for a, b, _ in lines for key in (a, b)} - self._row.keys()
        if new:
            rows = self.keys.alias("key").to_frame().with_row_index("row")
            self._row |= dict(
                rows.filter(pl.col("key").is_in(list(new))).select("key", "row").rows()
            )
        self._obey([(a, b, Verdict(verdict)) for a, b, verdict in lines])
        return True

    def recluster(self) -> None:
        """Cluster anew under the decisions made so far."""
        self.state = clustered(self.workspace)

    def counts(self) -> dict[str, int]:
        """Count the verdicts in force."""
        said = list(self.verdicts.values())
        return {verdict.value: said.count(verdict) for verdict in Verdict}

    def number_of(self, left_id: str, right_id: str) -> int | None:
        """Return the number of the scored pair of two records; ``None`` if it was not scored."""
        if left_id not in self._row or right_id not in self._row:
            return None
        low, high = sorted((self._row[left_id], self._row[right_id]))
        # Pairs are sorted by their left row and then by their right one.
        start, stop = np.searchsorted(self.left, [low, low + 1])
        place = int(start + np.searchsorted(self.right[start:stop], high))
        return place if place < stop and self.right[place] == high else None

    def effect(self, pair: int) -> Effect:
        """Say what a match of `pair` would do."""
        a, b = int(self.left[pair]), int(self.right[pair])
        labels = self.state.resolved.clustering.labels
        sizes = (int((labels == labels[a]).sum()), int((labels == labels[b]).sum()))
        one, other = self._find(a), self._find(b)
        against = self._foes.get((min(one, other), max(one, other)))
        return Effect(sizes, bool(labels[a] == labels[b]), against)

    def record(self, row: int) -> dict[str, object]:
        """Return one row as it was read, by column."""
        return self.state.records.frame.row(row, named=True)

    def used_fields(self) -> list[str]:
        """Return the columns that the model reads."""
        return [use.name for use in self.state.records.fields if use.used]

    def close(self) -> None:
        """Let go of the log."""
        self.log.close()

    def _obey(self, lines: Iterable[tuple[str, str, Verdict]]) -> None:
        for a, b, verdict in lines:
            self.verdicts[tuple(sorted((a, b)))] = verdict
            for key in (a, b):
                if key not in self._row:
                    place = self.keys.index_of(key)
                    if place is not None:
                        self._row[key] = place
            if a not in self._row or b not in self._row or verdict is Verdict.UNSURE:
                continue
            one, other = self._find(self._row[a]), self._find(self._row[b])
            self._touched |= {int(self.group[self._row[key]]) for key in (a, b)}
            if verdict is Verdict.DIFFERENT:
                if one != other:
                    self._foes[min(one, other), max(one, other)] = (a, b)
            elif one != other and (min(one, other), max(one, other)) not in self._foes:
                self._join(one, other)

    def _join(self, one: int, other: int) -> None:
        self._parent[other] = one
        moved = [pair for pair in self._foes if other in pair]
        for pair in moved:
            foe = pair[0] if pair[1] == other else pair[1]
            self._foes[min(one, foe), max(one, foe)] = self._foes.pop(pair)

    def _find(self, row: int) -> int:
        at = int(self.group[row])
        while at in self._parent:
            at = self._parent[at]
        return at

    def _go_to(self, decision: Decision) -> None:
        if decision.left_id not in self._row or decision.right_id not in self._row:
            return
        ends = {self._row[decision.left_id], self._row[decision.right_id]}
        low, high = min(ends), max(ends)
        found = np.flatnonzero((self.left[self.queue] == low) & (self.right[self.queue] == high))
        if len(found):
            self.at = int(found[0])
        self._since = time.monotonic()
