"""Two records beside each other: which fields differ, and in which characters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_CHARACTERS = 400
"""Characters of a value that are compared one by one; what comes after counts as one piece."""


_NUMBERED = re.compile(r"\w*\d[\w.-]*")


Span = tuple[str, bool]
"""A piece of a value, and whether it differs from the other value."""


@dataclass(frozen=True)
class FieldPair:
    """One field of two records.

    Parameters
    ----------
    name
        Of the column.
    used
        Whether the model reads it.
    left, right
        The values in pieces; empty where there is no value.
    mark
        "=" equal, "~" equal but for case and white space, "≠" different, "·" missing on one side.
    """

    name: str
    used: bool
    left: tuple[Span, ...]
    right: tuple[Span, ...]
    mark: str


def compare(
    left: Mapping[str, object], right: Mapping[str, object], used: Sequence[str]
) -> list[FieldPair]:
    """Return the fields that at least one of two records has, those that the model reads first."""
    names = [name for name in left if name in used] + [name for name in left if name not in used]
    pairs = []
    for name in names:
        a, b = shown(left[name]), shown(right[name])
        if not a and not b:
            continue
        if a == b:
            mark = "="
        elif not a or not b:
            mark = "·"
        elif plain(a) == plain(b):
            mark = "~"
        else:
            mark = "≠"
        spans = differences(a, b) if mark == "≠" else (whole(a), whole(b))
        pairs.append(FieldPair(name, name in used, *spans, mark))
    return pairs


def shown(value: object) -> str:
    """Return a value on one line: line breaks and tabs as signs, no control characters."""
    text = "" if value is None else str(value)
    text = text.strip().replace("\r\n", "⏎").replace("\n", "⏎").replace("\t", "⇥")
    return "".join(c if c.isprintable() else "�" for c in text)


def plain(text: str) -> str:
    """Return a text without what does not count: case and white space."""
    return " ".join(text.lower().split())


def whole(text: str) -> tuple[Span, ...]:
    """Return a text as one piece that does not differ."""
    return ((text, False),) if text else ()


def differences(a: str, b: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Cut two texts into pieces that both have and pieces that only one has."""
    head_a, head_b = a[:MOST_CHARACTERS], b[:MOST_CHARACTERS]
    left: list[Span] = []
    right: list[Span] = []
    matcher = SequenceMatcher(None, head_a.lower(), head_b.lower(), autojunk=False)
    # Lower case may be longer than the text in a few scripts; then the texts differ as a whole.
    if len(head_a.lower()) != len(head_a) or len(head_b.lower()) != len(head_b):
        return ((a, True),), ((b, True),)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if a1 > a0:
            left.append((head_a[a0:a1], kind != "equal"))
        if b1 > b0:
            right.append((head_b[b0:b1], kind != "equal"))
    if (rest := a[MOST_CHARACTERS:]) or b[MOST_CHARACTERS:]:
        apart = rest != b[MOST_CHARACTERS:]
        left += [(rest, apart)] if rest else []
        right += [(b[MOST_CHARACTERS:], apart)] if b[MOST_CHARACTERS:] else []
    return tuple(left), tuple(right)


def disagreeing_numbers(left: str, right: str) -> tuple[list[str], list[str]]:
    """Return the numbers and codes that only the first text has, and only the second."""
    a, b = (
        dict.fromkeys(t.strip(".-") for t in _NUMBERED.findall(text.lower()))
        for text in (left, right)
    )
    return [t for t in a if t not in b], [t for t in b if t not in a]
