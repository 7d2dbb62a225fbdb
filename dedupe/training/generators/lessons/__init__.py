"""Lessons: small synthetic files from which a model learns what tells alike records apart.

Each kind of lesson mixes single records, true duplicates with the noise of real files, and records
of other entities that share much with them. Whole files matter: how rare a value is and how many
records share it is part of the lesson.

>>> lesson = make_lesson("families", seed=1)
>>> lesson.frame.columns[0]
'id'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from types import MappingProxyType

from dedupe.training.generators.lessons.addresses import flats
from dedupe.training.generators.lessons.contacts import crm, placeholders, same_contact
from dedupe.training.generators.lessons.media import media
from dedupe.training.generators.lessons.names import single_names
from dedupe.training.generators.lessons.organisations import company_names, plain_companies
from dedupe.training.generators.lessons.people import (
    crowds,
    families,
    many_people,
    moved,
    nicknames,
    plain_people,
    suffixes,
    swapped,
    twins,
)
from dedupe.training.generators.lessons.places import places
from dedupe.training.generators.lessons.products import models, plain_products, sizes, software
from dedupe.training.generators.lessons.records import orders, poor_records
from dedupe.training.generators.lessons.sites import branches, restaurants
from dedupe.training.generators.lessons.table import Lesson, format_lesson
from dedupe.training.generators.lessons.works import papers, plain_papers, volumes

LESSONS: Mapping[str, Callable[[Random], Lesson]] = MappingProxyType(
    {
        "families": families,
        "twins": twins,
        "suffixes": suffixes,
        "same-contact": same_contact,
        "moved": moved,
        "placeholders": placeholders,
        "branches": branches,
        "flats": flats,
        "sizes": sizes,
        "models": models,
        "software": software,
        "volumes": volumes,
        "papers": papers,
        "media": media,
        "company-names": company_names,
        "crm": crm,
        "nicknames": nicknames,
        "swapped": swapped,
        "poor-records": poor_records,
        "single-names": single_names,
        "restaurants": restaurants,
        "places": places,
        "orders": orders,
        "plain-people": plain_people,
        "plain-products": plain_products,
        "plain-companies": plain_companies,
        "plain-papers": plain_papers,
    }
)
"""Makers of lessons, by kind."""

LARGE_LESSONS: Mapping[str, Callable[[Random], Lesson]] = MappingProxyType(
    {"many-people": many_people, "crowds": crowds}
)
"""Makers of files with tens or hundreds of thousands of records, by kind."""

__all__ = ["LARGE_LESSONS", "LESSONS", "Lesson", "format_lesson", "lesson_files", "make_lesson"]


def make_lesson(kind: str, seed: int) -> Lesson:
    """Make a lesson.

    Parameters
    ----------
    kind
        A key of `LESSONS` or `LARGE_LESSONS`.
    seed
        The same kind, seed and version of Faker give the same lesson.
    """
    return {**LESSONS, **LARGE_LESSONS}[kind](Random(f"lesson {kind} {seed}"))


def lesson_files(count: int, seed: int) -> Iterator[Lesson]:
    """Make lessons of all kinds in turn.

    Parameters
    ----------
    count
        Number of lessons.
    seed
        Seed of the lessons. The first lessons do not depend on `count`.

    Yields
    ------
    Lesson
        Lessons; one after another is of the next kind.
    """
    kinds = tuple(LESSONS)
    for number in range(count):
        yield make_lesson(kinds[number % len(kinds)], seed * 1_000_003 + number)
