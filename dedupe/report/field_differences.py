"""Which fields of two records differ, and in which characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import polars as pl

from dedupe.io.printable import printable
from dedupe.scoring.comparison.values import notation
from dedupe.scoring.comparison.values.roles import Role

MOST_CHARACTERS = 400
"""Characters of a value that are compared one by one; the rest counts as one piece."""

SHORTEST_PHONE = 7
"""Digits from which one phone number at the end of another is the same number."""

_WITH_DIGIT = re.compile(r"\w*\d[\w.-]*")


@dataclass(frozen=True)
class NumberDifference:
    """Numbers of one field that only one of two records has.

    Parameters
    ----------
    name
        Name of the column.
    left, right
        Numbers and codes that only the left or the right record has.
    """

    name: str
    left: tuple[str, ...]
    right: tuple[str, ...]

    def __str__(self) -> str:
        left, right = (" ".join(side) or "none" for side in (self.left, self.right))
        return f"{one_line(self.name)} {left} | {right}"


Span = tuple[str, bool]
"""A piece of a value, and whether it differs from the other value."""


@dataclass(frozen=True)
class FieldPair:
    """The values of one field in two records.

    Parameters
    ----------
    name
        Name of the column.
    used
        Whether the models compare the column.
    left, right
        The values in pieces; empty for a missing value.
    mark
        "=" equal, "~" equal except for case and spaces, "≠" different, "·" missing on one side.
    """

    name: str
    used: bool
    left: tuple[Span, ...]
    right: tuple[Span, ...]
    mark: str


def compare_fields(
    left: Mapping[str, object], right: Mapping[str, object], used: Sequence[str]
) -> list[FieldPair]:
    """Compare the fields of two records.

    Parameters
    ----------
    left, right
        Values by column.
    used
        The columns that the models compare.

    Returns
    -------
    list of FieldPair
        The fields with at least one value, those in `used` first.
    """
    names = [name for name in left if name in used] + [name for name in left if name not in used]
    pairs = []
    for name in names:
        a, b = one_line(left[name]), one_line(right[name])
        if not a and not b:
            continue
        if a == b:
            mark = "="
        elif not a or not b:
            mark = "·"
        elif normalized(a) == normalized(b):
            mark = "~"
        else:
            mark = "≠"
        spans = split_differences(a, b) if mark == "≠" else (_equal(a), _equal(b))
        pairs.append(FieldPair(name, name in used, *spans, mark))
    return pairs


def one_line(value: object) -> str:
    """Format a value on one line: visible line breaks and tabs, nothing that a terminal obeys."""
    text = "" if value is None else str(value)
    return printable(text.strip().replace("\r\n", "⏎").replace("\n", "⏎").replace("\t", "⇥"))


def normalized(text: str) -> str:
    """Normalize case and spaces."""
    return " ".join(text.lower().split())


def commonest(values: pl.Series) -> str:
    """Find the commonest normalized value; of equally common ones, the last in text order."""
    counts = Counter(normalized(text) for text in map(one_line, values) if text)
    return max(counts, key=lambda value: (counts[value], value))


def split_differences(a: str, b: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Split two texts into pieces that both have and pieces that only one has."""
    head_a, head_b = a[:MOST_CHARACTERS], b[:MOST_CHARACTERS]
    # In a few scripts the lower case is longer than the text; such texts differ as a whole.
    if len(head_a.lower()) != len(head_a) or len(head_b.lower()) != len(head_b):
        return ((a, True),), ((b, True),)
    left: list[Span] = []
    right: list[Span] = []
    matcher = SequenceMatcher(None, head_a.lower(), head_b.lower(), autojunk=False)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if a1 > a0:
            left.append((head_a[a0:a1], kind != "equal"))
        if b1 > b0:
            right.append((head_b[b0:b1], kind != "equal"))
    rest_a, rest_b = a[MOST_CHARACTERS:], b[MOST_CHARACTERS:]
    if rest_a:
        left.append((rest_a, rest_a != rest_b))
    if rest_b:
        right.append((rest_b, rest_a != rest_b))
    return tuple(left), tuple(right)


def differing_numbers(
    left: Mapping[str, object], right: Mapping[str, object], roles: Mapping[str, Role]
) -> list[NumberDifference]:
    """List the numbers and codes that disagree in a field that both records have.

    Phone numbers and dates are compared whatever their notation. E-mail addresses and URLs are left
    out: their digits are not numbers.

    Parameters
    ----------
    left, right
        Values by column.
    roles
        The role of each column to compare.
    """
    found = []
    for name, role in roles.items():
        a, b = one_line(left[name]), one_line(right[name])
        if role in (Role.EMAIL, Role.URL) or not a or not b or _same_number(a, b, role):
            continue
        if role is Role.PHONE:
            found.append(NumberDifference(name, (a,), (b,)))
            continue
        numbers = [
            dict.fromkeys(token.strip(".-") for token in _WITH_DIGIT.findall(text.lower()))
            for text in (a, b)
        ]
        only_a, only_b = (
            tuple(token for token in own if token not in other)
            for own, other in (numbers, numbers[::-1])
        )
        if only_a or only_b:
            found.append(NumberDifference(name, only_a, only_b))
    return found


def _same_number(a: str, b: str, role: Role) -> bool:
    """Tell whether two phone numbers or dates are the same in another notation."""
    values = pl.Series([a, b])
    if role is Role.PHONE:
        one, other = notation.phone(values.str.to_lowercase())
        # Without the prefixes of the country and the area, or with them.
        short, long = sorted((re.sub(r"\D", "", text).lstrip("0") for text in (a, b)), key=len)
        return bool(one == other) or (len(short) >= SHORTEST_PHONE and long.endswith(short))
    if role is Role.DATE:
        one, other = notation.dates(values.str.to_lowercase()).tolist()
        return bool(one == other and all(one))
    return False


def _equal(text: str) -> tuple[Span, ...]:
    return ((text, False),) if text else ()
