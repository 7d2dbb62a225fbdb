"""The screen that shows where things stand: probabilities, threshold, decisions, estimates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from dedupe.errors import DedupeError
from dedupe.evaluation.estimate import BASES, Estimate
from dedupe.evaluation.quality import estimate_workspace
from dedupe.pipeline.train import lesson_said, train
from dedupe.resolution.decisions import Decision, decided_rows
from dedupe.resolution.resolve import cluster_records
from dedupe.review.session import Session
from dedupe.review.widgets import bar, histogram, measured

BINS = 24


class _LeftError(Exception):
    """Nobody waits for what is learnt any more."""


class OverviewScreen(Screen[None]):
    """Histogram with a threshold that can be moved, and what moving it does."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "threshold(-0.01)", "Lower"),
        Binding("right", "threshold(0.01)", "Higher"),
        Binding("shift+left", "threshold(-0.1)", "-0.1", show=False),
        Binding("shift+right", "threshold(0.1)", "+0.1", show=False),
        Binding("t", "train", "Learn"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.threshold = session.state.config.threshold
        self.learning = False

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        with VerticalScroll(can_focus=False):
            yield Static(id="bars")
            yield Static(id="counts")
            yield Static(id="reviewed")
            yield Static(id="estimate")
            yield Static(id="learnt")
        yield Footer()

    def on_screen_resume(self) -> None:
        """Show how things stand now."""
        self.draw()
        self.recount()
        self.reestimate()

    def draw(self) -> None:
        """Draw the histogram and the counts of the review."""
        session = self.session
        p = session.scores.probability
        counts, _ = np.histogram(p, bins=BINS, range=(0, 1))
        self.query_one("#bars", Static).update(histogram(counts.tolist(), self.threshold))
        said = session.counts()
        right = wrong = 0
        for pair, decision in session.decided_scored():
            if decision is not Decision.UNSURE:
                agrees = (p[pair] >= np.float32(self.threshold)) == (decision is Decision.MATCH)
                right, wrong = right + agrees, wrong + (not agrees)
        total = sum(said.values())
        left = session.remaining()
        text = Text.assemble(
            ("review    ", "dim"),
            bar(total / max(total + left, 1)),
            f"  {total:,} decided, {left:,} doubtful left\n",
            ("decisions  ", "dim"),
            f"{said['match']:,} match, {said['different']:,} different, {said['unsure']:,} unsure",
        )
        if right + wrong:
            text.append("\nof the decided pairs the model is right on ", "dim")
            text.append(f"{right / (right + wrong):.0%}", "bold")
            text.append(" (doubtful ones: it is better on the rest)", "dim")
        self.query_one("#reviewed", Static).update(text)

    def action_threshold(self, step: float) -> None:
        """Move the threshold."""
        self.threshold = round(min(max(self.threshold + step, 0.0), 1.0), 2)
        self.draw()
        self.recount()

    @work(thread=True, exclusive=True, group="count")
    def recount(self) -> None:
        """Cluster at the threshold shown, and say what comes of it."""
        state, threshold = self.session.state, self.threshold
        config = replace(
            state.config, threshold=threshold, review_from=min(state.config.review_from, threshold)
        )
        decided = decided_rows(self.session.log.current(), state.records)
        clustering, _, _ = cluster_records(state.records, state.pairs, decided, config)
        sizes = np.bincount(clustering.labels)
        if threshold == self.threshold:
            text = Text.assemble(
                ("at this threshold  ", "dim"),
                (f"{len(state.records) - int((sizes > 0).sum()):,}", "bold"),
                f" of {len(state.records):,} rows are merged; "
                f"{int((sizes > 1).sum()):,} clusters of two rows or more, "
                f"the largest of {int(sizes.max()):,}; "
                f"{clustering.contradictions.height:,} contradictions",
            )
            self._show("#counts", text)

    @work(thread=True, exclusive=True, group="estimate")
    def reestimate(self) -> None:
        """Estimate precision and recall from what was reviewed."""
        try:
            found = estimate_workspace(self.session.workspace.path)
        except DedupeError as error:
            self._show("#estimate", Text(str(error)))
            return
        self._show("#estimate", estimate_said(found))

    def action_train(self) -> None:
        """Teach the model the decisions, and score and cluster anew."""
        if not self.learning:
            self.learning = True
            self.query_one("#learnt", Static).update("learning from the decisions …")
            self._train()

    @work(thread=True, exclusive=True, group="train")
    def _train(self) -> None:
        worker = get_current_worker()

        def report(stage: str, done: int, total: int) -> None:
            if worker.is_cancelled:
                raise _LeftError
            part = f" {done / total:.0%}" if total else ""
            self._show("#learnt", Text(f"learning from the decisions: {stage}{part} …"))

        try:
            lesson, _ = train(self.session.workspace.path, report=report)
        except DedupeError as error:
            self._show("#learnt", Text(str(error), "bold"))
            self.learning = False
            return
        except _LeftError:
            return
        self.app.call_from_thread(self._learnt, lesson)

    def _learnt(self, lesson: dict[str, object]) -> None:
        self.learning = False
        self.session.load()
        self.session.sort(self.session.view)
        self.on_screen_resume()
        self.query_one("#learnt", Static).update(Text(lesson_said(lesson)))

    def _show(self, name: str, text: Text) -> None:
        self.app.call_from_thread(self.query_one(name, Static).update, text)


def estimate_said(found: Estimate) -> Text:
    """Say what is estimated of the merged pairs."""
    text = Text.assemble(
        ("precision ", "dim"),
        (measured(found.precision), "bold"),
        ("   recall ", "dim"),
        (measured(found.recall), "bold"),
        ("   of all matches, with those the search lost ", "dim"),
        measured(found.recall_of_all),
    )
    text.append(f"\n({BASES[found.basis].format(drawn=found.drawn)})", "dim")
    return text
