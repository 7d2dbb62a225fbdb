"""Tokens of values: words, numbers, codes, quantities, volumes, sizes, houses and flats.

The class of a token tells what it means when both of two records have such a token and do not share
one: two codes, two sizes or two volumes are a conflict, two words are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.values import notation
from dedupe.scoring.comparison.values.roles import Role
from dedupe.scoring.comparison.values.text_steps import (
    Texts,
    TextSteps,
    all_matches,
    as_texts,
    filled,
    in_order,
    listed,
    one_after_the_other,
    put,
    where,
)
from dedupe.scoring.comparison.values.word_data import (
    plain_number,
    quantity_pattern,
    quantity_token,
    standard_words,
    variant_words,
)

MAX_CHARACTERS = 240
"""Characters of a value that are split into tokens."""
CLASSES = (
    "word", "number", "code", "year", "volume", "edition number", "version", "suffix", "house",
    "house letter", "flat", "size", "colour", "side", "direction", "audience", "edition",
    "platform", "performance", "supplement", "accessory", "state", "level", "unit", "sex", "count",
    "dimension", "mass or volume", "data", "electrical", "other quantity", "initial",
)  # fmt: skip
"""Classes of tokens; at most 32, so that a set of classes is one 32-bit number."""
CLASS = {name: number for number, name in enumerate(CLASSES)}
MAYBE = 128
"""Added to the class of a token that may match, but whose absence says nothing."""
MIN_CODE_DIGITS = 5
"""Digits from which a number is a code."""

_CLASS_OF_DIMENSION = {
    **dict.fromkeys(("volume", "ounces", "mass"), "mass or volume"),
    **dict.fromkeys(("power", "voltage", "current", "charge", "energy"), "electrical"),
    "data": "data",
    "length": "dimension",
    "count": "count",
}
_PERSON = (Role.GIVEN, Role.FAMILY, Role.SUFFIX)
_WORDY = {
    *_PERSON, Role.NAME, Role.CREATOR, Role.TEXT, Role.OTHER, Role.CATEGORY, Role.PLACE,
}  # fmt: skip
_ADDRESS = {Role.STREET, Role.HOUSE}
_CODE = (
    r"\b(?:[a-z]{1,3}[-_][a-z]{1,3}\d|[a-z]+[-./_]?\d|\d+[-./_]?[a-z])"
    r"[a-z0-9]*(?:[-./_][a-z0-9]+)*\b"
)
_TIMES = r"(\d)(?:[.,]0+)?\s*[x×*]\s*(\d)"
_PACK = r"\b(?:pack|set|box|case|lot|bundle) of (\d+)\b"
_VOLUME = (
    r"\b(?:vol|volume|volumes|bd|band|tomes?|tomo|part|pt|parts|teil|book|chapter|ch|episode|ep|"
    r"season|series|disc|disk|cd|no|nr)\b\.?[\s#]*(\d{1,3}|[ivx]{1,5})\b"
)
_REVISED = r"\s*(?:(?:revised|rev|edited|updated)\.?\s*)?"
_EDITION = rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.)?{_REVISED}(?:edition|edn?|auflage|aufl|edicion)\b"
_EDITION_WORD = (
    r"\b(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
    rf"{_REVISED}(?:edition|edn?|auflage|aufl)\b"
)
_VERSION = r"\b(?:v|ver|version|release)\.?\s?(\d+(?:\.\d+)*)\b"
_NUMBERED = (
    (_EDITION, "edition number"),
    (_EDITION_WORD, "edition number"),
    (_VOLUME, "volume"),
    (_VERSION, "version"),
)
_MAY_BE_NUMBERED = r"\d|\b(?:vol|volume|band|bd|part|pt|book|teil|tome?|ed|edition)\b"
_FLAT = (
    r"\b(?:flat|apartment|appartement|apt|unit|suite|ste|room|rm|floor|lot|no|wohnung|whg|piso)\b"
    r"\.?\s*#?\s*(\d+\s?[a-z]?|[a-z])\b|#\s*(\d+\s?[a-z]?|[a-z])\b"
)
_FLAT_BEFORE_HOUSE = r"^\s*(\d+[a-z]?)\s*/\s*(\d)"
_HOUSE = r"\b(\d+)(?:\s?([a-z]))?\b"


_TEXT = TextSteps()
_BEGIN = _TEXT.head(MAX_CHARACTERS)
_TIMES_JOINED = _TEXT.replace_all(_TIMES, "${1}x${2}").replace_all(_TIMES, "${1}x${2}")
_IS_NUMBERED = _TEXT.contains(_MAY_BE_NUMBERED)
_WITH_PACKS = _TEXT.replace_all(_PACK, "$1 pack")
_PLAIN = _TEXT.replace_all(r"(\d)[.,](\d)", "${1}p${2}").replace_all("'", "")
_IS_NUMBER = _TEXT.contains(r"^\d")
_IS_YEAR = _TEXT.contains(r"^(?:1[6-9]|20)\d\d$")
_LENGTH = _TEXT.length()
_DIGITS = _TEXT.count(r"\d")
_IS_ORDINAL = _TEXT.contains(r"^\d+(?:st|nd|rd|th)$")
_WITHOUT_ORDINAL = _TEXT.replace(r"^(\d+)(?:st|nd|rd|th)$", "$1")
_JOINED = _TEXT.replace(" ", "")
_FLAT_NUMBER = _TEXT.extract(
    (_FLAT, 1), (_FLAT, 2), (_FLAT_BEFORE_HOUSE, 1), default=""
).replace_all(r"\s", "")
_WITHOUT_FLAT = (
    _TEXT.replace(r"^(\d+)\.0$", "$1").replace_all(_FLAT, " ").replace(_FLAT_BEFORE_HOUSE, "$2")
)
_HAS_HOUSE = _TEXT.contains(_HOUSE)
_HOUSE_NUMBER = _TEXT.extract((_HOUSE, 1), default="").stripped_start("0")
_HOUSE_LETTER = _TEXT.extract((_HOUSE, 2), default="")
_STREET = _TEXT.replace(_HOUSE, " ").replace_all("'", "")
_IS_LETTER = _TEXT.contains(r"^[a-z]$")
# A German street ends in its kind: hauptstrasse is haupt strasse.
_STREET_WORD = _TEXT.replace(r"^(.{3,})(?:strasse|str)$", "${1}st")


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens of values, k in all.

    Parameters
    ----------
    value
        (k,) uint32: number of the value that each is from.
    token
        (k,) of str.
    classes
        (k,) uint8: number of the class of each, plus :data:`MAYBE`.
    """

    value: NDArray[np.uint32]
    token: Texts
    classes: NDArray[np.uint8]


def tokens_of_columns(columns: Sequence[Texts], roles: Sequence[Role]) -> Tokens:
    """Split distinct values of fields into tokens.

    Parameters
    ----------
    columns
        Values of each field; v in all.
    roles
        What each field holds. Contacts, dates and numbers have no tokens: they are compared whole.

    Returns
    -------
    Tokens
        In the order of the values, one field after the other.
    """
    numbers = np.split(np.arange(sum(map(len, columns)), dtype=np.uint32), _ends(columns)[:-1])
    parts: list[_Found] = []
    for split, like in (
        (_text_tokens, _WORDY),
        (_address_tokens, _ADDRESS),
        (_code_tokens, {Role.CODE}),
    ):
        some = [at for at, role in enumerate(roles) if role in like and len(columns[at])]
        if some:
            lengths = [len(columns[at]) for at in some]
            text = _BEGIN.of(one_after_the_other([columns[at] for at in some]))
            texts = _Texts(
                np.concatenate([numbers[at] for at in some]),
                notation.fold(text),
                np.repeat([roles[at] in _PERSON for at in some], lengths),
                np.repeat([roles[at] is Role.NAME for at in some], lengths),
            )
            parts += split(texts)
    if not parts:
        return Tokens(np.empty(0, np.uint32), [], np.empty(0, np.uint8))
    value = np.concatenate([found.value for found, _ in parts])
    order = np.argsort(value, kind="stable")
    token = in_order(one_after_the_other([found.text for found, _ in parts]), order)
    classes = np.concatenate([classes for _, classes in parts])[order]
    return Tokens(value[order], token, classes)


def _ends(columns: Sequence[Texts]) -> NDArray[np.int64]:
    return np.cumsum([len(column) for column in columns])


@dataclass(frozen=True, eq=False)
class _Texts:
    """Texts to split, or what was found in them.

    Parameters
    ----------
    value
        (k,) uint32: number of the value that each is from.
    text
        (k,) of str.
    person, named
        (k,) bool: whether the value is part of the name of a person, and whether it is a name.
    """

    value: NDArray[np.uint32]
    text: Texts
    person: NDArray[np.bool_]
    named: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return k."""
        return len(self.value)

    def written(self, steps: TextSteps) -> _Texts:
        """Apply steps to the texts."""
        return replace(self, text=steps.of(self.text))

    def where(self, some: NDArray[np.bool_]) -> _Texts:
        """Keep the texts that are `some`, (k,) bool."""
        text = where(self.text, some)
        return _Texts(self.value[some], text, self.person[some], self.named[some])

    def matches(self, pattern: str, group: int = 0) -> _Texts:
        """Find all matches of a pattern, or a group of each, in every text."""
        row, found = all_matches(self.text, pattern, group)
        return _Texts(self.value[row], found, self.person[row], self.named[row])

    def classed(self, name: str) -> _Found:
        """Give all texts, which are tokens, one class."""
        return self, np.full(len(self), CLASS[name], dtype=np.uint8)


_Found: TypeAlias = tuple[_Texts, NDArray[np.uint8]]
"""Tokens, and the class of each."""


def _code_tokens(texts: _Texts) -> list[_Found]:
    """Make one token of each code."""
    codes = replace(texts, text=notation.compact(texts.text))
    return [codes.where(filled(codes.text)).classed("code")]


def _text_tokens(texts: _Texts) -> list[_Found]:
    """Split names, titles and free text."""
    texts = replace(texts, text=notation.as_words(texts.text)).written(_TIMES_JOINED)
    is_numbered = _IS_NUMBERED.array(texts.text)
    if not is_numbered.any():
        return [_words(texts)]
    numbered = texts.where(is_numbered)
    quantities = _quantities(numbered)
    rest = numbered.written(_without(_PACK, quantity_pattern()))
    marked = _numbered_parts(rest)
    rest = rest.written(_without(*(pattern for pattern, _ in _NUMBERED)))
    codes = _codes(rest)
    plain = rest.written(_without(_CODE))
    split = [quantities, *marked, codes]
    if plain.named.any():
        split.append(_codes_in_two_words(plain.where(plain.named)))
    return [*split, _words(texts.where(~is_numbered)), _words(plain)]


@cache
def _without(*patterns: str) -> TextSteps:
    steps = _TEXT
    for pattern in patterns:
        steps = steps.replace_all(pattern, " ")
    return steps


def _quantities(texts: _Texts) -> _Found:
    """Find numbers with a unit; each becomes a token in the base unit."""
    found = texts.written(_WITH_PACKS).matches(quantity_pattern())
    number, unit = (_TEXT.extract((quantity_pattern(), group)).of(found.text) for group in (1, 2))
    pairs = list(zip(listed(number), listed(unit), strict=True))
    token_of = {pair: quantity_token(*pair) for pair in dict.fromkeys(pairs)}
    quantities = [token_of[pair] for pair in pairs]
    there = np.array([quantity is not None for quantity in quantities], dtype=bool)
    names = [_CLASS_OF_DIMENSION.get(q[0], "other quantity") for q in quantities if q]
    tokens = [q[1] for q in quantities if q]
    classes = np.array([CLASS[name] for name in names], dtype=np.uint8)
    return replace(found.where(there), text=as_texts(tokens, found.text)), classes


def quantities_as_written(values: pl.Series) -> dict[str, str]:
    """Find the numbers with a unit in texts.

    Returns
    -------
    dict
        Token of each, such as ``volume=1500``, to how the first text that has it writes it, such as
        ``1.5 l``.
    """
    found: dict[str, str] = {}
    for text in notation.fold(values.str.to_lowercase().str.head(MAX_CHARACTERS)).to_list():
        for match in re.finditer(quantity_pattern(), text):
            if (quantity := quantity_token(match[1], match[2])) is not None:
                found.setdefault(quantity[1], match[0].strip())
    return found


def _numbered_parts(texts: _Texts) -> list[_Found]:
    """Find volumes, parts, editions and versions, with their number in digits."""
    parts = []
    for pattern, name in _NUMBERED:
        found = texts.matches(pattern, 1)
        if not len(found):
            continue
        if name != "volume":
            texts = texts.written(_without(pattern))
        digits = [plain_number(text).removesuffix(".0") for text in listed(found.text)]
        tokens = as_texts([f"{name}={number}" for number in digits], found.text)
        parts.append(replace(found, text=tokens).classed(name))
    return parts


def _codes(texts: _Texts) -> _Found:
    """Find words of letters and digits: codes without punctuation; cd1 and 3rd are numbers."""
    found = texts.matches(_CODE)
    token = notation.compact(found.text)
    short = (_DIGITS.array(token) < 2) & (_LENGTH.array(token) < 4)
    ordinal = _IS_ORDINAL.array(token)
    token = _WITHOUT_ORDINAL.of(token)
    classes = np.where(short | ordinal, CLASS["number"], CLASS["code"])
    return replace(found, text=token), classes.astype(np.uint8)


def _codes_in_two_words(texts: _Texts) -> _Found:
    """Join words with the number after them: nx 500 may be nx500 in another record."""
    found = texts.matches(r"\b[a-z]{1,5} \d{2,5}[a-z]{0,2}\b").written(_JOINED)
    return found, np.full(len(found), MAYBE + CLASS["code"], dtype=np.uint8)


def _words(texts: _Texts) -> _Found:
    """Split the rest of a text into words and numbers."""
    found = texts.written(_PLAIN).matches(r"[a-z]+|\d+(?:p\d+)?")
    token, variant, generation = _in_standard_notation(found.text)
    digits, length = _IS_NUMBER.array(token), _LENGTH.array(token)
    of_word = np.where(found.person, generation, variant)
    classes = np.select(
        [
            digits & _IS_YEAR.array(token),
            digits & (length >= MIN_CODE_DIGITS),
            digits,
            of_word != _NO_CLASS,
            length == 1,
        ],
        [
            CLASS["year"],
            CLASS["code"],
            np.where(found.person, CLASS["suffix"], CLASS["number"]),
            of_word,
            CLASS["initial"],
        ],
        CLASS["word"],
    )
    return replace(found, text=token), classes.astype(np.uint8)


_NO_CLASS = 255


def _in_standard_notation(
    tokens: Texts,
) -> tuple[Texts, NDArray[np.uint8], NDArray[np.uint8]]:
    """Write words in one notation.

    Returns
    -------
    tokens
        (k,) of str.
    variant, generation
        (k,) uint8: class of each word, and its class in the name of a person; :data:`_NO_CLASS`
        where it has none.
    """
    if not isinstance(tokens, pl.Series):
        known = _known_words()
        found = [known.get(token, (token, _NO_CLASS, _NO_CLASS)) for token in tokens]
        return (
            [standard for standard, _, _ in found],
            np.array([variant for _, variant, _ in found], dtype=np.uint8),
            np.array([generation for _, _, generation in found], dtype=np.uint8),
        )
    joined = tokens.to_frame("token").join(
        _known_words_frame(), on="token", how="left", maintain_order="left"
    )
    joined = joined.select(pl.coalesce("standard", "token").alias("token"), _VARIANT, _GENERATION)
    return joined["token"], joined["variant"].to_numpy(), joined["generation"].to_numpy()


_VARIANT, _GENERATION = (pl.col(name).fill_null(_NO_CLASS) for name in ("variant", "generation"))


@cache
def _known_words() -> dict[str, tuple[str, int, int]]:
    """List words that have another notation or a class.

    Returns
    -------
    dict
        Of each, its notation, the class of that, and its class in the name of a person;
        :data:`_NO_CLASS` where it has none.
    """
    standard, variants = standard_words(), variant_words()
    words = {}
    for token in dict.fromkeys([*standard, *variants]):
        name = variants.get(standard.get(token, token))
        generation = CLASS["suffix"] if name == "generation" else _NO_CLASS
        variant = generation if name in (None, "generation") else CLASS[name]
        words[token] = standard.get(token, token), variant, generation
    return words


@cache
def _known_words_frame() -> pl.DataFrame:
    schema = {
        "token": pl.String(),
        "standard": pl.String(),
        "variant": pl.UInt8(),
        "generation": pl.UInt8(),
    }
    rows = [(token, *known) for token, known in _known_words().items()]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _address_tokens(texts: _Texts) -> list[_Found]:
    """Split addresses: flat, house number, house letter, and the words of the street."""
    flat = _FLAT_NUMBER.of(texts.text)
    texts = texts.written(_WITHOUT_FLAT)
    has_house = _HAS_HOUSE.array(texts.text)
    house, letter = _HOUSE_NUMBER.of(texts.text), _HOUSE_LETTER.of(texts.text)
    # Flat A of house 12 is house 12A.
    is_letter = _IS_LETTER.array(flat) & ~filled(letter)
    letter = put(letter, is_letter, where(flat, is_letter)) if is_letter.any() else letter
    parts = {
        "house": (house, has_house),
        "house letter": (letter, filled(letter)),
        "flat": (flat, filled(flat) & ~is_letter),
    }
    found = [
        replace(texts, text=part).where(there).written(_TEXT.between(f"{name}=")).classed(name)
        for name, (part, there) in parts.items()
        if there.any()
    ]
    words = texts.written(_STREET).matches(r"[a-z]+|\d+").written(_STREET_WORD)
    words = replace(words, text=_in_standard_notation(words.text)[0])
    classes = np.where(_IS_NUMBER.array(words.text), CLASS["number"], CLASS["word"])
    return [*found, (words, classes.astype(np.uint8))]
