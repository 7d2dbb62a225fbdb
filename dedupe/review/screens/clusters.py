"""The screen of clusters: what differs in them, splitting, merging, and values of merged rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import ClassVar

import polars as pl
from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import DataTable, Input, Static

from dedupe.errors import DedupeError
from dedupe.io.printable import printable
from dedupe.report.field_differences import commonest, normalized, one_line
from dedupe.report.wording import plural
from dedupe.resolution.decisions import Decision
from dedupe.review.decisions import described
from dedupe.review.session import Session
from dedupe.review.widgets.keys import Keys
from dedupe.review.widgets.navigation import Navigation

MOST_LISTED = 2_000
"""Clusters in the list."""

MOST_ROWS = 200
"""Rows of one cluster that are shown."""

MOST_DECISIONS = 400
"""Decisions that one key press may make."""

SEARCH_HINT = "show only clusters that contain this text, single records too; empty: all"
ID_HINT = "go to the record with this id, also if it is alone"
VALUE_HINT = "the value of the merged row; empty: no value"

WIDEST_FIXED_COLUMN = 24
"""Width up to which the column of ids stays in place while the others scroll."""

_WIDEST_VALUE = 60
_LIST_COLUMNS = {"rows": 6, "confidence": 10, "first row": 160}
_TO_THE_ROWS = "press enter, then move with the arrow keys"


class ClustersScreen(Screen[None]):
    """The list of clusters, and below it the merged row and the rows of the selected cluster.

    Parameters
    ----------
    session
        The review.
    """

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", key_display="␣"),
        Binding("s", "split", "Split off"),
        Binding("m", "confirm", "Confirm"),
        Binding("v", "choose_value", "Value"),
        Binding("t", "type_value", "Type value"),
        Binding("asterisk", "choose_representative", "Representative", key_display="*", show=False),
        Binding("h", "hold", "Hold", show=False),
        Binding("g", "merge", "Merge with held", show=False),
        Binding("backspace,ctrl+z", "undo", "Undo", key_display="⌫"),
        Binding("ctrl+y", "redo", "Redo", show=False),
        Binding("slash", "ask('text')", "Search", key_display="/"),
        Binding("i", "ask('id')", "Id"),
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
        self.asked_for = ""
        self.typed_column = ""
        self.sought: int | None = None
        """A row whose cluster is listed first, also if it is alone."""

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Navigation("clusters")
        yield Static(id="head")
        with Vertical():
            yield DataTable(id="list", cursor_type="row", zebra_stripes=True)
            yield DataTable(id="rows", cursor_type="cell", fixed_columns=1)
        yield Static(id="note")
        yield Input(placeholder=SEARCH_HINT, id="search")
        yield Keys()

    def on_mount(self) -> None:
        """Add the columns of the list."""
        self.query_one("#search", Input).display = False
        table = self.query_one("#list", DataTable)
        for name, width in _LIST_COLUMNS.items():
            table.add_column(name, width=width)

    def on_screen_resume(self) -> None:
        """Show the clusters under the latest decisions."""
        self.fill()
        self.query_one("#list", DataTable).focus()

    # Drawing ------------------------------------------------------------------------------

    def fill(self) -> None:
        """List the clusters of two or more rows, the least confident first."""
        clusters = self._clusters()
        listed = clusters.head(MOST_LISTED)
        self.listed = listed["label"].to_list()
        table: DataTable[Text] = self.query_one("#list", DataTable)
        table.clear()
        for label, size, confidence in listed.select("label", "size", "confidence").iter_rows():
            values = (one_line(value) for value in self.session.record(label).values())
            summary = " · ".join(value for value in values if value)
            table.add_row(Text(f"{size:,}"), Text(f"{confidence:.2f}"), Text(summary))
        found = clusters.height if self.text else int((clusters["size"] > 1).sum())
        self.query_one("#head", Static).update(Text(self._head(found)))
        if not self.listed:
            self.rows = []
            rows = self.query_one("#rows", DataTable)
            rows.fixed_rows = 0
            rows.clear(columns=True)

    def _clusters(self) -> pl.DataFrame:
        """Find the clusters to list: ``label``, ``size`` and ``confidence``."""
        clusters = self.session.clusters
        texts = self.session.records.texts
        sought = -1 if self.sought is None else int(clusters.labels[self.sought])
        smallest = 1 if self.text else 2
        return (
            pl.DataFrame({"label": clusters.labels, "confidence": clusters.confidence})
            .with_columns(found=texts.str.contains(self.text.lower(), literal=True))
            .group_by("label")
            .agg(pl.len().alias("size"), pl.col("confidence").min(), pl.col("found").any())
            .with_columns(sought=pl.col("label") == sought)
            .filter(pl.col("sought") | (pl.col("found") & (pl.col("size") >= smallest)))
            .sort(~pl.col("sought"), "confidence", "label")
        )

    def _head(self, found: int) -> str:
        named = plural(found, "cluster")
        of = "" if self.text else " of two or more rows"
        parts = [f"{named}{of}, the least confident first"]
        if found > MOST_LISTED:
            parts[0] += f" (the first {MOST_LISTED:,} are listed)"
        if contradictions := self.session.contradiction_count():
            parts.append(f"! {plural(contradictions, 'contradiction')}")
        if self.text:
            parts.append(f"“{one_line(self.text)}”")
        return "  ·  ".join(parts)

    def draw_rows(self) -> None:
        """Draw the merged row and the rows of the selected cluster."""
        table: DataTable[Text] = self.query_one("#rows", DataTable)
        cursor = table.cursor_coordinate
        table.fixed_rows = 0  # an empty table has no row to fix
        table.clear(columns=True)
        rows = self.rows[:MOST_ROWS]
        frame = self.session.records.frame[rows]
        id_column = self.session.records.id_column
        self.columns = [name for name in frame.columns if any(map(one_line, frame[name]))]
        self.columns.sort(key=lambda name: name != id_column)  # ids first
        chosen = self._chosen_rows()
        usual = {name: commonest(frame[name]) for name in self.columns}
        lines = [self._merged_line(chosen)]
        for row, values in zip(rows, frame.iter_rows(named=True), strict=True):
            lines.append(self._line(row, values, usual, chosen))
        # Without given widths, the table may be drawn once before they are measured.
        heads = [Text(one_line(name)) for name in ("", *self.columns)]
        for head, cells in zip(heads, zip(*lines, strict=True), strict=True):
            table.add_column(head, width=max(cell_len(cell.plain) for cell in (head, *cells)))
        table.add_rows(lines)
        table.fixed_rows = 1
        table.fixed_columns = self._fixed_columns(lines)
        if len(self.rows) > MOST_ROWS:
            self._note(f"the first {MOST_ROWS:,} of {len(self.rows):,} rows are shown")
        table.move_cursor(row=min(cursor.row, len(rows)), column=cursor.column)

    def _fixed_columns(self, lines: list[list[Text]]) -> int:
        """Count the columns that stay in place: the marks, and ids that are not too wide."""
        if not self.columns or self.columns[0] != self.session.records.id_column:
            return 1
        width = max(cell_len(line[1].plain) for line in lines)
        return 2 if width <= WIDEST_FIXED_COLUMN else 1

    def _merged_line(self, chosen: dict[str, int]) -> list[Text]:
        merged, typed = self.session.merged(self.rows[0]), self._typed_columns()
        values = (
            Text(_shortened(merged[name]) + (" ✓" if name in chosen or name in typed else ""))
            for name in self.columns
        )
        line = [Text("⇒"), *values]
        for text in line:
            text.stylize("bold")
        return line

    def _line(
        self,
        row: int,
        values: dict[str, object],
        usual: dict[str, str],
        chosen: dict[str, int],
    ) -> list[Text]:
        """Draw one row; values that differ from the commonest of the cluster are marked."""
        compared = self.session.compared_fields()
        representative = int(self.session.clusters.representative[row])
        marks = ("●" if row in self.marked else " ") + ("★" if row == representative else " ")
        line = [Text(marks)]
        for name in self.columns:
            value = normalized(one_line(values[name]))
            differs = name in compared and bool(value) and value != usual[name]
            text = Text("≠" if differs else "", style="bold" if differs else "")
            text.append(_shortened(values[name]))
            line.append(text.append(" ✓" if chosen.get(name) == row else ""))
        return line

    def _chosen_rows(self) -> dict[str, int]:
        """Find the row that a reviewer chose for each column of the merged row."""
        row_of = {self.session.keys[row]: row for row in self.rows}
        chosen: dict[str, int] = {}
        for (key, column), (_, value) in self.session.decisions.choices.items():
            if column and key in row_of:
                chosen.pop(column, None)  # the newest choice counts
                if value is None:
                    chosen[column] = row_of[key]
        return chosen

    def _typed_columns(self) -> set[str]:
        """Find the columns whose value in the merged row a reviewer typed."""
        keys = {self.session.keys[row] for row in self.rows}
        choices = self.session.decisions.choices
        newest = {column: typed for (key, column), (_, typed) in choices.items() if key in keys}
        return {column for column, typed in newest.items() if column and typed is not None}

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show the rows of the cluster under the cursor."""
        if event.data_table.id == "list":
            self._select(event.cursor_row)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Go to the rows of the selected cluster."""
        if event.data_table.id == "list" and self.listed:
            self._select(event.cursor_row)
            self.query_one("#rows", DataTable).focus()

    def _select(self, place: int) -> None:
        """Show the cluster at a place of the list, without marks."""
        if 0 <= place < len(self.listed):
            self.rows = self.session.clusters.rows(self.listed[place]).tolist()
            self.marked = set()
            self.draw_rows()

    # Deciding -----------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the row under the cursor, or remove its mark."""
        row = self._row_under_cursor()
        if row is None:
            self._note(f"go to a row of the cluster first: {_TO_THE_ROWS}")
            return
        self.marked ^= {row}
        self.draw_rows()

    def action_split(self) -> None:
        """Decide that the marked rows differ from the others."""
        others = [row for row in self.rows if row not in self.marked]
        pairs = list(product(sorted(self.marked), others))
        if not pairs:
            self._note("mark the rows to split off first, with the space bar")
        elif len(pairs) > MOST_DECISIONS:
            self._note(f"this would take {len(pairs):,} decisions: mark fewer rows")
        else:
            self._decide(pairs, Decision.DIFFERENT, f"{plural(len(self.marked), 'row')} split off")

    def action_confirm(self) -> None:
        """Decide that all rows of the cluster match."""
        if len(self.rows) > 1:
            self._decide(list(pairwise(self.rows)), Decision.MATCH, "cluster confirmed")

    def action_hold(self) -> None:
        """Hold this cluster, to merge another with it."""
        if self.rows:
            self.held = self.rows[0]
            self._note("cluster held: go to another one and press g to merge the two")

    def action_merge(self) -> None:
        """Decide that this cluster matches the held one."""
        if self.held is None or not self.rows or self.held in self.rows:
            self._note("hold another cluster first: press h on it")
            return
        held, self.held = self.held, None
        self._decide([(held, self.rows[0])], Decision.MATCH, "clusters merged")

    def action_choose_value(self) -> None:
        """Choose the value under the cursor for the merged row."""
        row, column = self._row_under_cursor(), self.query_one("#rows", DataTable).cursor_column - 1
        if row is None or not 0 <= column < len(self.columns):
            self._note(f"go to a value of the cluster first: {_TO_THE_ROWS}")
            return
        name = self.columns[column]
        value = one_line(self.session.record(row)[name])
        self._choose(row, name, f"{one_line(name)} of the merged row: {value or 'empty'}")

    def action_type_value(self) -> None:
        """Ask for a value of the merged row, in the column under the cursor."""
        column = self.query_one("#rows", DataTable).cursor_column - 1
        if not self.rows or not 0 <= column < len(self.columns):
            self._note(f"go to a value of the cluster first: {_TO_THE_ROWS}")
            return
        if self.columns[column] == self.session.records.id_column:
            self._note("a merged row has the id of its representative: * chooses another")
            return
        self.typed_column = self.columns[column]
        value = self.session.merged(self.rows[0])[self.typed_column]
        self._ask("value", f"{one_line(self.typed_column)}: {VALUE_HINT}", value)

    def action_choose_representative(self) -> None:
        """Choose the row under the cursor as the representative of its cluster."""
        row = self._row_under_cursor()
        if row is None:
            self._note(f"go to a row of the cluster first: {_TO_THE_ROWS}")
            return
        record_id = one_line(self.session.records.ids[row])
        self._choose(row, None, f"{record_id} is the representative of its cluster")

    def action_undo(self) -> None:
        """Take back what the latest key press decided."""
        undone = self.session.undo()
        self._show_changed(f"undone: {described(undone)}" if undone else "nothing to undo")

    def action_redo(self) -> None:
        """Decide again what was taken back last."""
        redone = self.session.redo()
        self._show_changed(f"redone: {described(redone)}" if redone else "nothing to redo")

    def action_back(self) -> None:
        """Leave the search, or go back to the list."""
        self.query_one("#search", Input).display = False
        self.query_one("#rows" if self.asked_for == "value" else "#list", DataTable).focus()
        self.asked_for = ""

    def action_ask(self, what: str) -> None:
        """Ask for a text to search for, or for an id to go to."""
        if what == "text":
            self._ask(what, SEARCH_HINT, self.text)
        else:
            self._ask(what, ID_HINT, "")

    def _ask(self, what: str, hint: str, value: object) -> None:
        self.asked_for = what
        field = self.query_one("#search", Input)
        field.placeholder, field.value = hint, "" if value is None else str(value)
        field.display = True
        field.focus()
        self._note(hint)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """List the clusters with the text, go to the id, or keep the value typed."""
        typed = event.value if self.asked_for == "value" else event.value.strip()
        if self.asked_for == "value":
            self._type_value(typed)
        elif self.asked_for == "id":
            self._go_to(typed)
        else:
            self.text, self.sought = typed, None
            self.action_back()
            self.fill()

    def _go_to(self, record_id: str) -> None:
        """Show the cluster of a record, with the cursor on the record."""
        found = self.session.rows_with_id(record_id)
        if not found:
            self.notify(f"there is no record with the id {record_id!r}", severity="warning")
            return
        self.action_back()
        self.sought = found[0]
        self.fill()
        self._select(0)
        rows = self.query_one("#rows", DataTable)
        place = self.rows.index(self.sought)
        rows.focus()
        rows.move_cursor(row=min(place, MOST_ROWS - 1) + 1)
        alone = " is alone in its cluster" if len(self.rows) == 1 else ""
        self._note(f"{one_line(record_id)}{alone}")

    def _type_value(self, value: str) -> None:
        representative = int(self.session.clusters.representative[self.rows[0]])
        try:
            self.session.type_value(representative, self.typed_column, value)
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        self.action_back()
        self.draw_rows()
        shown = one_line(value) or "empty"
        self._note(f"{one_line(self.typed_column)} of the merged row: {shown}, as typed")

    def _row_under_cursor(self) -> int | None:
        """Find the row under the cursor; ``None`` on the merged row."""
        place = self.query_one("#rows", DataTable).cursor_row - 1
        return self.rows[place] if 0 <= place < min(len(self.rows), MOST_ROWS) else None

    def _decide(self, pairs: Sequence[tuple[int, int]], decision: Decision, note: str) -> None:
        try:
            count = self.session.decide_rows(pairs, decision)
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        self._show_changed(f"{note} ({plural(count, 'decision')}; ⌫ undoes all of it)")

    def _choose(self, row: int, column: str | None, note: str) -> None:
        try:
            self.session.choose(row, column)
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        self.draw_rows()
        self._note(note)

    def _show_changed(self, note: str) -> None:
        """List the clusters again, with the cursor on the same cluster."""
        table = self.query_one("#list", DataTable)
        place, row = table.cursor_row, self.rows[0] if self.rows else None
        self.fill()
        label = None if row is None else int(self.session.clusters.labels[row])
        table.move_cursor(row=self.listed.index(label) if label in self.listed else place)
        self._note(note)

    def _note(self, note: str) -> None:
        self.query_one("#note", Static).update(Text(printable(note), style="italic"))


def _shortened(value: object) -> str:
    text = one_line(value)
    return text if len(text) <= _WIDEST_VALUE else text[: _WIDEST_VALUE - 1] + "…"
