"""Delimited text (CSV): the dialect is detected, values stay as they are written."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy as np
import polars as pl

from dedupe.errors import InputError, OutputError
from dedupe.io.dialect import Dialect
from dedupe.io.formats.encoding import to_utf8
from dedupe.records import column_text

DELIMITERS = (",", ";", "\t", "|")

SAMPLE = 1 << 16
"""Characters from which the delimiter and the quoting are detected."""

BLOCK = 1 << 20
"""Bytes checked at a time by :func:`_is_regular`."""

ROWS = 50_000
"""Rows held as Python values at a time by :func:`_read_by_line`."""

_FORMULA = re.compile(r"^[=+\-@\t\r]")
_PLAIN_NUMBER = re.compile(r"^[+-]?[\d\s.,]*\d[\d\s.,]*%?$")


# Reading ------------------------------------------------------------------------------------------


def parse_csv(
    data: bytes,
    name: str,
    encoding: str | None,
    delimiter: str | None,
    *,
    rename_duplicates: bool = False,
) -> tuple[pl.DataFrame, Dialect]:
    """Parse delimited text.

    Parameters
    ----------
    data
        The bytes of the file. They are copied once at most.
    name
        Name of the file in messages.
    encoding, delimiter
        ``None`` to detect them.
    rename_duplicates
        Number columns that have the same name, instead of refusing them.

    Returns
    -------
    frame
        All columns text; empty fields are ``""``.
    dialect
        To write the same way.

    Raises
    ------
    InputError
        If the text cannot be decoded, has no header or no rows, or has rows of unequal length.
    """
    data, dialect = to_utf8(data, name, encoding)
    if b"\x00" in data:
        line = data.count(b"\n", 0, data.index(b"\x00")) + 1
        raise InputError(
            f"{name} holds a NUL character in line {line}: it is damaged or not text; clean it, or "
            "name its encoding with --encoding"
        )
    if b"\n" not in data and b"\r" in data:
        data, dialect = data.replace(b"\r", b"\n"), replace(dialect, newline="\r")
    # A character has four bytes at most, and the last one may be cut.
    head = data[: 4 * SAMPLE].decode(errors="ignore")[:SAMPLE]
    if not head.strip() and not data.decode().strip():
        raise InputError(f"{name} is empty: it needs a header line and rows")
    if dialect.newline != "\r" and "\r\n" in head:
        dialect = replace(dialect, newline="\r\n")
    sample = _sample(data, head)
    dialect = replace(dialect, delimiter=delimiter or find_delimiter(sample))
    dialect = replace(dialect, quote_all=_quotes_all(sample, dialect))
    header = next(_rows(io.StringIO(sample, newline=""), name, dialect))
    names = column_names(unique_columns(header) if rename_duplicates else header, name)
    frame = _read(data, name, dialect, names)
    if frame.is_empty():
        raise InputError(f"{name} has a header and no rows: there is nothing to compare")
    return frame, dialect


def csv_objects(lines: Iterable[bytes], name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of delimited text in UTF-8 by column name, each as soon as its line is there.

    Raises
    ------
    InputError
        If a line cannot be decoded, or a row is not as wide as the header; it names the line.
    """
    decoded = _decoded(lines, name)
    head = []
    for line in decoded:
        head.append(line)
        if line.strip():
            break
    else:
        return
    dialect = Dialect(delimiter=find_delimiter(head[-1]))
    rows = _rows(chain(head, decoded), name, dialect)
    names = column_names(next(rows), name)
    for row in rows:
        yield dict(zip(names, row, strict=True))


def find_delimiter(sample: str) -> str:
    """Find the delimiter that splits most lines of `sample` into the same number of fields."""

    def merit(delimiter: str) -> tuple[float, int]:
        try:
            widths = [
                len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row
            ]
        except csv.Error:
            return (0.0, 0)
        if not widths or widths[0] < 2:
            return (0.0, 0)
        same = Counter(widths)[widths[0]] / len(widths)
        return (round(same, 1), widths[0])

    best = max(DELIMITERS, key=merit)
    return best if merit(best) > (0.0, 0) else ","


def column_names(header: Sequence[str], name: str) -> list[str]:
    """Name the columns by the header; a column without a name is named by its place.

    Raises
    ------
    InputError
        If two columns have the same name.
    """
    names: list[str] = []
    for place, text in enumerate(header, start=1):
        column = text if text.strip() else f"column_{place}"
        if column in names:
            raise InputError(
                f"{name} has two columns named {column!r} (the {names.index(column) + 1}. and the "
                f"{place}.): rename one, or number them with --rename-duplicates"
            )
        names.append(column)
    return names


def unique_columns(header: Sequence[str]) -> list[str]:
    """Append a number to the name of each column that an earlier column has.

    Examples
    --------
    >>> unique_columns(["id", "phone", "phone", "phone_2"])
    ['id', 'phone', 'phone_3', 'phone_2']
    """
    taken, names = set(header), list[str]()
    for text in header:
        name, number = text, 1
        while name.strip() and (name in names or (number > 1 and name in taken)):
            number += 1
            name = f"{text}_{number}"
        names.append(name)
    return names


def _read(data: bytes, name: str, dialect: Dialect, names: Sequence[str]) -> pl.DataFrame:
    if not _is_regular(data, dialect, len(names)):
        # The csv module is slower, but it skips blank lines and its errors name the line.
        return _read_by_line(data, name, dialect, names)
    try:
        frame = pl.read_csv(
            _without_blank_end(data),
            separator=dialect.delimiter,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            empty_string_is_null=False,
            extra_columns="raise",
            missing_columns="raise",
        )
        return frame.slice(1)
    except pl.exceptions.PolarsError:
        return _read_by_line(data, name, dialect, names)


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


def _read_by_line(data: bytes, name: str, dialect: Dialect, names: Sequence[str]) -> pl.DataFrame:
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    limit = csv.field_size_limit(len(data) + 1)
    try:
        rows = _rows(lines, name, dialect, "mend the line, or name the delimiter with --delimiter")
        next(rows)  # the header
        schema = dict.fromkeys(names, pl.String)
        frames = [pl.DataFrame(schema=schema)]
        while part := list(islice(rows, ROWS)):
            frames.append(pl.DataFrame(part, schema=schema, orient="row"))
    finally:
        csv.field_size_limit(limit)
    return pl.concat(frames)


def _rows(
    lines: Iterable[str], name: str, dialect: Dialect, remedy: str = "mend the line"
) -> Iterator[list[str]]:
    """Yield the header and the rows of delimited text, without blank lines.

    Raises
    ------
    InputError
        If a row is not as wide as the header, or a quote is missing; it names the line.
    """
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    width, begin = 0, 1
    try:
        for row in reader:
            if row:
                width = width or len(row)
                if len(row) != width:
                    fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
                    raise InputError(
                        f"{name}, line {begin}: {fields} where the header has {width}; {remedy}"
                    )
                yield row
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{name}, line {begin}: {error}; a quote may be missing there") from None


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
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


def _quotes_all(sample: str, dialect: Dialect) -> bool:
    if not sample.startswith('"'):
        return False
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=dialect.delimiter)
    rows = [row for row in reader if row]
    again = io.StringIO()
    csv.writer(
        again, delimiter=dialect.delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n"
    ).writerows(rows)
    return again.getvalue().strip() == sample.replace("\r\n", "\n").strip()


# Writing ------------------------------------------------------------------------------------------


def csv_bytes(frame: pl.DataFrame, dialect: Dialect, *, safe: bool = False) -> bytes:
    """Write a frame as delimited text in `dialect`.

    Parameters
    ----------
    frame
        Any column types; missing values become empty fields.
    dialect
        Encoding, delimiter, quoting and newline.
    safe
        Put an apostrophe before text that a spreadsheet would run as a formula.

    Raises
    ------
    OutputError
        If a value cannot be written in the encoding.
    """
    columns = [cell_text(series) for series in frame]
    names = frame.columns
    if safe:
        columns = [_neutral(series) for series in columns]
        names = [_neutral_value(name) for name in names]
    frame = pl.DataFrame(columns)
    if dialect.quote_all or frame.width == 1:
        frame = frame.with_columns(pl.all().fill_null(""))
    else:
        # polars puts an empty text in quotes, but not a missing one.
        frame = frame.with_columns(pl.all().replace("", None))
    body = frame.write_csv(
        separator=dialect.delimiter,
        line_terminator="\r\n" if dialect.newline == "\r\n" else "\n",
        quote_style="always" if dialect.quote_all else "necessary",
        include_header=False,
    )
    head = io.StringIO()
    csv.writer(
        head,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_ALL if dialect.quote_all else csv.QUOTE_MINIMAL,
        lineterminator=dialect.newline if dialect.newline != "\r" else "\n",
    ).writerow(names)
    text = ("\ufeff" if dialect.bom else "") + head.getvalue() + body
    if dialect.newline == "\r":
        text = text.replace("\n", "\r")
    codec = {"utf-16": "utf-16-le"}.get(dialect.encoding, dialect.encoding)
    try:
        return text.encode(codec)
    except UnicodeEncodeError as error:
        raise OutputError(
            f"{error.object[error.start : error.end]!r} cannot be written in {dialect.encoding}, "
            "the encoding of the input: convert the input to UTF-8, or write parquet"
        ) from None


def cell_text(series: pl.Series) -> pl.Series:
    """Convert a column to the text of its cells; NaN is written as ``NaN``."""
    return series.cast(pl.String) if series.dtype.is_float() else column_text(series)


def _neutral(series: pl.Series) -> pl.Series:
    """Put an apostrophe before values that a spreadsheet would run as a formula."""
    value = pl.col(series.name)
    risky = value.str.contains(_FORMULA.pattern) & ~value.str.contains(_PLAIN_NUMBER.pattern)
    return series.to_frame().select(
        pl.when(risky).then(pl.lit("'") + value).otherwise(value).alias(series.name)
    )[series.name]


def _neutral_value(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN_NUMBER.match(text) else text
