"""Column profiles: what each column of an input holds, and whether a run compares it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from dedupe.column_roles import (
    SAMPLE,
    ColumnFacts,
    ColumnRole,
    column_facts,
    column_roles,
    stacked_cells,
)
from dedupe.config import Config
from dedupe.records.value_text import as_texts

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
    facts, kinds, examples = column_facts(text), _text_kinds(text), _examples(text)
    rows = [
        (
            role.name,
            _kind(facts[role.name], text.height, schema[role.name], role) or kinds[role.name],
            round(facts[role.name].filled / max(text.height, 1), 4),
            facts[role.name].distinct,
            examples[role.name],
            role.used,
            "compared" if role.used else _unused(role),
        )
        for role in roles
    ]
    return pl.DataFrame(rows, schema=PROFILE, orient="row"), id_column


def _examples(text: pl.DataFrame) -> dict[str, list[str]]:
    """Find the most frequent values of each column, among equally frequent ones the first."""
    found: dict[str, list[str]] = {}
    for names, cells in stacked_cells(text):
        counts = (
            cells.filter(pl.col("value").str.strip_chars() != "")
            .group_by("place", "value", maintain_order=True)
            .len("times")
            .sort("times", descending=True, maintain_order=True)
            .filter(pl.int_range(pl.len()).over("place") < EXAMPLES)
        )
        found |= {name: [] for name in names}
        for place, value, _ in counts.iter_rows():
            found[names[place]].append(value)
    return found


def _unused(role: ColumnRole) -> str:
    return role.reason if role.reason in _ID_REASONS[:1] else f"left out: {role.reason}"


def _kind(facts: ColumnFacts, rows: int, dtype: pl.DataType, role: ColumnRole) -> str:
    """Tell the kind of a column if more than its text tells it; otherwise an empty text."""
    if not facts.distinct:
        return "empty"
    if facts.distinct == 1 and facts.filled == rows > 1:
        return "constant"
    if role.reason in _ID_REASONS:
        return "code"
    if dtype.is_numeric():
        return "number"
    return "date" if dtype.is_temporal() else ""


def _text_kinds(text: pl.DataFrame) -> dict[str, str]:
    """Tell the kind of each column of text that has a value, by its first values."""
    found: dict[str, str] = {}
    for names, cells in stacked_cells(text):
        filled = cells.with_columns(pl.col("value").str.strip_chars()).filter(pl.col("value") != "")
        samples = filled.filter(pl.int_range(pl.len()).over("place") < SAMPLE)
        for shares in _shares(samples):
            name = names[shares["place"]]
            found[name] = _told(shares, name)
    return found


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
    samples = sample.alias("value").to_frame().with_columns(place=0)
    return _told(_shares(samples)[0], name)


def _shares(samples: pl.DataFrame) -> list[dict[str, Any]]:
    """Compute the shares of values of each pattern, and their mean lengths, by ``place``."""
    value = pl.col("value")
    shares = {kind: value.str.contains(pattern) for kind, pattern in _PATTERNS.items()}
    measured = samples.select(
        "place",
        **shares,
        token_with_digit=value.str.contains(_TOKEN) & value.str.contains(r"\d"),
        words=value.str.count_matches(r"\S+"),
        length=value.str.len_chars(),
    )
    return measured.group_by("place", maintain_order=True).agg(pl.all().mean()).to_dicts()


def _told(found: Mapping[str, Any], name: str) -> str:
    """Tell the kind of a text column by the shares of its values."""
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
