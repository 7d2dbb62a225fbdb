"""The screen of the export: format, folder and survivorship rules, with a preview."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Input, Label, Select, Static

from dedupe.config import FORMATS
from dedupe.errors import DedupeError
from dedupe.io.printable import printable
from dedupe.pipeline.export import export
from dedupe.pipeline.options import Format
from dedupe.report.field_differences import one_line
from dedupe.resolution.survivorship.merge_rules import RULES, check_sources, parse_rules
from dedupe.review.screens.overview import OverviewScreen
from dedupe.review.session import Session
from dedupe.review.widgets.keys import Keys
from dedupe.review.widgets.navigation import Navigation

PREVIEWED_ROWS = 8
"""Merged rows in the preview."""

_WIDEST_VALUE = 24
_COLUMN_WIDTH = 16


class ExportScreen(Screen[None]):
    """Choose how and where to write the results, and see the first merged rows.

    Parameters
    ----------
    session
        The review.
    """

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
        yield Navigation("export")
        config = self.session.config
        rules = ", ".join(f"{column}={rule}" for column, rule in config.merge.items())
        with VerticalScroll():
            with Horizontal():
                yield Label("format")
                formats = [(name, name) for name in FORMATS]
                yield Select(formats, value=config.format, allow_blank=False, id="format")
            with Horizontal():
                yield Label("folder")
                yield Input(str(self.session.workspace.path), id="folder")
            with Horizontal():
                yield Label("merge rules")
                yield Input(rules, placeholder="column=rule, column=rule", id="rules")
            yield Static(Text(f"rules: {', '.join(RULES)}", style="dim"), id="names")
            with Horizontal():
                yield Button("Write", variant="primary", id="write")
            yield Static(id="result")
            yield Static(id="preview")
        yield Keys()

    def on_screen_resume(self) -> None:
        """Preview the result under the latest decisions."""
        self.preview()

    @on(Input.Changed, "#rules")
    def preview(self) -> None:
        """Show the first merged rows under the rules typed."""
        session = self.session
        result = self.query_one("#result", Static)
        try:
            rules = self._rules()
            asked = replace(session.config, merge=rules)
            parsed = parse_rules(asked, session.records.frame.columns)
            check_sources(parsed, session.records.frame)
            columns = list(parsed)
        except DedupeError as error:
            result.update(Text(printable(str(error)), style="bold"))
            return
        # As many columns as there is room for, so that values stay readable.
        columns = columns[: max(self.size.width // _COLUMN_WIDTH, 1)]
        labels = session.clusters.labels
        sizes = np.bincount(labels, minlength=len(labels))
        table = Table(title="first merged rows", box=None, title_justify="left", padding=(0, 1))
        for name in ("rows", *columns):
            table.add_column(
                Text(one_line(name)),
                overflow="ellipsis",
                no_wrap=True,
                min_width=5,
                max_width=_WIDEST_VALUE,
            )
        for row in np.flatnonzero(sizes > 1)[:PREVIEWED_ROWS].tolist():
            merged = session.merged(row, rules)
            table.add_row(f"{sizes[row]:,}", *(Text(one_line(merged[name])) for name in columns))
        self.query_one("#preview", Static).update(table)
        result.update(
            Text(f"{int((sizes > 0).sum()):,} of {len(labels):,} rows remain after merging")
        )

    @on(Button.Pressed, "#write")
    def action_write(self) -> None:
        """Write the results."""
        self.query_one("#result", Static).update("writing …")
        self._write(
            cast(Format, self.query_one("#format", Select).value),
            self.query_one("#folder", Input).value.strip(),
            self._threshold(),
        )

    @work(thread=True, exclusive=True)
    def _write(self, format: Format, folder: str, threshold: float) -> None:
        workspace = self.session.workspace.path
        try:
            result = export(
                workspace,
                output=None if Path(folder) == workspace else folder,
                format=format,
                merge=self._rules(),
                threshold=threshold,
            )
            message = f"written to {result.workspace}: {', '.join(result.summary['outputs'])}"
        except DedupeError as error:
            message = str(error)
        self.app.call_from_thread(
            self.query_one("#result", Static).update, Text(printable(message))
        )

    def _threshold(self) -> float:
        overview = self.app.get_screen("overview")
        assert isinstance(overview, OverviewScreen)
        return overview.threshold

    def _rules(self) -> dict[str, str]:
        rules = {}
        # A rule may have commas of its own: the next one begins with a name and an equals sign.
        for part in re.split(r",(?=[^,=]*=)", self.query_one("#rules", Input).value):
            column, equals, rule = part.partition("=")
            if equals and rule.strip():
                rules[column.strip()] = rule.strip()
        return rules
