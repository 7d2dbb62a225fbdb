"""The screen of the overview: probabilities, the threshold, progress, estimates and training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import get_current_worker

from dedupe.errors import DedupeError
from dedupe.evaluation.estimate import Estimate
from dedupe.evaluation.quality import estimate_workspace
from dedupe.io.printable import printable
from dedupe.pipeline.fine_tuning.train import train, training_summary
from dedupe.report.wording import plural
from dedupe.resolution.decisions import Decision, decisions_by_row
from dedupe.resolution.resolve import cluster_records
from dedupe.review.session import Session
from dedupe.review.widgets.figures import BIN_WIDTH, estimated, histogram, with_bar
from dedupe.review.widgets.keys import Keys
from dedupe.review.widgets.navigation import Navigation

BINS = 24
"""Bars of the histogram."""

FRAME = 6
"""Columns beside the bars."""

HISTOGRAM_LINES = 8
LOW_HISTOGRAM_LINES = 5
"""Height of the histogram on screens with less than 30 lines."""


class _StoppedError(Exception):
    """The reviewer left while the model was in training."""


class OverviewScreen(Screen[None]):
    """The histogram of probabilities with a threshold to move, and what moving it does.

    Parameters
    ----------
    session
        The review.
    """

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "threshold(-0.01)", "Lower threshold"),
        Binding("right", "threshold(0.01)", "Higher threshold"),
        Binding("shift+left", "threshold(-0.1)", "Lower by 0.1", show=False),
        Binding("shift+right", "threshold(0.1)", "Higher by 0.1", show=False),
        Binding("t", "train", "Train"),
        Binding("pagedown", "scroll(1)", "Scroll down", show=False),
        Binding("pageup", "scroll(-1)", "Scroll up", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.threshold = session.config.threshold
        self.training = False

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Navigation("overview")
        with VerticalScroll(can_focus=False):
            yield Static(id="histogram")
            yield Static("clustering …", id="clusters")
            yield Static(id="progress")
            yield Static("estimating precision and recall …", id="estimate")
            yield Static(id="training")
        yield Keys()

    def on_screen_resume(self) -> None:
        """Show the current state."""
        self.draw()
        self.recount()
        self.reestimate()

    def draw(self) -> None:
        """Draw the histogram and the progress of the review."""
        p = self.session.pairs.scores.probability
        counts, _ = np.histogram(p, bins=BINS, range=(0, 1))
        height = HISTOGRAM_LINES if self.size.height >= 30 else LOW_HISTOGRAM_LINES
        width = max((self.size.width - FRAME) // BINS, 1)
        drawn = histogram(counts.tolist(), self.threshold, height, min(width, BIN_WIDTH))
        self.query_one("#histogram", Static).update(drawn)
        self.query_one("#progress", Static).update(self._progress())

    def _progress(self) -> RenderableType:
        session = self.session
        counts = session.decisions.counts()
        total, left = sum(counts.values()), session.remaining()
        lines: list[RenderableType] = [
            with_bar(
                Text("reviewed ", "dim"),
                total / max(total + left, 1),
                Text(f"{plural(total, 'pair')} decided, {plural(left, 'doubtful pair')} left"),
            ),
            Text.assemble(
                ("decisions ", "dim"),
                ", ".join(f"{count:,} {name}" for name, count in counts.items()),
            ),
        ]
        right, wrong = self._agreement()
        if right + wrong:
            lines.append(
                Text.assemble(
                    ("scores and decisions agree on ", "dim"),
                    (f"{right / (right + wrong):.0%}", "bold"),
                    (" of the decided pairs, which are the hard ones", "dim"),
                )
            )
        return Group(*lines)

    def _agreement(self) -> tuple[int, int]:
        """Count the decided pairs that the threshold puts on the right and on the wrong side."""
        p, threshold = self.session.pairs.scores.probability, np.float32(self.threshold)
        agree = [
            (p[pair] >= threshold) == (decision is Decision.MATCH)
            for pair, decision in self.session.decisions.by_pair.items()
            if decision is not Decision.UNSURE
        ]
        return sum(agree), len(agree) - sum(agree)

    def action_threshold(self, step: float) -> None:
        """Move the threshold."""
        self.threshold = round(min(max(self.threshold + step, 0.0), 1.0), 2)
        self.draw()
        self.recount()

    def action_scroll(self, pages: int) -> None:
        """Scroll where the screen is too low."""
        self.query_one(VerticalScroll).scroll_relative(y=pages * 8, animate=False)

    @work(thread=True, exclusive=True, group="count")
    def recount(self) -> None:
        """Cluster at the threshold shown, and show the counts."""
        session, threshold = self.session, self.threshold
        records, pairs = session.records, session.clustered.pairs
        review_from = min(session.config.review_from, threshold)
        config = replace(session.config, threshold=threshold, review_from=review_from)
        decisions = decisions_by_row(session.log.current(), records)
        clustering, _, _ = cluster_records(records, pairs, decisions, config)
        sizes = np.bincount(clustering.labels)
        if threshold == self.threshold:
            text = Text.assemble(
                ("at this threshold ", "dim"),
                (f"{len(records) - int((sizes > 0).sum()):,}", "bold"),
                f" of {len(records):,} rows are merged into others: "
                f"{int((sizes > 1).sum()):,} clusters of two or more rows, "
                f"the largest of {int(sizes.max()):,}; "
                f"{plural(clustering.contradictions.height, 'contradiction')}",
            )
            self._show("#clusters", text)

    @work(thread=True, exclusive=True, group="estimate")
    def reestimate(self) -> None:
        """Estimate precision and recall from the decisions."""
        try:
            estimate = estimate_workspace(self.session.workspace.path)
        except DedupeError as error:
            self._show("#estimate", Text(printable(str(error))))
            return
        self._show("#estimate", _estimate_text(estimate))

    def action_train(self) -> None:
        """Train the cross-encoder on the decisions, then score and cluster again."""
        if not self.training:
            self.training = True
            self.query_one("#training", Static).update("training on the decisions …")
            self._train()

    @work(thread=True, exclusive=True, group="train")
    def _train(self) -> None:
        worker = get_current_worker()

        def report(stage: str, done: int, total: int) -> None:
            if worker.is_cancelled:
                raise _StoppedError
            share = f" {done / total:.0%}" if total else ""
            self._show("#training", Text(f"training on the decisions: {stage}{share} …"))

        try:
            training, _ = train(self.session.workspace.path, report=report)
        except DedupeError as error:
            self._show("#training", Text(printable(str(error)), "bold"))
            self.training = False
            return
        except _StoppedError:
            return
        self.app.call_from_thread(self._trained, training)

    def _trained(self, training: dict[str, Any]) -> None:
        self.training = False
        self.session.load()
        self.session.sort(self.session.view)
        self.on_screen_resume()
        self.query_one("#training", Static).update(Text(training_summary(training)))

    def _show(self, name: str, text: Text) -> None:
        self.app.call_from_thread(self.query_one(name, Static).update, text)


def _estimate_text(estimate: Estimate) -> Text:
    """Describe the estimates and what they rest on."""
    return Text.assemble(
        ("precision ", "dim"),
        (estimated(estimate.precision), "bold"),
        ("   recall ", "dim"),
        (estimated(estimate.recall), "bold"),
        ("   recall with matches that are not candidate pairs ", "dim"),
        estimated(estimate.recall_of_all),
        (f"\n({estimate.explanation})", "dim"),
    )
