"""The delimiter and the quoting of text, found in a sample of it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dedupe.io.dialect import Dialect

DELIMITERS = ("\t", "|", ";", ",")
"""Delimiters that are looked for, those that are rarest in names and values first."""

_DEFAULT = ","
"""Delimiter of text that none splits."""

RARE_DELIMITERS = (":", "^", "~", "¦", "\x1f", "\x1e", "\x01")
"""Delimiters that are never assumed, but named where they would fit."""

_CONSISTENT = 0.9
"""Share of lines that must have as many fields as the first for a delimiter to fit."""

_SEPARATE_LINES = 20
"""Lines at the beginning among which the header is looked for."""

_NO_LIMIT = 2**31 - 1

_ESCAPE = "\ue000"
"""Stands before a digit in place of a carriage return that ends no line, and before itself."""

_LONE_RETURN = re.compile("\r(?!\n)")
_ESCAPED = re.compile(_ESCAPE + "([01])")


@dataclass(frozen=True)
class FoundDelimiter:
    """The delimiter of a text, and the evidence against it.

    Parameters
    ----------
    delimiter
        One of :data:`DELIMITERS`.
    others
        Delimiters that would fit as well.
    """

    delimiter: str
    others: tuple[str, ...] = ()


def find_delimiter(sample: str) -> FoundDelimiter:
    """Find the delimiter that splits most lines of `sample` as it splits the first.

    One that leaves text beside quotes is taken only if all others do so as well. Of those that
    split alike, the one that is rarest in values is taken. If none splits the first line, it is
    the one that splits most of the other lines alike: there may be lines above the header.
    """
    widths = {d: _widths(sample, d) for d in (*DELIMITERS, *RARE_DELIMITERS)}
    merits = {d: (_is_strict(sample, d), *_merit(found)) for d, found in widths.items()}
    best = max(DELIMITERS, key=lambda d: (merits[d][2] > 0, *merits[d]))
    if merits[best][2]:
        fitting = [
            d
            for d in DELIMITERS
            if d != best and merits[d][0] == merits[best][0] and merits[d][1] >= _CONSISTENT
        ]
        return FoundDelimiter(best, tuple(fitting))
    modal = {d: Counter(found[1:]).most_common(1) for d, found in widths.items() if d in DELIMITERS}
    below = [
        (times, d)
        for d, counts in modal.items()
        for width, times in counts
        if width > 1 and times > 1 and times >= len(widths[d]) / 2
    ]
    if below:
        return FoundDelimiter(max(below, key=lambda found: found[0])[1])
    rare = [d for d in RARE_DELIMITERS if merits[d][1] >= _CONSISTENT and len(widths[d]) > 1]
    return FoundDelimiter(_DEFAULT, tuple(rare))


def header_line(sample: str, delimiter: str) -> int | None:
    """Find the line of the header, from 1, if lines of fewer fields stand above it.

    Returns
    -------
    int or None
        ``None`` if the first line is as wide as the lines below it, or none is followed by lines
        of its width.
    """
    numbered = list(_numbered_rows(sample, delimiter))
    if not numbered:
        return None
    widths = [width for _, width in numbered]
    for place, (line, width) in enumerate(numbered[1:_SEPARATE_LINES], start=1):
        below = widths[place + 1 :]
        if width > widths[0] and below and below.count(width) >= _CONSISTENT * len(below):
            return line
    return None


def quotes_all(sample: str, dialect: Dialect) -> bool:
    """Tell whether every field of `sample` is quoted."""
    if not sample.startswith('"'):
        return False
    again = io.StringIO()
    writer = csv.writer(
        again, delimiter=dialect.delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n"
    )
    try:
        writer.writerows(lenient_rows(sample, dialect.delimiter))
    except csv.Error:
        return False
    return again.getvalue().strip() == sample.replace("\r\n", "\n").strip()


def lenient_rows(sample: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a sample, without blank lines, whatever its quotes are."""
    escaped = EscapedLines(_lines(sample))
    with unlimited_fields():
        yield from (
            escaped.restored(row) for row in csv.reader(escaped, delimiter=delimiter) if row
        )


class EscapedLines:
    r"""Lines of text whose carriage returns the csv module takes for text, not for line ends.

    Only ``\n`` and ``\r\n`` end a line; any other carriage return belongs to a value.

    Parameters
    ----------
    lines
        The lines with their ends.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._any = False

    def __iter__(self) -> Iterator[str]:
        """Iterate over the lines."""
        return self

    def __next__(self) -> str:
        """Return the next line."""
        line = next(self._lines)
        if "\r" not in line and _ESCAPE not in line:
            return line
        self._any = True
        return _LONE_RETURN.sub(f"{_ESCAPE}1", line.replace(_ESCAPE, f"{_ESCAPE}0"))

    def restored(self, row: list[str]) -> list[str]:
        """Return a row of the csv module with the values as they are in the lines."""
        if not self._any:
            return row
        return [_ESCAPED.sub(_original, value) if _ESCAPE in value else value for value in row]


def _original(match: re.Match[str]) -> str:
    return "\r" if match[1] == "1" else _ESCAPE


@contextmanager
def unlimited_fields() -> Iterator[None]:
    """Let the csv module read fields of any length; its limit belongs to the whole process."""
    limit = csv.field_size_limit(_NO_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _widths(sample: str, delimiter: str) -> list[int]:
    try:
        return [len(row) for row in lenient_rows(sample, delimiter)]
    except csv.Error:
        return []


def _merit(widths: list[int]) -> tuple[float, int]:
    if not widths or widths[0] < 2:
        return (0.0, 0)
    return (Counter(widths)[widths[0]] / len(widths), widths[0])


def _is_strict(sample: str, delimiter: str) -> bool:
    """Tell whether quotes stand at the beginning and the end of fields only."""
    if '"' not in sample:
        return True
    mark = re.escape(delimiter)
    field = re.compile(rf'(?:"(?:[^"]|"")*+"|[^"{mark}\n]*+)(?:{mark}|\r?\n)')
    text, at = sample.rstrip("\r\n") + "\n", 0
    while at < len(text):
        found = field.match(text, at)
        if found is None:
            return False
        at = found.end()
    return True


def _lines(sample: str) -> io.StringIO:
    return io.StringIO(sample, newline="\n")


def _numbered_rows(sample: str, delimiter: str) -> Iterator[tuple[int, int]]:
    """Yield the line and the number of fields of each row of a sample."""
    reader = csv.reader(EscapedLines(_lines(sample)), delimiter=delimiter)
    line = 1
    with unlimited_fields():
        for row in reader:
            if row:
                yield line, len(row)
            line = reader.line_num + 1
