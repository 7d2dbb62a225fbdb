"""Column roles: the id column, the columns that are compared, and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import OptionError, did_you_mean

SAMPLE = 20_000
"""Rows from which the kind of values in a column is told."""

_CELLS = 2_000_000
"""Cells that are looked at together."""

NAMES_SOURCE = "names the source of the row"
"""Reason why a column that says where each row is from is not compared."""

_ID_NAME = re.compile(r"^(.*[_\- .])?(id|ids|uuid|guid|key|pk|rowid|recid)$|^(rec|record|row)_?id$")
_ROW_NAME = re.compile(
    r"^(row|rec|record|line|index|idx|seq|sequence|unnamed|nr|no)?[_\- .:]*"
    r"(id|uuid|guid|number|num|no|nr|index|idx|0)?$"
)
_SOURCE_NAME = re.compile(
    r"^(source|src|dataset|data_?source|origin|provenance|system)([_ ]?name)?$"
)
_CHANGED_NAME = re.compile(
    r"^((date|time|timestamp)[_\- .]*)?(last[_\- .]*)?"
    r"(updated?|modified|modification|changed?|edited|synced|imported|inserted"
    r"|created[_\- .]*(at|on)|(zuletzt[_\- .]*)?(aktualisiert|geändert|geaendert)"
    r"|modifiée?|actualizado|modificado|modificato|gewijzigd)"
    r"[_\- .]*(at|on|am|op|date|time|timestamp)?$"
)
_DATE = r"^\d{4}-?[01]\d-?[0-3]\d(?:[T ].*)?$|^[0-3]?\d[./-][0-3]?\d[./-](?:\d\d)?\d\d(?: .*)?$"
_HASH = re.compile(
    r"^(?:[0-9a-fA-F]{32,128}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})$"
)


@dataclass(frozen=True)
class ColumnRole:
    """Whether one column is compared.

    Parameters
    ----------
    name
        Name of the column.
    used
        Whether it is compared.
    reason
        Why it is not compared; empty where it is.
    """

    name: str
    used: bool
    reason: str = ""


@dataclass(frozen=True)
class ColumnFacts:
    """What is counted of the values of one column of text; a value of white space is empty.

    Parameters
    ----------
    filled
        Number of values that are not empty.
    distinct
        Number of distinct values among them.
    all_distinct
        Whether no two values are the same, empty ones included.
    first
        The first value that is not empty; an empty text if there is none.
    """

    filled: int
    distinct: int
    all_distinct: bool
    first: str


def column_facts(text: pl.DataFrame) -> dict[str, ColumnFacts]:
    """Count the values of all columns of text."""
    value, found = pl.col("value"), {}
    for names, cells in stacked_cells(text):
        counted = (
            cells.with_columns(filled=value.str.strip_chars() != "")
            .group_by("place", maintain_order=True)
            .agg(
                pl.col("filled").sum(),
                distinct=value.filter("filled").n_unique(),
                all_values=value.n_unique(),
                first=value.filter("filled").first(),
            )
        )
        for place, filled, distinct, all_values, first in counted.iter_rows():
            found[names[place]] = ColumnFacts(
                filled, distinct if filled else 0, all_values == text.height, first or ""
            )
    return found


def stacked_cells(text: pl.DataFrame) -> Iterator[tuple[list[str], pl.DataFrame]]:
    """Stack the columns of text, some at a time: a wide table takes far longer one by one.

    Yields
    ------
    names
        Names of the columns.
    cells
        One row per cell, column by column: ``place`` of the column among `names`, and ``value``.
    """
    batch = max(_CELLS // max(text.height, 1), 1)
    for start in range(0, text.width, batch):
        columns = text[:, start : start + batch].get_columns()
        place = np.repeat(np.arange(len(columns), dtype=np.uint32), text.height)
        values = pl.concat([column.alias("value") for column in columns])
        yield [column.name for column in columns], pl.DataFrame({"place": place, "value": values})


def column_roles(
    text: pl.DataFrame, config: Config, source: NDArray[np.uint8] | None = None
) -> tuple[tuple[ColumnRole, ...], str | None]:
    """Choose the id column and the columns that are compared.

    A column is left out if it is the id column or named in ``config.ignore``; if it is empty or
    holds one value only; if all its values are distinct and it is named as an id or numbers the
    rows; if all its values are hashes or UUIDs; if it names the source of a row; or if it is named
    as the date when the row was changed, and holds dates.
    ``config.fields`` overrides all of this: then exactly the columns named there are compared.

    Parameters
    ----------
    text
        n rows, all columns text, as :func:`~dedupe.records.value_text.as_texts` converts them.
    config
        ``fields``, ``ignore`` and ``id`` are used.
    source
        (n,) u8: number of the table of each row, where several are linked.

    Returns
    -------
    roles
        One role per column, in column order.
    id_column
        Name of the id column; ``None`` if there is none.

    Raises
    ------
    OptionError
        If a column named in `config` does not exist, or the id column is incomplete or not unique.
    """
    for option in ("fields", "ignore"):
        check_columns(option, getattr(config, option), text.columns)
    source = np.zeros(text.height, dtype=np.uint8) if source is None else source
    id_column = _id_column(text, source, config)
    facts = {} if config.fields else column_facts(text)
    named, ignored = set(config.fields), set(config.ignore)

    def role(name: str) -> ColumnRole:
        if named:
            is_named = name in named
            return ColumnRole(name, used=is_named, reason="" if is_named else "not named in fields")
        if name in ignored:
            return ColumnRole(name, used=False, reason="named in ignore")
        if name == id_column:
            return ColumnRole(name, used=False, reason="the id of the row")
        reason = _reason_to_ignore(text[name], name.strip().lower(), source, facts[name])
        return ColumnRole(name, used=not reason, reason=reason)

    return tuple(map(role, text.columns)), id_column


def find_id_column(text: pl.DataFrame, source: NDArray[np.uint8] | None = None) -> str | None:
    """Find the first column that is named as an id, complete, and unique within each table.

    Parameters
    ----------
    text
        n rows, all columns text, as :func:`~dedupe.records.value_text.as_texts` converts them.
    source
        (n,) u8: number of the table of each row, where several are linked.
    """
    source = np.zeros(text.height, dtype=np.uint8) if source is None else source
    for name in text.columns:
        values = text[name]
        if (
            _ID_NAME.match(name.strip().lower())
            and not (values == "").any()
            and _distinct(values, source) == len(values)
        ):
            return name
    return None


def check_columns(option: str, names: Iterable[str], columns: Sequence[str]) -> None:
    """Check that the columns that an option names exist.

    Raises
    ------
    OptionError
        If one does not.
    """
    there = set(columns)
    for name in names:
        if name not in there:
            raise OptionError(
                f"{option}: there is no column {name!r}; the columns are {_listed(columns)}"
                f"{did_you_mean(name, columns)}"
            )


def _listed(names: Sequence[str], limit: int = 12) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _distinct(values: pl.Series, source: NDArray[np.uint8]) -> int:
    """Count the distinct values of each table, summed over the tables."""
    return pl.DataFrame({"source": source, "value": values}).n_unique()


def _id_column(text: pl.DataFrame, source: NDArray[np.uint8], config: Config) -> str | None:
    if config.id is None:
        return find_id_column(text.drop(config.fields), source)
    check_columns("id", [config.id], text.columns)
    values = text[config.id]
    if (values == "").any():
        row = int((values == "").arg_true()[0])
        hint = f"; --map {config.id}=COLUMN says what another table calls it"
        raise OptionError(
            f"id column {config.id!r} is empty in row {row}: ids must be complete"
            + (hint if source.any() else "")
        )
    if _distinct(values, source) < len(values):
        duplicate = values.filter(values.is_duplicated())[0]
        raise OptionError(f"id column {config.id!r} holds {duplicate!r} twice: ids must be unique")
    return config.id


def _reason_to_ignore(
    values: pl.Series, name: str, source: NDArray[np.uint8], facts: ColumnFacts
) -> str:
    """Tell why a column cannot identify a record; an empty text if it may."""
    if not facts.filled:
        return "empty"
    if facts.distinct == 1 and facts.filled == len(values):
        return "the same in every row"
    if _SOURCE_NAME.match(name) and facts.distinct <= 100:
        return NAMES_SOURCE
    if _CHANGED_NAME.match(name) and _all_match(values, _DATE):
        return "when the row was changed"
    if _HASH.match(facts.first) and _all_match(values, _HASH.pattern):
        return "hashes or UUIDs"
    is_id = _ID_NAME.match(name)
    if not (is_id or facts.first[:1].isdigit()):
        return ""
    if source.any():
        # Only the tables that have the column count.
        has_column = np.isin(source, np.unique(source[(values != "").to_numpy()]))
        values, source = values.filter(pl.Series(has_column)), source[has_column]
        all_distinct = _distinct(values, source) == len(values)
    else:
        all_distinct = facts.all_distinct
    if all_distinct and len(values) >= 3:
        if is_id:
            return "an id of the row"
        if _numbers_rows(values, name):
            return "a row number"
    return ""


def _all_match(values: pl.Series, pattern: str) -> bool:
    """Tell whether the first filled values all match a pattern."""
    filled = values.filter(values.str.strip_chars() != "")
    return bool(filled.head(SAMPLE).str.contains(pattern).all())


def _numbers_rows(values: pl.Series, name: str) -> bool:
    """Tell whether a column counts up by one from row to row, or is named as a row number."""
    head = values.head(SAMPLE)
    if not head.str.contains(r"^\d{1,18}$").all():
        return False
    steps = head.cast(pl.Int64).diff().drop_nulls()
    return bool((steps == 1).all()) or _ROW_NAME.match(name) is not None
