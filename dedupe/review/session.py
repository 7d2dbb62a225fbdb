"""A review without a screen: the queue of pairs, the log of decisions and the clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from dedupe.config import Config
from dedupe.evaluation.quality import Audit, draw_audit
from dedupe.pipeline.results.explain import explain_rows
from dedupe.records.records import Records, field_labels
from dedupe.records.value_text import as_texts
from dedupe.resolution.decisions import Decision, typed_values
from dedupe.resolution.outputs import own_ids
from dedupe.review.closure import RowPair
from dedupe.review.decisions import CurrentDecisions, ReviewerHistory, Step
from dedupe.review.live_clusters import LiveClusters, MatchEffect
from dedupe.review.loader import LoadedWorkspace, load_workspace
from dedupe.review.order import ranked, triangles
from dedupe.review.pairs import PairNumbers
from dedupe.review.queue import Pace, PairQueue, View
from dedupe.scoring.comparison.values.roles import Role, field_role, given_roles
from dedupe.scoring.explanation.pair import Explanation
from dedupe.workspace.folder import open_workspace
from dedupe.workspace.log.decision_log import LoggedDecision

AUDIT_DRAWS = 20
"""Pairs drawn for an audit at a time."""

RECALIBRATE_AFTER = 10
"""New decisions after which the scores are recalibrated and the queue is sorted again."""

RECALIBRATE_UP_TO = 200_000
"""Records up to which that is done during a review; with more it takes too long."""

ROLES_FROM = 20_000
"""Records by which the roles of the columns are told."""

MOST_TRIANGLES = 1_000
"""Contradicting triples of scores that the queue of contradictions holds at most."""


class Session:
    """The review of one workspace by one reviewer.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    reviewer
        Name of the reviewer.
    order
        A name of :data:`~dedupe.review.order.ORDERS`.
    seed
        Seed of the random order.
    readonly
        Make no log of decisions where there is none, and write to none.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If the order is unknown.
    """

    def __init__(
        self,
        workspace: str | Path,
        *,
        reviewer: str,
        order: str = "informative",
        seed: int = 0,
        readonly: bool = False,
    ) -> None:
        self.view = View(order)
        self.workspace = open_workspace(workspace)
        self.log = self.workspace.decisions(readonly=readonly)
        self.history = ReviewerHistory(self.log, reviewer)
        self.pace = Pace()
        self._seed = seed
        self.load()
        self.sort(self.view)

    def load(self) -> None:
        """Read the workspace and every decision in it; the queue is empty afterwards."""
        self.take(load_workspace(self.workspace))

    def take(self, loaded: LoadedWorkspace) -> None:
        """Replace the workspace by one read later; the queue is empty afterwards."""
        self.clustered = loaded.clustered
        self.pairs = loaded.pairs
        self.decisions = CurrentDecisions(self.log, self.records.keys, self.pairs)
        self.audit: Audit | None = None
        self.queue = PairQueue(self.pairs, np.empty(0, dtype=np.int64))
        self._clusters = loaded.clusters
        self._recalibrated_on = loaded.recalibrated_on
        self._drawn: dict[int, str] = {}
        self._implied: int | None = None
        self._roles: dict[str, Role] | None = None

    def close(self) -> None:
        """Close the log."""
        self.log.close()

    @property
    def records(self) -> Records:
        """The records of the workspace."""
        return self.clustered.records

    @property
    def config(self) -> Config:
        """The configuration of the workspace."""
        return self.clustered.config

    @property
    def keys(self) -> pl.Series:
        """(n,) keys of the records."""
        return self.records.keys

    def record(self, row: int) -> dict[str, object]:
        """Look up the values of a row as they were read, by column."""
        return self.records.frame.row(row, named=True)

    def rows_with_id(self, record_id: str) -> list[int]:
        """Find the rows with an id; in linked tables, several may have it in their own tables."""
        for ids in (self.records.ids, own_ids(self.records)):
            rows = (ids == record_id).arg_true().to_list()
            if rows:
                return rows
        return []

    def field_roles(self) -> dict[str, Role]:
        """Tell what the values of each compared column are, from the first records."""
        if self._roles is None:
            names = self.compared_fields()
            texts = as_texts(self.records.frame.select(names).head(ROLES_FROM))
            given = given_roles(names, self.config.kind)
            self._roles = {}
            for name, label in zip(names, field_labels(names), strict=True):
                filled = texts[name].str.to_lowercase().str.strip_chars()
                filled = filled.filter(filled != "")
                self._roles[name] = field_role(label, filled, given.get(label)).role
        return self._roles

    def compared_fields(self) -> list[str]:
        """List the columns that the models compare."""
        return [role.name for role in self.records.fields if role.used]

    # Queue --------------------------------------------------------------------------------

    def sort(self, view: View) -> None:
        """Select and sort the pairs to review, and go to the first that is undecided.

        The queue of an audit stays empty until :meth:`take_audit`.
        """
        self.view = view
        if view.order == "audit":
            order = np.empty(0, dtype=np.int64)
        elif view.order == "contradictions":
            order = self._contradictory_pairs()
        else:
            selected = self.pairs.selected(view.text, view.low, view.high)
            if view.record_id:
                selected &= self.pairs.of_records(self.rows_with_id(view.record_id))
            numbers, labels = np.flatnonzero(selected), self.clusters.labels
            order = ranked(self.pairs.scores, numbers, labels, view.order, self._seed)
        self._start(order)

    def draw_audit(self) -> Audit:
        """Draw more pairs for an audit; this takes a while with millions of pairs."""
        return draw_audit(self.workspace.path, AUDIT_DRAWS)

    def take_audit(self, audit: Audit) -> None:
        """Append drawn pairs to the queue, and go to the first that is undecided.

        If records were added since the workspace was read, it is read again.
        """
        try:
            numbers = self._numbers(audit.pairs)
        except KeyError:
            self.load()
            numbers = self._numbers(audit.pairs)
        self.audit = audit
        self._drawn |= dict.fromkeys(numbers, audit.key)
        self._start(np.concatenate([self.queue.order, np.array(numbers, dtype=np.int64)]))

    def advance(self) -> None:
        """Go to the next pair that is neither decided nor implied.

        An audit asks for implied pairs too. The queue of contradictions stops at every pair.
        """
        self.queue.advance(self._is_done)

    def move(self, steps: int) -> None:
        """Go along the queue, over decided pairs too."""
        self.queue.move(steps)
        self.pace.restart()

    def show_next(self, pair: int) -> None:
        """Make a pair that is still to come the current one."""
        self.queue = self.queue.with_next(self.pairs, pair)

    def remaining(self) -> int:
        """Count the undecided doubtful pairs that are still to come."""
        return self.queue.doubtful_left(self.decisions.by_pair)

    def seconds_left(self) -> float | None:
        """Estimate the time for the remaining pairs; ``None`` before the third decision."""
        return self.pace.seconds_for(self.remaining())

    def implied_count(self) -> int:
        """Count the undecided pairs of the queue that decisions imply."""
        if self._implied is None:
            between = self.pairs.between(self.decisions.closure.decided_groups()).tolist()
            self._implied = sum(
                self.known(pair).startswith("implied") for pair in between if pair in self.queue
            )
        return self._implied

    # Decisions ----------------------------------------------------------------------------

    def known(self, pair: int) -> str:
        """Describe what is known of a pair: its decision, "implied …" or an empty text."""
        a, b = self.pairs.ends(pair)
        if decision := self.decisions.decided(a, b):
            return str(decision)
        implied = self.decisions.implied(a, b)
        return f"implied {implied}" if implied else ""

    def decide(self, decision: Decision) -> LoggedDecision | None:
        """Decide the current pair and advance; the decision is on disk when this returns.

        Returns
        -------
        LoggedDecision or None
            ``None`` if another reviewer decided the pair since it was shown. Nothing is logged
            then, and the pair remains the current one.
        """
        pair = self.queue.pair
        if pair is None:
            return None
        before = self.known(pair)
        if self.refresh() and self.known(pair) != before:
            return None
        logged = self._log([self.pairs.ends(pair)], decision, self._drawn.get(pair, ""))
        self.pace.decided()
        self.advance()
        return logged[0]

    def decide_rows(self, rows: Iterable[RowPair], decision: Decision) -> int:
        """Log one decision about several pairs of rows; return their number."""
        return len(self._log(list(rows), decision))

    def choose(self, row: int, column: str | None) -> None:
        """Choose a row for a column of its merged row, or, without one, as representative."""
        self.decisions.add_choice(row, self.history.choose(self.keys[row], column))

    def type_value(self, row: int, column: str, value: str) -> None:
        """Type a value for a column of the merged row of a row; empty: a missing value.

        Raises
        ------
        OptionError
            If the column cannot hold the value.
        """
        typed_values(column, pl.Series([value]), self.records.frame[column].dtype)
        self.decisions.add_choice(row, self.history.choose(self.keys[row], column, value))

    def undo(self) -> Step:
        """Take back what this reviewer's latest key press decided, and go to its first pair."""
        return self._return_to(self.history.undo())

    def redo(self) -> Step:
        """Decide or choose again what was taken back last."""
        return self._return_to(self.history.redo())

    def refresh(self) -> bool:
        """Read what other reviewers logged; return whether a decision or choice changed."""
        self._implied = None
        return self.decisions.refresh()

    def recalibration_due(self) -> bool:
        """Check whether enough was decided to recalibrate the scores and sort again."""
        return (
            self.view.order == "informative"
            and len(self.records) <= RECALIBRATE_UP_TO
            and self.decisions.decisive() - self._recalibrated_on >= RECALIBRATE_AFTER
        )

    # Clusters -----------------------------------------------------------------------------

    @property
    def clusters(self) -> LiveClusters:
        """The clusters under all decisions so far.

        They are updated when this is read, so that the next pair can be shown first.
        """
        decisions = self.decisions
        if rows := decisions.changed_rows:
            decisions.changed_rows = set()
            self._clusters.follow(
                decisions.frame(), decisions.choice_frame(), decisions.row_of, rows
            )
        return self._clusters

    def contradiction_count(self) -> int:
        """Count the decisions that contradict others."""
        return self.clusters.contradictions.height

    def match_effect(self, pair: int) -> MatchEffect:
        """Work out what deciding that a pair matches would do to the clusters."""
        a, b = self.pairs.ends(pair)
        clusters, ids = self.clusters, self.records.ids
        sizes = clusters.size(a), clusters.size(b)
        joined = bool(clusters.labels[a] == clusters.labels[b])
        different = self.decisions.closure.contradicted_by_match(a, b)
        if different is not None:
            return MatchEffect(sizes, sizes[0], joined, (ids[different[0]], ids[different[1]]))
        if joined:
            return MatchEffect(sizes, sizes[0], joined)
        row_of = self.decisions.row_of | {self.keys[a]: a, self.keys[b]: b}
        together = clusters.size_with(self.decisions.frame((a, b)), row_of, a)
        return MatchEffect(sizes, together, joined)

    def explain(self, pair: int) -> Explanation:
        """Explain the probability of a pair; see :func:`~dedupe.explain`."""
        clustered, (a, b) = self.clustered, self.pairs.ends(pair)
        return explain_rows(clustered.state, clustered.pairs, a, b, self.workspace)

    def merged(self, row: int, rules: Mapping[str, str] | None = None) -> dict[str, object]:
        """Merge the cluster of a row by survivorship rules, as an export would write it."""
        return self.clusters.merged_row(row, self.decisions.choice_frame(), rules)

    # --------------------------------------------------------------------------------------

    def _start(self, order: PairNumbers) -> None:
        self.queue = PairQueue(self.pairs, order, position=-1)
        self._implied = None
        self.advance()

    def _is_done(self, pair: int) -> bool:
        if self.view.order == "contradictions":
            return False
        known = self.known(pair)
        return bool(known) and not (self.view.order == "audit" and known.startswith("implied"))

    def _contradictory_pairs(self) -> PairNumbers:
        """List contradictory decisions with those that lead to them, then contradictory scores."""
        found: dict[int, None] = {}
        for contradiction in self.decisions.closure.contradictions:
            found.update(dict.fromkeys(self.pairs.number(a, b) for a, b in contradiction))
        for left, right in self.clusters.contradictions.select("left", "right").iter_rows():
            found[self.pairs.number(left, right)] = None
        selected = self.pairs.selected(self.view.text, self.view.low, self.view.high)
        for count, triangle in enumerate(triangles(self.pairs.scores, len(self.records))):
            if count == MOST_TRIANGLES:
                break
            if selected[list(triangle)].any() and not any(self.known(pair) for pair in triangle):
                found.update(dict.fromkeys(triangle))
        return np.array(list(found), dtype=np.int64)

    def _numbers(self, keys: Iterable[tuple[str, str]]) -> list[int]:
        row = self.decisions.row
        return [self.pairs.number(row(left), row(right)) for left, right in keys]

    def _log(
        self, rows: list[RowPair], decision: Decision, drawn: str = ""
    ) -> list[LoggedDecision]:
        keys = [(self.keys[a], self.keys[b]) for a, b in rows]
        logged = self.history.decide(keys, decision, drawn)
        self.decisions.add(rows, logged)
        self._implied = None
        return logged

    def _return_to(self, step: Step) -> Step:
        """Take over what was undone or redone, and go to its first pair."""
        if not step:
            return step
        self.refresh()
        self.pace.restart()
        first = step[0]
        if isinstance(first, LoggedDecision):
            row_of = self.decisions.row_of
            if first.left_id in row_of and first.right_id in row_of:
                pair = self.pairs.find(row_of[first.left_id], row_of[first.right_id])
                if pair is not None:
                    self.queue.go_to(pair)
        return step
