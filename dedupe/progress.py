"""Callbacks through which stages report their progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Progress of one stage: called with (done, total). A total of 0 means that it is unknown."""

Report = Callable[[str, int, int], None]
"""Progress of a run: called with (stage, done, total). A stage ends where the next one begins."""


def silent(done: int, total: int) -> None:
    """Ignore the progress of a stage."""


def no_report(stage: str, done: int, total: int) -> None:
    """Ignore the progress of a run."""
