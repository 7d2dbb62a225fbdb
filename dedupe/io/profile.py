"""Column profiles: what each column of an input holds, and whether a run compares it."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from dedupe.column_roles import SAMPLE, ColumnRole, column_roles
from dedupe.config import Config
from dedupe.records import as_texts

PROFILE = pl.Schema(
    {
        "column": pl.String(),
        "kind": pl.String(),
        "filled": pl.Float64(),
        "distinct": pl.UInt32(),
        "examples": pl.List(pl.String()),
        "used": pl.Boolean(),
        "use": pl.String(),
    }
)
"""Schema of :func:`describe_columns`."""

KINDS = (
    "text",
    "free text",
    "number",
    "date",
    "code",
    "email",
    "phone",
    "url",
    "constant",
    "empty",
)
"""Kinds of column content."""

EXAMPLES = 3
"""Number of example values per column: the most frequent, among equally frequent ones the first."""

_MIN_SHARE = 0.9
"""Share of the values that must match a pattern for a column to be of its kind."""

_MIN_CODE_SHARE = 0.8
"""The same for codes, which often have a word beside them."""

_EMAIL = r"^[^@\s<>]+@[^@\s<>]+\.[^@\s<>.]+$"

_URL = r"(?i)^(https?://\S+|ftp://\S+|www\.[^\s.]+\.\S+)$"

_DATE = (
    r"^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}.*)?"
    r"|\d{1,2}[-/. ]\d{1,2}[-/. ](?:\d{4}|\d{2})"
    r"|(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"|\d{1,2}\.? ?\p{L}{3,9}\.?,? ?\d{4}"
    r"|\p{L}{3,9}\.? \d{1,2},? \d{4})$"
)

_NUMBER = r"^[€$£¥]?\s?[+-]?(?:\d{1,3}(?:[., '’]\d{3})+|0|[1-9]\d{0,11}|0?)(?:[.,]\d+)?\s?[€$£¥%]?$"

_DIGITS = r"^\d+$"

_LEADING_ZERO = r"^0\d+$"

_DIALLED = r"(?i)^\+?[\d\s().\-/]{5,24}(?:\s*(?:x|ext\.?)\s*\d{1,6})?$"

_PHONE_NAME = r"(?i)phone|mobile|\btel|fax|\bcell|handy"

_PHONE_START = r"^(?:\+|\(|0\d{1,4}[\s/-])"

_TOKEN = r"^(?:[\p{L}\d_./#:+-]+|[\p{Lu}\d]{1,5} [\p{Lu}\d]{1,5})$"

_PATTERNS = {
    "email": _EMAIL,
    "url": _URL,
    "date": _DATE,
    "dialled": _DIALLED,
    "phone_start": _PHONE_START,
    "digits": _DIGITS,
    "leading_zero": _LEADING_ZERO,
    "number": _NUMBER,
}

_WORDS_OF_FREE_TEXT = 8

_LENGTH_OF_FREE_TEXT = 60

_ID_REASONS = ("the id of the row", "an id of the row", "a row number", "hashes or UUIDs")


def describe_columns(frame: pl.DataFrame, config: Config) -> tuple[pl.DataFrame, str | None]:
    """Describe what each column of a table holds, and whether a run compares it.

    Parameters
    ----------
    frame
        n rows, any column types.
    config
        ``fields``, ``ignore`` and ``id`` are used.

    Returns
    -------
    columns
        Schema :data:`PROFILE`, one row per column.
    id_column
        Name of the id column; ``None`` if there is none.

    Raises
    ------
    OptionError
        If an option is wrong.
    """
    text = as_texts(frame)
    roles, id_column = column_roles(text, config)
    schema = frame.schema
    rows = [_profile_column(text[role.name], schema[role.name], role) for role in roles]
    return pl.DataFrame(rows, schema=PROFILE, orient="row"), id_column


def _profile_column(values: pl.Series, dtype: pl.DataType, role: ColumnRole) -> tuple[Any, ...]:
    filled = values.filter(values.str.strip_chars() != "").alias("value")
    counts = (
        filled.to_frame()
        .group_by("value", maintain_order=True)
        .len("times")
        .sort("times", descending=True, maintain_order=True)
    )
    return (
        role.name,
        _kind(filled, len(values), counts.height, dtype, role),
        round(len(filled) / max(len(values), 1), 4),
        counts.height,
        counts["value"].head(EXAMPLES).to_list(),
        role.used,
        "compared" if role.used else _unused(role),
    )


def _unused(role: ColumnRole) -> str:
    return role.reason if role.reason in _ID_REASONS[:1] else f"left out: {role.reason}"


def _kind(filled: pl.Series, rows: int, distinct: int, dtype: pl.DataType, role: ColumnRole) -> str:
    if not distinct:
        return "empty"
    if distinct == 1 and len(filled) == rows > 1:
        return "constant"
    if role.reason in _ID_REASONS:
        return "code"
    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        return "date"
    return text_kind(filled.head(SAMPLE).str.strip_chars(), role.name)


def text_kind(sample: pl.Series, name: str) -> str:
    """Tell the kind of a text column by the first pattern that its filled values match.

    Parameters
    ----------
    sample
        One value or more; none of them empty.
    name
        Name of the column.

    Returns
    -------
    str
        One of :data:`KINDS`.
    """
    value = pl.col("value")
    shares = {kind: value.str.contains(pattern) for kind, pattern in _PATTERNS.items()}
    found = (
        sample.alias("value")
        .to_frame()
        .select(
            **{kind: share.mean() for kind, share in shares.items()},
            token_with_digit=(value.str.contains(_TOKEN) & value.str.contains(r"\d")).mean(),
            words=value.str.count_matches(r"\S+").mean(),
            length=value.str.len_chars().mean(),
        )
        .row(0, named=True)
    )
    for kind in ("email", "url", "date"):
        if found[kind] >= _MIN_SHARE:
            return kind
    named = bool(re.search(_PHONE_NAME, name))
    if found["dialled"] >= _MIN_SHARE and (named or found["phone_start"] >= 0.5):
        return "phone"
    if found["digits"] >= _MIN_SHARE and found["leading_zero"] >= 0.01:
        return "code"
    if found["number"] >= _MIN_SHARE:
        return "number"
    if found["token_with_digit"] >= _MIN_CODE_SHARE:
        return "code"
    long = found["words"] >= _WORDS_OF_FREE_TEXT or found["length"] >= _LENGTH_OF_FREE_TEXT
    return "free text" if long else "text"
