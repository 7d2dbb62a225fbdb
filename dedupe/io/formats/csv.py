"""Reading delimited text (CSV): the dialect is detected, values stay as they are written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy as np
import polars as pl

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.dialect import Dialect, Parsed
from dedupe.io.formats.delimiter import (
    EscapedLines,
    FoundDelimiter,
    find_delimiter,
    header_line,
    quotes_all,
    unlimited_fields,
)
from dedupe.io.formats.encoding import to_utf8
from dedupe.io.formats.header import column_names, data_in_header, placeholder_names

SAMPLE = 1 << 16
"""Characters from which the delimiter and the quoting are detected."""

BLOCK = 1 << 20
"""Bytes checked at a time by :func:`_is_regular`."""

ROWS = 50_000
"""Rows held as Python values at a time by :func:`_read_by_line`."""

_SEPARATOR_LINE = re.compile(rb"sep=([\x01-\x09\x20-\x21\x23-\x7e])\r?\n", re.IGNORECASE)
"""Line above the header by which spreadsheets name the delimiter."""

_DOCUMENTS = {
    "%pdf-": "a PDF document",
    "<!doctype": "a web page",
    "<html": "a web page",
    "<?xml": "an XML document",
    "{\\rtf": "an RTF document",
}
"""Beginnings of text that is no table."""


def parse_csv(data: bytes, name: str, config: Config) -> Parsed:
    """Parse delimited text.

    Parameters
    ----------
    data
        The bytes of the file. They are copied once at most.
    name
        Name of the file in messages.
    config
        The options of reading are used.

    Returns
    -------
    Parsed
        All columns text; empty fields are ``""``.

    Raises
    ------
    InputError
        If the text cannot be decoded, has no header or no rows, or has rows of unequal length.
    """
    data, dialect, notes = to_utf8(data, name, config.encoding)
    if b"\x00" in data:
        line = data.count(b"\n", 0, data.index(b"\x00")) + 1
        raise InputError(
            f"{name} holds a NUL character in line {line}: it is damaged or not text; clean it, or "
            "name its encoding with --encoding"
        )
    data, dialect = _with_line_feeds(data, dialect)
    skipped = config.skip_rows if config.header_row is None else config.header_row - 1
    if not skipped and (separator := _SEPARATOR_LINE.match(data)):
        skipped, named = 1, separator[1].decode()
        config = config.with_options(delimiter=config.delimiter or named)
    data = _below(data, skipped, name)
    # A character has four bytes at most, and the last one may be cut.
    head = data[: 4 * SAMPLE].decode(errors="ignore")[:SAMPLE]
    if not head.strip() and not data.decode().strip():
        raise InputError(f"{name} is empty: it needs a header line and rows")
    if dialect.newline != "\r" and _ends_with_return(head):
        dialect = replace(dialect, newline="\r\n")
    for begin, kind in _DOCUMENTS.items():
        if head.lstrip()[: len(begin)].lower() == begin:
            raise InputError(f"{name} is {kind}, not a table: export the table as CSV or Excel")
    sample = _sample(data, head)
    found = find_delimiter(sample)
    dialect = replace(dialect, delimiter=config.delimiter or found.delimiter)
    dialect = replace(dialect, quote_all=quotes_all(sample, dialect))
    first = next(_rows(_lines_of(sample), name, dialect, skipped))
    has_header = config.header is not False
    if has_header:
        names = column_names(first, name, rename_duplicates=config.rename_duplicates)
    else:
        names = placeholder_names(len(first))
    frame = _read(data, name, dialect, names, skipped, sample).slice(int(has_header))
    if frame.is_empty():
        what = "one line of text" if frame.width == 1 else "a header and no rows"
        raise InputError(f"{name} has {what}: it needs a header line and rows")
    if config.delimiter is None:
        notes += _delimiter_notes(found, frame.width, name)
    if config.header is None:
        notes += data_in_header(first, frame, name)
    return Parsed(frame, dialect, notes)


def csv_objects(lines: Iterable[bytes], name: str, *, header: bool = True) -> Iterator[Any]:
    """Yield the rows of delimited text in UTF-8 by column name, each as soon as its line is there.

    Parameters
    ----------
    lines
        The lines with their ends.
    name
        Name of the text in messages.
    header
        Whether the first line holds the names of the columns; else they are ``c1``, ``c2`` …

    Raises
    ------
    InputError
        If a line cannot be decoded, or a row is not as wide as the first; it names the line.
    """
    decoded = _decoded(lines, name)
    head = []
    for line in decoded:
        head.append(line)
        if line.strip():
            break
    else:
        return
    dialect = Dialect(delimiter=find_delimiter(head[-1]).delimiter)
    rows = _rows(chain(head, decoded), name, dialect)
    first = next(rows)
    names = column_names(first, name) if header else placeholder_names(len(first))
    for row in rows if header else chain([first], rows):
        yield dict(zip(names, row, strict=True))


def _delimiter_notes(found: FoundDelimiter, width: int, name: str) -> tuple[str, ...]:
    """Say that another delimiter would fit as well."""
    if not found.others:
        return ()
    others = " or ".join(repr(other) for other in found.others)
    if width == 1:
        return (
            f"{name} is read as one column: if {others} separates its fields, say so with "
            "--delimiter",
        )
    return (
        f"{name} is read with {found.delimiter!r} between fields, but {others} would fit as well: "
        "name it with --delimiter",
    )


def _with_line_feeds(data: bytes, dialect: Dialect) -> tuple[bytes, Dialect]:
    r"""Replace the line ends of text in which only ``\r`` ends lines; those in quotes stay."""
    returns = data.count(b"\r")
    if not returns or returns == data.count(b"\r\n"):
        return data, dialect
    points = np.frombuffer(data, dtype=np.uint8)
    outside = np.bitwise_xor.accumulate((points == ord('"')).view(np.uint8)) == 0
    if (outside & (points == ord("\n"))).any():
        return data, dialect
    ends = outside & (points == ord("\r"))
    if not ends.any():
        return data, dialect
    replaced = np.where(ends, np.uint8(ord("\n")), points).tobytes()
    return replaced, replace(dialect, newline="\r")


def _ends_with_return(head: str) -> bool:
    r"""Tell whether the first line that does not end within quotes ends with ``\r\n``."""
    quotes, counted, end = 0, 0, -1
    while (end := head.find("\n", end + 1)) >= 0:
        quotes, counted = quotes + head.count('"', counted, end), end
        if quotes % 2 == 0:
            return head[:end].endswith("\r")
    return False


def _below(data: bytes, skipped: int, name: str) -> bytes:
    """Leave out lines at the beginning."""
    start = 0
    for _ in range(skipped):
        end = data.find(b"\n", start)
        if end < 0:
            raise InputError(f"{name} has no line {skipped + 1:,}: give a smaller --header-row")
        start = end + 1
    return data[start:] if start else data


def _lines_of(text: str) -> io.StringIO:
    r"""Iterate over lines that end with ``\n``."""
    return io.StringIO(text, newline="\n")


def _read(
    data: bytes, name: str, dialect: Dialect, names: Sequence[str], skipped: int, sample: str
) -> pl.DataFrame:
    """Read all lines, the first included."""
    if _is_regular(data, dialect, len(names)):
        try:
            return pl.read_csv(
                _without_blank_end(data),
                separator=dialect.delimiter,
                has_header=False,
                schema=dict.fromkeys(names, pl.String),
                empty_string_is_null=False,
                extra_columns="raise",
                missing_columns="raise",
            )
        except pl.exceptions.PolarsError:
            pass
    # The csv module is slower, but it skips blank lines and its errors name the line.
    remedy = "mend the line, or name the delimiter with --delimiter"
    header = header_line(sample, dialect.delimiter)
    if header is not None:
        remedy = f"if line {header + skipped} is the header, use --header-row {header + skipped}"
    return _read_by_line(data, name, dialect, names, skipped, remedy)


def _without_blank_end(data: bytes) -> bytes:
    """Remove blank lines at the end; one line break may stay, which saves a copy."""
    end = _end(data)
    if data[end:] in (b"", b"\n", b"\r\n"):
        return data
    return data[:end]


def _end(data: bytes) -> int:
    """Count the bytes before the line breaks at the end."""
    end = len(data)
    while end and data[end - 1] in b"\r\n":
        end -= 1
    return end


def _is_regular(data: bytes, dialect: Dialect, width: int) -> bool:
    """Tell whether each record has `width` fields and no line is blank.

    polars pads short records without an error, and reads a blank line as a record. A delimiter or
    line break is within quotes if the number of quotes before it is odd.
    """
    if len(dialect.delimiter.encode()) > 1:
        return False
    points = np.frombuffer(data, dtype=np.uint8)[: _end(data)]
    delimiter, newline, quote = ord(dialect.delimiter), ord("\n"), ord('"')
    in_quotes = False
    fields = 0  # delimiters since the last line break
    last_end = -1  # position of the last line break
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK]
        marks = np.flatnonzero((block == delimiter) | (block == newline))
        quotes = block == quote
        if in_quotes or quotes.any():
            inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)) ^ in_quotes
            marks = marks[inside[marks] == 0]
            in_quotes = bool(inside[-1])
        ends = np.flatnonzero(block[marks] == newline)
        if not len(ends):
            fields += len(marks)
            continue
        widths = np.diff(ends, prepend=-1 - fields)
        lengths = np.diff(start + marks[ends], prepend=last_end)
        if (widths != width).any() or (width == 1 and (lengths <= 2).any()):
            return False
        fields = len(marks) - 1 - int(ends[-1])
        last_end = start + int(marks[ends[-1]])
    last_is_regular = fields + 1 == width and (width > 1 or len(points) - last_end > 2)
    return last_is_regular and not in_quotes


def _read_by_line(
    data: bytes, name: str, dialect: Dialect, names: Sequence[str], skipped: int, remedy: str
) -> pl.DataFrame:
    lines = io.TextIOWrapper(io.BytesIO(data[: _end(data)]), encoding="utf-8", newline="\n")
    rows = _rows(lines, name, dialect, skipped, remedy)
    schema = dict.fromkeys(names, pl.String)
    frames = [pl.DataFrame(schema=schema)]
    while part := list(islice(rows, ROWS)):
        frames.append(pl.DataFrame(part, schema=schema, orient="row"))
    return pl.concat(frames)


def _rows(
    lines: Iterable[str],
    name: str,
    dialect: Dialect,
    skipped: int = 0,
    remedy: str = "mend the line",
) -> Iterator[list[str]]:
    """Yield the rows of delimited text, the header included, without blank lines.

    Raises
    ------
    InputError
        If a row is not as wide as the first, or a quote is missing; it names the line, counted
        from the `skipped` ones.
    """
    escaped = EscapedLines(lines)
    reader = csv.reader(escaped, delimiter=dialect.delimiter, strict=True)
    width, begin = 0, 1 + skipped
    try:
        while True:
            with unlimited_fields():
                row = next(reader, None)
            if row is None:
                return
            if row:
                width = width or len(row)
                if len(row) != width:
                    fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
                    raise InputError(
                        f"{name}, line {begin}: {fields} where the header has {width}; {remedy}"
                    )
                yield escaped.restored(row)
            begin = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise InputError(f"{name}, line {begin}: {error}; a quote may be missing there") from None


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if b"\x00" in line:
            raise InputError(f"{name}, line {number} holds a NUL character: remove it")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{name}, line {number} is not UTF-8: convert it first") from None


def _sample(data: bytes, head: str) -> str:
    """Return `head`, the beginning of the text, extended to the end of a record."""
    end = len(head.encode())
    if end == len(data):
        return head
    quotes, counted = 0, 0
    while (end := data.find(b"\n", end)) >= 0:
        quotes, counted = quotes + data.count(b'"', counted, end), end
        end += 1
        if quotes % 2 == 0:
            return data[:end].decode()
    return data.decode()
