"""The nouns of reading and writing: a table, its dialect and its fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import polars as pl

from dedupe.records.value_text import column_text

ROWS = 1 << 16
"""Rows hashed at a time by :func:`frame_fingerprint`."""

_NULL = 0xFFFFFFFF
_NOT_IN_NUMPY = (pl.Int128, pl.UInt128)


@dataclass(frozen=True)
class Dialect:
    """How a table was written, so that results can be written the same way.

    Parameters
    ----------
    format
        ``csv``, ``parquet``, ``jsonl``, ``xlsx``, ``ipc`` or ``database``.
    encoding
        Python's name of the encoding of text.
    bom
        Whether text begins with a byte order mark.
    delimiter
        One character between fields.
    quote_all
        Whether every field is quoted, or only those that need it.
    newline
        What ends a line.
    """

    format: str = "csv"
    encoding: str = "utf-8"
    bom: bool = False
    delimiter: str = ","
    quote_all: bool = False
    newline: str = "\n"


CSV = Dialect()
"""Dialect of CSV output if the input was not text: UTF-8, commas, quotes where needed."""


@dataclass(frozen=True, eq=False)
class Parsed:
    """The content of a file.

    Parameters
    ----------
    frame
        The rows.
    dialect
        How they were written.
    notes
        What was guessed with doubt, one line each.
    first_row, first_column
        Numbers of the first row and column in a sheet, from 1.
    """

    frame: pl.DataFrame
    dialect: Dialect = CSV
    notes: tuple[str, ...] = ()
    first_row: int = 2
    first_column: int = 1


@dataclass(frozen=True, eq=False)
class Table:
    """A table as it was read.

    Parameters
    ----------
    frame
        The rows. If they were read from text, every column is text and empty fields are ``""``.
    dialect
        How it was written.
    fingerprint
        SHA-256 of the bytes of the file, in hexadecimal; without a file, :func:`frame_fingerprint`.
    name
        File name, ``stdin``, or the name of the database and table.
    notes
        What was guessed with doubt, one line each.
    first_row, first_column
        Numbers of the first row and column in a sheet, from 1.
    """

    frame: pl.DataFrame
    dialect: Dialect
    fingerprint: str
    name: str
    notes: tuple[str, ...] = ()
    first_row: int = 2
    first_column: int = 1


def frame_fingerprint(frame: pl.DataFrame) -> str:
    """Hash the names and types of the columns and the rows in their order.

    The hash depends on the values alone, not on how polars stores them: numbers and times are
    hashed as little-endian arrays, text as its lengths and its UTF-8 bytes.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    digest = hashlib.sha256()
    for name, dtype in frame.schema.items():
        digest.update(f"{len(name)}:{name}:{dtype};".encode())
    for rows in frame.iter_slices(ROWS):
        for column in rows:
            for part in _value_bytes(column):
                digest.update(part)
    return digest.hexdigest()


def _value_bytes(column: pl.Series) -> tuple[bytes, bytes]:
    """Write the values of a column as bytes: null marks or lengths, and the values."""
    dtype = column.dtype
    if dtype == pl.Boolean:
        column = column.cast(pl.UInt8)
    elif dtype.is_temporal():
        column = column.to_physical()
    if column.dtype.is_float() or (column.dtype.is_integer() and dtype not in _NOT_IN_NUMPY):
        values = column.fill_null(0).to_numpy()
        little_endian = values.astype(values.dtype.newbyteorder("<"), copy=False)
        return column.is_null().to_numpy().tobytes(), little_endian.tobytes()
    text = column.bin.encode("hex") if dtype == pl.Binary else column_text(column)
    lengths = text.str.len_bytes().fill_null(_NULL).to_numpy().astype("<u4")
    return lengths.tobytes(), "".join(text.drop_nulls().to_list()).encode()


def first_line(error: Exception) -> str:
    """Return the first line of an error of another library, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
