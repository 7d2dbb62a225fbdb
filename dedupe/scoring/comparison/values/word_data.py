"""Word lists of comparison, read from the data files in ``words/``."""

from __future__ import annotations

from functools import cache

from dedupe.scoring.word_lists import read_lines, split_entries

_PACKAGE = __package__ or "dedupe.scoring.comparison"
_NUMBER_WORDS = {
    "first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6",
    "seventh": "7", "eighth": "8", "ninth": "9", "tenth": "10", "erste": "1", "zweite": "2",
    "dritte": "3", "premiere": "1", "deuxieme": "2", "primera": "1", "segunda": "2", "one": "1",
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10",
}  # fmt: skip
_ROMAN = {
    "ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11",
    "xii": "12",
}  # fmt: skip
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@cache
def variant_words() -> dict[str, str]:
    """Read the words that tell variants of one thing apart, and the class of each."""
    classes: dict[str, str] = {}
    for line in read_lines(_PACKAGE, "variants"):
        name, words = line.split(": ")
        for word in words.split():
            classes.setdefault(word, name)
    return classes


@cache
def nicknames() -> tuple[tuple[str, ...], ...]:
    """Read groups of forms of one given name."""
    return tuple(split_entries(line) for line in read_lines(_PACKAGE, "nicknames"))


@cache
def standard_words() -> dict[str, str]:
    """Read words and the notation that stands for them; numbers in words become digits."""
    standard = {}
    for line in read_lines(_PACKAGE, "notation"):
        short, words = line.split(": ")
        standard.update(dict.fromkeys(words.split(), short))
    return {**standard, "saint": "st", **_NUMBER_WORDS, **_ROMAN}


@cache
def units() -> dict[str, tuple[str, float]]:
    """Read the dimension of each unit, and how many base units it is."""
    found = {}
    for line in read_lines(_PACKAGE, "units"):
        head, notations = line.split(": ")
        dimension, factor = head.split()
        found.update(dict.fromkeys(split_entries(notations), (dimension, float(factor))))
    return found


@cache
def quantity_pattern() -> str:
    """Build the pattern of a number with a unit; longer notations go before shorter ones."""
    notations = sorted(units(), key=lambda unit: (-len(unit), unit))
    escaped = "|".join(unit.replace(".", r"\.").replace(" ", r"\s?") for unit in notations)
    return rf"\b(\d+(?:[.,]\d+)?)[\s\-]?({escaped})(?:\b|\s|$)"


def quantity_token(number: str, unit: str) -> tuple[str, str] | None:
    """Convert a number with a unit to its dimension and a token in the base unit.

    Examples
    --------
    >>> quantity_token("0.5", "l"), quantity_token("500", "ml")
    (('volume', 'volume=500'), ('volume', 'volume=500'))
    """
    found = units().get(unit.strip())
    if found is None:
        return None
    dimension, factor = found
    return dimension, f"{dimension}={float(number.replace(',', '.')) * factor:.6g}"


def plain_number(text: str) -> str:
    """Write a number word or a roman numeral in digits; other text stays as it is.

    Examples
    --------
    >>> plain_number("second"), plain_number("xiv"), plain_number("7")
    ('2', '14', '7')
    """
    if text in _NUMBER_WORDS:
        return _NUMBER_WORDS[text]
    if not set(text) <= set(_ROMAN_DIGITS):
        return text
    digits = [_ROMAN_DIGITS[letter] for letter in text]
    return str(
        sum(
            -digit if digit < after else digit
            for digit, after in zip(digits, [*digits[1:], 0], strict=True)
        )
    )
