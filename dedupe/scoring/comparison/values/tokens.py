"""Tokens of values: words, numbers, codes, quantities, volumes, sizes, houses and flats.

The class of a token tells what it means when both of two records have such a token and do not share
one: two codes, two sizes or two volumes are a conflict, two words are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.values import notation
from dedupe.scoring.comparison.values.roles import Role
from dedupe.scoring.comparison.values.word_data import (
    plain_number,
    quantity_token,
    standard_words,
    units,
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
TOKENS = pl.Schema({"value": pl.UInt32(), "token": pl.String(), "class": pl.UInt8()})
"""Tokens of distinct values: number of the value, token, and number of its class."""
_BEGIN = pl.col("value").str.head(MAX_CHARACTERS)
_COLUMNS = [pl.col(name).cast(dtype) for name, dtype in TOKENS.items()]
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


_TIMES_JOINED = (
    pl.col("text").str.replace_all(_TIMES, "${1}x${2}").str.replace_all(_TIMES, "${1}x${2}")
)
_IS_NUMBERED = pl.col("text").str.contains(_MAY_BE_NUMBERED).alias("numbered")
_PLAIN = (
    pl.col("text")
    .str.replace_all(r"(\d)[.,](\d)", "${1}p${2}")
    .str.replace_all("'", "", literal=True)
)


@cache
def _quantity() -> str:
    """Build the pattern of a number with a unit; longer notations go before shorter ones."""
    notations = sorted(units(), key=lambda unit: (-len(unit), unit))
    escaped = "|".join(unit.replace(".", r"\.").replace(" ", r"\s?") for unit in notations)
    return rf"\b(\d+(?:[.,]\d+)?)[\s\-]?({escaped})(?:\b|\s|$)"


def value_tokens(values: pl.Series, role: Role) -> pl.DataFrame:
    """Split distinct values of one field into tokens; see :func:`tokens_of_columns`."""
    return tokens_of_columns([values], [role])


def tokens_of_columns(columns: Sequence[pl.Series], roles: Sequence[Role]) -> pl.DataFrame:
    """Split distinct values of fields into tokens.

    Parameters
    ----------
    columns
        Values of each field; v in all.
    roles
        What each field holds. Contacts, dates and numbers have no tokens: they are compared whole.

    Returns
    -------
    DataFrame
        Schema :data:`TOKENS`, in the order of the values, one field after the other.
    """
    numbers = np.split(np.arange(sum(map(len, columns)), dtype=np.uint32), _ends(columns)[:-1])
    parts = [TOKENS.to_frame()]
    for split, like in (
        (_text_tokens, _WORDY),
        (_address_tokens, _ADDRESS),
        (_code_tokens, {Role.CODE}),
    ):
        some = [at for at, role in enumerate(roles) if role in like and len(columns[at])]
        if some:
            lengths = [len(columns[at]) for at in some]
            text = notation.written(pl.concat([columns[at] for at in some]), _BEGIN)
            frame = pl.DataFrame(
                {
                    "value": np.concatenate([numbers[at] for at in some]),
                    "text": notation.fold(text),
                    "person": np.repeat([roles[at] in _PERSON for at in some], lengths),
                    "named": np.repeat([roles[at] is Role.NAME for at in some], lengths),
                }
            )
            parts += [part.select(_COLUMNS) for part in split(frame)]
    return pl.concat(parts).drop_nulls().sort("value", maintain_order=True)


def _ends(columns: Sequence[pl.Series]) -> NDArray[np.int64]:
    return np.cumsum([len(column) for column in columns])


def _classed(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.with_columns(pl.lit(CLASS[name], dtype=pl.UInt8).alias("class"))


def _all_matches(frame: pl.DataFrame, pattern: str, group: int = 0) -> pl.DataFrame:
    """Find all matches of a pattern in each ``text``: they become ``token``."""
    found = pl.col("text").str.extract_all(pattern)
    if group:
        found = found.list.eval(pl.element().str.extract(pattern, group))
    kept = [name for name in ("value", "person") if name in frame.columns]
    return frame.select_seq(*kept, found.alias("token")).explode("token").drop_nulls("token")


def _code_tokens(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Make one token of each code."""
    codes = frame.with_columns(notation.compact(frame["text"]).alias("token"))
    return [_classed(codes.filter(pl.col("token") != ""), "code")]


def _text_tokens(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Split names, titles and free text."""
    frame = frame.with_columns(notation.as_words(frame["text"]).alias("text"))
    frame = frame.with_columns_seq(_TIMES_JOINED).with_columns_seq(_IS_NUMBERED)
    if not frame["numbered"].any():
        return [_words(frame)]
    numbered = frame.filter("numbered")
    quantities = _quantities(numbered)
    rest = numbered.with_columns_seq(_without(_PACK, _quantity()))
    marked = _numbered_parts(rest)
    rest = rest.with_columns_seq(_without(*(pattern for pattern, _ in _NUMBERED)))
    codes = _codes(rest)
    plain = rest.with_columns_seq(_without(_CODE))
    split = [quantities, *marked, codes]
    if plain["named"].any():
        split.append(_codes_in_two_words(plain.filter("named")))
    return [*split, _words(pl.concat([frame.filter(~pl.col("numbered")), plain]))]


def _without(*patterns: str) -> pl.Expr:
    text = pl.col("text")
    for pattern in patterns:
        text = text.str.replace_all(pattern, " ")
    return text


def _quantities(frame: pl.DataFrame) -> pl.DataFrame:
    """Find numbers with a unit; each becomes a token in the base unit."""
    pattern = _quantity()
    packs = frame.with_columns(pl.col("text").str.replace_all(_PACK, "$1 pack"))
    found = _all_matches(packs, pattern)
    if found.is_empty():
        return TOKENS.to_frame()
    found = found.select(
        "value",
        pl.col("token").str.extract(pattern, 1).alias("number"),
        pl.col("token").str.extract(pattern, 2).alias("unit"),
    )
    distinct = found.select("number", "unit").unique(maintain_order=True)
    converted = [quantity_token(number, unit) for number, unit in distinct.iter_rows()]
    names = [_CLASS_OF_DIMENSION.get(q[0], "other quantity") if q else "word" for q in converted]
    classes = [CLASS[name] for name in names]
    distinct = distinct.with_columns(
        pl.Series("token", [q[1] if q else None for q in converted], dtype=pl.String),
        pl.Series("class", classes, dtype=pl.UInt8),
    )
    return found.join(
        distinct, on=["number", "unit"], how="left", maintain_order="left"
    ).drop_nulls()


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
        for match in re.finditer(_quantity(), text):
            if (quantity := quantity_token(match[1], match[2])) is not None:
                found.setdefault(quantity[1], match[0].strip())
    return found


def _numbered_parts(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Find volumes, parts, editions and versions, with their number in digits."""
    parts = []
    for pattern, name in _NUMBERED:
        found = _all_matches(frame, pattern, 1)
        if found.is_empty():
            continue
        if name != "volume":
            frame = frame.with_columns(_without(pattern))
        digits = [plain_number(text).removesuffix(".0") for text in found["token"].to_list()]
        tokens = pl.Series("token", [f"{name}={number}" for number in digits], dtype=pl.String)
        parts.append(_classed(found.with_columns(tokens), name))
    return parts


def _codes(frame: pl.DataFrame) -> pl.DataFrame:
    """Find words of letters and digits: codes without punctuation; cd1 and 3rd are numbers."""
    found = _all_matches(frame, _CODE)
    if found.is_empty():
        return TOKENS.to_frame()
    token = pl.col("token")
    found = found.with_columns(notation.compact(found["token"]).alias("token"))
    short = (token.str.count_matches(r"\d") < 2) & (token.str.len_chars() < 4)
    ordinal = token.str.contains(r"^\d+(?:st|nd|rd|th)$")
    return found.with_columns(
        pl.when(ordinal).then(token.str.extract(r"^(\d+)", 1)).otherwise(token).alias("token"),
        pl.when(short | ordinal).then(CLASS["number"]).otherwise(CLASS["code"]).alias("class"),
    )


def _codes_in_two_words(frame: pl.DataFrame) -> pl.DataFrame:
    """Join words with the number after them: nx 500 may be nx500 in another record."""
    found = _all_matches(frame, r"\b[a-z]{1,5} \d{2,5}[a-z]{0,2}\b")
    return found.with_columns(
        pl.col("token").str.replace(" ", "", literal=True),
        pl.lit(MAYBE + CLASS["code"]).alias("class"),
    )


def _words(frame: pl.DataFrame) -> pl.DataFrame:
    """Split the rest of a text into words and numbers."""
    plain = frame.with_columns_seq(_PLAIN)
    found = _all_matches(plain, r"[a-z]+|\d+(?:p\d+)?")
    found = found.join(_known_words(), on="token", how="left", maintain_order="left")
    return found.with_columns_seq(_STANDARD).with_columns_seq(_class_of_word())


@cache
def _known_words() -> pl.DataFrame:
    """List words that have another notation or a class.

    Returns
    -------
    DataFrame
        ``token``; ``standard``, its notation; ``variant``, the class of that, and ``generation``,
        its class in the name of a person: null where it has none.
    """
    standard, variants = standard_words(), variant_words()
    rows = []
    for token in dict.fromkeys([*standard, *variants]):
        name = variants.get(standard.get(token, token))
        generation = CLASS["suffix"] if name == "generation" else None
        variant = generation if name is None or generation else CLASS[name]
        rows.append((token, standard.get(token, token), variant, generation))
    schema = {
        "token": pl.String(),
        "standard": pl.String(),
        "variant": pl.UInt8(),
        "generation": pl.UInt8(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


_STANDARD = pl.coalesce("standard", "token").alias("token")


@cache
def _class_of_word() -> pl.Expr:
    token, person = pl.col("token"), pl.col("person")
    digits = token.str.contains(r"^\d")
    of_word = pl.when(person).then("generation").otherwise("variant")

    def kind(name: str) -> pl.Expr:
        return pl.lit(CLASS[name], dtype=pl.UInt8)

    return (
        pl.when(digits & token.str.contains(r"^(?:1[6-9]|20)\d\d$"))
        .then(kind("year"))
        .when(digits & (token.str.len_chars() >= MIN_CODE_DIGITS))
        .then(kind("code"))
        .when(digits)
        .then(pl.when(person).then(kind("suffix")).otherwise(kind("number")))
        .when(of_word.is_not_null())
        .then(of_word)
        .when(token.str.len_chars() == 1)
        .then(kind("initial"))
        .otherwise(kind("word"))
        .alias("class")
    )


def _address_tokens(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Split addresses: flat, house number, house letter, and the words of the street."""
    flats, houses, letters, parts, without_quotes, street = _address_steps()
    frame = frame.with_columns_seq(flats).with_columns_seq(houses).with_columns_seq(letters)
    found = [
        frame.select_seq("value", part, pl.lit(CLASS[name], dtype=pl.UInt8).alias("class"))
        for name, part in parts.items()
        if frame[name].null_count() < frame.height
    ]
    words = _all_matches(frame.with_columns_seq(without_quotes), r"[a-z]+|\d+")
    words = words.with_columns_seq(street)
    words = words.join(_known_words(), on="token", how="left", maintain_order="left")
    return [*found, words.with_columns_seq(_STANDARD).with_columns_seq(_class_in_street())]


@cache
def _class_in_street() -> pl.Expr:
    number = pl.col("token").str.contains(r"^\d")
    kind = pl.when(number).then(CLASS["number"]).otherwise(CLASS["word"])
    return kind.alias("class")


@cache
def _address_steps() -> tuple[
    list[pl.Expr], list[pl.Expr], list[pl.Expr], dict[str, pl.Expr], pl.Expr, pl.Expr
]:
    """Return the steps that split an address."""
    text = pl.col("text")
    flat = pl.coalesce(
        text.str.extract(_FLAT, 1),
        text.str.extract(_FLAT, 2),
        text.str.extract(_FLAT_BEFORE_HOUSE, 1),
    ).str.replace_all(r"\s", "")
    whole_number = text.str.replace(r"^(\d+)\.0$", "$1")
    rest = whole_number.str.replace_all(_FLAT, " ").str.replace(_FLAT_BEFORE_HOUSE, "$2")
    # Flat A of house 12 is house 12A.
    is_letter = pl.col("flat").str.contains(r"^[a-z]$") & pl.col("house letter").is_null()
    return (
        [flat.alias("flat"), rest.alias("text")],
        [
            text.str.extract(_HOUSE, 1).str.strip_chars_start("0").alias("house"),
            text.str.extract(_HOUSE, 2).alias("house letter"),
            text.str.replace(_HOUSE, " "),
        ],
        [
            pl.when(is_letter).then("flat").otherwise("house letter").alias("house letter"),
            pl.when(is_letter).then(None).otherwise("flat").alias("flat"),
        ],
        {
            name: pl.concat_str(pl.lit(f"{name}="), pl.col(name)).alias("token")
            for name in ("house", "house letter", "flat")
        },
        text.str.replace_all("'", "", literal=True),
        # A German street ends in its kind: hauptstrasse is haupt strasse.
        pl.col("token").str.replace(r"^(.{3,})(?:strasse|str)$", "${1}st"),
    )
