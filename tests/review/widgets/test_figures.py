"""Figures as bars, charts and text."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.text import Text

from dedupe.evaluation.estimate import Measure
from dedupe.review.widgets.figures import duration, estimated, histogram, with_bar


def drawn(renderable: object) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.mark.parametrize(("share", "blocks"), [(0.0, 0), (0.5, 8), (1.0, 16), (2.0, 16)])
def test_a_bar_is_as_long_as_the_share_without_colour_too(share: float, blocks: int) -> None:
    line = drawn(with_bar(Text("before"), share, Text("after"), width=16))
    assert line.startswith("before") and line.rstrip().endswith("after")
    assert line.count("█") == blocks


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.99, 1.0])
def test_the_histogram_marks_the_bar_of_the_threshold(threshold: float) -> None:
    counts = [1_000, *[0] * 18, 10]
    *bars, axis, mark = histogram(counts, threshold).plain.splitlines()
    assert len(bars) == 8 and bars[0].count("█") == 3  # only the highest bar reaches the top
    assert f"threshold {threshold:.2f}" in mark
    place = mark.index("▲") - 2
    assert place // 3 == min(int(threshold * 20), 19)
    assert len(axis) == 2 + 3 * 20


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "…"), (0, "0 s"), (89, "89 s"), (600, "10 min"), (9_000, "2.5 h")]
)
def test_durations_have_their_natural_unit(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_an_estimate_is_shown_with_its_interval() -> None:
    assert estimated(Measure(0.5, 0.25, 0.75)) == "0.50 (0.25-0.75)"
    assert estimated(Measure(0.5, None, None)) == "0.50"
    assert estimated(Measure(0.5, known=False)) == "not known"
