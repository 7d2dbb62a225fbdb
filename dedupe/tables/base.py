"""The nouns of reading and writing: a table, and how it was written."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Dialect:
    """How a table was written, so that results can be written the same way.

    Parameters
    ----------
    format
        ``csv``, ``parquet``, ``jsonl`` or ``xlsx``.
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
        SHA-256 of its bytes, in hexadecimal.
    name
        File name, or ``stdin``.
    """

    frame: pl.DataFrame
    dialect: Dialect
    fingerprint: str
    name: str
