"""The terminal: messages, progress bars and log lines; nothing reaches it that it would obey."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from dedupe.io.printable import printable_lines
from dedupe.progress import Report, no_report

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

LOGGER = "dedupe"
"""Name of the logger of the package."""


def console(*, stderr: bool = True) -> Console:
    """Open stderr or stdout for messages, in colour if it is a terminal.

    Text is shown as it is, without markup; characters that a terminal obeys are replaced.
    """
    return _console_class()(stderr=stderr, highlight=False, markup=False, emoji=False)


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print lines of text for people; characters that a terminal obeys are replaced."""
    click.echo(printable_lines(text), err=err, nl=nl)


def echo_data(data: bytes) -> None:
    """Print data for programs on stdout, byte by byte.

    On a terminal, where a person reads it, it is printed as :func:`echo` does.
    """
    if sys.stdout.isatty():
        echo(data.decode(errors="replace"), nl=False)
    else:
        click.echo(data, nl=False)


@cache
def _console_class() -> type[Console]:
    """Make a class of consoles that replace what a terminal would obey; rich is slow to import."""
    from rich.console import Console
    from rich.segment import Segment

    class PrintableConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterator[Segment]:
            for segment in super().render(renderable, options):
                if segment.control:
                    yield segment
                else:
                    yield Segment(printable_lines(segment.text), segment.style)

    return PrintableConsole


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Report]:
    """Show a progress bar for the current stage, if stderr is a terminal."""
    terminal = console()
    if quiet or not terminal.is_terminal:
        yield no_report
        return
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}", markup=False),
        TextColumn("{task.fields[rate]}", markup=False),
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
                tasks[stage] = progress.add_task(stage, total=None, count="", rate="")
            speed = progress.tasks[tasks[stage]].speed
            progress.update(
                tasks[stage],
                completed=done,
                total=total or None,
                count=_count(done, total),
                rate=f"{speed:,.0f}/s" if speed else "",
            )

        yield report


def _count(done: int, total: int) -> str:
    """Write what is done of how much; nothing as long as neither is known."""
    if total:
        return f"{done:,} of {total:,}"
    return f"{done:,}" if done else ""


class _StderrHandler(logging.Handler):
    """Writes log lines to whatever stderr is now: progress bars replace it while they are shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        sys.stderr.write(f"{printable_lines(self.format(record))}\n")


class _Formatter(logging.Formatter):
    """Writes a warning, which everybody sees, like the other lines for the user."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        if record.levelno == logging.WARNING:
            return f"dedupe: {record.getMessage()}"
        return super().format(record)


_handler = _StderrHandler()
_handler.setFormatter(_Formatter("%(levelname)s %(name)s: %(message)s"))


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
