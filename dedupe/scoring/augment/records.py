"""Damage a record the way that records of one thing differ in the wild.

An edit is a function from a text and a random source to a text; it may leave the text as it is.
`corrupt_record` applies a few of them to any record, whatever its fields are called and hold.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from random import Random

from dedupe.scoring.augment.edits import (
    Edit,
    abbreviate,
    add_filler,
    add_shop_noise,
    change_case,
    crawl,
    drop_word,
    garble,
    join_codes,
    mishear,
    misread,
    mistype,
    mistype_number,
    rename,
    repeat_word,
    respace_units,
    restate,
    rewrite_date,
    rewrite_number,
    rotate_words,
    shorten_word,
    strip_accents,
    strip_punctuation,
    swap_words,
    transliterate,
    truncate,
)


@dataclass(frozen=True)
class Habits:
    """How a kind of record is usually damaged.

    Attributes
    ----------
    edits
        Edits of one value and how often each is made, relative to the others.
    edits_a_record
        Edits made on average at strength 1.
    typing
        The weight of typing errors among the edits.
    digits
        How often a typing error that falls on a digit is let through, in [0, 1]. Where a digit is
        what tells two things apart, it must be small.
    blanked, swapped, moved
        How often, at strength 1, a value is lost, two values change places, or a value is written
        behind another one.
    """

    edits: tuple[tuple[Edit, float], ...]
    edits_a_record: float = 1.5
    typing: float = 26.0
    digits: float = 0.5
    blanked: float = 0.0
    swapped: float = 0.02
    moved: float = 0.03
    _reach: tuple[float, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        """Add the weights up once, so that an edit is drawn quickly."""
        reach = accumulate((weight for _, weight in self.edits), initial=self.typing)
        object.__setattr__(self, "_reach", tuple(reach))

    def draw(self, rng: Random) -> Edit:
        """Draw an edit by its weight."""
        place = bisect(self._reach, rng.random() * self._reach[-1])
        if place == 0 or place > len(self.edits):
            return self._mistype
        return self.edits[place - 1][0]

    def _mistype(self, text: str, rng: Random) -> str:
        return mistype(text, rng, self.digits)


_WRITING: tuple[tuple[Edit, float], ...] = (
    (misread, 4.0),
    (mishear, 5.0),
    (abbreviate, 7.0),
    (restate, 3.0),
    (strip_accents, 4.0),
    (transliterate, 3.0),
    (garble, 1.0),
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
"""Edits that any value may undergo; typing errors are added with the habits' care for digits."""


GENERAL = Habits(
    edits=(*_WRITING, (rename, 2.0), (join_codes, 2.0), (respace_units, 2.0)),
    blanked=0.08,
)


PERSONAL = Habits(
    edits=(*_WRITING, (rename, 9.0), (mistype_number, 5.0), (mishear, 5.0), (misread, 3.0)),
    edits_a_record=1.8,
    digits=0.8,
    swapped=0.05,
)


COMMERCIAL = Habits(
    edits=(
        *_WRITING,
        (join_codes, 10.0),
        (respace_units, 10.0),
        (add_shop_noise, 9.0),
        (drop_word, 6.0),
        (swap_words, 5.0),
        (rotate_words, 4.0),
        (strip_punctuation, 5.0),
    ),
    edits_a_record=2.0,
    typing=12.0,
    digits=0.02,
    moved=0.05,
)


OFFERED = replace(COMMERCIAL, edits=(*COMMERCIAL.edits, (crawl, 14.0)))


LOCAL = replace(GENERAL, blanked=0.0, digits=0.25)


MAPPED = replace(GENERAL, blanked=0.0, digits=0.03)


LITERARY = Habits(
    edits=(*_WRITING, (drop_word, 2.0), (abbreviate, 5.0)), typing=16.0, digits=0.02, moved=0.05
)


NOMINAL = Habits(
    edits=(
        *_WRITING,
        (drop_word, 8.0),
        (swap_words, 3.0),
        (strip_punctuation, 8.0),
        (change_case, 8.0),
    ),
    edits_a_record=1.2,
    typing=9.0,
    digits=0.01,
)


def _draw_count(mean: float, most: int, rng: Random) -> int:
    """Draw how many edits to make: geometric, so that nothing and several are both common."""
    stay, count = mean / (1.0 + mean), 0
    while count < most and rng.random() < stay:
        count += 1
    return count


def _rearrange(record: dict[str, str], rng: Random, strength: float, habits: Habits) -> None:
    """Lose, swap and move whole values, in place; one value always stays."""
    filled = [name for name, value in record.items() if value]
    if len(filled) < 2:
        return
    if rng.random() < habits.blanked * strength:
        record[filled.pop(rng.randrange(len(filled)))] = ""
    if len(filled) < 2:
        return
    if rng.random() < habits.swapped * strength:
        at = rng.randrange(len(filled) - 1)
        first, second = filled[at], filled[at + 1]
        record[first], record[second] = record[second], record[first]
    if rng.random() < habits.moved * strength:
        source, target = rng.sample(filled, 2)
        record[target] = f"{record[target]} {record[source]}"
        record[source] = ""


def damage(
    record: Mapping[str, str], rng: Random, strength: float = 1.0, habits: Habits = GENERAL
) -> dict[str, str]:
    """Make a damaged copy of a record, with the habits of its kind."""
    made = dict(record)
    if strength <= 0:
        return made
    names = [name for name, value in made.items() if value]
    if not names:
        return made
    reach = list(accumulate(4 + min(len(made[name]), 24) for name in names))
    most = min(8, max(1, sum(len(made[name]) for name in names) // 9))
    for _ in range(_draw_count(habits.edits_a_record * strength, most, rng)):
        name = rng.choices(names, cum_weights=reach)[0]
        for _ in range(4):
            changed = habits.draw(rng)(made[name], rng)
            if changed != made[name] and changed.strip():
                made[name] = changed
                break
    _rearrange(made, rng, strength, habits)
    return made


def corrupt_record(record: Mapping[str, str], rng: Random, strength: float = 1.0) -> dict[str, str]:
    """Make a corrupted copy of any record.

    Parameters
    ----------
    record
        Field to value. It is not changed.
    rng
        The source of every choice: the same state gives the same copy.
    strength
        How much is changed on average, as a multiple of what is usual. At 0 the copy is exact.

    Returns
    -------
    dict of str to str
        The same fields in the same order. A record that holds anything keeps something.
    """
    return damage(record, rng, strength, GENERAL)
