"""Random tables, and files of every format that hold them."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import xlsxwriter

WORDS = (
    "ann", "Müller", "O'Neil", "Łódź", "東京都", "Иван", "محمد", "🦊", "e\u0301", "New York",
    "x", "N/A", "null", "NULL", "true", "007", "1.10", "2", "2.5", "-5", "1e5",
    "+1 (555) 0100", "=1+1", "ann@example.com", "2020-01-02", "A;B", "a,b", "tab\there",
    "pipe|d", 'say "hi"', '"', "'", "\\", "two\nlines", "cr\rhere", "crlf\r\nhere", "\n",
    "\r", " ", "  lead", "trail  ", "\u00a0", "\u200b", "\u2028", "\u0085", "\x01", "\x1f",
    "\x7f", "\ufeff", "\ue000", "\ufffd", "#", "sep=;", "{", "[1]", "_x0041_", "_xFFFE_",
    "<b>&amp;", "\x1b[31m", "a:b", "9007199254740993", "0" * 40, "x" * 300,
)  # fmt: skip
"""Values that readers and writers are known to stumble over."""

NAMES = (
    "name", "city", "Name", "e-mail", "Straße", "価格", "a b", "a,b", "a;b", 'q"q', "line\nbreak",
    "[/]", "=x", "date", "phone", "cluster_id", "source", "1", "x" * 60, "\ue000", "key\ttab",
)  # fmt: skip

DELIMITERS = (",", ";", "\t", "|")


@dataclass
class Case:
    """A file, and what it holds.

    Parameters
    ----------
    path
        The file, or database and table, as a command takes it.
    columns, rows
        Names of the columns, and the text of each value.
    options
        Options of reading that the file needs.
    dialect
        What the reader must find out about delimited text.
    """

    path: str
    columns: list[str]
    rows: list[tuple[str, ...]]
    options: dict[str, Any] = field(default_factory=dict)
    dialect: dict[str, Any] = field(default_factory=dict)


def make_case(rng: Random, folder: Path) -> Case:
    """Write a file of a random format with a random table."""
    columns, rows = make_rows(rng)
    write = rng.choice(WRITERS)
    return write(rng, folder, columns, rows)


def make_rows(rng: Random) -> tuple[list[str], list[tuple[str, ...]]]:
    """Make the names of the columns and the values; the first column is never empty."""
    width = rng.choice((2, 2, 3, 4, 6, 9, 40))
    names = [*rng.sample(NAMES, min(width - 1, len(NAMES)))]
    names += [f"c{n}" for n in range(len(names), width - 1)]
    columns = ["id", *names]
    height = rng.choice((1, 2, 3, 8, 30))
    rows = [(f"r{n}", *(make_value(rng) for _ in names)) for n in range(height)]
    return columns, rows


def make_value(rng: Random) -> str:
    """Make a value: a difficult one, several of them, random characters, or a very long one."""
    kind = rng.random()
    if kind < 0.15:
        return ""
    if kind < 0.6:
        return rng.choice(WORDS)
    if kind < 0.9:
        return rng.choice(("", " ", ", ")).join(rng.choice(WORDS) for _ in range(3))
    if kind < 0.999:
        points = (rng.choice((0x20, 0xA0, 0x3000, 0x10000)) for _ in range(rng.randrange(8)))
        return "".join(chr(first + rng.randrange(95)) for first in points)
    return rng.choice('a,;"\t') * 140_000 + "z"


def write_csv(rng: Random, folder: Path, columns: list[str], rows: list[tuple[str, ...]]) -> Case:
    """Write delimited text in a random dialect; line ends of any kind are in quotes."""
    dialect = {
        "delimiter": rng.choice(DELIMITERS),
        "quote_all": rng.random() < 0.3,
        "newline": rng.choice(("\n", "\n", "\r\n", "\r")),
        "encoding": rng.choice(("utf-8", "utf-8", "utf-8", "utf-16-le", "utf-16-be")),
    }
    dialect["bom"] = dialect["encoding"] != "utf-8" or rng.random() < 0.2
    special = {"\r", "\n", '"', dialect["delimiter"]}

    def field(value: str) -> str:
        if dialect["quote_all"] or special.intersection(value):
            return '"' + value.replace('"', '""') + '"'
        return value

    lines = [dialect["delimiter"].join(map(field, row)) for row in [columns, *rows]]
    text = "".join(line + dialect["newline"] for line in lines)
    data = (("\ufeff" if dialect["bom"] else "") + text).encode(dialect["encoding"])
    options = {"delimiter": dialect["delimiter"]} if rng.random() < 0.2 else {}
    return Case(_packed(rng, folder / "x.csv", data), columns, rows, options, dialect)


def write_json(rng: Random, folder: Path, columns: list[str], rows: list[tuple[str, ...]]) -> Case:
    """Write JSON lines, or an array, with the json module; some columns hold numbers."""
    values: list[list[Any]] = [list(row) for row in rows]
    for place in range(1, len(columns)):
        if rng.random() < 0.2:
            numbers = rng.choice(
                ((1, 22, 333), (0.5, 2.25, 1e300), (1, 2.5, True), (2**53 + 1, -0.5))
            )
            for row in values:
                row[place] = rng.choice(numbers)
    texts = [
        tuple(value if isinstance(value, str) else json.dumps(value) for value in row)
        for row in values
    ]
    ascii_only = rng.random() < 0.5
    lines = [
        json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=ascii_only) for row in values
    ]
    is_array = rng.random() < 0.3
    text = "[" + ",\n ".join(lines) + "]" if is_array else "\n".join(lines) + "\n"
    path = folder / ("x.json" if is_array else "x.jsonl")
    return Case(_packed(rng, path, text.encode()), columns, texts)


def write_arrow(rng: Random, folder: Path, columns: list[str], rows: list[tuple[str, ...]]) -> Case:
    """Write Parquet or Arrow IPC."""
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    if rng.random() < 0.5:
        frame.write_parquet(folder / "x.parquet")
        return Case(str(folder / "x.parquet"), columns, rows)
    frame.write_ipc(folder / "x.arrow")
    return Case(str(folder / "x.arrow"), columns, rows)


def write_excel(rng: Random, folder: Path, columns: list[str], rows: list[tuple[str, ...]]) -> Case:
    """Write a workbook of one sheet or two; cells of more than 32,767 characters are cut."""
    rows = [tuple(value[:32_767] for value in row) for row in rows]
    path, named = folder / "x.xlsx", rng.random() < 0.3
    with xlsxwriter.Workbook(
        path, {"strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        if named:
            book.add_worksheet("Cover")
        sheet = book.add_worksheet("Data")
        for number, row in enumerate([columns, *rows]):
            for place, value in enumerate(row):
                if value:
                    sheet.write_string(number, place, value)
    return Case(f"{path}::Data" if named else str(path), columns, rows)


def write_sqlite(
    rng: Random, folder: Path, columns: list[str], rows: list[tuple[str, ...]]
) -> Case:
    """Write an SQLite file of one table."""
    lower = [name.lower() for name in columns]
    keep = [n for n, name in enumerate(lower) if lower.index(name) == n]
    columns = [columns[n] for n in keep]
    rows = [tuple(row[n] for n in keep) for row in rows]
    names = ", ".join('"' + name.replace('"', '""') + '" TEXT' for name in columns)
    with closing(sqlite3.connect(folder / "x.db")) as connection, connection:
        connection.execute(f"CREATE TABLE t ({names})")
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO t VALUES ({marks})", rows)
    return Case(f"{folder / 'x.db'}::t", columns, rows)


_Writer = Callable[[Random, Path, list[str], list[tuple[str, ...]]], Case]
WRITERS: tuple[_Writer, ...] = (
    write_csv, write_csv, write_csv, write_json, write_json, write_arrow, write_excel, write_sqlite,
)  # fmt: skip


def _packed(rng: Random, path: Path, data: bytes) -> str:
    """Write bytes plain, or compressed with gzip or zstd."""
    kind = rng.random()
    if kind < 0.1:
        path, data = path.with_name(f"{path.name}.gz"), gzip.compress(data, 1)
    elif kind < 0.2:
        path = path.with_name(f"{path.name}.zst")
        data = pa.compress(data, codec="zstd", asbytes=True)
    path.write_bytes(data)
    return str(path)
