"""Word lists of the training data, read from the data files in ``words/``.

The files have the format of :mod:`dedupe.scoring.word_lists`. Lines of a table have cells
as well, separated by ``|``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from dedupe.scoring.word_lists import read_lines, split_entries, split_pairs


def words(name: str) -> tuple[str, ...]:
    """Read a list with one entry per line."""
    return read_lines(__package__, name)


@cache
def word_pairs(name: str) -> tuple[tuple[str, str], ...]:
    """Read pairs: one ``first=second`` per line."""
    return split_pairs(read_lines(__package__, name))


@cache
def word_table(name: str) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Read a table: one row per line, ``key | entries | entries …``, by key."""
    rows = (line.split("|") for line in read_lines(__package__, name))
    return MappingProxyType(
        {key.strip(): tuple(split_entries(cell) for cell in cells) for key, *cells in rows}
    )
