"""Schema matching: which columns of several tables hold the same field, by name and by content.

:func:`align` applies the rules of :data:`_RULES` in their order. A rule proposes pairs among the
columns that the rules before it left unpaired, so that a column is paired once at most.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from dedupe.column_roles import find_id_column
from dedupe.errors import OptionError
from dedupe.records.value_text import as_texts

SAMPLE = 5_000
"""Filled rows of each column whose content is compared."""

IDS = "ids of both"
"""Reason of an alignment of the columns that hold the ids of the records."""

MIN_SCORE = 0.5
"""Score from which two columns are taken for the same field."""

_SYNONYMS = tuple(
    frozenset(line.split())
    for line in """
    name title label product song
    given first forename firstname givenname christian
    surname last family lastname familyname
    birth dob born birthday birthdate
    phone telephone tel mobile cell fon
    email mail
    street address addr road
    zip postcode postal zipcode plz
    city town suburb locality place municipality
    state province region county
    country nation
    company organisation organization employer firm
    manufacturer brand maker producer vendor publisher label brewery
    price cost amount
    description details desc summary abstract notes text
    author authors writer creator artist
    year date published released
    venue journal conference booktitle
    model modelno sku partno code mpn
    category type genre kind cuisine style
    website url web homepage link
    """.strip().split("\n")
)

_WORD = re.compile(r"[a-z]+|\d+")
_CODE = r"^[\p{L}\d_./#:-]*\d[\p{L}\d_./#:-]*$"


@dataclass(frozen=True)
class Alignment:
    """A column of a later table that holds the same field as a column of the first table.

    Parameters
    ----------
    table
        Number of the later table, from 1.
    column, field
        Name of its column, and of that of the first table.
    reason
        "requested", "same name", "ids of both", "similar name" or "similar content".
    """

    table: int
    column: str
    field: str
    reason: str


@dataclass(frozen=True)
class Linked:
    """Tables that are stacked to be linked.

    Parameters
    ----------
    names
        Name of each table.
    columns
        For each table, the name that each of its columns has in the stack.
    alignments
        Columns of later tables that hold a field of the first.
    """

    names: tuple[str, ...]
    columns: tuple[Mapping[str, str], ...]
    alignments: tuple[Alignment, ...]

    @property
    def id_column(self) -> str | None:
        """Column of the stack with the ids of every table; ``None`` if there is none."""
        ids = [alignment.field for alignment in self.alignments if alignment.reason == IDS]
        in_all = len(ids) == len(self.names) - 1 and len(set(ids)) == 1
        return self.columns[0][ids[0]] if in_all else None

    def as_dict(self) -> dict[str, Any]:
        """Convert the values to plain JSON types."""
        return {
            "names": list(self.names),
            "columns": [dict(columns) for columns in self.columns],
            "alignments": [asdict(alignment) for alignment in self.alignments],
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Linked:
        """Restore what :meth:`as_dict` wrote."""
        return cls(
            tuple(values["names"]),
            tuple(values["columns"]),
            tuple(Alignment(**alignment) for alignment in values["alignments"]),
        )


def align(
    frames: Sequence[pl.DataFrame], requested: Mapping[str, str] | None = None
) -> tuple[Alignment, ...]:
    """Find the columns of later tables that hold fields of the first table.

    Parameters
    ----------
    frames
        Two tables or more, with text columns.
    requested
        Column of the first table to the column of the other tables that have it; overrides all
        other rules. An empty name keeps a column of the first table apart.

    Returns
    -------
    tuple of Alignment
        Sorted by table, then by column of the first table. Within a table, no column and no field
        occurs twice.

    Raises
    ------
    OptionError
        If a column in `requested` does not exist, or is requested twice.
    """
    requested = dict(requested or {})
    _check_requested(requested, frames)
    first_id = find_id_column(as_texts(frames[0]))
    alignments = []
    for number, frame in enumerate(frames[1:], start=1):
        table = _Unpaired(frames[0], frame, first_id, requested)
        for rule in _RULES:
            for field_name, column, reason in rule(table):
                table.paired[field_name] = (column, reason)
        alignments += [
            Alignment(number, table.paired[name][0], name, table.paired[name][1])
            for name in frames[0].columns
            if name in table.paired
        ]
    return tuple(alignments)


def stack_names(
    columns: Sequence[Sequence[str]], alignments: Sequence[Alignment], reserved: str
) -> tuple[dict[str, str], ...]:
    """Name the columns of each table in the stack.

    A column gets the name of the field that it holds, else its own name, unless it would then pass
    for a field of the first table.

    Parameters
    ----------
    columns
        Columns of each table.
    alignments
        As :func:`align` finds them.
    reserved
        Name that no column may have: ``_name`` is appended to one that has it.

    Returns
    -------
    tuple of dict
        For each table, the name in the stack of each of its columns.
    """
    taken = {reserved, *(name for names in columns for name in names)}

    def numbered(name: str, number: int) -> str:
        while f"{name}_{number}" in taken:
            number += 1
        taken.add(f"{name}_{number}")
        return f"{name}_{number}"

    moved = f"{reserved}_name"
    if moved in taken:
        moved = numbered(moved, 2)
    stacked = []
    for number, own in enumerate(columns):
        names = {a.column: a.field for a in alignments if a.table == number}
        for column in own:
            if column not in names:
                passes_for_field = number > 0 and column in columns[0]
                names[column] = numbered(column, number + 1) if passes_for_field else column
        stacked.append(
            {column: moved if names[column] == reserved else names[column] for column in own}
        )
    return tuple(stacked)


# Rules --------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Unpaired:
    """The first table, one other table, and the columns of both that are paired so far."""

    first: pl.DataFrame
    other: pl.DataFrame
    first_id: str | None
    requested: Mapping[str, str]
    paired: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def requested_here(self) -> dict[str, str]:
        """The requests that concern this table."""
        columns = ("", *self.other.columns)
        return {name: column for name, column in self.requested.items() if column in columns}

    @property
    def fields(self) -> list[str]:
        """Columns of the first table that are not paired and may be."""
        closed = {*self.paired, *self.requested_here}
        return [name for name in self.first.columns if name not in closed]

    @property
    def columns(self) -> list[str]:
        """Columns of the other table that are not paired."""
        closed = {*(column for column, _ in self.paired.values()), *self.requested_here.values()}
        return [name for name in self.other.columns if name not in closed]


_Pairs: TypeAlias = Iterable[tuple[str, str, str]]
"""Field of the first table, column of the other, reason."""


def _requested(table: _Unpaired) -> _Pairs:
    """Pair what the user requests."""
    return [(name, column, "requested") for name, column in table.requested_here.items() if column]


def _same_name(table: _Unpaired) -> _Pairs:
    """Pair columns of the same name."""
    fields = set(table.fields)
    return [(name, name, "same name") for name in table.columns if name in fields]


def _named_ids(table: _Unpaired) -> _Pairs:
    """Pair the columns of ids that are named as such."""
    other_id = find_id_column(as_texts(table.other.select(table.columns)))
    if table.first_id not in table.fields or table.first_id is None or other_id is None:
        return []
    return [(table.first_id, other_id, IDS)]


def _similar(table: _Unpaired) -> _Pairs:
    """Pair columns of similar names and contents: the assignment of the largest total score."""
    from scipy.optimize import linear_sum_assignment

    fields, columns = table.fields, table.columns
    scores = np.array([[_score(table.first[f], table.other[c]) for c in columns] for f in fields])
    if not scores.size:
        return []
    return [
        (fields[i], columns[j], "similar name" if scores[i, j, 1] else "similar content")
        for i, j in zip(*linear_sum_assignment(-scores[..., 0]), strict=True)
        if scores[i, j, 0] >= MIN_SCORE
    ]


def _likely_ids(table: _Unpaired) -> _Pairs:
    """Pair the columns that are likely ids, if the ids of the first table have no pair yet."""
    if table.first_id in table.paired:
        return []
    first_id = _likely_id(table.first, table.fields)
    other_id = _likely_id(table.other, table.columns)
    return [] if first_id is None or other_id is None else [(first_id, other_id, IDS)]


_RULES: tuple[Callable[[_Unpaired], _Pairs], ...] = (
    _requested,
    _same_name,
    _named_ids,
    _similar,
    _likely_ids,
)


def _check_requested(requested: Mapping[str, str], frames: Sequence[pl.DataFrame]) -> None:
    first, later = frames[0].columns, frames[1:]
    for name in requested:
        if name not in first:
            raise OptionError(
                f"map: the first table has no column {name!r}; it has {', '.join(first)}"
            )
    columns = [column for column in requested.values() if column]
    for column in columns:
        if not any(column in frame.columns for frame in later):
            raise OptionError(f"map: no later table has a column {column!r}")
    for column in columns:
        if columns.count(column) > 1:
            raise OptionError(f"map: {column!r} is mapped to two columns of the first table")


def _likely_id(frame: pl.DataFrame, columns: Sequence[str]) -> str | None:
    """Find the unpaired column that holds the ids of the records.

    It is one that is named as an id, with complete and distinct values; else the first column of
    the table, if its values are distinct codes.
    """
    text = as_texts(frame.select(columns))
    found = find_id_column(text)
    if found is not None or frame.columns[0] not in columns:
        return found
    values = text[frame.columns[0]]
    codes = values.n_unique() == len(values) and values.str.contains(_CODE).all()
    return frame.columns[0] if codes and len(values) > 1 else None


def _score(left: pl.Series, right: pl.Series) -> tuple[float, float]:
    """Score whether two columns hold the same field, and tell whether their names are similar."""
    name = _name_similarity(left.name, right.name)
    content = _content_similarity(_filled(left), _filled(right))
    return max(0.6 * name + 0.4 * content, content if content > 0.75 else 0.0), float(name >= 0.5)


def _name_similarity(left: str, right: str) -> float:
    a, b = (
        set(_WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", n).lower())) for n in (left, right)
    )
    if not a or not b:
        return 0.0
    if a == b or "".join(sorted(a)) == "".join(sorted(b)):
        return 1.0
    shared = len(a & b) / max(len(a), len(b))
    related = any(a & group and b & group for group in _SYNONYMS)
    return max(shared, 0.8 if related else 0.0)


def _content_similarity(left: pl.Series, right: pl.Series) -> float:
    if left.is_empty() or right.is_empty():
        return 0.0
    shapes = [_shape(values) for values in (left, right)]
    shape = float(np.exp(-2 * np.abs(shapes[0] - shapes[1]).sum()))
    words = [set(values.str.split(" ").explode().unique().to_list()) for values in (left, right)]
    shared = len(words[0] & words[1]) / max(min(len(words[0]), len(words[1])), 1)
    return 0.4 * shape + 0.6 * min(1.0, 1.5 * shared)


def _shape(values: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Compute the shares of digits, letters and blanks, and the logarithm of the mean length."""
    text = values.str.join("")[0] or " "
    size = max(len(text), 1)
    mean = size / len(values)
    return np.array(
        [
            sum(c.isdigit() for c in text) / size,
            sum(c.isalpha() for c in text) / size,
            text.count(" ") / size,
            np.log1p(mean) / 6,
        ]
    )


def _filled(values: pl.Series) -> pl.Series:
    text = values.cast(pl.String).fill_null("").str.to_lowercase().str.strip_chars()
    return text.filter(text != "").head(SAMPLE)
