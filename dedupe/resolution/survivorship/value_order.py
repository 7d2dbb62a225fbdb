"""What the values of a column are compared by: numbers, moments or text."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from dedupe.records.value_text import column_text

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


# The first line by which all dates of a column can be read is used: day first, if all dates of a
# column could be either. %y comes before %Y, which would read a year of two digits as it is.
_DATES = (
    ("%Y-%m-%d",),
    ("%d-%m-%y", "%d-%m-%Y"),
    ("%m-%d-%y", "%m-%d-%Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S%.f", " %H:%M%#z", " %H:%M:%S%.f%#z")


def is_filled(text: pl.Series) -> pl.Series:
    """Tell which values are more than white space."""
    return text.str.strip_chars().str.len_bytes().fill_null(0) > 0


def value_order(series: pl.Series, *, dates: bool) -> pl.Series:
    """Convert the values of a whole column to what they are compared by; null where empty.

    Text is compared as numbers if all of it can be read so, else, with `dates`, as dates and times,
    else as it is.
    """
    if series.dtype.is_numeric():
        return series.fill_nan(None) if series.dtype.is_float() else series
    if series.dtype.is_temporal() or series.dtype == pl.Boolean:
        return series.to_physical() if series.dtype.is_temporal() else series.cast(pl.UInt8)
    text = column_text(series)
    text = pl.select(pl.when(is_filled(text)).then(text.str.strip_chars())).to_series()
    if text.str.contains(_NUMBER).all(ignore_nulls=True):
        whole = text.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == text.null_count() else text.cast(pl.Float64)
    for formats in _DATES if dates else ():
        moments = _moments(text, formats)
        if moments.null_count() == text.null_count():
            return moments
    return text


def _moments(text: pl.Series, dates: Sequence[str]) -> pl.Series:
    """Parse dates, with or without a time and a zone, as microseconds since 1970 in UTC.

    Null where `text` has none of the formats `dates`; a time without a zone counts as UTC.
    """
    # Dates are separated by "-", "/" or "."; times follow after "T" or a space.
    text = text.str.replace(r"^(\d+)[-/.](\d+)[-/.](\d+)T?", "$1-$2-$3 ").str.strip_chars()
    return text.to_frame("text").select(
        moment=pl.coalesce(_moment(date + time) for date in dates for time in _TIMES)
    )["moment"]


def _moment(format: str) -> pl.Expr:
    text = pl.col("text")
    moment = text.str.to_datetime(format, time_unit="us", strict=False)
    if format.startswith("%Y"):
        moment = pl.when(text.str.contains(r"^\d{4}-")).then(moment)
    elif "%y" in format:
        # POSIX reads the years 69 to 99 as 1969 to 1999, but polars reads 69 as 2069.
        in_2069 = moment.dt.year() == 2069
        moment = pl.when(in_2069).then(moment.dt.offset_by("-100y")).otherwise(moment)
    return moment.to_physical()
