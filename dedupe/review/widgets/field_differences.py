"""Which fields of two records differ, and in which characters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from dedupe.io.printable import printable

MOST_CHARACTERS = 400
"""Characters of a value that are compared one by one; the rest counts as one piece."""

_WITH_DIGIT = re.compile(r"\w*\d[\w.-]*")

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


def differing_numbers(left: str, right: str) -> tuple[list[str], list[str]]:
    """List the numbers and codes that only the first text has, and those only the second has."""
    a, b = (
        dict.fromkeys(token.strip(".-") for token in _WITH_DIGIT.findall(text.lower()))
        for text in (left, right)
    )
    return [token for token in a if token not in b], [token for token in b if token not in a]


def _equal(text: str) -> tuple[Span, ...]:
    return ((text, False),) if text else ()
