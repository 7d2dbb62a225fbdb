"""Random values: pools by frequency, words of a list, invented names, other values and digits."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Self

from dedupe.training.word_lists import words


@dataclass(frozen=True)
class Pool:
    """Values with unequal frequencies, as names have.

    Attributes
    ----------
    values
        Distinct values, the most frequent first.
    cumulative
        Their weights, accumulated.
    """

    values: tuple[str, ...]
    cumulative: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[str], steepness: float = 0.8) -> Self:
        """Weight distinct values by rank: the first is the most frequent."""
        unique = tuple(dict.fromkeys(value for value in values if value))
        weights = (1.0 / (rank + 6) ** steepness for rank in range(len(unique)))
        return cls(unique, tuple(accumulate(weights)))

    def draw(self, rng: Random) -> str:
        """Draw a value by its weight."""
        target = rng.random() * self.cumulative[-1]
        return self.values[bisect(self.cumulative, target, 0, len(self.values) - 1)]


def draw_word(rng: Random, name: str) -> str:
    """Draw an entry of the word list `name`."""
    return rng.choice(words(name))


def draw_name(rng: Random, endings: Sequence[str] = ()) -> str:
    """Invent a name from syllables, often with one of `endings`."""
    stem = "".join(draw_word(rng, "syllables") for _ in range(rng.choice((2, 2, 3))))
    named = stem + rng.choice(endings) if endings and rng.random() < 0.6 else stem
    return named.capitalize()


def draw_other(
    rng: Random, values: Sequence[str], value: str, forms: Sequence[Sequence[str]] = ()
) -> str:
    """Draw a value other than `value` and its other forms; invent one if there is none.

    Parameters
    ----------
    rng
        Source of the choice.
    values
        What to draw from.
    value
        What the result must differ from, whatever its case.
    forms
        Groups of lower-case values that mean the same.
    """
    same = {value.lower()}.union(*(group for group in forms if value.lower() in group))
    for _ in range(20):
        other = rng.choice(values)
        if other.lower() not in same:
            return other
    return draw_name(rng)


def nudge_digit(rng: Random, text: str) -> str:
    """Change one of the last two digits of a text; append a number if it has no digits."""
    places = [i for i, char in enumerate(text) if char.isdigit()]
    if not places:
        return f"{text} {rng.randint(2, 9)}".strip()
    at = rng.choice(places[-2:])
    digit = rng.choice([d for d in "123456789" if d != text[at]])
    return text[:at] + digit + text[at + 1 :]
