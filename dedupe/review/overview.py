"""The screen that shows where things stand: probabilities, threshold, decisions."""

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

from dedupe.review.draw import bar, histogram
from dedupe.review.session import Session

BINS = 24


class OverviewScreen(Screen[None]):
    """Histogram with a threshold that can be moved, and what moving it does."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "threshold(-0.01)", "Lower"),
        Binding("right", "threshold(0.01)", "Higher"),
        Binding("shift+left", "threshold(-0.1)", "-0.1", show=False),
        Binding("shift+right", "threshold(0.1)", "+0.1", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.threshold = session.state.config.threshold

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        with VerticalScroll():
            yield Static(id="bars")
            yield Static(id="counts")
            yield Static(id="reviewed")
        yield Footer()

    def on_screen_resume(self) -> None:
        """Show how things stand now."""
        self.draw()
        self.recount()

    def draw(self) -> None:
        """Draw the histogram and the counts of the review."""
        session = self.session
        counts, _ = np.histogram(session.probability, bins=BINS, range=(0, 1))
        self.query_one("#bars", Static).update(histogram(counts.tolist(), self.threshold))
        said = session.counts()
        right = wrong = 0
        for (a, b), verdict in session.verdicts.items():
            pair = session.number_of(a, b)
            if pair is not None and verdict != "unsure":
                agrees = (session.probability[pair] >= self.threshold) == (verdict == "match")
                right, wrong = right + agrees, wrong + (not agrees)
        total = sum(said.values())
        left = session.remaining()
        text = Text.assemble(
            ("review  ", "dim"),
            bar(total / max(total + left, 1)),
            f"  {total:,} decided, {left:,} doubtful left\n",
            ("verdicts  ", "dim"),
            f"{said['match']:,} match, {said['different']:,} different, "
            f"{said['unsure']:,} unsure\n",
        )
        if right + wrong:
            text.append("of the decided pairs the model is right on ", "dim")
            text.append(f"{right / (right + wrong):.0%}", "bold")
            text.append(" (doubtful ones: it is better on the rest)\n", "dim")
        self.query_one("#reviewed", Static).update(text)

    def action_threshold(self, step: float) -> None:
        """Move the threshold."""
        self.threshold = round(min(max(self.threshold + step, 0.0), 1.0), 2)
        self.draw()
        self.recount()

    @work(thread=True, exclusive=True)
    def recount(self) -> None:
        """Cluster at the threshold shown, and say what comes of it."""
        from dedupe.results import cluster_figures, resolve

        state, threshold = self.session.state, self.threshold
        config = replace(
            state.config, threshold=threshold, review_from=min(state.config.review_from, threshold)
        )
        decisions = self.session.log.current()
        found = cluster_figures(
            state.records,
            state.pairs,
            resolve(state.records, state.pairs, decisions, config),
            config,
        )
        if threshold == self.threshold:
            text = Text.assemble(
                ("at this threshold  ", "dim"),
                (f"{found['rows_merged']:,}", "bold"),
                f" of {len(state.records):,} rows are merged; "
                f"{found['clusters_of_two_or_more']:,} clusters of two rows or more, "
                f"the largest of {found['largest_cluster']:,}\n",
                (f"contradictions  {len(found['contradictions']):,}\n", "dim"),
            )
            self.app.call_from_thread(self.query_one("#counts", Static).update, text)
