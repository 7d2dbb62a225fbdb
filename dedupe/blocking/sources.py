"""Where records are from, as a column of the file names it, and where their texts are from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import ANY_SOURCE
from dedupe.blocking.index import NO_SLOT
from dedupe.blocking.ranking import Sources
from dedupe.column_roles import NAMES_SOURCE, ColumnRole
from dedupe.config import Config


def source_column(fields: Iterable[ColumnRole]) -> str | None:
    """Return the name of the first column that names the source of each row, if there is one."""
    return next((field.name for field in fields if field.reason == NAMES_SOURCE), None)


def source_note(column: str) -> str:
    """Say what it means that a column names the source of each row."""
    return (
        f"column {column!r} names the source of each row: neighbours in other sources are "
        f"candidates before those in the same one; --ignore {column} treats all alike"
    )


def source_numbers(values: pl.Series) -> NDArray[np.uint8]:
    """Give each of n rows the number of its source, by name; a missing name is one too."""
    names = values.cast(pl.String).fill_null("")
    return (names.rank("dense") - 1).to_numpy().astype(np.uint8)


def sources_of_texts(
    number: NDArray[np.uint8] | None, slot: NDArray[np.uint32], size: int, config: Config
) -> Sources | None:
    """Return the sources of `size` distinct texts.

    Parameters
    ----------
    number
        (n,) u8 number of each record's source; ``None`` if nobody knows.
    slot
        (n,) u32 number of each record's text, as of :func:`~dedupe.blocking.index.assign_slots`.
    size
        Number of distinct texts.
    config
        ``link`` and ``within_tables`` are used.
    """
    if number is None:
        return None
    low = np.full(size, ANY_SOURCE, dtype=np.uint8)
    high = np.zeros(size, dtype=np.uint8)
    there = slot != NO_SLOT
    np.minimum.at(low, slot[there], number[there])
    np.maximum.at(high, slot[there], number[there])
    # A text that several sources have is of none of them.
    of_text = np.where(low == high, low, ANY_SOURCE).astype(np.uint8)
    return Sources(of_text, across_only=bool(config.link) and not config.within_tables)
