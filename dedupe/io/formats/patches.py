"""Patches: tables that share most rows with a CSV file that was written before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.io.dialect import Dialect
from dedupe.io.formats.csv_output import csv_bytes

BLOCK = 1 << 20
"""Bytes searched at a time, so that they stay in the processor's cache."""

_LINE_END = ord("\n")


@dataclass(frozen=True, eq=False)
class Patch:
    """A table of n rows, as its difference from an earlier table.

    Parameters
    ----------
    lines
        (n,) int64: row number in the earlier table; -1 for a row that is changed or new.
    before
        Number of rows of the earlier table.
    fresh
        The changed and new rows, in order.
    whole
        Makes the whole table, for other formats.
    """

    lines: NDArray[np.int64]
    before: int
    fresh: pl.DataFrame
    whole: Callable[[], pl.DataFrame]


def patched_text(
    patch: Patch, file: Path, dialect: Dialect, *, safe: bool = False
) -> list[memoryview] | None:
    """Write the table as delimited text, in parts that join to the bytes of :func:`csv_bytes`.

    Unchanged lines are copied from the file, so that the time depends on the changed rows.

    Parameters
    ----------
    patch
        The table.
    file
        Holds the earlier table, in the same `dialect`.
    dialect, safe
        As for :func:`~dedupe.io.formats.csv_output.csv_bytes`.

    Returns
    -------
    list of memoryview or None
        ``None`` if rows are not lines of the file: the encoding is not UTF-8, values hold line
        breaks, or the file has other rows or columns than `patch` expects.
    """
    if dialect.encoding != "utf-8" or dialect.newline == "\r":
        return None
    try:
        old = file.read_bytes()
    except OSError:
        return None
    new = csv_bytes(patch.fresh, dialect, safe=safe)
    ends, new_ends = _line_ends(old), _line_ends(new)
    if len(ends) != patch.before + 1 or len(new_ends) != patch.fresh.height + 1:
        return None
    if ends[-1] != len(old) or old[: ends[0]] != new[: new_ends[0]]:
        return None
    unchanged = patch.lines >= 0
    row = np.where(unchanged, patch.lines, 0)
    begin, end = ends[:-1], ends[1:]
    starts, stops = (
        np.empty(len(unchanged), dtype=np.int64) if not len(begin) else side[row]
        for side in (begin, end)
    )
    # Positions in the new lines are counted from the end of the old ones.
    starts[~unchanged], stops[~unchanged] = len(old) + new_ends[:-1], len(old) + new_ends[1:]
    apart = starts[1:] != stops[:-1]
    first = starts[np.concatenate([[True], apart])] if len(starts) else starts
    last = stops[np.concatenate([apart, [True]])] if len(stops) else stops
    before, after = memoryview(old), memoryview(new)
    parts = [before[: ends[0]]]
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        parts.append(before[a:b] if a < len(old) else after[a - len(old) : b - len(old)])
    return parts


def _line_ends(data: bytes) -> NDArray[np.int64]:
    """Find the position after each line break."""
    points = np.frombuffer(data, dtype=np.uint8)
    blocks = range(0, len(points), BLOCK)
    found = [np.flatnonzero(points[at : at + BLOCK] == _LINE_END) + at + 1 for at in blocks]
    return np.concatenate([np.empty(0, dtype=np.int64), *found])
