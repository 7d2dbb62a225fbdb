"""The decisions in force during a review, followed in the log, and what they imply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import polars as pl

from dedupe.report.wording import plural
from dedupe.resolution.decisions import CHOICES, Decision
from dedupe.review.closure import DecisionClosure, RowPair
from dedupe.review.pairs import ReviewPairs
from dedupe.workspace.log.decision_log import Choice, DecisionLog, LoggedDecision

KeyPair = tuple[str, str]
"""Keys of two records, in order."""

ChoicePlace = tuple[str, str | None]
"""Key of a chosen record, and the column that it gives a value; without one, it represents."""

ChosenValue = tuple[str, str | None]
"""Time of a choice, and the value that was typed instead of the record's."""

Step = list[LoggedDecision | Choice]
"""What one key press decided or chose."""


class CurrentDecisions:
    """The decisions and choices in force, by all reviewers.

    A decision of this process is taken over in constant time. The log is read again only where
    another process wrote to it, or where a decision was taken back or replaced.

    Parameters
    ----------
    log
        The log to follow.
    keys
        (n,) keys of the records.
    pairs
        The pairs of the review.
    """

    def __init__(self, log: DecisionLog, keys: pl.Series, pairs: ReviewPairs) -> None:
        self._log = log
        self._keys = keys
        self._pairs = pairs
        self._last = -1
        self.by_keys: dict[KeyPair, Decision] = {}
        """The decision about each pair of record keys, the earliest first."""
        self.by_pair: dict[int, Decision] = {}
        """The decision about each scored pair."""
        self.choices: dict[ChoicePlace, ChosenValue] = {}
        """Each choice of a record for a column, or for its cluster; the newest last."""
        self.row_of: dict[str, int] = {}
        """Row of each record that has decisions or choices."""
        self.closure = DecisionClosure(pairs.group)
        self.changed_rows: set[int] = set()
        """Rows whose decisions or choices changed, until someone takes them from here."""
        self.refresh()

    def refresh(self) -> bool:
        """Read what is new in the log, of any reviewer.

        Returns
        -------
        bool
            Whether a decision or choice in force changed.
        """
        last = self._log.last()
        if last == self._last:
            return False
        self._last = last
        decisions = {
            (left, right): Decision(decision)
            for left, right, decision in self._log.current()
            .select("left_id", "right_id", "decision")
            .iter_rows()
        }
        choices: dict[ChoicePlace, ChosenValue] = {}
        for key, column, at, value in (
            self._log.choices().select("record_id", "column", "at", "value").iter_rows()
        ):
            choices.pop((key, column), None)  # the newest choice is the last
            choices[key, column] = at, value
        self._look_up({key for pair in decisions for key in pair} | {key for key, _ in choices})
        changed = self._changed_keys(decisions, choices)
        self.by_keys, self.choices = decisions, choices
        self.by_pair.clear()
        self.closure = DecisionClosure(self._pairs.group)
        for (left, right), decision in decisions.items():
            if left in self.row_of and right in self.row_of:
                self._add(self.row_of[left], self.row_of[right], decision)
        self.changed_rows.update(self.row_of[key] for key in changed if key in self.row_of)
        return bool(changed)

    def add(self, rows: Iterable[RowPair], logged: list[LoggedDecision]) -> None:
        """Take over decisions that were just logged, about `rows` each."""
        replaced = False
        for (a, b), decision in zip(rows, logged, strict=True):
            keys = (decision.left_id, decision.right_id)
            self.row_of[self._keys[a]], self.row_of[self._keys[b]] = a, b
            replaced |= keys in self.by_keys
            self.by_keys[keys] = decision.decision
            self._add(a, b, decision.decision)
            self.changed_rows |= {a, b}
        if replaced:
            # The closure cannot forget the earlier decision: build it again from the log.
            self._last = -1
            self.refresh()
        elif logged:
            self._follow(logged[0].sequence, logged[-1].sequence)

    def add_choice(self, row: int, choice: Choice) -> None:
        """Take over a choice of a row that was just logged."""
        place = (choice.record_id, choice.column)
        self.choices.pop(place, None)  # the newest choice is the last
        self.choices[place] = choice.at, choice.value
        self.row_of[choice.record_id] = row
        self.changed_rows.add(row)
        self._follow(choice.sequence, choice.sequence)

    def decided(self, a: int, b: int) -> Decision | None:
        """Look up the decision about two rows; ``None`` if there is none."""
        return self.by_keys.get(self._key_pair(a, b))

    def implied(self, a: int, b: int) -> Decision | None:
        """Look up the decision about two rows that other decisions imply."""
        return self.closure.decision(a, b)

    def counts(self) -> dict[str, int]:
        """Count the decisions in force of each kind."""
        counter = Counter(self.by_keys.values())
        return {decision.value: counter[decision] for decision in Decision}

    def decisive(self) -> int:
        """Count the decisions in force other than unsure."""
        return sum(decision is not Decision.UNSURE for decision in self.by_keys.values())

    def frame(self, *matches: RowPair) -> pl.DataFrame:
        """Make a frame of the decisions in force, then decided `matches` of rows.

        Returns
        -------
        DataFrame
            ``left_id``, ``right_id``, ``decision``, as
            :func:`~dedupe.resolution.resolve.resolve` takes them.
        """
        # With a pair that has a decision already, the match replaces it.
        decisions = self.by_keys | {self._key_pair(a, b): Decision.MATCH for a, b in matches}
        return pl.DataFrame(
            {
                "left_id": [left for left, _ in decisions],
                "right_id": [right for _, right in decisions],
                "decision": [decision.value for decision in decisions.values()],
            },
            schema={"left_id": pl.String, "right_id": pl.String, "decision": pl.String},
        )

    def choice_frame(self) -> pl.DataFrame:
        """Make a frame of the choices in force: record id, column and value, the newest last."""
        return pl.DataFrame(
            [(key, column, value) for (key, column), (_, value) in self.choices.items()],
            schema={name: CHOICES[name] for name in ("record_id", "column", "value")},
            orient="row",
        )

    def row(self, key: str) -> int:
        """Find the row of a record by its key.

        Raises
        ------
        KeyError
            If there is no such record.
        """
        self._look_up({key})
        return self.row_of[key]

    def _changed_keys(
        self, decisions: dict[KeyPair, Decision], choices: dict[ChoicePlace, ChosenValue]
    ) -> set[str]:
        changed = decisions.items() ^ self.by_keys.items()
        keys = {key for pair, _ in changed for key in pair}
        return keys | {key for (key, _), _ in choices.items() ^ self.choices.items()}

    def _add(self, a: int, b: int, decision: Decision) -> None:
        self.closure.add(a, b, decision)
        pair = self._pairs.find(a, b)
        if pair is not None:
            self.by_pair[pair] = decision

    def _follow(self, first: int, last: int) -> None:
        """Note that everything in the log is taken over, unless others wrote in between."""
        if self._last == first - 1:
            self._last = last

    def _look_up(self, keys: set[str]) -> None:
        new = list(keys - self.row_of.keys())
        if new:
            rows = self._keys.alias("key").to_frame().with_row_index("row")
            found = rows.filter(pl.col("key").is_in(new)).select("key", "row")
            self.row_of |= dict(found.iter_rows())

    def _key_pair(self, a: int, b: int) -> KeyPair:
        one, other = self._keys[a], self._keys[b]
        return (one, other) if one < other else (other, one)


class ReviewerHistory:
    """What one reviewer decides, takes back and decides again.

    Parameters
    ----------
    log
        The log to write to.
    reviewer
        Name of the reviewer.
    """

    def __init__(self, log: DecisionLog, reviewer: str) -> None:
        self._log = log
        self.reviewer = reviewer
        self._undone: list[Step] = []

    def decide(
        self, keys: Iterable[KeyPair], decision: Decision, drawn: str = ""
    ) -> list[LoggedDecision]:
        """Log one decision about pairs of records; it is on disk when this returns."""
        logged = self._log.record_all(
            ((left, right, decision) for left, right in keys), self.reviewer, drawn=drawn
        )
        self._undone.clear()
        return logged

    def choose(self, key: str, column: str | None, value: str | None = None) -> Choice:
        """Log the choice of a record, or of a typed value, for its cluster."""
        choice = self._log.choose(key, column, self.reviewer, value=value)
        self._undone.clear()
        return choice

    def undo(self) -> Step:
        """Take back what the latest key press of this reviewer decided; empty if there is none."""
        undone = self._log.undo(self.reviewer)
        if undone:
            self._undone.append(undone)
        return undone

    def redo(self) -> Step:
        """Log again what was taken back last; empty if nothing was."""
        if not self._undone:
            return []
        step = self._undone[-1]
        decisions = [logged for logged in step if isinstance(logged, LoggedDecision)]
        if decisions:
            self._log.record_all(
                ((logged.left_id, logged.right_id, logged.decision) for logged in decisions),
                self.reviewer,
                drawn=decisions[0].drawn,
            )
        for logged in step:
            if isinstance(logged, Choice):
                self._log.choose(logged.record_id, logged.column, self.reviewer, value=logged.value)
        return self._undone.pop()


def described(step: Step) -> str:
    """Describe what one key press decided or chose in a few words, with the number of decisions."""
    first = step[0]
    if isinstance(first, LoggedDecision):
        return f"{plural(len(step), 'decision')} ({first.decision})"
    if first.column is None:
        return f"the choice of {first.record_id} as representative"
    if first.value is not None:
        return f"the value typed for {first.column}"
    return f"the choice of {first.record_id} for {first.column}"
