"""The nouns of reading and writing: a table, and how it was written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import polars as pl


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
        Whether every field stands in quotes, or only those that need them.
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
"""What is written where the input was no text: UTF-8, commas, quotes where needed."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table as it was read.

    Parameters
    ----------
    frame
        The rows. From text, every column is text and empty fields are ``""``.
    dialect
        How it was written.
    fingerprint
        SHA-256 of its bytes, in hexadecimal; of its rows, where it came from no file of its own.
    name
        File name, ``stdin``, or the name of the database and table.
    """

    frame: pl.DataFrame
    dialect: Dialect
    fingerprint: str
    name: str


def frame_fingerprint(frame: pl.DataFrame) -> str:
    """Return a SHA-256 of the columns, their types and the rows in their order, in hexadecimal."""
    digest = hashlib.sha256(str(frame.schema).encode())
    digest.update(frame.hash_rows(seed=0).to_numpy().tobytes())
    return digest.hexdigest()


def first_line(error: Exception) -> str:
    """Return the first line of an error of another library, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
