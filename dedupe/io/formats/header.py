"""Headers of text and sheets: the names of the columns, and whether the first line is one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise

import polars as pl

from dedupe.errors import InputError
from dedupe.io.profile import text_kind

SAMPLE = 200
"""Rows whose values are compared with the header."""

MAX_COLUMNS = 50_000
"""Most columns of a table: a run takes a few milliseconds for each."""

_COLUMNS = 40
"""Columns whose values are compared with the header."""

_SPECIFIC = ("email", "url", "date", "phone", "code", "number")
"""Kinds of values that names of columns do not have."""

_SAME_SHAPE = 0.3
"""Share of the codes of a column that must have the shape of its header for it to be a code."""

_YEAR = re.compile(r"^(?:19|20)\d\d$")


def column_names(header: Sequence[str], name: str, *, rename_duplicates: bool = False) -> list[str]:
    """Name the columns by the header; a column without a name is named by its place.

    Parameters
    ----------
    header
        Text of each field.
    name
        Name of the file in messages.
    rename_duplicates
        Number columns that have the same name, instead of refusing them.

    Raises
    ------
    InputError
        If two columns have the same name, or there are too many.
    """
    check_width(len(header), name)
    places: dict[str, int] = {}
    for place, text in enumerate(unique_columns(header) if rename_duplicates else header, start=1):
        column = text if text.strip() else f"column_{place}"
        if column in places:
            raise InputError(
                f"{name} has two columns named {column!r} (the {places[column]}. and the "
                f"{place}.): rename one, number them with --rename-duplicates, or use --no-header "
                "if the first line is data"
            )
        places[column] = place
    return list(places)


def check_width(width: int, name: str) -> None:
    """Refuse a table that is too wide to be one of records.

    Raises
    ------
    InputError
        If it has more than :data:`MAX_COLUMNS` columns.
    """
    if width > MAX_COLUMNS:
        raise InputError(
            f"{name} has {width:,} columns, and at most {MAX_COLUMNS:,} are read: check the "
            "delimiter, or leave out columns that do not describe the records"
        )


def placeholder_names(width: int) -> list[str]:
    """Name the columns of a table without a header: ``c1``, ``c2`` and so on."""
    return [f"c{place}" for place in range(1, width + 1)]


def unique_columns(header: Sequence[str]) -> list[str]:
    """Append a number to the name of each column that an earlier column has.

    Examples
    --------
    >>> unique_columns(["id", "phone", "phone", "phone_2"])
    ['id', 'phone', 'phone_3', 'phone_2']
    """
    taken, used, names = set(header), set[str](), list[str]()
    last = Counter[str]()
    for text in header:
        name = text
        if text.strip() and text in used:
            number = max(last[text], 1)
            while name in taken:
                number += 1
                name = f"{text}_{number}"
            last[text] = number
        taken.add(name)
        used.add(name)
        names.append(name)
    return names


def data_in_header(header: Sequence[str], frame: pl.DataFrame, name: str) -> tuple[str, ...]:
    """Say so if the header has values of the same kinds as the columns below it.

    Parameters
    ----------
    header
        Text of each field of the first line.
    frame
        The rows below it, all columns text.
    name
        Name of the file in messages.

    Returns
    -------
    tuple of str
        One note, or none.
    """
    alike, others = [], 0
    for text, column in islice(zip(header, frame.iter_columns(), strict=True), _COLUMNS):
        values = column.head(SAMPLE).str.strip_chars()
        values = values.filter(values != "")
        if not text.strip() or not len(values):
            continue
        kind = text_kind(values, "")
        if kind not in _SPECIFIC:
            continue
        if _is_value(text.strip(), kind, values):
            alike.append(text)
        else:
            others += 1
    if len(alike) <= others or _counts_up(alike):
        return ()
    shown = ", ".join(repr(text) for text in alike[:3])
    return (
        f"the first line of {name} looks like data ({shown}): use --no-header if it is, or "
        "--header if it is not",
    )


def _is_value(text: str, kind: str, values: pl.Series) -> bool:
    """Tell whether a text is one of a column of values of a kind."""
    if kind == "code":
        shapes = [_shape(value) for value in values]
        return shapes.count(_shape(text)) >= _SAME_SHAPE * len(shapes)
    return text_kind(pl.Series([text]), "") == kind and not _YEAR.match(text)


def _shape(text: str) -> str:
    """Write 9 for each digit, A and a for each letter."""
    return "".join(
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text
    )


def _counts_up(texts: Sequence[str]) -> bool:
    """Tell whether the texts are numbers one after another, as unnamed columns get."""
    if len(texts) < 2 or not all(text.isascii() and text.isdigit() for text in texts):
        return False
    numbers = [int(text) for text in texts]
    return all(b == a + 1 for a, b in pairwise(numbers))
