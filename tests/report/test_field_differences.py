"""Differences of two records, character by character."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dedupe.report.field_differences import (
    compare_fields,
    differing_numbers,
    one_line,
    split_differences,
)

TEXT = st.text(max_size=60)


@given(TEXT, TEXT)
def test_pieces_join_to_the_texts_and_equal_pieces_are_in_both(a: str, b: str) -> None:
    left, right = split_differences(a, b)
    assert "".join(piece for piece, _ in left) == a
    assert "".join(piece for piece, _ in right) == b
    same = ["".join(p for p, differs in side if not differs).lower() for side in (left, right)]
    assert same[0] == same[1]


def test_each_kind_of_difference_has_its_mark() -> None:
    left = {"a": "x", "b": "X  y", "c": "one", "d": "", "e": None, "f": "skipped"}
    right = {"a": "x", "b": "x y", "c": "two", "d": "z", "e": "", "f": "skipped"}
    marks = {pair.name: pair.mark for pair in compare_fields(left, right, ["c", "a"])}
    assert marks == {"c": "≠", "a": "=", "b": "~", "d": "·", "f": "="}
    assert [pair.name for pair in compare_fields(left, right, ["c", "a"])][:2] == ["a", "c"]


@given(st.text())
def test_a_value_is_shown_on_one_line(value: str) -> None:
    assert all(c.isprintable() for c in one_line(value))


def test_numbers_of_one_side_only_are_listed() -> None:
    assert differing_numbers("canon eos-450d 12 mp", "eos-500d canon 12mp") == (
        ["450d", "12"],
        ["500d", "12mp"],
    )
