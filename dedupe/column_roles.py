"""Column roles: the id column, the columns that are compared, and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import OptionError, did_you_mean

SAMPLE = 20_000
"""Rows from which the kind of values in a column is told."""

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
_HASH = r"^(?:[0-9a-fA-F]{32,128}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})$"


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


def column_roles(
    text: pl.DataFrame, config: Config, source: NDArray[np.uint8] | None = None
) -> tuple[tuple[ColumnRole, ...], str | None]:
    """Choose the id column and the columns that are compared.

    A column is left out if it is the id column or named in ``config.ignore``; if it is empty or
    holds one value only; if all its values are distinct and it is named as an id or numbers the
    rows; if all its values are hashes or UUIDs; or if it names the source of a row.
    ``config.fields`` overrides all of this: then exactly the columns named there are compared.

    Parameters
    ----------
    text
        n rows, all columns text, as :func:`~dedupe.records.as_texts` converts them.
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
    return tuple(_role(text, name, id_column, source, config) for name in text.columns), id_column


def find_id_column(text: pl.DataFrame, source: NDArray[np.uint8] | None = None) -> str | None:
    """Find the first column that is named as an id, complete, and unique within each table.

    Parameters
    ----------
    text
        n rows, all columns text, as :func:`~dedupe.records.as_texts` converts them.
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
    for name in names:
        if name not in columns:
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


def _role(
    text: pl.DataFrame,
    name: str,
    id_column: str | None,
    source: NDArray[np.uint8],
    config: Config,
) -> ColumnRole:
    if name in config.fields:
        return ColumnRole(name, used=True)
    if config.fields:
        return ColumnRole(name, used=False, reason="not named in fields")
    if name in config.ignore:
        return ColumnRole(name, used=False, reason="named in ignore")
    if name == id_column:
        return ColumnRole(name, used=False, reason="the id of the row")
    reason = _reason_to_ignore(text[name], name.strip().lower(), source)
    return ColumnRole(name, used=not reason, reason=reason)


def _reason_to_ignore(values: pl.Series, name: str, source: NDArray[np.uint8]) -> str:
    """Tell why a column cannot identify a record; an empty text if it may."""
    filled = values.filter(values.str.strip_chars() != "")
    if filled.is_empty():
        return "empty"
    distinct = filled.n_unique()
    if distinct == 1 and len(filled) == len(values):
        return "the same in every row"
    if _SOURCE_NAME.match(name) and distinct <= 100:
        return NAMES_SOURCE
    if filled.head(SAMPLE).str.contains(_HASH).all():
        return "hashes or UUIDs"
    if source.any():
        # Only the tables that have the column count.
        has_column = np.isin(source, np.unique(source[(values != "").to_numpy()]))
        values, source = values.filter(pl.Series(has_column)), source[has_column]
    if _distinct(values, source) == len(values) >= 3:
        if _ID_NAME.match(name):
            return "an id of the row"
        if _numbers_rows(values, name):
            return "a row number"
    return ""


def _numbers_rows(values: pl.Series, name: str) -> bool:
    """Tell whether a column counts up by one from row to row, or is named as a row number."""
    head = values.head(SAMPLE)
    if not head.str.contains(r"^\d{1,18}$").all():
        return False
    steps = head.cast(pl.Int64).diff().drop_nulls()
    return bool((steps == 1).all()) or _ROW_NAME.match(name) is not None
