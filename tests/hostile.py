"""Names and values that attack a terminal, and a check that nothing of them got through."""

from __future__ import annotations

import polars as pl

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\x85\x7f"
"""A title, a cleared screen and a colour, in control codes of both kinds."""
ORDER = "\u202e\u2066\u200f\u2028\u00ad"
"""Marks of direction, a line separator and a soft hyphen."""
MARKUP = "[/][bold red][@click=app.quit]x[/] :bomb: {{7*7}} $x"
HOSTILE = f"evil{ESCAPES}{ORDER}{MARKUP}"
NAMES = ["Ada Lovelace", "Ada Lovelase", "Grace Hopper", "Grace Hoper", "Alan Turing", "Alan Turin"]


def hostile_table() -> pl.DataFrame:
    """Make six rows whose columns, ids and values all hold hostile text."""
    return pl.DataFrame(
        {
            f"id {HOSTILE}": [f"r{number}{HOSTILE}" for number in range(len(NAMES))],
            f"name {HOSTILE}": NAMES,
            "[/]": ["London", "London", "New York", "NY", "Paris", "Paris"],
            "weight [kg]": [f"{number % 2}{HOSTILE}" for number in range(len(NAMES))],
        }
    )


def assert_shown_as_text(printed: str) -> None:
    """Check that text holds nothing that a terminal would obey, but line breaks and tabs."""
    obeyed = {c for c in printed if not (c.isprintable() or c in "\n\t")}
    assert not obeyed, (sorted(map(ascii, obeyed)), printed[:2000])
