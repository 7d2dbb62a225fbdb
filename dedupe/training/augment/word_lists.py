"""Word lists of augmentation, read from the data files in ``words/``.

The files have the format of :mod:`dedupe.scoring.word_lists`.
"""

from __future__ import annotations

from functools import cache

from dedupe.scoring.word_lists import read_lines, split_entries, split_pairs


@cache
def word_list(name: str) -> tuple[str, ...]:
    """Read a list with one entry per line."""
    return read_lines(__package__, name)


@cache
def word_groups(name: str) -> tuple[tuple[str, ...], ...]:
    """Read groups of forms of one word: one group per line, separated by commas."""
    return tuple(split_entries(line) for line in read_lines(__package__, name))


@cache
def word_pairs(name: str) -> tuple[tuple[str, str], ...]:
    """Read pairs: one ``first=second`` per line; the second may be empty."""
    return split_pairs(read_lines(__package__, name))
