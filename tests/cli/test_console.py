"""Progress on a terminal."""

from __future__ import annotations

import sys

import pytest

from dedupe.cli.console import progress_bars
from dedupe.progress import no_report


def test_progress_names_the_stage_and_the_counts_that_are_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress_bars(quiet=False) as report:
        report("loading the model", 0, 0)
        report("score", 0, 1_234)
        report("score", 617, 1_234)
    shown = capsys.readouterr().err
    assert "score" in shown and "617 of 1,234" in shown and "0/?" not in shown


def test_nothing_is_reported_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with progress_bars(quiet) as report:
            assert report is no_report
            report("score", 1, 2)
    assert capsys.readouterr() == ("", "")
