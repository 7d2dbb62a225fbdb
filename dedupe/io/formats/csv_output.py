"""Writing delimited text (CSV) in the dialect of the input."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from dedupe.errors import OutputError
from dedupe.io.dialect import Dialect
from dedupe.records.value_text import column_text

_FORMULA = r"^\s*[=+\-@＝＋－＠\t\r]"
"""Text that some spreadsheet would run as a formula, also behind white space or in full width."""

_HARMLESS = (
    r"^\s*(?:[+\-＋－][\s\d+\-().,/%]*(?:\s(?:x|ext\.?)\s*\d{1,6})?"
    r"|[+\-]?\d[\d.,]*[eE][+\-]?\d{1,3})\s*$"
)
"""Signs, numbers and phone numbers: no spreadsheet runs more than arithmetic in them."""

_RISKY_VALUE, _HARMLESS_VALUE = re.compile(_FORMULA), re.compile(_HARMLESS)


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
    _check_no_nul(columns)
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
    header = pl.DataFrame([[name] for name in names], orient="col")
    # Readers take U+FEFF at the start of a file for a byte order mark, and drop it; not in quotes.
    quote_header = dialect.quote_all or names[0].startswith("\ufeff")
    text = ("\ufeff" if dialect.bom else "") + "".join(
        part.write_csv(
            separator=dialect.delimiter,
            line_terminator=dialect.newline,
            quote_style="always" if quote else "necessary",
            include_header=False,
        )
        for part, quote in ((header, quote_header), (frame, dialect.quote_all))
    )
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
    risky = value.str.contains(_FORMULA) & ~value.str.contains(_HARMLESS)
    return series.to_frame().select(
        pl.when(risky).then(pl.lit("'") + value).otherwise(value).alias(series.name)
    )[series.name]


def _neutral_value(text: str) -> str:
    risky = _RISKY_VALUE.match(text) and not _HARMLESS_VALUE.match(text)
    return f"'{text}" if risky else text


def _check_no_nul(columns: Sequence[pl.Series]) -> None:
    """Refuse NUL characters, which readers of delimited text take for damage."""
    for series in columns:
        if "\x00" in series.name or series.str.contains("\x00", literal=True).any():
            raise OutputError(
                f"a value of column {series.name!r} holds a NUL character, which delimited text "
                "cannot hold: write parquet or jsonl"
            )
