"""What a cross-encoder reads: shortened texts in which what differs is marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.cross_encoder.text import (
    MARK,
    TEXT_BUDGET,
    cross_encoder_text,
    mark_differences,
    spell_unknown,
)

RECORDS = st.text(alphabet="ab1 2-./:\nXé", max_size=40)


def test_long_numbers_are_split_into_pairs_of_digits() -> None:
    assert cross_encoder_text("date: 19580121") == "date: 19 58 01 21"
    assert cross_encoder_text("year: 1958") == "year: 1958"


@given(st.lists(st.text(alphabet="ab \u00e9", max_size=400), min_size=1, max_size=6))
def test_the_longest_values_of_a_long_record_are_cut(values: list[str]) -> None:
    text = "\n".join(f"f{n}: {value}" for n, value in enumerate(values))
    cut = cross_encoder_text(text)
    assert len(cut.replace("\n", "")) <= max(TEXT_BUDGET, len(values))
    short = min(values, key=len)
    if len(text) <= TEXT_BUDGET or len(short) + 4 <= TEXT_BUDGET // (2 * len(values)):
        assert short in cut


def test_only_characters_without_tokens_are_spelled_out() -> None:
    assert spell_unknown(["abc é"], {"a", "b", "c", "e", "##e"}) == {}
    assert spell_unknown(["ส"], {"a"}) == {ord("ส"): " 36 26 "}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lumix DMC-FZ18K", "lumix dmc fz18k"),
        ("8gb stick", "stick of 8 GB"),
        ("toner 108r00645", "toner 108-R00645"),
        ("5.8 inch", "5.8in"),
        ("wp dc90", "case wpdc90x"),
        ("born 1958-01-21", "1958.01.21"),
        ("jean-paul", "jean"),
    ],
)
def test_what_both_records_have_is_not_marked(one: str, other: str) -> None:
    assert mark_differences(one, other)[0] == one


@pytest.mark.parametrize(
    ("one", "other", "marked"),
    [
        ("dmc-fz18k", "dmc-fz18s", "¬ dmc-fz18k"),
        ("16 gb", "8gb", "¬ 16 gb"),
        ("90", "dc90", "¬ 90"),
        ("office 2003 and 2007", "office 2007", "office ¬ 2003 and 2007"),
        ("price: 9.99", "price: 10", "price: ¬ 9.99"),
    ],
)
def test_what_only_one_record_has_is_marked(one: str, other: str, marked: str) -> None:
    assert mark_differences(one, other)[0] == marked


@given(RECORDS, RECORDS)
def test_marks_are_symmetric_and_change_nothing_else(left: str, right: str) -> None:
    one, other = mark_differences(left, right)
    assert mark_differences(right, left) == (other, one)
    assert (one.replace(f"{MARK} ", ""), other.replace(f"{MARK} ", "")) == (left, right)


@given(RECORDS)
def test_equal_texts_have_no_marks(text: str) -> None:
    assert mark_differences(text, text) == (text, text)


@given(st.text(alphabet="ab é-.\n", max_size=40), RECORDS)
def test_words_without_digits_are_never_marked(left: str, right: str) -> None:
    assert mark_differences(left, right)[0] == left
