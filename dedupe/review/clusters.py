"""The screen of clusters: their rows, what differs in them, and taking them apart or together."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static

from dedupe.decisions import Verdict
from dedupe.review.compare import plain, shown
from dedupe.review.session import Session

MOST_LISTED = 2_000
MOST_ROWS = 200
MOST_DECISIONS = 400
"""Decisions that one key press may make."""


class ClustersScreen(Screen[None]):
    """Clusters on top, the rows of the one chosen below."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark row"),
        Binding("s", "split", "Split marked off"),
        Binding("m", "confirm", "Confirm whole"),
        Binding("h", "hold", "Hold to merge"),
        Binding("g", "merge", "Merge with held"),
        Binding("backspace,ctrl+z", "undo", "Undo", key_display="⌫"),
        Binding("slash", "search", "Search", key_display="/"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.text = ""
        self.marked: set[int] = set()
        self.rows: list[int] = []
        self.held: list[int] = []
        self.listed: list[int] = []

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Static(id="head")
        with Vertical():
            yield DataTable(id="list", cursor_type="row", zebra_stripes=True)
            yield DataTable(id="rows", cursor_type="row")
        yield Static(id="note")
        yield Input(placeholder="only clusters that hold this text; empty: all", id="find")
        yield Footer()

    def on_mount(self) -> None:
        """Make the columns."""
        self.query_one("#find", Input).display = False
        self.query_one("#list", DataTable).add_columns("rows", "confidence", "first row")

    def on_screen_resume(self) -> None:
        """Cluster anew, as decisions may have been made."""
        self.session.recluster()
        self.fill()
        self.query_one("#list", DataTable).focus()

    def fill(self) -> None:
        """List the clusters of two rows or more, the least sure first."""
        state = self.session.state
        labels = state.resolved.clustering.labels
        found = (
            pl.DataFrame(
                {
                    "label": labels,
                    "confidence": state.resolved.confidence,
                    "text": state.records.texts,
                }
            )
            .group_by("label")
            .agg(
                pl.len().alias("size"),
                pl.col("confidence").min(),
                pl.col("text").str.contains(self.text.lower(), literal=True).any().alias("holds"),
            )
            .filter((pl.col("size") > 1) & pl.col("holds"))
            .sort("confidence", "label")
        )
        table: DataTable[Text] = self.query_one("#list", DataTable)
        table.clear()
        some = found.head(MOST_LISTED)
        self.listed = some["label"].to_list()
        for label, size, confidence in some.select("label", "size", "confidence").iter_rows():
            first = " · ".join(
                shown(value) for value in self._values(label).values() if shown(value)
            )
            table.add_row(Text(f"{size:,}"), Text(f"{confidence:.2f}"), Text(first[:160]))
        wrong = state.resolved.clustering.contradictions.height
        self.query_one("#head", Static).update(
            Text(
                f"{found.height:,} clusters of two rows or more, the least sure first"
                + (f"  ·  {wrong:,} contradictions" if wrong else "")
                + (f"  ·  “{self.text}”" if self.text else "")
            )
        )
        if not self.listed:
            self.query_one("#rows", DataTable).clear(columns=True)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show the rows of the cluster under the cursor."""
        if event.data_table.id == "list" and 0 <= event.cursor_row < len(self.listed):
            labels = self.session.state.resolved.clustering.labels
            label = self.listed[event.cursor_row]
            self.rows = np.flatnonzero(labels == label)[:MOST_ROWS].tolist()
            self.marked = set()
            self.draw_rows()

    def draw_rows(self) -> None:
        """Draw the rows of the cluster; cells that differ from the commonest value stand out."""
        table: DataTable[Text] = self.query_one("#rows", DataTable)
        place = table.cursor_row
        table.clear(columns=True)
        state = self.session.state
        frame = state.records.frame[self.rows]
        columns = [name for name in frame.columns if any(shown(value) for value in frame[name])]
        table.add_columns("", *columns)
        usual, used = {}, self.session.used_fields()
        for name in columns:
            said = [plain(shown(value)) for value in frame[name] if shown(value)]
            usual[name] = max(said, key=lambda one: (said.count(one), one))
        for row, values in zip(self.rows, frame.iter_rows(named=True), strict=True):
            kept = state.resolved.kept[row] == row
            mark = ("●" if row in self.marked else " ") + ("★" if kept else " ")
            cells = [Text(mark)]
            for name in columns:
                value = shown(values[name])
                differs = name in used and bool(value) and plain(value) != usual[name]
                cells.append(
                    Text(("≠" if differs else "") + value[:60], style="bold" if differs else "")
                )
            table.add_row(*cells)
        table.move_cursor(row=min(place, len(self.rows) - 1))

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take the mark off."""
        at = self.query_one("#rows", DataTable).cursor_row
        if self.rows:
            self.marked ^= {self.rows[at]}
            self.draw_rows()

    def action_split(self) -> None:
        """Decide that the marked rows are not the others."""
        others = [row for row in self.rows if row not in self.marked]
        pairs = list(product(sorted(self.marked), others))
        if not pairs:
            self._note("mark the rows to split off with space")
            return
        if len(pairs) > MOST_DECISIONS:
            self._note(f"that would be {len(pairs):,} decisions: mark fewer rows")
            return
        count = self.session.decide_rows(pairs, Verdict.DIFFERENT)
        self._done(f"{len(self.marked):,} rows split off ({count:,} decisions)")

    def action_confirm(self) -> None:
        """Decide that all rows of the cluster are one."""
        if len(self.rows) > 1:
            count = self.session.decide_rows(pairwise(self.rows), Verdict.MATCH)
            self._done(f"cluster confirmed ({count:,} decisions)")

    def action_hold(self) -> None:
        """Remember this cluster, to merge another with it."""
        self.held = list(self.rows)
        self._note("held: go to another cluster and press g to merge the two")

    def action_merge(self) -> None:
        """Decide that this cluster and the one held are one."""
        if not self.held or not self.rows or self.held[0] in self.rows:
            self._note("hold another cluster first, with h")
            return
        self.session.decide_rows([(self.held[0], self.rows[0])], Verdict.MATCH)
        self.held = []
        self._done("the two clusters are one")

    def action_undo(self) -> None:
        """Take the latest decision back."""
        taken = self.session.undo()
        self._done(f"taken back: {taken.verdict}" if taken else "nothing is left to take back")

    def action_search(self) -> None:
        """Ask for a text."""
        field = self.query_one("#find", Input)
        field.display = True
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the clusters that hold the text."""
        event.input.display = False
        self.text = event.value.strip()
        self.fill()
        self.query_one("#list", DataTable).focus()

    def _values(self, row: int) -> dict[str, object]:
        return self.session.record(row)

    def _done(self, said: str) -> None:
        place = self.query_one("#list", DataTable).cursor_row
        self.session.recluster()
        self.fill()
        self.query_one("#list", DataTable).move_cursor(row=place)
        self._note(said)

    def _note(self, said: str) -> None:
        self.query_one("#note", Static).update(Text(said, style="italic"))
