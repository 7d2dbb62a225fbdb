"""One notation for values that are written in several: scripts, accents, phones, dates, numbers.

Normalised values are compared; they are never written out. All functions take values in lower
case, as record texts hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import polars as pl
from anyascii import anyascii

from dedupe.scoring.comparison.values.placeholders import is_no_value, is_placeholder
from dedupe.scoring.comparison.values.roles import Role

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "|".join(_MONTHS)
_DATES: tuple[tuple[str, int, int, int], ...] = (
    (r"^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?", 1, 2, 3),
    (r"^(1[89]\d\d|20\d\d)(\d\d)(\d\d)$", 1, 2, 3),
    (r"^(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})$", 3, 2, 1),
    (rf"^(\d{{1,2}})[. ]+({_MONTH})[a-z]*\.?,? (\d{{4}})", 3, 2, 1),
    (rf"^({_MONTH})[a-z]*\.? (\d{{1,2}}),? (\d{{4}})", 3, 1, 2),
    (r"^(1[0-9]\d\d|20\d\d)$", 1, 0, 0),
)
"""Notations of dates, and which group of each pattern is the year, the month and the day."""
LEGAL_FORMS = ("gmbh", "kgaa", "sarl", "llc", "llp", "ohg", "plc", "sas", "spa", "srl")
"""Legal forms of companies that are also written with a full stop after each letter. Those of two
letters are not among them: they may be the initials of a person."""
PIVOT_YEAR = 30
"""Two-digit years above it are of the 20th century."""
PHONE_DIGITS = 9
"""Last digits of a phone number that are compared: country and trunk codes are left out."""


_VALUE = pl.col("value").str
_IS_FOREIGN = (_VALUE.len_bytes() != _VALUE.len_chars()).alias("foreign")
_FOLDED = _VALUE.replace_all("([aou])e", "$1")
_SIGNS_AS_WORDS = _VALUE.replace_all(r"\s(?:&|\+|and|und|et)\s+(co|cie)\b", " $1").str.replace_all(
    r"\s[&+]\s", " and "
)
_IS_DOTTED = _VALUE.contains(r"\b[a-z]\. ?[a-z]\. ?[a-z]\b").alias("dotted")
_LETTERS_AND_DIGITS = _VALUE.replace_all(r"[^a-z0-9]+", " ").str.strip_chars(" ")
_COMPACT = _FOLDED.str.replace_all(r"[^a-z0-9]", "")
_PHONE = (
    _VALUE.replace(r"\s*(?:x|ext\.?|durchwahl)\s*\d+$", "")
    .str.replace_all(r"\D", "")
    .str.tail(PHONE_DIGITS)
)
_EMAIL = _VALUE.strip_prefix("mailto:").str.replace(r"\+[^@]*@", "@").str.replace_all(r"\s", "")
_URL = _VALUE.replace(r"^[a-z]+://", "").str.replace(r"^www\d?\.", "").str.replace(r"/+$", "")
_NUMBER = (
    _VALUE.extract(r"([-+]?\d[\d,.]*)", 1)
    .str.replace_all(r",(\d{3})\b", "$1")
    .str.replace(",", ".", literal=True)
    .cast(pl.Float64, strict=False)
)


def fold(values: pl.Series) -> pl.Series:
    """Write values in ASCII, and the digraphs of umlauts as single vowels.

    Both spellings of a German name become one: ``müller`` and ``mueller`` are ``muller``.
    """
    return in_ascii(values, _FOLDED)


def in_ascii(values: pl.Series, notation: pl.Expr) -> pl.Series:
    """Write values in ASCII, and in the notation of an expression in ``value``."""
    found = values.to_frame("value").select_seq(notation.alias("value"), _IS_FOREIGN)
    if not found["foreign"].any():
        return found["value"].alias(values.name)
    foreign = found["foreign"].arg_true()
    latin = [anyascii(value).lower() for value in values.gather(foreign).to_list()]
    values = values.clone().scatter(foreign, pl.Series(latin, dtype=pl.String))
    return written(values, notation)


def written(values: pl.Series, notation: pl.Expr) -> pl.Series:
    """Apply an expression in ``value`` to values: one call, however many steps it has."""
    found = values.to_frame("value").select_seq(notation.alias("value"))
    return found.to_series().alias(values.name)


def as_words(values: pl.Series) -> pl.Series:
    """Write signs and legal forms as words: ``&`` is ``and``, ``g.m.b.h.`` is ``gmbh``.

    The sign in ``& co`` means nothing: it is often left out.
    """
    # Legal forms are sought where there are dotted letters; signs between words change none.
    steps = values.to_frame("value").select_seq(_SIGNS_AS_WORDS, _IS_DOTTED)
    values = steps["value"].alias(values.name)
    if not steps["dotted"].any():
        return values
    dotted = steps["dotted"].arg_true()
    found = values.gather(dotted)
    for form in LEGAL_FORMS:
        pattern = r"\b" + r"\. ?".join(form) + r"\b\.?"
        found = found.str.replace_all(pattern, form)
    return values.clone().scatter(dotted, found)


def words(values: pl.Series) -> pl.Series:
    """Keep letters and digits in ASCII, with single blanks between words."""
    return written(as_words(fold(values)), _LETTERS_AND_DIGITS)


def phone(values: pl.Series) -> pl.Series:
    """Keep the digits that tell phone numbers apart, without codes and extensions."""
    return written(values, _PHONE)


def email(values: pl.Series) -> pl.Series:
    """Drop blanks, ``mailto:``, and tags after a plus sign."""
    return written(values, _EMAIL)


def url(values: pl.Series) -> pl.Series:
    """Drop the scheme, ``www.`` and slashes at the end."""
    return written(values, _URL)


def compact(values: pl.Series) -> pl.Series:
    """Keep letters and digits in ASCII without blanks: how codes and postcodes are compared."""
    return in_ascii(values, _COMPACT)


def numbers(values: pl.Series) -> pl.Series:
    """Read the first number of each value, float64; null where there is none.

    A comma before three digits groups thousands; another one is a decimal point.
    """
    return written(values, _NUMBER)


def dates(values: pl.Series) -> pl.DataFrame:
    """Read dates. The day comes before the month, unless that gives no month.

    Returns
    -------
    DataFrame
        ``year``, ``month`` and ``day``, int32; 0 where a value does not say.
    """
    first, then = _date_parts()
    return values.alias("text").to_frame().select_seq(first).with_columns_seq(then)


@cache
def _date_parts() -> tuple[list[pl.Expr], list[pl.Expr]]:
    """Return the expressions of what a date says, and of what is meant."""
    text = pl.col("text").str.replace(r"[t ]\d{1,2}:.*$", "")

    months = {name: str(number) for number, name in enumerate(_MONTHS, start=1)}

    def part(place: int) -> pl.Expr:
        digits = []
        for pattern, *groups in _DATES:
            if groups[place]:
                found = text.str.extract(pattern, groups[place])
                if place == 1 and _MONTH in pattern:
                    found = found.replace(months)
                digits.append(found.cast(pl.Int32, strict=False))
        return pl.coalesce(digits).fill_null(0)

    year, month, day = pl.col("year"), pl.col("month"), pl.col("day")
    century = pl.when(year > PIVOT_YEAR).then(1900).otherwise(2000)
    short = (year > 0) & (year < 100)
    turned = (month > 12) & (day <= 12)
    return (
        [part(0).alias("year"), part(1).alias("month"), part(2).alias("day")],
        [
            pl.when(short).then(year + century).otherwise(year).cast(pl.Int32),
            pl.when(turned).then(day).otherwise(month).alias("month"),
            pl.when(turned).then(month).otherwise(day).alias("day"),
        ],
    )


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
    no_value = is_no_value(values) | is_placeholder(values, role) | (found == "")
    return found.set(no_value, None)


def _phone(values: pl.Series) -> pl.Series:
    return phone(values).str.strip_chars_start("0")


def _date(values: pl.Series) -> pl.Series:
    parts = dates(values)
    iso = parts.select(pl.concat_str("year", "month", "day", separator="-")).to_series()
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
