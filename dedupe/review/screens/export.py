"""The screen from which results are written."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Footer, Input, Label, Select, Static

from dedupe.config import FORMATS
from dedupe.errors import DedupeError
from dedupe.pipeline.export import export
from dedupe.resolution.survivorship import RULES, parse_rules
from dedupe.review.field_differences import shown
from dedupe.review.screens.overview import OverviewScreen
from dedupe.review.session import Session

PREVIEWED = 8
"""Merged rows that are shown before anything is written."""


MOST_COLUMNS = 8
"""Columns of them that are shown."""


class ExportScreen(Screen[None]):
    """Format, merge rules with a preview, and where to."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "write", "Write"),
        Binding("escape", "app.show('pairs')", "Back"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        config = self.session.state.config
        with VerticalScroll():
            with Horizontal():
                yield Label("format")
                yield Select(
                    [(name, name) for name in FORMATS],
                    value=config.format,
                    allow_blank=False,
                    id="format",
                )
            with Horizontal():
                yield Label("folder")
                yield Input(str(self.session.workspace.path), id="folder")
            with Horizontal():
                yield Label("merge rules")
                rules = ", ".join(f"{column}={rule}" for column, rule in config.merge.items())
                yield Input(rules, placeholder="column=rule, column=rule", id="rules")
            yield Static(Text(f"rules: {', '.join(RULES)}", style="dim"), id="names")
            with Horizontal():
                yield Button("Write", variant="primary", id="write")
            yield Static(id="result")
            yield Static(id="preview")
        yield Footer()

    def on_screen_resume(self) -> None:
        """Show what would be written."""
        self.preview()

    @on(Input.Changed, "#rules")
    def preview(self) -> None:
        """Show the first merged rows under the rules given."""
        session = self.session
        result = self.query_one("#result", Static)
        try:
            written = self._rules()
            rules = parse_rules(written, session.state.records.frame.columns)
        except DedupeError as error:
            result.update(Text(str(error), style="bold"))
            return
        labels = session.clusters.labels
        sizes = np.bincount(labels, minlength=len(labels))
        several = np.flatnonzero(sizes > 1)[:PREVIEWED].tolist()
        table = Table(title="first merged rows", box=None, title_justify="left", padding=(0, 1))
        names = list(rules)[:MOST_COLUMNS]
        for name in ("rows", *names):
            table.add_column(Text(name), overflow="ellipsis", no_wrap=True, max_width=24)
        for row in several:
            merged = session.merged(row, written)
            table.add_row(f"{sizes[row]:,}", *(Text(shown(merged[name])) for name in names))
        self.query_one("#preview", Static).update(table)
        left = int((sizes > 0).sum())
        result.update(f"{left:,} rows of {len(labels):,} are left after merging")

    @on(Button.Pressed, "#write")
    def action_write(self) -> None:
        """Write the results."""
        self.query_one("#result", Static).update("writing …")
        self._write(
            str(self.query_one("#format", Select).value),
            self.query_one("#folder", Input).value.strip(),
            self._threshold(),
        )

    @work(thread=True, exclusive=True)
    def _write(self, format: str, folder: str, threshold: float) -> None:
        try:
            place = self.session.workspace.path
            result = export(
                place,
                output=None if Path(folder) == place else folder,
                format=format,
                merge=self._rules(),
                threshold=threshold,
            )
            said = f"written to {result.workspace}: {', '.join(result.summary['outputs'])}"
        except DedupeError as error:
            said = str(error)
        self.app.call_from_thread(self.query_one("#result", Static).update, Text(said))

    def _threshold(self) -> float:
        overview = self.app.get_screen("overview")
        assert isinstance(overview, OverviewScreen)
        return overview.threshold

    def _rules(self) -> dict[str, str]:
        rules = {}
        for part in self.query_one("#rules", Input).value.split(","):
            column, equals, rule = part.partition("=")
            if equals and rule.strip():
                rules[column.strip()] = rule.strip()
        return rules
