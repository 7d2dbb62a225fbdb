"""Reading and writing tables of any format."""

from __future__ import annotations

import hashlib
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from dedupe.config import FORMATS, Config
from dedupe.errors import InputError, OutputError, needs_extra
from dedupe.io.atomic import output_errors, write_atomically, write_bytes_atomically
from dedupe.io.dialect import Dialect, Parsed, Table
from dedupe.io.formats.columnar import (
    ARROW,
    ipc_bytes,
    parquet_bytes,
    parse_ipc,
    parse_parquet,
)
from dedupe.io.formats.compression import ZIP, decompressed, uncompressed_path
from dedupe.io.formats.csv import csv_objects, parse_csv
from dedupe.io.formats.csv_output import csv_bytes
from dedupe.io.formats.database import find_database, read_database
from dedupe.io.formats.database_output import write_duckdb, write_sqlite
from dedupe.io.formats.excel import check_excel, parse_excel, split_sheet, write_excel
from dedupe.io.formats.header import check_width
from dedupe.io.formats.json_lines import json_objects, jsonl_bytes, parse_jsonl

STDIN = "-"

RESULTS = "results"
"""Name of the database or workbook that holds all tables of a run, without its ending."""

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
    (ZIP, "xlsx"),
    (b"\xd0\xcf\x11\xe0", "xlsx"),
)

_PARSERS: dict[str, Callable[[bytes, str, Config], Parsed]] = {
    "csv": parse_csv,
    "parquet": parse_parquet,
    "jsonl": parse_jsonl,
    "xlsx": parse_excel,
    "ipc": parse_ipc,
}

_WRITERS: dict[str, Callable[[pl.DataFrame], bytes]] = {
    "parquet": parquet_bytes,
    "jsonl": jsonl_bytes,
    "ipc": ipc_bytes,
}

_WITH_HEADERS = ("csv", "xlsx")
"""Formats in which the names of the columns are a line like the others."""

_JSON_ARRAY = re.compile(rb"\s*\[\s*[{\]]")

_ONE_FILE_WRITERS: dict[str, Callable[[Mapping[str, pl.DataFrame], Path], None]] = {
    "sqlite": write_sqlite,
    "duckdb": write_duckdb,
    "xlsx": write_excel,
}
"""Writers of the formats that hold all tables of a run in one file."""


def read_table(source: str | Path, *, config: Config | None = None, **options: Any) -> Table:
    """Read a table from a file or a database, or from stdin if `source` is ``"-"``.

    The ending of the file tells its format; without a known ending, its first bytes do. Only the
    first bytes tell whether it is compressed with gzip or zstd.

    Parameters
    ----------
    source
        Path of a CSV, TSV, Parquet, Arrow IPC, JSON (lines or an array of objects) or Excel file
        (with ``::SHEET``), or a database as
        :func:`~dedupe.io.formats.database.find_database` takes it.
    config
        The options of reading are used; defaults if ``None``.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Raises
    ------
    InputError
        If the file is missing, unreadable, empty, or not a table; the message says what to do.
    OptionError
        If an option is wrong.
    """
    config = (config or Config()).with_options(**options)
    if (database := find_database(str(source))) is not None:
        table = read_database(database, config.query)
        check_width(table.frame.width, table.name)
        check_text(table.frame, table.name)
        return table
    file, sheet = split_sheet(str(source))
    path = Path(file)
    name = "stdin" if file == STDIN else path.name
    if config.query is not None:
        raise InputError(f"{name} is not a database: --query needs one, as sqlite:///path")
    data = sys.stdin.buffer.read() if file == STDIN else _bytes(path)
    digest = _with_sheet(hashlib.sha256(data), sheet)
    data = decompressed(data, name, config.max_unpacked)
    if not data or data.isspace():
        raise InputError(f"{name} is empty: it needs a header line and rows")
    kind = _format(path, data)
    if sheet is not None:
        config = replace(config, sheet=sheet)
    parsed = _PARSERS[kind](data, name, config)
    if parsed.frame.is_empty():
        raise InputError(f"{name} has no rows: there is nothing to compare")
    check_width(parsed.frame.width, name)
    check_text(parsed.frame, name)
    notes = parsed.notes + _unused(config, kind, name)
    shown = name if sheet is None else f"{name}::{sheet}"
    place = parsed.first_row, parsed.first_column
    return Table(parsed.frame, parsed.dialect, digest, shown, notes, *place)


def _unused(config: Config, kind: str, name: str) -> tuple[str, ...]:
    """Say which options do not apply to a format."""
    notes = []
    if config.sheet is not None and kind != "xlsx":
        notes.append(f"{name} is not an Excel workbook: --sheet does not apply to it")
    if (config.header_row or config.skip_rows) and kind not in _WITH_HEADERS:
        notes.append(f"{name} has no lines above its header: --header-row does not apply to it")
    return tuple(notes)


def check_text(frame: pl.DataFrame, name: str) -> None:
    """Refuse NUL characters, which delimited text and workbooks cannot hold.

    Raises
    ------
    InputError
        If the name of a column or a value holds one; it names the row and the column.
    """
    for column in frame.columns:
        if "\x00" in column:
            raise InputError(f"{name}: the name of column {column!r} holds a NUL character")
    texts = [column for column, dtype in frame.schema.items() if dtype == pl.String]
    has_nul = pl.col(texts).str.contains("\x00", literal=True).fill_null(False)
    found = frame.select(has_nul.any()).row(0) if texts else ()
    if any(found):
        column = texts[found.index(True)]
        row = int(frame.select(has_nul)[column].arg_max() or 0) + 1
        raise InputError(
            f"{name}, row {row:,}: the value of {column!r} holds a NUL character: remove it"
        )


def is_table_file(path: Path) -> bool:
    """Tell by its name whether a file holds a table; a hidden file does not."""
    return not path.name.startswith(".") and uncompressed_path(path).suffix.lower() in _ENDINGS


def _with_sheet(digest: hashlib._Hash, sheet: str | None) -> str:
    """Return the hash of a file, or of a file and a sheet of it."""
    if sheet is not None:
        digest.update(f"::{sheet}".encode())
    return digest.hexdigest()


def output_format(path: Path) -> str | None:
    """Tell by its ending the format in which a file is to be written; ``None`` if it is no file.

    A folder that exists is one, whatever its name.
    """
    return None if path.is_dir() else _OUTPUT_ENDINGS.get(path.suffix.lower())


def fingerprint(path: str | Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal; of ``book.xlsx::SHEET`` with the sheet.

    Raises
    ------
    InputError
        If the file is missing or cannot be read.
    """
    digest = hashlib.sha256()
    path, sheet = split_sheet(str(path))
    try:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except (OSError, ValueError) as error:
        raise _unreadable(Path(path), error) from None
    return _with_sheet(digest, sheet)


def read_json_objects(source: str | Path = STDIN) -> Iterator[dict[str, Any]]:
    """Iterate over the objects of a JSON lines file, or of stdin (``"-"``).

    Raises
    ------
    InputError
        If the file is missing or cannot be read; while iterating, if a line is not a JSON object.
    """
    if str(source) == STDIN:
        return json_objects(_stdin_lines(), "stdin")
    path = Path(source)
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None

    def lines() -> Iterator[bytes]:
        with file:
            yield from file

    return json_objects(lines(), path.name)


def read_csv_objects(*, header: bool = True) -> Iterator[dict[str, Any]]:
    """Iterate over the rows of delimited text in UTF-8 on stdin, by column name.

    The first line tells the delimiter. Without `header`, it is a row, and the columns are ``c1``,
    ``c2`` and so on. Each row is yielded as soon as its line is there.

    Raises
    ------
    InputError
        While iterating, if the text cannot be read; the message names the line.
    """
    return csv_objects(_stdin_lines(), "stdin", header=header)


def _stdin_lines() -> Iterable[bytes]:
    """Return stdin for a thread to read, with a buffer of its own.

    The interpreter locks the buffer of ``sys.stdin`` when it ends, while the thread may still wait
    for a line.
    """
    raw = getattr(sys.stdin.buffer, "raw", None)
    return sys.stdin.buffer if raw is None else io.BufferedReader(raw)


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
    if format in _ONE_FILE_WRITERS:
        write = _ONE_FILE_WRITERS[format]
        write_atomically(target, lambda temporary: write({target.stem: frame}, temporary))
        return
    is_text = format == "csv"
    data = csv_bytes(frame, dialect, safe=safe_csv) if is_text else _WRITERS[format](frame)
    write_bytes_atomically(target, data)


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
    tables: Mapping[str, pl.DataFrame],
    folder: Path,
    *,
    format: str,
    dialect: Dialect,
    safe_csv: bool = False,
    tidy: bool = True,
) -> list[Path]:
    """Write the tables of a run: one file each, or one database or workbook for all.

    Parameters
    ----------
    tables
        Tables by name.
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
    _check_names(tables)
    if format in _ONE_FILE_WRITERS:
        written = [folder / f"{RESULTS}.{format}"]
        write = _ONE_FILE_WRITERS[format]
        write_atomically(written[0], lambda temporary: write(tables, temporary))
    else:
        written = [folder / f"{name}.{format}" for name in tables]

        def write_one(frame: pl.DataFrame, target: Path) -> None:
            write_table(frame, target, format=format, dialect=dialect, safe_csv=safe_csv)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(write_one, tables.values(), written))
    if not tidy:
        return written
    stale = {folder / f"{name}.{other}" for name in tables for other in FORMATS}
    stale |= {folder / f"{RESULTS}.{other}" for other in _ONE_FILE_WRITERS}
    for path in stale.difference(written):
        with output_errors(path):
            path.unlink(missing_ok=True)
    return written


def _check_names(tables: Iterable[str]) -> None:
    """Refuse names of tables that would lead to a file outside of their folder."""
    for name in tables:
        if name != Path(name).name or "\\" in name or not name.strip("."):
            raise OutputError(f"{name!r} cannot be the name of an output file")


def check_fits(frame: pl.DataFrame, format: str) -> None:
    """Check that an output format can hold the rows of an input, before anything is computed.

    Raises
    ------
    OutputError
        If it cannot; the message says why.
    """
    if format == "xlsx":
        check_excel(frame)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError | ValueError) -> InputError:
    if not isinstance(error, OSError):
        return InputError(f"{str(path)!r} cannot be the name of a file")
    if path.is_dir():
        return InputError(f"{path} is a folder: name a file in it")
    if not path.exists():
        return InputError(f"there is no file {path}")
    return InputError(f"cannot read {path}: {error.strerror}")


def _format(path: Path, data: bytes) -> str:
    ending = uncompressed_path(path).suffix.lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    is_json = data.lstrip()[:1] == b"{" or _JSON_ARRAY.match(data)
    return "jsonl" if is_json or ending == ".json" else "csv"
