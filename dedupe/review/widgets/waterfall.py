"""The steps of an explanation, from the start value to the probability shown."""

from __future__ import annotations

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from dedupe.report.field_differences import one_line
from dedupe.scoring.explanation.pair import Explanation

BAR_WIDTH = 13
"""Characters of the bar of a step, with the middle for no change; odd."""
WITH_BARS = 70
"""Characters of a line from which there is room for bars."""
LARGEST = 3.0
"""Log odds that fill half of a bar."""


def waterfall(found: Explanation, width: int) -> Table:
    """Draw one line per step: what it is, what it changes, and the probability after it.

    On a screen with a `width` below :data:`WITH_BARS`, there are no bars.
    """
    table = Table(box=None, expand=True, padding=(0, 1), show_edge=False, header_style="dim")
    table.add_column("why", ratio=2, overflow="fold")
    if with_bars := width >= WITH_BARS:
        table.add_column("", width=BAR_WIDTH)
    table.add_column("log odds", width=8, justify="right", no_wrap=True)
    table.add_column("p", width=5, justify="right", no_wrap=True)
    table.add_column("evidence", ratio=5, overflow="fold")
    table.add_row(
        Text("start", style="dim"),
        *[""] * with_bars,
        f"{found.start:+.2f}",
        f"{found.start_probability:.2f}",
        Text("a candidate pair of which nothing is known", style="dim"),
    )
    for step, probability in zip(found.steps, found.running(), strict=True):
        table.add_row(
            Text(one_line(step.label)),
            *[_bar(step.log_odds)] * with_bars,
            Text(f"{step.log_odds:+.2f}", style="bold" if abs(step.log_odds) >= 0.5 else "dim"),
            f"{probability:.2f}",
            Text(one_line(step.text)),
        )
    return table


def _bar(log_odds: float) -> Bar:
    """Draw a change to the right of the middle if it is for a match, otherwise to the left."""
    end = max(-1.0, min(log_odds / LARGEST, 1.0))
    return Bar(2, 1 + min(end, 0.0), 1 + max(end, 0.0), width=BAR_WIDTH)
