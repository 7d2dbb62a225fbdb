"""Figures as bars, charts and text."""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from dedupe.evaluation.estimate import Measure

_BLOCKS = " ▁▂▃▄▅▆▇█"

BIN_WIDTH = 3
"""Widest bar of the histogram, in columns."""


def with_bar(before: Text, share: float, after: Text, width: int = 16) -> Table:
    """Draw a line of text with a bar in it that is filled by a share from 0 to 1."""
    line = Table.grid(padding=(0, 1))
    line.add_row(before, Bar(1, 0, share, width=width, bgcolor="bright_black"), after)
    return line


def histogram(
    counts: Sequence[int], threshold: float, height: int = 8, bin_width: int = BIN_WIDTH
) -> Text:
    """Draw the number of pairs by probability, and the threshold below.

    The scale is logarithmic: clear pairs are thousands of times as many as doubtful ones.
    """
    highest = max((log1p(count) for count in counts), default=0.0) or 1.0
    levels = [log1p(count) / highest * height for count in counts]
    lines = []
    for row in range(height - 1, -1, -1):
        line = Text("  ")
        for level in levels:
            filled = max(0.0, min(level - row, 1.0))
            line.append(_BLOCKS[round(filled * 8)] * bin_width)
        lines.append(line)
    width = len(counts) * bin_width
    lines.append(Text("  0" + "·" * (width - 2) + "1", style="dim"))
    place = min(int(threshold * len(counts)), len(counts) - 1) * bin_width
    label = f"threshold {threshold:.2f}"
    before = place - len(label) - 1
    mark = " " * before + label + " ▲" if before >= 0 else " " * place + "▲ " + label
    lines.append(Text("  " + mark, style="bold"))
    return Text("\n").join(lines)


def duration(seconds: float | None) -> str:
    """Format a duration in its natural unit."""
    if seconds is None:
        return "…"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def estimated(measure: Measure) -> str:
    """Format an estimate with its interval, if it has one."""
    if not measure.known:
        return "not known"
    if measure.low is None or measure.high is None:
        return f"{measure.value:.2f}"
    return f"{measure.value:.2f} ({measure.low:.2f}-{measure.high:.2f})"
