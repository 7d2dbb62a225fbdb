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
from dedupe.scoring.comparison.values.roles import Role

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


def test_numbers_that_differ_are_listed_by_field() -> None:
    roles = {"title": Role.NAME, "size": Role.OTHER, "code": Role.CODE}
    left = {"title": "canon eos-450d 12 mp", "size": "3", "code": "a1", "updated": "2024"}
    right = {"title": "eos-500d canon 12mp", "size": None, "code": "A1", "updated": "2025"}
    (found,) = differing_numbers(left, right, roles)
    assert (found.name, found.left, found.right) == ("title", ("450d", "12"), ("500d", "12mp"))
    assert str(found) == "title 450d 12 | 500d 12mp"


def test_phones_and_dates_in_another_notation_are_the_same_number() -> None:
    roles = {"phone": Role.PHONE, "born": Role.DATE, "mail": Role.EMAIL}
    left = {"phone": "0305118969", "born": "1958-01-21", "mail": "gomez29@example.org"}
    right = {"phone": "+49 30 5118969", "born": "21.01.1958", "mail": "gomez@example.org"}
    assert differing_numbers(left, right, roles) == []
    short = {**left, "phone": "22 55 50 10"}, {**left, "phone": "+47 22 55 50 10"}
    assert differing_numbers(*short, roles) == []
    other = {**right, "phone": "+49 30 5118960", "born": "22.01.1958"}
    assert [str(one) for one in differing_numbers(left, other, roles)] == [
        "phone 0305118969 | +49 30 5118960",
        "born 1958-01-21 | 22.01.1958",
    ]
