"""Renderables of the app: records side by side, bars, numbers. Colour is never the only mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from dedupe.evaluation.estimate import Measure
from dedupe.review.field_differences import FieldPair, Span

MISSING = "—"


_WEIGHTY = 0.5


_WIDEST_NAME = 18


_BLOCKS = " ▁▂▃▄▅▆▇█"


class Once:
    """A renderable that is laid out once for a width, though asked for its height and then drawn.

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
    reasons: Mapping[str, float] | None = None,
    most: int = 120,
) -> RenderableType:
    """Draw two records, a row a field.

    Parameters
    ----------
    pairs
        The fields.
    names
        Heads of the two columns.
    expanded
        Show values over `most` characters in full.
    reasons
        What each field adds to the log odds of a match, by its name.
    most
        Characters of a value that are shown.
    """
    table = Table(box=None, expand=True, padding=(0, 1), show_edge=False, header_style="bold")
    table.add_column("", width=1)
    longest = max((cell_len(pair.name) + 2 * (not pair.used) for pair in pairs), default=1)
    table.add_column("", width=min(longest, _WIDEST_NAME), no_wrap=True, overflow="ellipsis")
    for name in names:
        table.add_column(Text(name), ratio=7, overflow="fold")
    if reasons is not None:
        table.add_column("why", width=6, no_wrap=True, justify="right")
    for pair in pairs:
        dim = pair.mark in "=~"
        style = "dim" if dim or not pair.used else ""
        table.add_row(
            Text(pair.mark, style="" if dim else "bold"),
            Text(pair.name if pair.used else f"({pair.name})", style=style),
            _value(pair.left, style, expanded, most),
            _value(pair.right, style, expanded, most),
            *([] if reasons is None else [_reason(reasons.get(pair.name))]),
        )
    return Once(table)


def _reason(change: float | None) -> Text:
    if change is None:
        return Text("")
    return Text(f"{change:+.1f}", style="bold" if abs(change) >= _WEIGHTY else "dim")


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


def bar(share: float, width: int = 20) -> Text:
    """Draw a share from 0 to 1."""
    filled = round(max(0.0, min(share, 1.0)) * width)
    return Text("█" * filled + "░" * (width - filled))


def histogram(counts: Sequence[int], threshold: float, height: int = 8) -> Text:
    """Draw the numbers of pairs by probability, with the threshold marked below.

    The heights are on a logarithmic scale: clear pairs are thousands of times more than doubtful
    ones.
    """
    from math import log1p

    top = max((log1p(count) for count in counts), default=0.0) or 1.0
    levels = [log1p(count) / top * height for count in counts]
    lines = []
    for row in range(height - 1, -1, -1):
        line = Text("  ")
        for level in levels:
            part = max(0.0, min(level - row, 1.0))
            line.append(_BLOCKS[round(part * 8)] * 3)
        lines.append(line)
    place = min(int(threshold * len(counts)), len(counts) - 1) * 3
    width = len(counts) * 3
    lines.append(Text("  " + "0" + "·" * (width - 2) + "1", style="dim"))
    said = f"threshold {threshold:.2f}"
    before = place - len(said) - 1
    mark = " " * before + said + " ▲" if before >= 0 else " " * place + "▲ " + said
    lines.append(Text("  " + mark, style="bold"))
    return Text("\n").join(lines)


def seconds(value: float | None) -> str:
    """Write a duration for people."""
    if value is None:
        return "…"
    if value < 90:
        return f"{value:.0f} s"
    if value < 5400:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"


def measured(measure: Measure) -> str:
    """Write an estimate and, where there is one, its interval."""
    if measure.low is None or measure.high is None:
        return f"{measure.value:.2f}"
    return f"{measure.value:.2f} ({measure.low:.2f}-{measure.high:.2f})"
