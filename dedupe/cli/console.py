"""The terminal: consoles, progress bars and plain tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from dedupe.config import DATABASES
from dedupe.errors import OptionError
from dedupe.progress import Report, no_report

if TYPE_CHECKING:
    from rich.console import Console

    from dedupe.pipeline.result import Result


def console(**options: Any) -> Console:
    """Return what prints to stderr, in colour where that is a terminal that wants it."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, **options)


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Report]:
    """Show a bar a stage on stderr, when that is a terminal."""
    say = console()
    if quiet or not say.is_terminal:
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
        console=say,
        transient=True,
    ) as progress:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            for name, task in tasks.items():
                if name != stage:
                    progress.update(task, visible=False)
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=None, rate="")
            speed = progress._tasks[tasks[stage]].speed
            progress.update(
                tasks[stage],
                completed=done,
                total=total or None,
                rate=f"{speed:,.0f}/s" if speed else "",
            )

        yield report


def one_table_a_file(format: str | None) -> None:
    """Check that a format holds one table a file, so that one of them can be printed."""
    if format in DATABASES:
        raise OptionError(f"{format} is one file of all tables: name a folder with -o, not -")


def print_table(result: Result, table: str) -> None:
    """Print one table of a result to stdout, as it was written."""
    assert result.workspace is not None
    format = result.summary["config"]["format"]
    one_table_a_file(format)
    if f"{table}.{format}" not in result.summary["outputs"]:
        raise OptionError(f"there is no table {table!r}: it is one of linked tables")
    if format in ("parquet", "xlsx", "ipc") and sys.stdout.isatty():
        raise OptionError(f"{format} is not for a terminal: redirect stdout to a file")
    data = (result.workspace / f"{table}.{format}").read_bytes()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def counted(counts: Mapping[str, int], names: Sequence[str]) -> str:
    """Name counts that are not 0, in the order of `names`."""
    return ", ".join(f"{counts[name]:,} {name}" for name in names if counts[name]) or "none"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Name a few things, and say how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def print_rows(heads: Sequence[str], lines: Sequence[Sequence[str]], right: Sequence[int]) -> None:
    """Print a table to stdout: folded to the width of a terminal, in full where it is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 10_000
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, head in enumerate(heads):
        table.add_column(
            head, justify="right" if place in right else "left", overflow="fold",
            no_wrap=not console.is_terminal,
        )  # fmt: skip
    for line in lines:
        table.add_row(*(Text(printable(value)) for value in line))
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(one.rstrip() for one in captured.get().splitlines()))


def printable(value: str) -> str:
    """Return text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(value.split()))


def short(value: str, most: int = 40) -> str:
    """Cut a long value."""
    return value if len(value) <= most else value[: most - 1] + "…"
