"""The terminal on stderr: messages, progress bars and log lines."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dedupe.progress import Report, no_report

if TYPE_CHECKING:
    from rich.console import Console

LOGGER = "dedupe"
"""Name of the logger of the package."""


def console(**options: Any) -> Console:
    """Open stderr for messages, in colour if it is a terminal."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, **options)


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Report]:
    """Show a progress bar for the current stage, if stderr is a terminal."""
    terminal = console()
    if quiet or not terminal.is_terminal:
        yield no_report
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
    ) as progress:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            for name, task in tasks.items():
                if name != stage:
                    progress.update(task, visible=False)
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=None, rate="")
            speed = progress.tasks[tasks[stage]].speed
            progress.update(
                tasks[stage],
                completed=done,
                total=total or None,
                rate=f"{speed:,.0f}/s" if speed else "",
            )

        yield report


class _StderrHandler(logging.Handler):
    """Writes log lines to whatever stderr is now: progress bars replace it while they are shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        sys.stderr.write(f"{self.format(record)}\n")


_handler = _StderrHandler()
_handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))


def log_to_stderr(level: int) -> None:
    """Write log messages of the package to stderr, from a level upwards."""
    logger = logging.getLogger(LOGGER)
    logger.setLevel(level)
    logger.addHandler(_handler)


def stop_logging() -> None:
    """Undo :func:`log_to_stderr`."""
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(_handler)


@contextmanager
def logging_paused() -> Iterator[None]:
    """Write no log messages while an app draws on the terminal."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
