"""Reading and writing tables of any format."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from dedupe.config import DATABASES, FORMATS
from dedupe.errors import InputError, OutputError, needs_extra
from dedupe.io.atomic import output_errors, write_atomically
from dedupe.io.dialect import CSV, Dialect, Table
from dedupe.io.formats.columnar import ARROW, PARSERS, WRITERS
from dedupe.io.formats.compression import decompressed, uncompressed_path
from dedupe.io.formats.csv import csv_bytes, csv_objects, parse_csv
from dedupe.io.formats.database import find_database, read_database
from dedupe.io.formats.database_output import write_duckdb, write_sqlite
from dedupe.io.formats.patches import Patch, patched_text

STDIN = "-"

RESULTS = "results"
"""Name of the database file that holds all tables of a run, without its ending."""

AT_ONCE = 2
"""Tables written at a time; the whole bytes of each are in memory while it is written."""

_ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
    ".ods": "xlsx",
    ".ipc": "ipc",
    ".arrow": "ipc",
    ".arrows": "ipc",
    ".feather": "ipc",
}

_OUTPUT_ENDINGS = {
    **{f".{name}": name for name in FORMATS},
    **{ending: _ENDINGS[ending] for ending in (".tsv", ".pq", ".ndjson", ".arrow", ".feather")},
}

_MAGIC = (
    (b"PAR1", "parquet"),
    (ARROW, "ipc"),
    (b"\xff\xff\xff\xff", "ipc"),
    (b"PK\x03\x04", "xlsx"),
    (b"\xd0\xcf\x11\xe0", "xlsx"),
)

_DATABASE_WRITERS: dict[str, Callable[[Mapping[str, pl.DataFrame], Path], None]] = {
    "sqlite": write_sqlite,
    "duckdb": write_duckdb,
}


def read_table(
    source: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    query: str | None = None,
    rename_duplicates: bool = False,
) -> Table:
    """Read a table from a file or a database, or from stdin if `source` is ``"-"``.

    The ending of the file tells its format; without a known ending, its first bytes do. Only the
    first bytes tell whether it is compressed with gzip or zstd.

    Parameters
    ----------
    source
        Path of a CSV, TSV, Parquet, Arrow IPC, JSON lines or Excel file, or a database as
        :func:`~dedupe.io.formats.database.find_database` takes it.
    encoding, delimiter
        Of text; ``None`` to detect them.
    query
        A SELECT statement, for a database.
    rename_duplicates
        Number columns of delimited text that have the same name, instead of refusing them.

    Raises
    ------
    InputError
        If the file is missing, unreadable, empty, or not a table; the message says what to do.
    """
    name = "stdin" if str(source) == STDIN else Path(source).name
    if (database := find_database(str(source))) is not None:
        return read_database(database, query)
    if query is not None:
        raise InputError(f"{name} is not a database: --query needs one, as sqlite:///path")
    data = sys.stdin.buffer.read() if str(source) == STDIN else _bytes(Path(source))
    digest = hashlib.sha256(data).hexdigest()
    data = decompressed(data, name)
    if not data or data.isspace():
        raise InputError(f"{name} is empty: it needs a header line and rows")
    kind = _format(Path(source), data)
    if kind == "csv":
        frame, dialect = parse_csv(
            data, name, encoding, delimiter, rename_duplicates=rename_duplicates
        )
    else:
        frame, dialect = PARSERS[kind](data, name), replace(CSV, format=kind)
        if frame.is_empty():
            raise InputError(f"{name} has no rows: there is nothing to compare")
    return Table(frame, dialect, digest, name)


def is_table_file(path: Path) -> bool:
    """Tell by its name whether a file holds a table; a hidden file does not."""
    return not path.name.startswith(".") and uncompressed_path(path).suffix.lower() in _ENDINGS


def output_format(path: Path) -> str | None:
    """Tell by its ending the format in which a file is to be written; ``None`` if it is no file.

    A folder that exists is one, whatever its name.
    """
    return None if path.is_dir() else _OUTPUT_ENDINGS.get(path.suffix.lower())


def fingerprint(path: str | Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal.

    Raises
    ------
    InputError
        If the file is missing or cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise _unreadable(Path(path), error) from None
    return digest.hexdigest()


def read_json_objects(source: str | Path = STDIN) -> Iterator[dict[str, Any]]:
    """Iterate over the objects of a JSON lines file, or of stdin (``"-"``).

    Raises
    ------
    InputError
        If the file is missing or cannot be read; while iterating, if a line is not a JSON object.
    """
    if str(source) == STDIN:
        return _json_objects(sys.stdin.buffer, "stdin")
    path = Path(source)
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None

    def lines() -> Iterator[bytes]:
        with file:
            yield from file

    return _json_objects(lines(), path.name)


def _json_objects(lines: Iterable[bytes], name: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InputError(f"{name}, line {number} is not JSON: {error}") from None
        except RecursionError:
            raise InputError(f"{name}, line {number} is nested too deep to be read") from None
        if not isinstance(value, dict):
            raise InputError(f"{name}, line {number} is not a JSON object")
        yield value


def read_csv_objects() -> Iterator[dict[str, Any]]:
    """Iterate over the rows of delimited text in UTF-8 on stdin, by column name.

    The header tells the delimiter. Each row is yielded as soon as its line is there.

    Raises
    ------
    InputError
        While iterating, if the text cannot be read; the message names the line.
    """
    return csv_objects(sys.stdin.buffer, "stdin")


def write_table(
    frame: pl.DataFrame, target: Path, *, format: str, dialect: Dialect, safe_csv: bool = False
) -> None:
    """Write a table atomically; the same frame gives the same bytes.

    Parameters
    ----------
    frame
        The table.
    target
        The file.
    format
        One of :data:`~dedupe.config.FORMATS`.
    dialect
        How text is written.
    safe_csv
        Neutralise text that a spreadsheet would run as a formula.

    Raises
    ------
    OutputError
        If the file cannot be written, or the format cannot hold the values.
    """
    if format in _DATABASE_WRITERS:
        write = _DATABASE_WRITERS[format]
        write_atomically(target, lambda temporary: write({target.stem: frame}, temporary))
        return
    is_text = format == "csv"
    data = csv_bytes(frame, dialect, safe=safe_csv) if is_text else WRITERS[format](frame)
    write_atomically(target, lambda temporary: _write(temporary, [data]))


_PACKAGES = {
    "xlsx": ("excel", "an Excel workbook", "xlsxwriter"),
    "duckdb": ("databases", "DuckDB", "duckdb"),
}
"""Extra, subject of the error and package of each output format that needs one."""


def check_format(format: str) -> None:
    """Check that the package that an output format needs is installed.

    Raises
    ------
    OutputError
        If it is missing; the message names the extra.
    """
    if format in _PACKAGES:
        extra, feature, package = _PACKAGES[format]
        with needs_extra(extra, feature, OutputError):
            import_module(package)


def write_tables(
    tables: Mapping[str, pl.DataFrame | Patch],
    folder: Path,
    *,
    format: str,
    dialect: Dialect,
    safe_csv: bool = False,
    tidy: bool = True,
) -> list[Path]:
    """Write the tables of a run: one file each, or one database file for all.

    Parameters
    ----------
    tables
        Tables by name. A patch needs the file of that name in `folder`, with the table that it
        changes in the same dialect.
    folder
        Folder of the files.
    format, dialect, safe_csv
        As for :func:`write_table`.
    tidy
        Remove tables of these names in other formats, which would no longer agree with these. Turn
        it off in a folder that may hold files of somebody else.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        If a file cannot be written, the format cannot hold the values, or a name would lead out of
        the folder.
    """
    for name in tables:
        if Path(name).name != name or "\\" in name:
            raise OutputError(f"cannot write a table named {name!r}: a name is not a path")
    if format in DATABASES:
        written = [folder / f"{RESULTS}.{format}"]
        write = _DATABASE_WRITERS[format]
        frames = {name: _whole(table) for name, table in tables.items()}
        write_atomically(written[0], lambda temporary: write(frames, temporary))
    else:
        written = [folder / f"{name}.{format}" for name in tables]

        def write_one(table: pl.DataFrame | Patch, target: Path) -> None:
            if isinstance(table, Patch) and format == "csv":
                parts = patched_text(table, target, dialect, safe=safe_csv)
                if parts is not None:
                    write_atomically(target, lambda temporary: _write(temporary, parts))
                    return
            frame = _whole(table)
            write_table(frame, target, format=format, dialect=dialect, safe_csv=safe_csv)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(write_one, tables.values(), written))
    if not tidy:
        return written
    stale = {folder / f"{name}.{other}" for name in tables for other in FORMATS}
    stale |= {folder / f"{RESULTS}.{other}" for other in DATABASES}
    for path in stale.difference(written):
        with output_errors(path):
            path.unlink(missing_ok=True)
    return written


def _whole(table: pl.DataFrame | Patch) -> pl.DataFrame:
    return table.whole() if isinstance(table, Patch) else table


def _write(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    with path.open("wb", buffering=1 << 20) as file:
        file.writelines(parts)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InputError:
    if path.is_dir():
        return InputError(f"{path} is a folder: name a file in it")
    if not path.exists():
        return InputError(f"there is no file {path}")
    return InputError(f"cannot read {path}: {error.strerror}")


def _format(path: Path, data: bytes) -> str:
    known = _ENDINGS.get(uncompressed_path(path).suffix.lower())
    if known is not None:
        return known
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    return "jsonl" if data.lstrip()[:1] == b"{" else "csv"
