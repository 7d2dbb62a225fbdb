"""Results on stdout or in one file: JSON lines, aligned rows and output tables."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dedupe.cli.console import console, echo, echo_data, progress_bars
from dedupe.config import DATABASES
from dedupe.errors import InputError, OptionError
from dedupe.io.printable import printable

if TYPE_CHECKING:
    import polars as pl

    from dedupe.pipeline.results.result import Result

STDOUT = "-"
"""Name of stdout where a file or folder is expected."""

TABLES = ("merged", "clusters", "removed", "pairs")
"""Output tables of every run."""

LINK_TABLES = (*TABLES, "matches")
"""Output tables of linked inputs, besides the rows without a match of each."""

BINARY_FORMATS = ("parquet", "xlsx", "ipc")
"""Output formats that a terminal cannot show."""


PRINTED_DIGITS = 6
"""Decimal places of the probabilities that ``match`` and ``score`` print."""


def json_line(value: Mapping[str, Any]) -> str:
    """Write an object as one line of JSON.

    Numbers that were read from JSON are written as they were. So are characters, except those that
    a terminal obeys (see :mod:`dedupe.io.printable`) and halves of surrogate pairs, which UTF-8
    cannot encode: they are escaped.

    Raises
    ------
    InputError
        If a value is nested too deep.
    """
    from dedupe.io.formats.json_lines import json_text

    try:
        line = json_text(value)
    except RecursionError:
        raise InputError("a value is nested too deep to be written") from None
    if not line.isprintable():
        # They are all in strings: the rest of a line of JSON is ASCII that is shown.
        line = "".join(c if _is_shown(c) else json.dumps(c)[1:-1] for c in line)
    return line + "\n"


def _is_shown(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def print_json(value: Mapping[str, Any]) -> None:
    """Print an object as one line of JSON in UTF-8."""
    echo_data(json_line(value).encode())


def print_csv(frame: pl.DataFrame, *, safe: bool) -> None:
    """Print a frame as CSV in UTF-8; `safe` as for :func:`~dedupe.io.tables.write_table`."""
    from dedupe.io.dialect import CSV
    from dedupe.io.formats.csv_output import csv_bytes

    echo_data(csv_bytes(frame, CSV, safe=safe))


def print_rows(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()
) -> None:
    """Print a table: folded to the width of a terminal, or in full if stdout is none.

    Parameters
    ----------
    header
        Names of the columns.
    rows
        Values of each row.
    right
        Numbers of the columns that are aligned to the right.
    """
    rows = [[printable(" ".join(value.split())) for value in row] for row in rows]
    terminal = console(stderr=False)
    if not terminal.is_terminal:
        for line in _aligned([header, *rows], right):
            echo(line)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    terminal.print(table)


def _aligned(rows: Sequence[Sequence[str]], right: Collection[int]) -> list[str]:
    """Pad the values of each column to the same number of terminal cells."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for number, (value, width) in enumerate(zip(row, widths, strict=True)):
            padding = " " * (width - cell_len(value))
            cells.append(padding + value if number in right else value + padding)
        lines.append("  ".join(cells).rstrip())
    return lines


def print_output_table(
    compute: Callable[..., Result], table: str, *, format: str | None, as_json: bool, quiet: bool
) -> None:
    """Compute a result in a temporary workspace, and print one of its tables.

    Parameters
    ----------
    compute
        Called with the ``output`` folder and a ``report`` of progress.
    table
        One of :data:`LINK_TABLES`.
    format
        Output format, if it is set on the command line.
    as_json, quiet
        Flags of the command.

    Raises
    ------
    OptionError
        If the table or its format cannot be printed.
    """
    if as_json:
        raise OptionError("--json and -o - both print to stdout: use one of them")
    _check_one_table_per_file(format)
    with TemporaryDirectory(prefix="dedupe-") as folder:
        with progress_bars(quiet) as report:
            result = compute(output=str(Path(folder) / "workspace"), report=report)
        _print_file(result, table)


def output_file(
    output: str | None, inputs: Sequence[str], options: Mapping[str, Any]
) -> Path | None:
    """Return the file that ``-o`` names; ``None`` if it names a folder, or nothing.

    Raises
    ------
    OptionError
        If it is an input, its folder is missing, or ``--format`` names another format than its
        ending.
    """
    from dedupe.io.tables import check_format, output_format

    if output is None:
        return None
    file = Path(output)
    format = output_format(file)
    if format is None:
        return None
    if any(file.resolve() == Path(name).resolve() for name in inputs):
        raise OptionError(f"-o {output} is an input, which is never written to: name another file")
    if options.get("format", format) != format:
        raise OptionError(
            f"--format {options['format']} and -o {output} contradict each other: the ending of "
            "the file tells its format"
        )
    if not file.parent.is_dir():
        raise OptionError(f"cannot write {output}: there is no folder {file.parent}")
    check_format(format)
    return file


def _check_one_table_per_file(format: str | None) -> None:
    if format in DATABASES:
        raise OptionError(f"{format} is one file of all tables: name a folder with -o, not -")


def _print_file(result: Result, table: str) -> None:
    """Print a table as it was written. The format may come from the workspace or a TOML file."""
    assert result.workspace is not None
    format = result.summary["config"]["format"]
    _check_one_table_per_file(format)
    file = result.workspace / f"{table}.{format}"
    if table not in result.outputs.tables():
        raise OptionError(f"there is no table {table!r}: only linked tables have one")
    if format in BINARY_FORMATS and sys.stdout.isatty():
        raise OptionError(f"{format} is a binary format: redirect stdout to a file")
    if file.name not in result.summary["outputs"]:  # it is a sheet of a workbook
        result.write(file, table)
    echo_data(file.read_bytes())
