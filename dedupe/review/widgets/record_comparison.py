"""Two records side by side. Colour is never the only mark of a difference."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from dedupe.io.printable import printable
from dedupe.report.field_differences import FieldPair, Span

MISSING = "—"
"""Drawn in place of a missing value."""

_WIDEST_NAME = 18


class Cached:
    """A renderable that is laid out once per width, not again for its height.

    Parameters
    ----------
    renderable
        What is drawn; it takes the whole width.
    """

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable
        self._drawn: tuple[int, list[Segment]] | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._drawn is None or self._drawn[0] != options.max_width:
            self._drawn = options.max_width, list(console.render(self._renderable, options))
        return self._drawn[1]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(options.max_width, options.max_width)


def side_by_side(
    pairs: Sequence[FieldPair],
    names: tuple[str, str],
    *,
    expanded: bool,
    most: int = 120,
) -> RenderableType:
    """Draw two records side by side, one row per field.

    Parameters
    ----------
    pairs
        The fields.
    names
        Headers of the two columns.
    expanded
        Show values of more than `most` characters in full.
    most
        Characters of a value to show.
    """
    table = Table(box=None, expand=True, padding=(0, 1), show_edge=False, header_style="bold")
    table.add_column("", width=1)
    heads = [printable(pair.name if pair.used else f"({pair.name})") for pair in pairs]
    longest = max(map(cell_len, heads), default=1)
    table.add_column("", width=min(longest, _WIDEST_NAME), no_wrap=True, overflow="ellipsis")
    for name in names:
        table.add_column(Text(name), ratio=7, overflow="fold")
    for head, pair in zip(heads, pairs, strict=True):
        equal = pair.mark in "=~"
        style = "dim" if equal or not pair.used else ""
        table.add_row(
            Text(pair.mark, style="" if equal else "bold"),
            Text(head, style=style),
            _value(pair.left, style, expanded, most),
            _value(pair.right, style, expanded, most),
        )
    return Cached(table)


def _value(spans: Sequence[Span], style: str, expanded: bool, most: int) -> Text:
    if not spans:
        return Text(MISSING, style="dim italic")
    text = Text(style=style)
    for piece, differs in spans:
        text.append(piece, style="bold underline #d08700" if differs else "")
    if not expanded and len(text) > most:
        text.truncate(most)
        text.append("… [x]", style="dim")
    return text
