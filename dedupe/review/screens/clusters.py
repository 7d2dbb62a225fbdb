"""The screen of clusters: their rows, what differs in them, and taking them apart or together."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path
from typing import ClassVar

import polars as pl
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static

from dedupe.errors import DedupeError
from dedupe.resolution.decisions import Decision
from dedupe.review.field_differences import plain, shown
from dedupe.review.screens.pairs import said_of
from dedupe.review.session import Session

MOST_LISTED = 2_000


MOST_ROWS = 200


MOST_DECISIONS = 400
"""Decisions that one key press may make."""


HINT = "only clusters that hold this text; empty: all"


_WIDEST = 60


class ClustersScreen(Screen[None]):
    """Clusters on top, the rows of the one chosen below, and first of them the merged row."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark"),
        Binding("s", "split", "Split off"),
        Binding("m", "confirm", "Confirm"),
        Binding("v", "pick", "Value"),
        Binding("asterisk", "stand", "Stand for", key_display="*"),
        Binding("h", "hold", "Hold", show=False),
        Binding("g", "merge", "Merge with held", show=False),
        Binding("backspace,ctrl+z", "undo", "Undo", key_display="⌫"),
        Binding("ctrl+y", "redo", "Redo", show=False),
        Binding("slash", "search", "Search", key_display="/", show=False),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.text = ""
        self.marked: set[int] = set()
        self.rows: list[int] = []
        self.columns: list[str] = []
        self.held: int | None = None
        self.listed: list[int] = []

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Static(id="head")
        with Vertical():
            yield DataTable(id="list", cursor_type="row", zebra_stripes=True)
            yield DataTable(id="rows", cursor_type="cell", fixed_columns=1)
        yield Static(id="note")
        yield Input(placeholder=HINT, id="find")
        yield Footer()

    def on_mount(self) -> None:
        """Make the columns."""
        self.query_one("#find", Input).display = False
        self.query_one("#list", DataTable).add_columns("rows", "confidence", "first row")

    def on_screen_resume(self) -> None:
        """Show what decisions made of the clusters meanwhile."""
        self.fill()
        self.query_one("#list", DataTable).focus()

    def fill(self) -> None:
        """List the clusters of two rows or more, the least sure first."""
        clusters = self.session.clusters
        frame = pl.DataFrame({"label": clusters.labels, "confidence": clusters.confidence})
        holds = pl.lit(True)
        if self.text:
            texts = self.session.state.records.texts
            frame = frame.with_columns(texts.str.contains(self.text.lower(), literal=True))
            holds = pl.col("text").any()
        found = (
            frame.group_by("label")
            .agg(pl.len().alias("size"), pl.col("confidence").min(), holds.alias("holds"))
            .filter((pl.col("size") > 1) & pl.col("holds"))
            .sort("confidence", "label")
        )
        table: DataTable[Text] = self.query_one("#list", DataTable)
        table.clear()
        some = found.head(MOST_LISTED)
        self.listed = some["label"].to_list()
        for label, size, confidence in some.select("label", "size", "confidence").iter_rows():
            said = (shown(value) for value in self.session.record(label).values())
            table.add_row(
                Text(f"{size:,}"),
                Text(f"{confidence:.2f}"),
                Text(" · ".join(value for value in said if value)[:160]),
            )
        wrong = self.session.clash_count()
        self.query_one("#head", Static).update(
            Text(
                f"{found.height:,} clusters of two rows or more, the least sure first"
                + (f" (the first {MOST_LISTED:,})" if found.height > MOST_LISTED else "")
                + (f"  ·  ! {wrong:,} contradictions" if wrong else "")
                + (f"  ·  “{self.text}”" if self.text else "")
            )
        )
        if not self.listed:
            self.rows = []
            rows = self.query_one("#rows", DataTable)
            rows.fixed_rows = 0
            rows.clear(columns=True)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show the rows of the cluster under the cursor."""
        if event.data_table.id == "list" and 0 <= event.cursor_row < len(self.listed):
            self.rows = self.session.clusters.rows(self.listed[event.cursor_row]).tolist()
            self.marked = set()
            self.draw_rows()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Go to the rows of a cluster."""
        if event.data_table.id == "list" and self.rows:
            self.query_one("#rows", DataTable).focus()

    def draw_rows(self) -> None:
        """Draw the rows of the cluster; cells that differ from the commonest value stand out."""
        table: DataTable[Text] = self.query_one("#rows", DataTable)
        place = table.cursor_coordinate
        table.fixed_rows = 0  # an empty table has no row to fix
        table.clear(columns=True)
        session = self.session
        shown_rows = self.rows[:MOST_ROWS]
        frame = session.state.records.frame[shown_rows]
        self.columns = [n for n in frame.columns if any(shown(value) for value in frame[n])]
        table.add_columns("", *self.columns)
        merged = session.merged(self.rows[0])
        picked = self._picked()
        cells = [
            Text(self._cell(merged[name]) + (" ✓" if name in picked else ""), "bold")
            for name in self.columns
        ]
        table.add_row(Text("⇒", "bold"), *cells)
        usual, used = {}, session.used_fields()
        for name in self.columns:
            said = [plain(shown(value)) for value in frame[name] if shown(value)]
            usual[name] = max(said, key=lambda one: (said.count(one), one))
        kept = int(session.clusters.kept[self.rows[0]])
        for row, values in zip(shown_rows, frame.iter_rows(named=True), strict=True):
            mark = ("●" if row in self.marked else " ") + ("★" if kept == row else " ")
            line = [Text(mark)]
            for name in self.columns:
                value = self._cell(values[name])
                differs = name in used and bool(value) and plain(shown(values[name])) != usual[name]
                text = Text(("≠" if differs else "") + value, style="bold" if differs else "")
                line.append(text.append(" ✓" if picked.get(name) == row else ""))
            table.add_row(*line)
        table.fixed_rows = 1
        if len(self.rows) > MOST_ROWS:
            self._note(f"the first {MOST_ROWS:,} of {len(self.rows):,} rows are shown")
        table.move_cursor(row=min(place.row, len(shown_rows)), column=place.column)

    def _cell(self, value: object) -> str:
        text = shown(value)
        return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"

    def _picked(self) -> dict[str, int]:
        """Return the row that was chosen to give a column of the merged row its value."""
        rows = {self.session.keys[row]: row for row in self.rows}
        return {col: rows[key] for key, col in self.session.choices if col and key in rows}

    def _under_cursor(self) -> int | None:
        """Return the row under the cursor; ``None`` on the merged row or where there is none."""
        at = self.query_one("#rows", DataTable).cursor_row - 1
        return self.rows[at] if 0 <= at < min(len(self.rows), MOST_ROWS) else None

    # Deciding -----------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take the mark off."""
        row = self._under_cursor()
        if row is None:
            self._note("go to a row of the cluster first: enter, and the arrows")
            return
        self.marked ^= {row}
        self.draw_rows()

    def action_split(self) -> None:
        """Decide that the marked rows are not the others."""
        others = [row for row in self.rows if row not in self.marked]
        pairs = list(product(sorted(self.marked), others))
        if not pairs:
            self._note("mark the rows to split off with space")
        elif len(pairs) > MOST_DECISIONS:
            self._note(f"that would be {len(pairs):,} decisions: mark fewer rows")
        else:
            said = f"{len(self.marked):,} rows split off"
            self._decide(pairs, Decision.DIFFERENT, said)

    def action_confirm(self) -> None:
        """Decide that all rows of the cluster are one."""
        if len(self.rows) > 1:
            self._decide(list(pairwise(self.rows)), Decision.MATCH, "cluster confirmed")

    def action_hold(self) -> None:
        """Remember this cluster, to merge another with it."""
        if self.rows:
            self.held = self.rows[0]
            self._note("held: search another cluster with /, and press g there to merge the two")

    def action_merge(self) -> None:
        """Decide that this cluster and the one held are one."""
        if self.held is None or not self.rows or self.held in self.rows:
            self._note("hold another cluster first, with h")
            return
        held, self.held = self.held, None
        self._decide([(held, self.rows[0])], Decision.MATCH, "the two clusters are one")

    def action_pick(self) -> None:
        """Let the cell under the cursor be the value of the merged row."""
        row, column = self._under_cursor(), self.query_one("#rows", DataTable).cursor_column - 1
        if row is None or not 0 <= column < len(self.columns):
            self._note("go to the value to take first: enter, and the arrows")
            return
        name = self.columns[column]
        value = shown(self.session.record(row)[name])
        self._choose(row, name, f"{name} of the merged row: {value or 'nothing'}")

    def action_stand(self) -> None:
        """Let the row under the cursor stand for its cluster."""
        row = self._under_cursor()
        if row is None:
            self._note("go to the row that stands for the cluster first: enter, and the arrows")
            return
        self._choose(row, None, f"{self.session.state.records.ids[row]} stands for its cluster")

    def action_undo(self) -> None:
        """Take the latest decision back."""
        taken = self.session.undo()
        self._done(f"taken back: {said_of(taken)}" if taken else "nothing is left to take back")

    def action_redo(self) -> None:
        """Make the decision taken back last again."""
        made = self.session.redo()
        self._done(f"made again: {said_of(made)}" if made else "nothing was taken back")

    def action_back(self) -> None:
        """Leave the search, or go back to the list."""
        self.query_one("#find", Input).display = False
        self.query_one("#list", DataTable).focus()

    def action_search(self) -> None:
        """Ask for a text."""
        field = self.query_one("#find", Input)
        field.display = True
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the clusters that hold the text."""
        self.text = event.value.strip()
        self.action_back()
        self.fill()

    def _decide(self, pairs: list[tuple[int, int]], decision: Decision, said: str) -> None:
        try:
            count = self.session.decide_rows(pairs, decision)
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        self._done(f"{said} ({count:,} decisions)")

    def _choose(self, row: int, column: str | None, said: str) -> None:
        try:
            self.session.choose(row, column)
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        self.draw_rows()
        self._note(said)

    def _done(self, said: str) -> None:
        """List the clusters again, and stay where the cursor was."""
        table = self.query_one("#list", DataTable)
        place, row = table.cursor_row, self.rows[0] if self.rows else None
        self.fill()
        label = None if row is None else int(self.session.clusters.labels[row])
        table.move_cursor(row=self.listed.index(label) if label in self.listed else place)
        self._note(said)

    def _note(self, said: str) -> None:
        self.query_one("#note", Static).update(Text(said, style="italic"))
