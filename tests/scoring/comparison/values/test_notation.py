"""Values that are written in several ways get one notation."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest
from anyascii import anyascii
from hypothesis import assume, given
from hypothesis import strategies as st

from dedupe.scoring.comparison.values import notation, placeholders, text_steps
from dedupe.scoring.comparison.values.roles import Role


def series(values: Iterable[str]) -> pl.Series:
    return pl.Series("value", list(values), dtype=pl.String)


def written(function: Callable[[Any], Any], *values: str) -> set[str]:
    few = function(list(values))
    assert few == by_polars(function, values).to_list()
    return set(few)


def by_polars(function: Callable[[Any], Any], values: Iterable[str]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_steps, "FEW", 0)
        return function(series(values))


@pytest.mark.parametrize(
    ("plain", "values"),
    [
        ("muller", ["müller", "mueller", "muller"]),
        ("schroder", ["schröder", "schroeder"]),
        ("hauptstrasse", ["hauptstraße", "hauptstrasse"]),
        ("jose", ["josé", "jose"]),
        ("lodz", ["łódź", "lodz"]),
        ("moskva", ["москва"]),
        ("ab 12", ["ａｂ １２"]),
    ],
)
def test_scripts_accents_and_umlauts_become_plain_letters(plain: str, values: list[str]) -> None:
    assert written(notation.fold, *values) == {plain}


@given(st.text(max_size=20))
def test_folding_is_idempotent_and_ascii(text: str) -> None:
    value = text.lower()
    (once,) = notation.fold(series([value]))
    assert once.isascii()
    # Of a double e after a vowel (queen), one is taken for the dots of an umlaut.
    assume("ee" not in anyascii(value).lower())
    assert notation.fold(series([once])).to_list() == [once]


@given(st.lists(st.text(max_size=8)))
def test_words_and_codes_hold_letters_and_digits_alone(texts: list[str]) -> None:
    values = series(text.lower() for text in texts)
    for words, compact in zip(notation.words(values), notation.compact(values), strict=True):
        assert set(words) <= set("abcdefghijklmnopqrstuvwxyz0123456789 ")
        assert words == " ".join(words.split())
        assert compact == words.replace(" ", "")


@pytest.mark.parametrize("written_out", ["g.m.b.h.", "g.m.b.h", "g. m. b. h.", "gmbh"])
def test_full_stops_in_legal_forms_mean_nothing(written_out: str) -> None:
    assert written(notation.words, f"müller {written_out}, berlin") == {"muller gmbh berlin"}


def test_a_sign_between_words_is_a_word() -> None:
    values = ("smith & sons", "smith + sons", "smith and sons")
    assert written(notation.words, *values) == {"smith and sons"}


def test_and_company_is_company() -> None:
    values = ("müller & co", "müller und co", "müller + co.", "müller co")
    assert written(notation.words, *values) == {"muller co"}


def test_initials_of_persons_are_no_legal_form() -> None:
    assert written(notation.words, "tolkien, j.r.r.") == {"tolkien j r r"}


def test_phones_are_compared_by_their_last_digits() -> None:
    assert written(
        notation.phone, "+49 30 1234567", "0049301234567", "(030) 123-45 67", "030/1234567 ext. 12"
    ) == {"301234567"}
    assert written(notation.phone, "555-123-4567", "+1 (555) 123-4567 x9") == {"551234567"}
    assert written(notation.phone, "030 1234568") != written(notation.phone, "030 1234567")
    assert written(notation.phone, "12345") == {"12345"}


def test_e_mail_addresses_without_blanks_scheme_and_tag() -> None:
    assert written(notation.email, "mailto:a.b@x.com", "a.b+news@x.com", "a.b @ x.com") == {
        "a.b@x.com"
    }
    assert len(written(notation.email, "a.b@x.com", "ab@x.com", "a.b@y.com")) == 3


def test_urls_without_scheme_www_and_slashes() -> None:
    assert written(notation.url, "https://www.x.com/", "http://x.com", "x.com//") == {"x.com"}
    assert len(written(notation.url, "x.com/a", "x.com/b", "y.com")) == 3


@pytest.mark.parametrize(
    "value",
    [
        "1958-01-21", "19580121", "21.01.1958", "21/1/58", "01/21/1958", "21 jan 1958",
        "jan 21, 1958", "21. januar 1958", "1958-01-21 00:00:00", "1958-01-21t12:30:00",
    ],
)  # fmt: skip
def test_notations_of_one_date(value: str) -> None:
    assert notation.dates(series([value])).tolist() == [[1958, 1, 21]]


def test_the_day_comes_first_unless_that_gives_no_month() -> None:
    dates = notation.dates(series(["2/1/2003", "2/13/2003", "13/2/2003"]))
    assert dates.tolist() == [[2003, 1, 2], [2003, 2, 13], [2003, 2, 13]]


def test_two_digit_years_are_of_this_century_up_to_the_pivot() -> None:
    dates = notation.dates(series(["5/6/01", f"5/6/{notation.PIVOT_YEAR}", "5/6/31", "5/6/99"]))
    assert dates[:, 0].tolist() == [2001, 2030, 1931, 1999]


def test_what_a_date_does_not_say_is_0() -> None:
    dates = notation.dates(series(["1958", "1958-01", "soon", ""]))
    assert dates.tolist() == [[1958, 0, 0], [1958, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert dates.dtype == np.int32
    assert notation.dates([]).shape == (0, 3)


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_iso_dates_are_read_as_they_are(date: datetime.date) -> None:
    expected = [date.year, date.month, date.day]
    assert notation.dates([date.isoformat()]).tolist() == [expected]


def test_numbers_with_thousands_and_decimals() -> None:
    values = ["1,234.5", "12,5", "$ 3.50", "-3", "1,234,567.89", "about 7 pieces", "none"]
    assert notation.numbers(series(values)).to_list() == [
        1234.5, 12.5, 3.5, -3, 1234567.89, 7, None,
    ]  # fmt: skip


PIECES = st.sampled_from(
    [
        "1958", "01", "21", "-", "/", ".", ",", " ", "t", "12:30", "jan", "may", "a", "é", "ß", "&",
        "and", "co", "+", "x", "ext", "mailto:", "@", "www1.", "http://", "g.m.b.h.", "n/a", "0000",
        "test", "\n", "\x1c", "\u00a0", "٣", "１", "ae", "unknown", "-7", "1,234", "€",
    ]
)  # fmt: skip


@given(st.lists(st.lists(PIECES, max_size=5).map("".join), max_size=5))
def test_python_and_polars_write_values_alike(values: list[str]) -> None:
    for function in (
        notation.fold, notation.words, notation.compact, notation.phone, notation.email,
        notation.url, notation.numbers, notation.dates, placeholders.is_no_value,
        *(partial(placeholders.is_placeholder, role=role) for role in Role),
    ):  # fmt: skip
        few, many = function(values), by_polars(function, values)
        assert str(list(few)) == str(list(many))
