"""Tables most rows of which stand as lines in a file that was written before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.io.csv import text_bytes
from dedupe.io.dialect import Dialect

BLOCK = 1 << 20
"""Bytes looked through at a time: they stay in cache."""


_LINE_END = ord("\n")


@dataclass(frozen=True, eq=False)
class Patch:
    """A table of n rows, given by what differs from the file of an earlier one.

    Parameters
    ----------
    lines
        (n,) int64: number of the row in the file before; -1 where it differs or is new.
    before
        Rows in that file.
    fresh
        The rows that differ or are new, in order.
    whole
        Makes the whole table, for a file of another kind.
    """

    lines: NDArray[np.int64]
    before: int
    fresh: pl.DataFrame
    whole: Callable[[], pl.DataFrame]


def patched_text(
    patch: Patch, file: Path, dialect: Dialect, *, safe: bool = False
) -> list[memoryview] | None:
    """Return the table as text, in parts: the bytes of :func:`~dedupe.io.csv.text_bytes`.

    Lines of the file that stay are taken as they are, so it takes about as long as there is new.

    Parameters
    ----------
    patch
        The table.
    file
        Holds the table before, in the same `dialect`.
    dialect, safe
        As of :func:`~dedupe.io.csv.text_bytes`.

    Returns
    -------
    list of memoryview or None
        ``None`` where rows are not lines of the file: another encoding, line breaks within values,
        other rows or columns than `patch` says.
    """
    if dialect.encoding != "utf-8" or dialect.newline == "\r":
        return None
    try:
        old = file.read_bytes()
    except OSError:
        return None
    new = text_bytes(patch.fresh, dialect, safe=safe)
    ends, new_ends = _line_ends(old), _line_ends(new)
    if len(ends) != patch.before + 1 or len(new_ends) != patch.fresh.height + 1:
        return None
    if ends[-1] != len(old) or old[: ends[0]] != new[: new_ends[0]]:
        return None
    stays = patch.lines >= 0
    place = np.where(stays, patch.lines, 0)
    begin, end = ends[:-1], ends[1:]
    starts, stops = (
        np.empty(len(stays), dtype=np.int64) if not len(begin) else side[place]
        for side in (begin, end)
    )
    # The new lines are told by places behind the old ones.
    starts[~stays], stops[~stays] = len(old) + new_ends[:-1], len(old) + new_ends[1:]
    apart = starts[1:] != stops[:-1]
    first = starts[np.concatenate([[True], apart])] if len(starts) else starts
    last = stops[np.concatenate([apart, [True]])] if len(stops) else stops
    before, after = memoryview(old), memoryview(new)
    parts = [before[: ends[0]]]
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        parts.append(before[a:b] if a < len(old) else after[a - len(old) : b - len(old)])
    return parts


def _line_ends(data: bytes) -> NDArray[np.int64]:
    """Return the place behind each line break."""
    points = np.frombuffer(data, dtype=np.uint8)
    blocks = range(0, len(points), BLOCK)
    found = [np.flatnonzero(points[at : at + BLOCK] == _LINE_END) + at + 1 for at in blocks]
    return np.concatenate([np.empty(0, dtype=np.int64), *found])
