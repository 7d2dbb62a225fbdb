"""Corruption of whole records: synthetic duplicates with the errors that real files have.

An :class:`ErrorModel` says which edits are usual for one kind of record and how often values are
lost, swapped or moved. :func:`corrupt_record` applies it to any record, whatever its fields are.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from random import Random

from dedupe.training.augment.edits import (
    Edit,
    abbreviate,
    add_filler,
    add_shop_noise,
    break_encoding,
    change_case,
    change_digit,
    confuse_lookalikes,
    confuse_soundalikes,
    drop_word,
    join_codes,
    mistype,
    repeat_word,
    replace_name_form,
    replace_nickname,
    respace_units,
    rewrite_date,
    rewrite_number,
    rotate_words,
    shorten_word,
    strip_accents,
    strip_punctuation,
    swap_words,
    transliterate,
    truncate,
    wrap_as_crawled,
)


@dataclass(frozen=True)
class ErrorModel:
    """The errors of one kind of record.

    Attributes
    ----------
    edits
        Edits of one value, each with its weight relative to the others.
    edits_per_record
        Mean number of edits at strength 1.
    typing_weight
        Weight of typing errors among the edits.
    digit_rate
        Probability that a typing error which falls on a digit is made, in [0, 1]. It must be small
        where one digit distinguishes two entities.
    blank_rate, swap_rate, move_rate
        Probabilities at strength 1 that a value is lost, that two neighbouring values are swapped,
        and that a value is appended to another one.
    """

    edits: tuple[tuple[Edit, float], ...]
    edits_per_record: float = 1.5
    typing_weight: float = 26.0
    digit_rate: float = 0.5
    blank_rate: float = 0.0
    swap_rate: float = 0.02
    move_rate: float = 0.03
    _cumulative: tuple[float, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        """Accumulate the weights once, so that a draw is one bisection."""
        weights = (weight for _, weight in self.edits)
        cumulative = tuple(accumulate(weights, initial=self.typing_weight))
        object.__setattr__(self, "_cumulative", cumulative)

    def draw(self, rng: Random) -> Edit:
        """Draw an edit by its weight."""
        place = bisect(self._cumulative, rng.random() * self._cumulative[-1])
        if place == 0 or place > len(self.edits):
            return self._mistype
        return self.edits[place - 1][0]

    def _mistype(self, text: str, rng: Random) -> str:
        return mistype(text, rng, self.digit_rate)


_COMMON: tuple[tuple[Edit, float], ...] = (
    (confuse_lookalikes, 4.0),
    (confuse_soundalikes, 5.0),
    (abbreviate, 7.0),
    (replace_name_form, 3.0),
    (strip_accents, 4.0),
    (transliterate, 3.0),
    (break_encoding, 1.0),
    (change_case, 3.0),
    (strip_punctuation, 5.0),
    (rewrite_date, 4.0),
    (rewrite_number, 2.0),
    (swap_words, 3.0),
    (rotate_words, 2.0),
    (shorten_word, 2.0),
    (truncate, 2.0),
    (repeat_word, 0.7),
    (add_filler, 1.0),
)
"""Edits of any value. Typing errors are not among them: their rate on digits differs by model."""

GENERAL = ErrorModel(
    edits=(*_COMMON, (replace_nickname, 2.0), (join_codes, 2.0), (respace_units, 2.0)),
    blank_rate=0.08,
)

PEOPLE = ErrorModel(
    edits=(
        *_COMMON,
        (replace_nickname, 9.0),
        (change_digit, 5.0),
        (confuse_soundalikes, 5.0),
        (confuse_lookalikes, 3.0),
    ),
    edits_per_record=1.8,
    digit_rate=0.8,
    swap_rate=0.05,
)

PRODUCTS = ErrorModel(
    edits=(
        *_COMMON,
        (join_codes, 10.0),
        (respace_units, 10.0),
        (add_shop_noise, 9.0),
        (drop_word, 6.0),
        (swap_words, 5.0),
        (rotate_words, 4.0),
        (strip_punctuation, 5.0),
    ),
    edits_per_record=2.0,
    typing_weight=12.0,
    digit_rate=0.02,
    move_rate=0.05,
)

OFFERS = replace(PRODUCTS, edits=(*PRODUCTS.edits, (wrap_as_crawled, 14.0)))
"""Titles of offers, as crawlers of shops collect them."""

SITES = replace(GENERAL, blank_rate=0.0, digit_rate=0.25)
"""Restaurants, companies and addresses."""

PLACES = replace(GENERAL, blank_rate=0.0, digit_rate=0.03)
"""Places with coordinates."""

WORKS = ErrorModel(
    edits=(*_COMMON, (drop_word, 2.0), (abbreviate, 5.0)),
    typing_weight=16.0,
    digit_rate=0.02,
    move_rate=0.05,
)
"""Publications, books, music and films."""

NAMES = ErrorModel(
    edits=(
        *_COMMON,
        (drop_word, 8.0),
        (swap_words, 3.0),
        (strip_punctuation, 8.0),
        (change_case, 8.0),
    ),
    edits_per_record=1.2,
    typing_weight=9.0,
    digit_rate=0.01,
)
"""Records that consist of one name."""


def corrupt_record(
    record: Mapping[str, str], rng: Random, strength: float = 1.0, errors: ErrorModel = GENERAL
) -> dict[str, str]:
    """Make a corrupted copy of a record.

    Parameters
    ----------
    record
        Field to value. It is not changed.
    rng
        Source of every random choice: the same state gives the same copy.
    strength
        Multiple of the usual number of errors. At 0 the copy is exact.
    errors
        Error model of the kind of record.

    Returns
    -------
    dict of str to str
        The same fields in the same order. At least one value of a record with values stays filled.
    """
    copy = dict(record)
    names = [name for name, value in copy.items() if value]
    if strength <= 0 or not names:
        return copy
    weights = list(accumulate(4 + min(len(copy[name]), 24) for name in names))
    most = min(8, max(1, sum(len(copy[name]) for name in names) // 9))
    for _ in range(_draw_count(errors.edits_per_record * strength, most, rng)):
        name = rng.choices(names, cum_weights=weights)[0]
        for _ in range(4):
            edited = errors.draw(rng)(copy[name], rng)
            if edited != copy[name] and edited.strip():
                copy[name] = edited
                break
    _rearrange(copy, rng, strength, errors)
    return copy


def _draw_count(mean: float, most: int, rng: Random) -> int:
    """Draw the number of edits, up to `most`, from a geometric distribution."""
    go_on, count = mean / (1.0 + mean), 0
    while count < most and rng.random() < go_on:
        count += 1
    return count


def _rearrange(record: dict[str, str], rng: Random, strength: float, errors: ErrorModel) -> None:
    """Lose, swap and move whole values, in place; one value always stays."""
    filled = [name for name, value in record.items() if value]
    if len(filled) < 2:
        return
    if rng.random() < errors.blank_rate * strength:
        record[filled.pop(rng.randrange(len(filled)))] = ""
    if len(filled) < 2:
        return
    if rng.random() < errors.swap_rate * strength:
        at = rng.randrange(len(filled) - 1)
        first, second = filled[at], filled[at + 1]
        record[first], record[second] = record[second], record[first]
    if rng.random() < errors.move_rate * strength:
        source, target = rng.sample(filled, 2)
        record[target] = f"{record[target]} {record[source]}"
        record[source] = ""
