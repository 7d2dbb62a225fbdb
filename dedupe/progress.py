"""Callbacks through which stages report their progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any

Progress = Callable[[int, int], None]
"""Progress of one stage: called with (done, total). A total of 0 means that it is unknown."""

Report = Callable[[str, int, int], None]
"""Progress of a run: called with (stage, done, total). A stage ends where the next one begins."""

SECONDS_BETWEEN = 0.2
"""Shortest time between two changes of a line in a notebook."""


def silent(done: int, total: int) -> None:
    """Ignore the progress of a stage."""


def no_report(stage: str, done: int, total: int) -> None:
    """Ignore the progress of a run."""


class NotebookReport:
    """Shows the progress of runs in a notebook, one line a run; elsewhere it shows nothing."""

    def __init__(self) -> None:
        self._stages: list[str] = []
        self._line: Any = None
        self._shown = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show the stages so far, and how much of the last one is done."""
        if not _in_notebook():
            return
        now = time.monotonic()
        if self._stages[-1:] == [stage]:
            if now - self._shown < SECONDS_BETWEEN and done < total:
                return
        else:
            if not self._stages or stage in self._stages:  # another run has begun
                self._stages, self._line = [], None
            self._stages.append(stage)
        self._shown = now
        self._show(" · ".join(self._stages) + (f" {done:,} of {total:,}" if total else ""))

    def _show(self, text: str) -> None:
        ipython = import_module("IPython.display")  # there in a notebook alone
        html = ipython.HTML(f"<small>{escape(text)}</small>")
        if self._line is None:
            self._line = ipython.display(html, display_id=True)
        else:
            self._line.update(html)


def _in_notebook() -> bool:
    """Tell whether a notebook runs this code: one that imported IPython and has a kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


notebook_report = NotebookReport()
"""The report of functions that are given none."""
