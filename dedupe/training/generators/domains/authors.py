"""Names of authors, artists and actors, and how sources list them."""

from __future__ import annotations

from random import Random

from dedupe.training.generators.domain import Entity, Style
from dedupe.training.generators.locales import ENGLISH, WESTERN, country
from dedupe.training.generators.values import draw_name
from dedupe.training.word_lists import words

MANNERS = (
    "full", "full", "full", "initials", "initials", "surname-first", "surname-initials", "et-al",
    "surnames", "and",
)  # fmt: skip
"""Ways in which sources list people; a repeated one is drawn more often."""


def draw_person(rng: Random) -> str:
    """Draw the full name of a person from an English-speaking or another western country."""
    home = country(rng.choice(ENGLISH if rng.random() < 0.6 else WESTERN))
    given = (home.men if rng.random() < 0.6 else home.women).draw(rng).split()[0]
    surname = (
        draw_name(rng, words("surname_endings")) if rng.random() < 0.3 else home.surnames.draw(rng)
    )
    middle = f" {rng.choice('ABCDEFGHJKLMNPRSTW')}." if rng.random() < 0.3 else ""
    return f"{given}{middle} {surname}"


def draw_people(rng: Random, most: int) -> str:
    """Draw up to `most` full names, separated by commas."""
    return ", ".join(draw_person(rng) for _ in range(rng.randint(1, most)))


def write_people(names: str, manner: str) -> str:
    """Write names separated by commas in one of :data:`MANNERS`."""
    people = [name.split() for name in names.split(", ") if name]
    if manner == "initials":
        return ", ".join(" ".join([*(f"{g[0]}." for g in p[:-1]), p[-1]]) for p in people)
    if manner == "surname-first":
        return "; ".join(f"{p[-1]}, {' '.join(p[:-1])}" for p in people)
    if manner == "surname-initials":
        return ", ".join(f"{p[-1]} {''.join(g[0] for g in p[:-1])}" for p in people)
    if manner == "et-al" and len(people) > 1:
        return f"{' '.join(people[0])} et al."
    if manner == "surnames":
        return ", ".join(p[-1] for p in people)
    if manner == "and":
        return " and ".join(" ".join(p) for p in people)
    return ", ".join(" ".join(p) for p in people)


def write_authors(entity: Entity, style: Style) -> str:
    """Write the authors of a publication or a book."""
    return style.apply(write_people(entity["authors"], entity["manner"]))


def list_fewer_authors(rng: Random, entity: Entity) -> None:
    """List fewer authors."""
    names = entity["authors"].split(", ")
    entity["authors"] = ", ".join(names[: rng.randint(1, len(names))])
