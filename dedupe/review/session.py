"""What a review knows and does, without a screen: the queue, decisions, undo, what they imply."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.errors import OptionError
from dedupe.evaluation.quality import Audit, draw_audit
from dedupe.resolution.decisions import Decision
from dedupe.resolution.outputs import merged_row
from dedupe.resolution.survivorship import parse_rules
from dedupe.review.closure import Implied
from dedupe.review.live_clusters import LiveClusters
from dedupe.review.loader import Loaded
from dedupe.review.order import ORDERS, Pairs, ranked, triangles
from dedupe.workspace.decision_log import Choice, Decisions, LoggedDecision
from dedupe.workspace.folder import open_workspace

PAUSE = 60.0
"""Seconds after which a reviewer is taken to have had a break."""

AUDITED = 20
"""Pairs that are drawn for an audit at a time."""

RANKED_AFTER = 10
"""Decisions after which the scores are corrected and the most useful pairs ranked anew."""

MOST_RANKED = 200_000
"""Records up to which that is done during the review; above, it takes too long to go unnoticed."""

MOST_TRIANGLES = 1_000
"""Contradicting triples of pairs that are looked for."""


@dataclass(frozen=True)
class Effect:
    """What a match of the pair at hand would do.

    Parameters
    ----------
    sizes
        Rows of the clusters of the two records.
    together
        Rows that their cluster would have; others may leave it that were in one with either.
    joined
        Whether the two are in one cluster already.
    contradicts
        Ids of two records that were decided to be different, and would be in one cluster.
    """

    sizes: tuple[int, int]
    together: int
    joined: bool
    contradicts: tuple[str, str] | None

    def __str__(self) -> str:
        if self.contradicts:
            a, b = self.contradicts
            return f"a match would contradict the decision that {a} and {b} are different"
        if self.joined:
            return f"both are in one cluster of {self.sizes[0]:,}; a match confirms it"
        left = sum(self.sizes) - self.together
        return (
            f"a match joins a cluster of {self.sizes[0]:,} and one of {self.sizes[1]:,}: "
            f"{self.together:,} rows" + (f"; {left:,} would leave it" if left > 0 else "")
        )


@dataclass(frozen=True)
class View:
    """Which pairs are looked at, and in which order.

    Parameters
    ----------
    order
        A name of :data:`~dedupe.review.order.ORDERS`.
    text
        Only pairs of which a record holds it.
    low, high
        Only pairs of a probability from `low` to `high`, both inclusive.
    """

    order: str = "useful"
    text: str = ""
    low: float = 0.0
    high: float = 1.0

    @property
    def filtered(self) -> str:
        """What is left out, in words; empty where nothing is."""
        said = [f"“{self.text}”"] if self.text else []
        if (self.low, self.high) != (0.0, 1.0):
            said.append(f"{self.low:g}-{self.high:g}")
        return " ".join(said)


class Session:
    """One reviewer at one workspace.

    Parameters
    ----------
    workspace
        Its folder.
    reviewer
        Who decides.
    order
        A name of :data:`~dedupe.review.order.ORDERS`.
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
        self._spent: list[float] = []
        self._since = time.monotonic()
        self._undone: list[LoggedDecision | Choice] = []
        self.decisions: dict[tuple[str, str], Decision] = {}
        self.choices: dict[tuple[str, str | None], str] = {}
        self.load()
        self.sort(View(order))

    def load(self) -> None:
        """Read the workspace, and take in all that was decided."""
        self.take(Loaded.of(self.workspace))

    def take(self, loaded: Loaded) -> None:
        """Go on with what was read of the workspace, and with the decisions made since."""
        self.state = loaded.state
        self._clusters = loaded.clusters
        self._moved: set[int] = set()
        self._decisions = self.log.current()
        self.scores = loaded.scores
        self.similarity = loaded.similarity
        self.decided_by = loaded.decided_by
        self.group = loaded.group
        self.keys = self.state.records.keys
        config, p = self.state.config, self.scores.probability
        self._doubtful = (p >= config.review_from) & (p <= 1 - config.review_from)
        self._row: dict[str, int] = {}
        self._unscored: list[tuple[int, int]] = []
        self._drawn: dict[int, str] = {}
        self.audit: Audit | None = None
        self.queue: Pairs = np.empty(0, dtype=np.int64)
        self.at = 0
        self._last = (-1, -1)
        self._counted = sum(decision is not Decision.UNSURE for decision in self.decisions.values())
        self.decisions = {}
        self.choices = {}
        self.refresh()

    @property
    def clusters(self) -> LiveClusters:
        """The clusters under all decisions so far; what they reach is clustered when this is read.

        So the next pair can be shown first.
        """
        if self._moved:
            rows, self._moved = self._moved, set()
            self._decisions = self.log.current()
            self._clusters.follow(self._decisions, self.log.choices(), self._row, rows)
        return self._clusters

    def due(self) -> bool:
        """Tell whether so much was decided since the scores were corrected that it is due again."""
        said = sum(decision is not Decision.UNSURE for decision in self.decisions.values())
        return (
            self.view.order == "useful"
            and len(self.keys) <= MOST_RANKED
            and said - self._counted >= RANKED_AFTER
        )

    # The queue ----------------------------------------------------------------------------

    def sort(self, view: View) -> None:
        """Put the pairs in an order, leave out what is not to be looked at, and begin anew.

        Raises
        ------
        OptionError
            If the order is unknown.
        """
        if view.order not in ORDERS:
            raise OptionError(f"unknown order {view.order!r}: use one of {', '.join(ORDERS)}")
        self.view = view
        if view.order == "contradictions":
            self._queue(self._contradicting())
        elif view.order == "audit":
            self._queue(np.empty(0, dtype=np.int64))
        else:
            pairs = np.flatnonzero(self._chosen())
            self._queue(ranked(self.scores, pairs, self.clusters.labels, view.order, self.seed))
        self.at = -1
        self.forward()

    def _chosen(self) -> NDArray[np.bool_]:
        """Tell of each scored pair whether the view leaves it in."""
        p = self.scores.probability
        chosen: NDArray[np.bool_] = (p >= np.float32(self.view.low)) & (
            p <= np.float32(self.view.high)
        )
        if self.view.text:
            texts = self.state.records.texts
            holds = texts.str.contains(self.view.text.lower(), literal=True).to_numpy()
            chosen &= holds[self.scores.left] | holds[self.scores.right]
        return chosen

    def _queue(self, pairs: Pairs) -> None:
        self.queue = pairs
        self._place = np.full(len(self.scores.left) + len(self._unscored), -1, dtype=np.int64)
        self._place[pairs] = np.arange(len(pairs))
        scored = pairs < len(self.scores.left)
        doubtful = np.zeros(len(pairs), dtype=bool)
        doubtful[scored] = self._doubtful[pairs[scored]]
        self._doubtful_before = np.concatenate([[0], np.cumsum(doubtful)])
        self._passed: int | None = None

    def _contradicting(self) -> Pairs:
        """Return contradicting decisions and what leads to them, then contradicting scores."""
        found: dict[int, None] = {}
        for clash in self.implied.clashes:
            found.update(dict.fromkeys(self._pair_of(a, b) for a, b in clash))
        for left, right in self.clusters.contradictions.select("left", "right").iter_rows():
            found[self._pair_of(left, right)] = None
        chosen = self._chosen()
        for count, three in enumerate(triangles(self.scores, len(self.keys))):
            if count == MOST_TRIANGLES:
                break
            if chosen[list(three)].any() and not any(self.known(pair) for pair in three):
                found.update(dict.fromkeys(three))
        return np.array(list(found), dtype=np.int64)

    def draw_audit(self) -> Audit:
        """Draw more pairs for an audit; this takes a while where there are millions of them."""
        return draw_audit(self.workspace.path, AUDITED)

    def take_audit(self, audit: Audit) -> None:
        """Put pairs that were drawn at the end of the queue, and go to the first undecided.

        Where records were added since the workspace was read, it is read again.
        """
        try:
            ends = [(self.row(a), self.row(b)) for a, b in audit.pairs]
        except KeyError:
            self.load()
            ends = [(self.row(a), self.row(b)) for a, b in audit.pairs]
        pairs = [self._pair_of(a, b) for a, b in ends]
        self._drawn |= dict.fromkeys(pairs, audit.key)
        self._queue(np.concatenate([self.queue, np.array(pairs, dtype=np.int64)]))
        self.audit = audit
        self.at = -1
        self.forward()

    @property
    def pair(self) -> int | None:
        """Number of the pair at hand; ``None`` at the end of the queue."""
        return int(self.queue[self.at]) if 0 <= self.at < len(self.queue) else None

    def ends(self, pair: int) -> tuple[int, int]:
        """Return the two rows of a pair."""
        if pair >= len(self.scores.left):
            return self._unscored[pair - len(self.scores.left)]
        a, b = int(self.scores.left[pair]), int(self.scores.right[pair])
        config, source = self.state.config, self.state.records.source
        if config.link and not config.within and source[a] == source[b]:
            # A text that stands in both tables is scored by its first row: the link is of another.
            for row, other in ((b, a), (a, b)):
                same = np.flatnonzero((self.group == self.group[row]) & (source != source[other]))
                if len(same):
                    a, b = min(int(same[0]), other), max(int(same[0]), other)
                    break
        return a, b

    def probability(self, pair: int) -> float | None:
        """Return the probability of a pair; ``None`` if it was decided but never scored."""
        if pair >= len(self.scores.left):
            return None
        return float(self.scores.probability[pair])

    def forward(self) -> None:
        """Go to the next pair that is neither decided nor implied by what was decided.

        In an audit what is implied is asked too, and contradictions are what is known.
        """
        self.at += 1
        if self.view.order == "contradictions":
            return
        while self.at < len(self.queue) and self._is_passed(int(self.queue[self.at])):
            self.at += 1

    def _is_passed(self, pair: int) -> bool:
        known = self.known(pair)
        return bool(known) and not (known.startswith("implied") and self.view.order == "audit")

    def show_first(self, pair: int) -> None:
        """Bring a pair of the queue to the place at hand."""
        if self.at < len(self.queue) and self._place[pair] > self.at:
            rest = self.queue[self.at :]
            self._queue(
                np.concatenate([self.queue[: self.at], [pair], rest[rest != pair]]).astype(np.int64)
            )

    def move(self, steps: int) -> None:
        """Go along the queue without deciding, over decided pairs too."""
        self.at = min(max(self.at + steps, 0), max(len(self.queue) - 1, 0))
        self._since = time.monotonic()

    def known(self, pair: int) -> str:
        """Return what is known of a pair: its decision, "implied …", or an empty text."""
        a, b = self.ends(pair)
        if decision := self.decisions.get(self._key(a, b)):
            return str(decision)
        implied = self.implied.of(a, b)
        return f"implied {implied}" if implied else ""

    def passed_over(self) -> int:
        """Count the undecided pairs of the queue that earlier decisions imply."""
        if self._passed is None:
            self._passed = 0
            for row in (touched := self.implied.touched()).tolist():
                start, stop = np.searchsorted(self.scores.left, [row, row + 1])
                some = start + np.flatnonzero(np.isin(self.scores.right[start:stop], touched))
                for pair in some[self._place[some] >= 0].tolist():
                    self._passed += self.known(pair).startswith("implied")
        return self._passed

    def remaining(self) -> int:
        """Count the doubtful pairs, from ``review_from`` to the mirror of it, still to come."""
        at = max(self.at, 0)
        count = int(self._doubtful_before[-1] - self._doubtful_before[min(at, len(self.queue))])
        for a, b in self.decisions:
            pair = self._scored(a, b)
            count -= pair is not None and bool(self._doubtful[pair]) and self._place[pair] >= at
        return count

    def seconds_left(self) -> float | None:
        """Return how long the doubtful pairs will take at the pace so far."""
        if len(self._spent) < 3:
            return None
        return float(np.median(self._spent[-50:])) * self.remaining()

    # Decisions ----------------------------------------------------------------------------

    def decide(self, decision: Decision) -> LoggedDecision | None:
        """Record a decision on the pair at hand, and go on; it is on the disk when this returns.

        Returns
        -------
        LoggedDecision or None
            The decision; ``None`` if another reviewer decided the pair since it was shown, which
            is taken in instead.
        """
        pair = self.pair
        if pair is None:
            return None
        before = self.known(pair)
        if self.refresh() and self.known(pair) != before:
            return None
        a, b = self.ends(pair)
        made = self.log.record(
            self.keys[a], self.keys[b], decision, self.reviewer, drawn=self._drawn.get(pair, "")
        )
        self._undone.clear()
        self._spent.append(min(time.monotonic() - self._since, PAUSE))
        self._since = time.monotonic()
        self._take_in([(a, b, decision)], made)
        self.forward()
        return made

    def decide_rows(self, pairs: Iterable[tuple[int, int]], decision: Decision) -> int:
        """Record one decision on several pairs of rows; return how many."""
        made: LoggedDecision | None = None
        lines = []
        for a, b in pairs:
            made = self.log.record(self.keys[a], self.keys[b], decision, self.reviewer)
            lines.append((a, b, decision))
            self._follow_log(made)
        self._undone.clear()
        self._take_in(lines, None)
        return len(lines)

    def choose(self, row: int, column: str | None) -> None:
        """Let a row give its cluster the value of a column, or, of none, stand for it."""
        made = self.log.choose(self.keys[row], column, self.reviewer)
        self._undone.clear()
        if self._last[1] == made.sequence - 1:
            self._last = (self._last[0], made.sequence)
        self.choices.pop((made.record_id, column), None)  # the newest stands last
        self.choices[made.record_id, column] = made.at
        self._row[made.record_id] = row
        self._moved.add(row)

    def undo(self) -> LoggedDecision | Choice | None:
        """Take back this reviewer's latest decision or choice, and go to its pair."""
        taken = self.log.undo_latest(self.reviewer)
        if taken is not None:
            self._undone.append(taken)
            self.refresh()
            self._go_to(taken)
        return taken

    def redo(self) -> LoggedDecision | Choice | None:
        """Make again what was taken back last."""
        if not self._undone:
            return None
        taken = self._undone.pop()
        if isinstance(taken, Choice):
            self.log.choose(taken.record_id, taken.column, self.reviewer)
        else:
            self.log.record(
                taken.left_id, taken.right_id, taken.decision, self.reviewer, drawn=taken.drawn
            )
        self.refresh()
        self._go_to(taken)
        return taken

    def refresh(self) -> bool:
        """Take in what is in the log, other reviewers' decisions too; tell if something changed."""
        last = self.log.last()
        if last == self._last:
            return False
        self._last = last
        current, choices = self.log.current(), self.log.choices()
        decisions = {
            (a, b): Decision(decision)
            for a, b, decision in current.select("left_id", "right_id", "decision").iter_rows()
        }
        chosen = {
            (key, column): at
            for key, column, at in choices.select("record_id", "column", "at").iter_rows()
        }
        new = {key for pair in decisions for key in pair} | {key for key, _ in chosen}
        self._learn_rows(new - self._row.keys())
        changed = {
            key
            for pair in decisions.keys() | self.decisions.keys()
            if decisions.get(pair) != self.decisions.get(pair)
            for key in pair
        } | {key for (key, _), _ in chosen.items() ^ self.choices.items()}
        self.decisions, self.choices = decisions, chosen
        self.implied = Implied(self.group)
        for (a, b), decision in decisions.items():
            if a in self._row and b in self._row:
                self.implied.tell(self._row[a], self._row[b], decision)
        self._passed = None
        rows = [self._row[key] for key in changed if key in self._row]
        self._moved.update(rows)
        return bool(changed)

    def counts(self) -> dict[str, int]:
        """Count the decisions in force."""
        said = list(self.decisions.values())
        return {decision.value: said.count(decision) for decision in Decision}

    def clash_count(self) -> int:
        """Count the decisions that others contradict."""
        return self.clusters.contradictions.height

    def decided_scored(self) -> Iterable[tuple[int, Decision]]:
        """Yield the scored pairs that were decided, and their decisions."""
        for (a, b), decision in self.decisions.items():
            pair = self._scored(a, b)
            if pair is not None:
                yield pair, decision

    def effect(self, pair: int) -> Effect:
        """Say what a match of `pair` would do."""
        a, b = self.ends(pair)
        clusters = self.clusters
        against = self.implied.against(a, b)
        ids = self.state.records.ids
        joined = bool(clusters.labels[a] == clusters.labels[b])
        together = clusters.size(a)
        if not joined and against is None:
            said = self._decisions.select("left_id", "right_id", "decision")
            match = pl.DataFrame([(*self._key(a, b), "match")], schema=said.schema, orient="row")
            row_of = self._row | {self.keys[a]: a, self.keys[b]: b}
            together = clusters.if_told(said.vstack(match), row_of, a)
        return Effect(
            (clusters.size(a), clusters.size(b)),
            together,
            joined,
            None if against is None else (ids[against[0]], ids[against[1]]),
        )

    # What is shown ------------------------------------------------------------------------

    def record(self, row: int) -> dict[str, object]:
        """Return one row as it was read, by column."""
        return self.state.records.frame.row(row, named=True)

    def used_fields(self) -> list[str]:
        """Return the columns that the model reads."""
        return [use.name for use in self.state.records.fields if use.used]

    def merged(self, row: int, rules: Mapping[str, str] | None = None) -> dict[str, object]:
        """Return the merged row of the cluster of `row`, as an export would write it."""
        state = self.state
        config = state.config if rules is None else replace(state.config, merge=rules)
        rows = self.clusters.rows(row)
        place = {self.keys[int(one)]: int(one) for one in rows}
        chosen = {column: place[key] for key, column in self.choices if column and key in place}
        kept = int(self.clusters.kept[row])
        parsed = parse_rules(config.merge, state.records.frame.columns)
        return merged_row(state.records, rows, kept, chosen, parsed, config, state.linked)

    def row(self, key: str) -> int:
        """Return the row of a record by its key.

        Raises
        ------
        KeyError
            If there is no such record.
        """
        if key not in self._row:
            self._learn_rows({key})
        return self._row[key]

    def close(self) -> None:
        """Let go of the log."""
        self.log.close()

    def _learn_rows(self, keys: set[str]) -> None:
        if keys:
            rows = self.keys.alias("key").to_frame().with_row_index("row")
            found = rows.filter(pl.col("key").is_in(list(keys))).select("key", "row")
            self._row |= dict(found.iter_rows())

    def _take_in(self, lines: list[tuple[int, int, Decision]], made: LoggedDecision | None) -> None:
        for a, b, decision in lines:
            self._row[self.keys[a]], self._row[self.keys[b]] = a, b
            # A change of mind may take back what others were implied by.
            if self._key(a, b) in self.decisions:
                self._last = (-1, -1)
            self.decisions[self._key(a, b)] = decision
            self.implied.tell(a, b, decision)
        self._passed = None
        if self._last == (-1, -1):
            self.refresh()
        elif made is not None:
            self._follow_log(made)
        self._moved.update(row for a, b, _ in lines for row in (a, b))

    def _follow_log(self, made: LoggedDecision) -> None:
        """Note that the log holds nothing new but what was just written, if that is so."""
        if self._last[0] == made.sequence - 1:
            self._last = (made.sequence, self._last[1])

    def _key(self, a: int, b: int) -> tuple[str, str]:
        one, other = self.keys[a], self.keys[b]
        return (one, other) if one < other else (other, one)

    def _scored(self, one: str, other: str) -> int | None:
        if one not in self._row or other not in self._row:
            return None
        return self._number(self._row[one], self._row[other])

    def _number(self, a: int, b: int) -> int | None:
        """Return the number of the scored pair of two rows, or of rows of the same two texts."""
        return self.scores.number(int(self.group[a]), int(self.group[b]))

    def _pair_of(self, a: int, b: int) -> int:
        """Return the number of a pair, which it is given if it was never scored."""
        number = self._number(a, b)
        if number is not None:
            return number
        ends = (min(a, b), max(a, b))
        if ends not in self._unscored:
            self._unscored.append(ends)
        return len(self.scores.left) + self._unscored.index(ends)

    def _go_to(self, taken: LoggedDecision | Choice) -> None:
        self._since = time.monotonic()
        if isinstance(taken, Choice):
            return
        pair = self._scored(taken.left_id, taken.right_id)
        if pair is not None and self._place[pair] >= 0:
            self.at = int(self._place[pair])
