"""Word lists, read from the data files in the folder ``words/`` of a package.

A line of a file holds one entry, one group or one pair; lines that begin with ``# `` are comments.
The order of a list is part of its meaning: random draws depend on it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def read_lines(package: str, name: str) -> tuple[str, ...]:
    """Read the lines of ``words/name.txt`` in a package, without comments."""
    lines = (files(package) / "words" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("# "))


def split_entries(line: str) -> tuple[str, ...]:
    """Split a line into the entries that commas separate."""
    return tuple(entry.strip() for entry in line.split(","))


def split_pairs(lines: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Split lines of the form ``first=second``."""
    return tuple((first, second) for first, _, second in (line.partition("=") for line in lines))
