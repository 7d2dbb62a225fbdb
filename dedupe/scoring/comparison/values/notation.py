"""One notation for values that are written in several: scripts, accents, phones, dates, numbers.

Normalised values are compared; they are never written out. All functions take values in lower
case, as record texts hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import polars as pl
from anyascii import anyascii
from numpy.typing import NDArray

from dedupe.scoring.comparison.values.placeholders import is_no_value, is_placeholder
from dedupe.scoring.comparison.values.roles import Role
from dedupe.scoring.comparison.values.text_steps import (
    AnyTexts,
    Texts,
    TextSteps,
    filled,
    put,
    series,
    where,
)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "|".join(_MONTHS)
_DATES: tuple[tuple[str, int, int, int], ...] = (
    (r"^([0-9]{4})[-/.]([0-9]{1,2})(?:[-/.]([0-9]{1,2}))?", 1, 2, 3),
    (r"^(1[89][0-9][0-9]|20[0-9][0-9])([0-9][0-9])([0-9][0-9])$", 1, 2, 3),
    (r"^([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4}|[0-9]{2})$", 3, 2, 1),
    (rf"^([0-9]{{1,2}})[. ]+({_MONTH})[a-z]*\.?,? ([0-9]{{4}})", 3, 2, 1),
    (rf"^({_MONTH})[a-z]*\.? ([0-9]{{1,2}}),? ([0-9]{{4}})", 3, 1, 2),
    (r"^(1[0-9][0-9][0-9]|20[0-9][0-9])$", 1, 0, 0),
)
"""Notations of dates, and which group of each pattern is the year, the month and the day."""
LEGAL_FORMS = ("gmbh", "kgaa", "sarl", "llc", "llp", "ohg", "plc", "sas", "spa", "srl")
"""Legal forms of companies that are also written with a full stop after each letter. Those of two
letters are not among them: they may be the initials of a person."""
PIVOT_YEAR = 30
"""Two-digit years above it are of the 20th century."""
PHONE_DIGITS = 9
"""Last digits of a phone number that are compared: country and trunk codes are left out."""


_TEXT = TextSteps()
_FOLDED = _TEXT.replace_all("([aou])e", "$1")
_SIGNS_AS_WORDS = _TEXT.replace_all(r"\s(?:&|\+|and|und|et)\s+(co|cie)\b", " $1").replace_all(
    r"\s[&+]\s", " and "
)
_IS_DOTTED = _TEXT.contains(r"\b[a-z]\. ?[a-z]\. ?[a-z]\b")
_LETTERS_AND_DIGITS = _TEXT.replace_all(r"[^a-z0-9]+", " ").stripped(" ")
_COMPACT = _FOLDED.replace_all(r"[^a-z0-9]", "")
_PHONE = (
    _TEXT.replace(r"\s*(?:x|ext\.?|durchwahl)\s*\d+$", "").replace_all(r"\D", "").tail(PHONE_DIGITS)
)
_EMAIL = _TEXT.without_prefix("mailto:").replace(r"\+[^@]*@", "@").replace_all(r"\s", "")
_URL = _TEXT.replace(r"^[a-z]+://", "").replace(r"^www\d?\.", "").replace(r"/+$", "")
_NUMBER = _TEXT.extract((r"([-+]?\d[\d,.]*)", 1)).replace_all(r",(\d{3})\b", "$1").replace(",", ".")
_WITHOUT_TIME = _TEXT.replace(r"[t ][0-9]{1,2}:.*$", "")
_DATE_PARTS = [
    _TEXT.extract(
        *((pattern, groups[place]) for pattern, *groups in _DATES if groups[place]), default="0"
    )
    .translated({name: str(number) for number, name in enumerate(_MONTHS, start=1)})
    .integer()
    for place in range(3)
]


def fold(values: AnyTexts) -> AnyTexts:
    """Write values in ASCII, and the digraphs of umlauts as single vowels.

    Both spellings of a German name become one: ``müller`` and ``mueller`` are ``muller``.
    """
    return _FOLDED.of(_in_ascii(values))


def _in_ascii(values: AnyTexts) -> AnyTexts:
    if not isinstance(values, pl.Series):
        return [value if value.isascii() else anyascii(value).lower() for value in values]
    foreign = (values.str.len_bytes() != values.str.len_chars()).to_numpy()
    if not foreign.any():
        return values
    latin = [anyascii(value).lower() for value in where(values, foreign).to_list()]
    return put(values, foreign, pl.Series(latin, dtype=pl.String))


def as_words(values: AnyTexts) -> AnyTexts:
    """Write signs and legal forms as words: ``&`` is ``and``, ``g.m.b.h.`` is ``gmbh``.

    The sign in ``& co`` means nothing: it is often left out.
    """
    # Legal forms are sought where there are dotted letters; signs between words change none.
    dotted = _IS_DOTTED.array(values)
    values = _SIGNS_AS_WORDS.of(values)
    if not dotted.any():
        return values
    return put(values, dotted, _legal_forms().of(where(values, dotted)))


@cache
def _legal_forms() -> TextSteps:
    steps = _TEXT
    for form in LEGAL_FORMS:
        steps = steps.replace_all(r"\b" + r"\. ?".join(form) + r"\b\.?", form)
    return steps


def words(values: AnyTexts) -> AnyTexts:
    """Keep letters and digits in ASCII, with single blanks between words."""
    return _LETTERS_AND_DIGITS.of(as_words(fold(values)))


def phone(values: AnyTexts) -> AnyTexts:
    """Keep the digits that tell phone numbers apart, without codes and extensions."""
    return _PHONE.of(values)


def email(values: AnyTexts) -> AnyTexts:
    """Drop blanks, ``mailto:``, and tags after a plus sign."""
    return _EMAIL.of(values)


def url(values: AnyTexts) -> AnyTexts:
    """Drop the scheme, ``www.`` and slashes at the end."""
    return _URL.of(values)


def compact(values: AnyTexts) -> AnyTexts:
    """Keep letters and digits in ASCII without blanks: how codes and postcodes are compared."""
    return _COMPACT.of(_in_ascii(values))


def numbers(values: Texts) -> pl.Series:
    """Read the first number of each value, float64; null where there is none.

    A comma before three digits groups thousands; another one is a decimal point.
    """
    return series(_NUMBER.of(values)).cast(pl.Float64, strict=False)


def dates(values: Texts) -> NDArray[np.int32]:
    """Read dates. The day comes before the month, unless that gives no month.

    Returns
    -------
    ndarray
        (k, 3) int32: year, month and day; 0 where a value does not say.
    """
    text = _WITHOUT_TIME.of(values)
    year, month, day = (part.array(text) for part in _DATE_PARTS)
    century = np.where(year > PIVOT_YEAR, 1900, 2000)
    year = np.where((year > 0) & (year < 100), year + century, year)
    turned = (month > 12) & (day <= 12)
    parts = [year, np.where(turned, day, month), np.where(turned, month, day)]
    return np.column_stack(parts).astype(np.int32)


# Whole columns: which values are the same --------------------------------------------------------


def in_one_notation(values: pl.Series, role: Role) -> pl.Series:
    """Write values so that those which are the same are equal.

    Phone numbers are compared by their last nine digits, without zeros at the beginning; e-mail
    addresses without tags; web addresses without scheme; dates by year, month and day; numbers by
    their value; codes and postcodes by letters and digits; all else by its words, without case,
    accents and punctuation.

    Parameters
    ----------
    values
        Values as record texts hold them; ``""`` where there is none.
    role
        What the column holds.

    Returns
    -------
    Series
        Text; null where a value is missing or a placeholder.
    """
    found = _NOTATIONS.get(role, words)(values)
    no_value = is_no_value(values) | is_placeholder(values, role) | ~filled(found)
    return found.set(pl.Series(no_value), None)


def _phone(values: pl.Series) -> pl.Series:
    return phone(values).str.strip_chars_start("0")


def _date(values: pl.Series) -> pl.Series:
    parts = pl.DataFrame(dates(values), schema=["year", "month", "day"])
    iso = parts.select(pl.concat_str(pl.all(), separator="-")).to_series()
    return iso.zip_with(parts["year"] > 0, words(values))


def _number(values: pl.Series) -> pl.Series:
    """Keep the digits, so that long numbers stay exact; what is no number is compared by words."""
    digits = values.str.replace_all(r"[\s$€£¥%+]", "").str.replace_all(r",(\d{3})\b", "$1")
    digits = digits.str.replace(",", ".", literal=True)
    short = digits.str.replace(r"^(-?)0+(\d)", "$1$2").str.replace(r"\.0*$|(\.\d*?[1-9])0+$", "$1")
    return short.zip_with(digits.str.contains(r"^-?\d+(?:\.\d+)?$"), words(values))


_NOTATIONS: Mapping[Role, Callable[[pl.Series], pl.Series]] = {
    Role.PHONE: _phone,
    Role.EMAIL: email,
    Role.URL: url,
    Role.CODE: compact,
    Role.POSTCODE: compact,
    Role.DATE: _date,
    Role.NUMBER: _number,
    Role.PRICE: _number,
}
