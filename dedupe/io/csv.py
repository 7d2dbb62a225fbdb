"""CSV and its like: delimiter, encoding and quoting are found out, values stay as they are."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import polars as pl

from dedupe.errors import InputError, OutputError
from dedupe.io.dialect import Dialect

DELIMITERS = (",", ";", "\t", "|")


SAMPLE = 1 << 16
"""Characters looked at to find the delimiter and the quoting."""


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


_OTHER_SCRIPTS = frozenset(
    [
        "big5",
        "cp874",
        "cp932",
        "cp949",
        "cp1251",
        "cp1253",
        "cp1255",
        "cp1256",
        "euc_jp",
        "euc_kr",
        "gb18030",
        "gb2312",
        "gbk",
        "iso8859_5",
        "iso8859_7",
        "koi8_r",
        "koi8_u",
        "shift_jis",
        "tis_620",
    ]
)


_FORMULA = re.compile(r"^[=+\-@\t\r]")


_PLAIN_NUMBER = re.compile(r"^[+-]?[\d\s.,]*\d[\d\s.,]*%?$")


def parse_text(
    data: bytes, name: str, encoding: str | None, delimiter: str | None
) -> tuple[pl.DataFrame, Dialect]:
    """Parse delimited text.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        What it is called in messages.
    encoding, delimiter
        ``None``: found out.

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
    text, dialect = decode(data, name, encoding)
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise InputError(
            f"{name} holds a NUL character in line {line}: it is damaged or no text; clean it, or "
            "name its encoding with --encoding"
        )
    if "\n" not in text and "\r" in text:
        text, dialect = text.replace("\r", "\n"), replace(dialect, newline="\r")
    elif "\r\n" in text[:SAMPLE]:
        dialect = replace(dialect, newline="\r\n")
    if not text.strip():
        raise InputError(f"{name} is empty: it needs a header line and rows")
    sample = _sample(text)
    dialect = replace(dialect, delimiter=delimiter or find_delimiter(sample))
    dialect = replace(dialect, quote_all=_quotes_all(sample, dialect))
    names = header(sample, name, dialect)
    frame = _rows(text, name, dialect, names)
    if frame.is_empty():
        raise InputError(f"{name} has a header and no rows: there is nothing to compare")
    return frame, dialect


def csv_objects(lines: Iterable[bytes], name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of delimited text in UTF-8 as their lines come, by column name.

    Raises
    ------
    InputError
        If a line cannot be decoded, or a row is not as wide as the header; it names the line.
    """
    waiting = _decoded(lines, name)
    head = []
    for line in waiting:
        head.append(line)
        if line.strip():
            break
    else:
        return
    dialect = Dialect(delimiter=find_delimiter(head[-1]))
    reader = csv.reader(chain(head, waiting), delimiter=dialect.delimiter, strict=True)
    try:
        names = header("".join(head), name, dialect)
        rows = (row for row in reader if row)
        next(rows)
        for row in rows:
            if len(row) != len(names):
                raise InputError(
                    f"{_ragged(name, reader.line_num, len(row), len(names))}; mend the line"
                )
            yield dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise InputError(
            f"{name}, line {reader.line_num}: {error}; a quote may be missing there"
        ) from None


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{name}, line {number} is not UTF-8: convert it first") from None


def decode(data: bytes, name: str, encoding: str | None) -> tuple[str, Dialect]:
    """Decode bytes: by the byte order mark, as UTF-8, else as what they look like.

    Raises
    ------
    InputError
        If the encoding is unknown or wrong, or the bytes are no text.
    """
    if encoding is not None:
        try:
            codec = codecs.lookup(encoding).name
            text = data.decode(codec)
        except LookupError:
            raise InputError(
                f"unknown encoding {encoding!r}: try utf-8, cp1252, utf-16 …"
            ) from None
        except UnicodeDecodeError as error:
            raise InputError(
                f"{name} is not {encoding}: byte {error.start:,} cannot be read; leave out "
                "--encoding to have it found out"
            ) from None
        bom = codec != "utf-16" and text.startswith("\ufeff")
        return text.removeprefix("\ufeff"), Dialect(encoding=codec, bom=bom or codec == "utf-16")
    for mark, codec in _BOMS:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(codec)
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{name} begins as {codec} but byte {error.start + len(mark):,} is not: "
                    "it is damaged, or name its encoding with --encoding"
                ) from None
            return text, Dialect(encoding=codec, bom=True)
    try:
        return data.decode("utf-8"), Dialect()
    except UnicodeDecodeError:
        pass
    if b"\x00" in data[:SAMPLE] or _control_share(data[:SAMPLE]) > 0.02:
        raise InputError(f"{name} is a binary file, not text: export it as CSV, Parquet or Excel")
    codec = _guess(data)
    return data.decode(codec), Dialect(encoding=codec)


def find_delimiter(sample: str) -> str:
    """Return the delimiter that cuts most lines of `sample` into the same number of fields."""

    def merit(delimiter: str) -> tuple[float, int]:
        try:
            widths = [
                len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row
            ]
        except csv.Error:
            return (0.0, 0)
        if not widths or widths[0] < 2:
            return (0.0, 0)
        alike = Counter(widths)[widths[0]] / len(widths)
        return (round(alike, 1), widths[0])

    best = max(DELIMITERS, key=merit)
    return best if merit(best) > (0.0, 0) else ","


def header(sample: str, name: str, dialect: Dialect) -> list[str]:
    """Return the column names; a column without one is named by its place.

    Raises
    ------
    InputError
        If two columns have one name.
    """
    found = next(row for row in _reader(sample, dialect) if row)
    names: list[str] = []
    for place, column in enumerate(found, start=1):
        given = column if column.strip() else f"column_{place}"
        if given in names:
            raise InputError(
                f"{name} has two columns named {given!r} (the {names.index(given) + 1}. and the "
                f"{place}.): rename one"
            )
        names.append(given)
    return names


def text_bytes(frame: pl.DataFrame, dialect: Dialect, *, safe: bool = False) -> bytes:
    """Return a frame as delimited text in `dialect`.

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
    columns = [as_text(series) for series in frame]
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


def as_text(series: pl.Series) -> pl.Series:
    """Return a column as text: numbers as polars prints them, nested values as JSON."""
    if series.dtype == pl.String:
        return series
    if series.dtype.is_nested():
        frame = series.alias("value").to_frame()
        lines = frame.write_ndjson().splitlines()
        inner = [line[len('{"value":') : -1] for line in lines]
        return pl.Series(series.name, [None if one == "null" else one for one in inner], pl.String)
    return series.cast(pl.String)


def _rows(text: str, name: str, dialect: Dialect, names: Sequence[str]) -> pl.DataFrame:
    data = text.rstrip("\r\n").encode()
    if not _regular(data, dialect, len(names)):
        # The other reader is slower, but skips blank lines, knows the line and says what is wrong.
        return _rows_by_line(text, name, dialect, names)
    try:
        frame = pl.read_csv(
            data,
            separator=dialect.delimiter,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            empty_string_is_null=False,
            extra_columns="raise",
            missing_columns="raise",
        )
        return frame.slice(1)
    except pl.exceptions.PolarsError:
        return _rows_by_line(text, name, dialect, names)


def _regular(data: bytes, dialect: Dialect, width: int) -> bool:
    """Tell whether each record has `width` fields and no line is blank.

    polars fills short records up in silence, and reads a blank line as a record. What stands in
    quotes is told by the parity of the quotes before it.
    """
    if len(dialect.delimiter.encode()) > 1:
        return False
    points = np.frombuffer(data + b"\n", dtype=np.uint8)
    marks = np.flatnonzero((points == ord(dialect.delimiter)) | (points == ord("\n")))
    if b'"' in data:
        inside = np.bitwise_xor.accumulate((points == ord('"')).view(np.uint8))
        if inside[-1]:
            return False
        marks = marks[inside[marks] == 0]
    ends = np.flatnonzero(points[marks] == ord("\n"))
    widths = np.diff(ends, prepend=-1)
    lengths = np.diff(marks[ends], prepend=-1)
    return bool((widths == width).all()) and (width > 1 or bool((lengths > 2).all()))


def _rows_by_line(text: str, name: str, dialect: Dialect, names: Sequence[str]) -> pl.DataFrame:
    rows: list[list[str]] = []
    reader = _reader(text, dialect)
    limit = csv.field_size_limit(len(text) + 1)
    begin = 1
    try:
        for row in reader:
            if row and len(row) != len(names):
                raise InputError(
                    f"{_ragged(name, begin, len(row), len(names))}; "
                    "mend the line, or name the delimiter with --delimiter"
                )
            if row:
                rows.append(row)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{name}, line {begin}: {error}; a quote may be missing there") from None
    finally:
        csv.field_size_limit(limit)
    return pl.DataFrame(rows[1:], schema=dict.fromkeys(names, pl.String), orient="row")


def _reader(text: str, dialect: Dialect) -> Any:
    return csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, strict=True)


def _sample(text: str) -> str:
    """Return the beginning of `text`, up to the end of a record."""
    if len(text) <= SAMPLE:
        return text
    end = SAMPLE
    while True:
        end = text.find("\n", end)
        if end < 0:
            return text
        if text.count('"', 0, end) % 2 == 0:
            return text[: end + 1]
        end += 1


def _quotes_all(sample: str, dialect: Dialect) -> bool:
    if not sample.startswith('"'):
        return False
    rows = [row for row in _reader(sample, dialect) if row]
    again = io.StringIO()
    csv.writer(
        again, delimiter=dialect.delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n"
    ).writerows(rows)
    return again.getvalue().strip() == sample.replace("\r\n", "\n").strip()


def _control_share(data: bytes) -> float:
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in data)
    return control / max(len(data), 1)


def _guess(data: bytes) -> str:
    """Return the likeliest encoding of bytes that are not UTF-8.

    Most such files are Windows-1252. A detector is believed only when its reading is mostly in
    another script: of single bytes of western text it makes all kinds of things.
    """
    from charset_normalizer import from_bytes

    lines = [line for line in data.split(b"\n") if any(byte > 127 for byte in line)]
    best = from_bytes(b"\n".join(lines[:2000])).best()
    if best is not None and best.encoding in _OTHER_SCRIPTS:
        read = [c for c in str(best) if c.isalpha() and ord(c) > 127]
        latin = sum("LATIN" in unicodedata.name(c, "") for c in read)
        try:
            data.decode(best.encoding)
        except UnicodeDecodeError:
            latin = len(read)
        if read and latin < len(read) / 2:
            return best.encoding
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _neutral(series: pl.Series) -> pl.Series:
    value = pl.col(series.name)
    risky = value.str.contains(_FORMULA.pattern) & ~value.str.contains(_PLAIN_NUMBER.pattern)
    return series.to_frame().select(
        pl.when(risky).then(pl.lit("'") + value).otherwise(value).alias(series.name)
    )[series.name]


def _neutral_value(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN_NUMBER.match(text) else text


def _ragged(name: str, line: int, found: int, expected: int) -> str:
    """Say that a line has more or fewer fields than the header."""
    fields = "1 field" if found == 1 else f"{found} fields"
    return f"{name}, line {line}: {fields} where the header has {expected}"
