"""What a domain of training pairs consists of, and how one of its things is written as a record.

A domain makes *things*: every fact about one person, product or paper, by role. A `View` writes a
thing down as one file would: some of its columns, under the file's own names, in its style, with
its gaps and its errors. Two views of one thing are a positive pair; views of two things that a
`Change` made look alike are a hard negative.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from random import Random
from typing import Self

from dedupe.scoring.augment.edits import strip_accents, transliterate
from dedupe.scoring.augment.records import Habits, damage
from dedupe.training import words

Thing = dict[str, str]
"""The facts about one thing, by role; a role it does not have is absent or empty."""


Edit = Callable[[Random, Thing], None]
"""Turns one thing into another, or into another account of itself, in place."""


@dataclass(frozen=True)
class Pool:
    """Values of which some are much commoner than others, as names are."""

    values: tuple[str, ...]
    reach: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[str], steepness: float = 0.8) -> Self:
        """Weigh values by their place: the first is the commonest."""
        unique = tuple(dict.fromkeys(value for value in values if value))
        weights = (1.0 / (place + 6) ** steepness for place in range(len(unique)))
        return cls(unique, tuple(accumulate(weights)))

    def draw(self, rng: Random) -> str:
        """Draw one value by its weight."""
        return self.values[
            bisect(self.reach, rng.random() * self.reach[-1], 0, len(self.values) - 1)
        ]


class _Fixed(Random):
    """A random source that always answers the same: for edits that are a file's habit."""

    def random(self) -> float:
        """Give the number whose choice is the spelt-out one."""
        return 0.25


_NO_CHOICE = _Fixed()


@dataclass(frozen=True)
class Style:
    """How one file writes its values."""

    case: str
    date: str
    surname_first: bool
    joint: str
    script: str = "own"

    @classmethod
    def draw(cls, rng: Random) -> Self:
        """Draw a style; most files keep the case and write ISO dates."""
        return cls(
            case=rng.choices(("keep", "lower", "upper", "title"), (4, 4, 2, 1))[0],
            date=rng.choices(("y-m-d", "ymd", "d/m/y", "m/d/y", "d.m.y", "y"), (8, 4, 3, 3, 2, 1))[
                0
            ],
            surname_first=rng.random() < 0.3,
            joint=rng.choice((", ", " ", " - ", "; ")),
            script=rng.choices(("own", "latin", "ascii"), (8, 1, 1))[0],
        )

    def written(self, text: str) -> str:
        """Write a text in the case and the script of the file."""
        if self.script != "own" and not text.isascii():
            text = transliterate(text, _NO_CHOICE)
            if self.script == "ascii":
                text = strip_accents(text, _NO_CHOICE)
        match self.case:
            case "lower":
                return text.lower()
            case "upper":
                return text.upper()
            case "title":
                return text.title()
        return text


Writer = Callable[[Thing, Style], str]


@dataclass(frozen=True)
class Column:
    """A column that files of a domain have: its usual names, what stands in it, facts it tells."""

    names: tuple[str, ...]
    write: Writer
    roles: tuple[str, ...]


def plain(role: str, *names: str) -> Column:
    """Make a column that holds one fact as it is."""
    return Column((role, *names), lambda thing, style: style.written(thing.get(role, "")), (role,))


def joined(roles: Sequence[str], *names: str, joint: str | None = None) -> Column:
    """Make a column that holds several facts in a row."""

    def write(thing: Thing, style: Style) -> str:
        parts = [thing[role] for role in roles if thing.get(role)]
        return style.written((style.joint if joint is None else joint).join(parts))

    return Column(names, write, tuple(roles))


@dataclass(frozen=True)
class Change:
    """A way to turn a thing into another that looks like it, or into another account of itself.

    Attributes
    ----------
    kind
        Its name in `LabelledPair.kind`.
    edit
        Makes the change, in place; where it does not apply it changes nothing.
    weight
        How often it is made, relative to the others.
    faint
        Whether the pair counts as different because little speaks for its being the same, and not
        because something speaks against it.
    telling
        Role that alone tells the two apart, where both records tell it and it differs.
    """

    kind: str
    edit: Edit
    weight: float = 1.0
    faint: bool = False
    telling: str = ""


@dataclass(frozen=True)
class Domain:
    """Everything that is needed to make pairs of one kind of thing.

    Attributes
    ----------
    name
        As in `DOMAINS`.
    make
        Makes a thing.
    columns
        What files of the domain may hold, by key.
    schemas
        Sets of columns that files have; the first column of each is never left empty.
    different
        Changes that make another thing of it.
    same
        Changes that leave it the same thing.
    vary
        What differs between two accounts at random and proves nothing (a price, a category). It is
        done to pairs of both labels.
    proof
        How much it says for identity that both records tell a fact and agree on it, by role; a
        positive pair shows at least `proof_needed` of it.
    weak
        Roles whose difference alone does not make two things different; two such are needed.
    """

    name: str
    make: Callable[[Random], Thing]
    columns: Mapping[str, Column]
    schemas: Sequence[tuple[str, ...]]
    different: Sequence[Change]
    same: Sequence[Change] = ()
    vary: Edit | None = None
    habits: Habits = field(default_factory=lambda: Habits(edits=()))
    proof: Mapping[str, float] = field(default_factory=dict)
    proof_needed: float = 0.0
    weak: frozenset[str] = frozenset()


@dataclass(frozen=True)
class View:
    """One file's way to write the things of a domain, with the gaps and errors of one row."""

    columns: tuple[tuple[str, Column], ...]
    style: Style
    gaps: frozenset[str]
    seed: int
    strength: float
    habits: Habits

    def written(self, thing: Thing) -> dict[str, str]:
        """Write a thing with the errors of this row: the same ones whenever it is called."""
        clean = {
            name: "" if name in self.gaps else column.write(thing, self.style)
            for name, column in self.columns
        }
        return damage(clean, Random(self.seed), self.strength, self.habits)

    def roles(self) -> set[str]:
        """Facts that the filled columns tell."""
        return {
            role for name, column in self.columns if name not in self.gaps for role in column.roles
        }


def _column_names(domain: Domain, schema: Sequence[str], rng: Random) -> tuple[str, ...]:
    """Name the columns of a file: usual names, or nameless ones, all different."""
    if rng.random() < 0.08:
        stem = rng.choice(("col", "Attr", "field", "column_", "c", "V"))
        return tuple(f"{stem}{place}" for place in range(1, len(schema) + 1))
    plainly = rng.random() < 0.35
    names: list[str] = []
    for key in schema:
        known = domain.columns[key].names
        name = known[0] if plainly else rng.choice(known)
        names.append(name if name not in names else key if key not in names else f"{key}_2")
    match rng.randrange(6):
        case 0:
            return tuple(name.upper() for name in names)
        case 1:
            return tuple(name.replace("_", " ").title() for name in names)
    return tuple(names)


def _gaps(names: Sequence[str], rng: Random) -> frozenset[str]:
    """Draw which columns of a row are empty; the first one never is."""
    rate = rng.choices((0.0, 0.08, 0.25, 0.55), (6, 4, 2, 1))[0]
    return frozenset(name for name in names[1:] if rng.random() < rate)


_STRENGTHS = ((0.0, 0.3, 0.8, 1.6), (0.25, 0.30, 0.30, 0.15))


@dataclass(frozen=True)
class File:
    """What the rows of one file have in common: its columns with their names, and its style."""

    columns: tuple[tuple[str, Column], ...]
    style: Style
    habits: Habits

    @classmethod
    def draw(cls, domain: Domain, rng: Random) -> Self:
        """Draw a file of a domain."""
        return cls(_draw_columns(domain, rng), Style.draw(rng), domain.habits)

    def view(self, rng: Random) -> View:
        """Draw the gaps and errors of one row."""
        strength = rng.choices(*_STRENGTHS)[0]
        gaps = _gaps([name for name, _ in self.columns], rng)
        return View(self.columns, self.style, gaps, rng.getrandbits(32), strength, self.habits)


def draw_views(domain: Domain, rng: Random) -> tuple[View, View]:
    """Draw two views for the two records of a pair.

    Nothing here knows the label, so that neither form nor damage can give it away.
    """
    file = other = File.draw(domain, rng)
    if rng.random() < 0.22:
        other = File.draw(domain, rng)
    elif rng.random() < 0.15:
        other = replace(file, style=Style.draw(rng))
    return file.view(rng), other.view(rng)


def _draw_columns(domain: Domain, rng: Random) -> tuple[tuple[str, Column], ...]:
    """Draw the columns of a file, with their names."""
    schema = rng.choice(domain.schemas)
    names = _column_names(domain, schema, rng)
    return tuple((name, domain.columns[key]) for name, key in zip(names, schema, strict=True))


def draw_name(rng: Random, ends: Sequence[str] = ()) -> str:
    """Make up a name from syllables."""
    stem = "".join(rng.choice(words.SYLLABLES) for _ in range(rng.choice((2, 2, 3))))
    return (stem + rng.choice(ends) if ends and rng.random() < 0.6 else stem).capitalize()


def other_of(
    rng: Random, values: Sequence[str], but: str, forms: Sequence[Sequence[str]] = ()
) -> str:
    """Draw a value that is not the given one, nor another of its `forms`.

    Each of `forms` is a group of values in lower case that mean the same.
    """
    same = {but.lower()}.union(*(group for group in forms if but.lower() in group))
    for _ in range(20):
        value = rng.choice(values)
        if value.lower() not in same:
            return value
    return draw_name(rng)


def nudge_digit(rng: Random, text: str) -> str:
    """Change one digit of a text to another; a text without digits gets one."""
    places = [i for i, char in enumerate(text) if char.isdigit()]
    if not places:
        return f"{text} {rng.randint(2, 9)}".strip()
    at = rng.choice(places[-2:])
    digit = rng.choice([d for d in "123456789" if d != text[at]])
    return text[:at] + digit + text[at + 1 :]
