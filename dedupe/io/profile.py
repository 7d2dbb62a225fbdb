"""What each column of an input looks like, and what a run would use it for."""

from __future__ import annotations

from typing import Any

import polars as pl

from dedupe.config import Config
from dedupe.io.sources import Source, open_input
from dedupe.records import SAMPLE, ColumnRole, as_texts, field_uses

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
"""Schema of :func:`profile`."""


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
"""What a column can hold."""


EXAMPLES = 3
"""Values shown of each column: the most frequent, and of equally frequent ones the first."""


_MOST = 0.9
"""Share of the values that must look alike for a column to be of a kind."""


_MOST_CODES = 0.8
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


_WORDS_OF_FREE_TEXT = 8


_LENGTH_OF_FREE_TEXT = 60


_ID_REASONS = ("the id of the row", "an id of the row", "a row number", "hashes or UUIDs")


def profile(source: Source, *, config: Config | None = None, **options: Any) -> pl.DataFrame:
    """Say what each column of an input looks like, and what a run would use it for.

    Parameters
    ----------
    source
        As of :func:`~dedupe.pipeline.run`.
    config
        ``fields``, ``ignore``, ``id``, and how the input is read, are used.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    DataFrame
        A row a column of the input, in their order. ``kind`` is one of :data:`KINDS`; ``filled``
        the share of rows with a value, in [0, 1]; ``distinct`` the number of different values;
        ``examples`` the most frequent; ``use`` says what becomes of the column, and why.

    Raises
    ------
    DedupeError
        If the input cannot be read, or an option is wrong.
    """
    return profile_with_facts(source, config=config, **options)[0]


def profile_with_facts(
    source: Source, *, config: Config | None = None, **options: Any
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return :func:`profile`, and the ``input``, its ``rows`` and the ``id_column`` beside it."""
    config = (config or Config()).with_options(**options)
    named = open_input(source, config)
    frame = named.table(config).frame
    text = as_texts(frame)
    fields, id_column = field_uses(text, config)
    rows = [_column(text[use.name], frame.schema[use.name], use) for use in fields]
    facts = {"input": named.names, "rows": frame.height, "id_column": id_column}
    return pl.DataFrame(rows, schema=PROFILE, orient="row"), facts


def _column(values: pl.Series, dtype: pl.DataType, use: ColumnRole) -> tuple[Any, ...]:
    filled = values.filter(values.str.strip_chars() != "").alias("value")
    counts = (
        filled.to_frame()
        .group_by("value", maintain_order=True)
        .len("times")
        .sort("times", descending=True, maintain_order=True)
    )
    return (
        use.name,
        _kind(filled, len(values), counts.height, dtype, use),
        round(len(filled) / max(len(values), 1), 4),
        counts.height,
        counts["value"].head(EXAMPLES).to_list(),
        use.used,
        "compared" if use.used else _unused(use),
    )


def _unused(use: ColumnRole) -> str:
    return use.reason if use.reason in _ID_REASONS[:1] else f"left out: {use.reason}"


def _kind(filled: pl.Series, rows: int, distinct: int, dtype: pl.DataType, use: ColumnRole) -> str:
    if not distinct:
        return "empty"
    if distinct == 1 and len(filled) == rows > 1:
        return "constant"
    if use.reason in _ID_REASONS:
        return "code"
    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        return "date"
    sample = filled.head(SAMPLE).str.strip_chars()

    def share(pattern: str) -> float:
        return _mean(sample.str.contains(pattern))

    for kind, pattern in (("email", _EMAIL), ("url", _URL), ("date", _DATE)):
        if share(pattern) >= _MOST:
            return kind
    named = bool(pl.Series([use.name]).str.contains(_PHONE_NAME)[0])
    if share(_DIALLED) >= _MOST and (named or share(_PHONE_START) >= 0.5):
        return "phone"
    if share(_DIGITS) >= _MOST and share(_LEADING_ZERO) >= 0.01:
        return "code"
    if share(_NUMBER) >= _MOST:
        return "number"
    if _mean(sample.str.contains(_TOKEN) & sample.str.contains(r"\d")) >= _MOST_CODES:
        return "code"
    words = _mean(sample.str.count_matches(r"\S+"))
    long = words >= _WORDS_OF_FREE_TEXT or _mean(sample.str.len_chars()) >= _LENGTH_OF_FREE_TEXT
    return "free text" if long else "text"


def _mean(values: pl.Series) -> float:
    return float(values.cast(pl.Float64).to_numpy().mean())
