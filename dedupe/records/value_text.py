"""Values of any type as text."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from dedupe.errors import InputError

FEW = 1 << 9
"""Records up to which Python writes the texts: a call of polars takes as long as it for many."""
_NESTED = (Mapping, list, tuple, np.ndarray, pl.Series)
_TEMPORAL = (datetime.date, datetime.time, datetime.timedelta)
_PANDAS_MISSING = ("NaTType", "NAType")


def as_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Convert every value of a frame to text; missing values become ``""``."""
    typed = [column_text(series) for series in frame if series.dtype != pl.String]
    texts = frame.with_columns(typed) if typed else frame
    if all(series.null_count() == 0 for series in texts):
        return texts
    if texts.height >= FEW:
        return texts.select(pl.all().fill_null(""))
    return pl.DataFrame(
        [
            pl.Series(series.name, [value or "" for value in series.to_list()], dtype=pl.String)
            for series in texts
        ]
    )


def column_text(series: pl.Series) -> pl.Series:
    """Convert the values of a column to text, as :func:`value_text` does; null where missing."""
    dtype = series.dtype
    if dtype == pl.String:
        return series
    if dtype in (pl.Binary, pl.Object) or (dtype.is_nested() and holds_binary(dtype)):
        texts = [value_text(value) for value in series.to_list()]
        return pl.Series(series.name, texts, dtype=pl.String)
    if dtype.is_nested():
        # Values hold no line break in JSON, so that each line is one value.
        lines = series.alias("value").to_frame().write_ndjson().split("\n")[: len(series)]
        cells = [line[len('{"value":') : -1] for line in lines]
        return pl.Series(series.name, [None if c == "null" else c for c in cells], pl.String)
    if dtype == pl.Duration:
        return series.dt.to_string()
    return (series.fill_nan(None) if dtype.is_float() else series).cast(pl.String)


class WrittenNumber(str):
    """A number of JSON as it is written: ``1.10`` stays so."""

    __slots__ = ()


def value_text(value: Any) -> str | None:
    """Convert a Python value to the text by which it is compared.

    :func:`column_text` gives the same text for a column of this value.

    Parameters
    ----------
    value
        Any value. ``None``, NaN and NaT are missing. Lists and mappings become compact JSON.

    Returns
    -------
    str or None
        ``None`` if the value is missing.

    Raises
    ------
    InputError
        If lists or mappings are nested too deep.

    Examples
    --------
    >>> value_text(2.5), value_text(True), value_text(["a", None])
    ('2.5', 'true', '["a",null]')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return None if math.isnan(value) else _float_text(value)
    if type(value).__name__ in _PANDAS_MISSING:
        return None
    if isinstance(value, _NESTED):
        try:
            return _json(value)
        except RecursionError:
            raise InputError("a value is nested too deep to be read") from None
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes_text(bytes(value))
    if isinstance(value, _TEMPORAL):
        return _only_text(pl.Series([value]))
    if isinstance(value, np.generic):
        return _only_text(pl.Series(np.array([value])))
    if isinstance(value, Decimal):
        return None if value.is_nan() else format(value, "f")
    return str(value)


def _only_text(series: pl.Series) -> str | None:
    """Convert a column of one value to text."""
    text: str | None = column_text(series).item()
    return text


def _float_text(value: float) -> str:
    """Write a float as polars does: as Python does, except for very small numbers."""
    text = float.__repr__(value)
    return _only_text(pl.Series([value])) or text if "e-" in text else text


def _bytes_text(value: bytes) -> str:
    """Decode bytes as UTF-8; write others as hexadecimal digits."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _json(value: Any) -> str:
    """Write a value as compact JSON, as polars writes nested columns."""
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{_json(str(k))}:{_json(v)}" for k, v in value.items()]) + "}"
    if isinstance(value, _NESTED):
        return "[" + ",".join([_json(v) for v in value]) + "]"
    if isinstance(value, _TEMPORAL):
        return str(_only_text(pl.Series([[value]])))[1:-1]
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return "null"
    text = value_text(value)
    if isinstance(value, WrittenNumber | bool | int | float | np.number | np.bool_):
        return str(text)
    return json.dumps(text, ensure_ascii=False)


def holds_binary(dtype: Any) -> bool:
    """Tell whether a type is binary or holds binary values at any depth."""
    if isinstance(dtype, pl.Struct):
        return any(holds_binary(field.dtype) for field in dtype.fields)
    if isinstance(dtype, pl.List | pl.Array):
        return holds_binary(dtype.inner)
    return bool(dtype == pl.Binary)
