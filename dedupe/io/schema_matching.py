"""Which columns of two tables hold the same field, told by their names and by what is in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from dedupe.errors import OptionError
from dedupe.records import as_texts, named_id

SAMPLE = 5_000
"""Rows of each table that are looked at."""


IDS = "ids of both"
"""Reason of an alignment of columns that name the records."""


ENOUGH = 0.5
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
    """A column of one table that holds the field of a column of the first table.

    Parameters
    ----------
    table
        Place of the table among those linked; 1 or more.
    column, field
        Its column, and that of the first table.
    reason
        "as asked", "same name", "ids of both", "like name" or "like content".
    """

    table: int
    column: str
    field: str
    reason: str


@dataclass(frozen=True)
class Linked:
    """Tables that were stacked to be linked.

    Parameters
    ----------
    names
        Name of each table.
    columns
        For each table its own columns, and the name that each has in the stack.
    alignments
        Which columns of later tables were found to hold a field of the first.
    """

    names: tuple[str, ...]
    columns: tuple[Mapping[str, str], ...]
    alignments: tuple[Alignment, ...]

    @property
    def id_column(self) -> str | None:
        """The column of the stack that was found to hold the ids of every table, if one was."""
        ids = [one.field for one in self.alignments if one.reason == IDS]
        of_all = len(ids) == len(self.names) - 1 and len(set(ids)) == 1
        return self.columns[0][ids[0]] if of_all else None

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON types."""
        return {
            "names": list(self.names),
            "columns": [dict(columns) for columns in self.columns],
            "alignments": [asdict(one) for one in self.alignments],
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Linked:
        """Return what :meth:`as_dict` wrote."""
        return cls(
            tuple(kept["names"]),
            tuple(kept["columns"]),
            tuple(Alignment(**one) for one in kept["alignments"]),
        )


def align(
    frames: Sequence[pl.DataFrame], asked: Mapping[str, str] | None = None
) -> tuple[Alignment, ...]:
    """Find the columns of later tables that hold fields of the first one.

    Columns of one name are one field, and so are the columns with the ids of the records. The
    others are paired, each with one at most, by the largest sum of scores: how alike their names
    are (equal or related words) and their contents (shared values and words, the share of digits,
    the length).

    Parameters
    ----------
    frames
        Two tables or more, with text columns.
    asked
        Column of the first table to column of those others that have it; wins over all else. An
        empty name keeps a column apart.

    Raises
    ------
    OptionError
        If a column in `asked` does not exist, or is asked for twice.
    """
    from scipy.optimize import linear_sum_assignment

    first = frames[0]
    asked = dict(asked or {})
    for column in asked:
        if column not in first.columns:
            raise OptionError(
                f"map: the first table has no column {column!r}; it has {', '.join(first.columns)}"
            )
    for other in asked.values():
        if other and not any(other in frame.columns for frame in frames[1:]):
            raise OptionError(f"map: no later table has a column {other!r}")
    named = [other for other in asked.values() if other]
    if twice := [other for other in named if named.count(other) > 1]:
        raise OptionError(f"map: {twice[0]!r} is said to be two columns of the first table")
    found = []
    first_id = named_id(as_texts(first))
    for number, frame in enumerate(frames[1:], start=1):
        here = {field: column for field, column in asked.items() if column in ("", *frame.columns)}
        taken = {field: (column, "as asked") for field, column in here.items() if column}
        used = set(here.values())
        for column in frame.columns:
            if column in first.columns and column not in used and column not in here:
                taken[column] = (column, "same name")
        used |= {column for column, _ in taken.values()}
        mine = [c for c in first.columns if c not in taken and c not in here]
        theirs = [c for c in frame.columns if c not in used]
        their_id = named_id(as_texts(frame.select(theirs)))
        if first_id in mine and their_id is not None:
            taken[first_id] = (their_id, IDS)
            mine.remove(first_id)
            theirs.remove(their_id)
        score = np.array([[_score(first[a], frame[b]) for b in theirs] for a in mine])
        if score.size:
            for a, b in zip(*linear_sum_assignment(-score[..., 0]), strict=True):
                if score[a, b, 0] >= ENOUGH:
                    reason = "like name" if score[a, b, 1] else "like content"
                    taken[mine[a]] = (theirs[b], reason)
        if first_id not in taken:
            used |= {column for column, _ in taken.values()}
            my_id = _id_column(first, [c for c in mine if c not in taken])
            their_id = _id_column(frame, [c for c in theirs if c not in used])
            if my_id is not None and their_id is not None:
                taken[my_id] = (their_id, IDS)
        found += [
            Alignment(number, taken[field][0], field, taken[field][1])
            for field in first.columns
            if field in taken
        ]
    return tuple(found)


def stack_names(
    columns: Sequence[Sequence[str]], alignments: Sequence[Alignment], free: str
) -> tuple[dict[str, str], ...]:
    """Return, for each table, the name that each of its columns has in the stack.

    A column has the name of the field that it holds, else its own, unless that would make it pass
    for a field of the first table.

    Parameters
    ----------
    columns
        Of each table.
    alignments
        As :func:`align` finds them.
    free
        Name that no column may have: one of that name gets ``_name`` behind it.
    """
    taken = {free, *(column for some in columns for column in some)}

    def numbered(name: str, number: int) -> str:
        while f"{name}_{number}" in taken:
            number += 1
        taken.add(f"{name}_{number}")
        return f"{name}_{number}"

    moved = f"{free}_name" if f"{free}_name" not in taken else numbered(f"{free}_name", 2)
    stacked = []
    for number, some in enumerate(columns):
        names = {a.column: a.field for a in alignments if a.table == number}
        for column in some:
            if column not in names:
                apart = number > 0 and column in columns[0]
                names[column] = numbered(column, number + 1) if apart else column
        stacked.append(
            {column: moved if names[column] == free else names[column] for column in some}
        )
    return tuple(stacked)


def _id_column(frame: pl.DataFrame, columns: Sequence[str]) -> str | None:
    """Return which of the columns that hold no shared field has the ids of the records.

    It is one named so whose values are complete and distinct; else the first of the table, if its
    values are such, and codes.
    """
    text = as_texts(frame.select(columns))
    found = named_id(text)
    if found is not None or frame.columns[0] not in columns:
        return found
    values = text[frame.columns[0]]
    codes = values.n_unique() == len(values) and values.str.contains(_CODE).all()
    return frame.columns[0] if codes and len(values) > 1 else None


def _score(left: pl.Series, right: pl.Series) -> tuple[float, float]:
    """Return how likely two columns are one field, and whether their names say so."""
    name = _name_likeness(left.name, right.name)
    content = _content_likeness(_filled(left), _filled(right))
    return max(0.6 * name + 0.4 * content, content if content > 0.75 else 0.0), float(name >= 0.5)


def _name_likeness(left: str, right: str) -> float:
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


def _content_likeness(left: pl.Series, right: pl.Series) -> float:
    if left.is_empty() or right.is_empty():
        return 0.0
    shapes = [_shape(values) for values in (left, right)]
    shape = float(np.exp(-2 * np.abs(shapes[0] - shapes[1]).sum()))
    words = [set(values.str.split(" ").explode().unique().to_list()) for values in (left, right)]
    shared = len(words[0] & words[1]) / max(min(len(words[0]), len(words[1])), 1)
    return 0.4 * shape + 0.6 * min(1.0, 1.5 * shared)


def _shape(values: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the shares of digits, letters and blanks, and the length on a scale of its own."""
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
