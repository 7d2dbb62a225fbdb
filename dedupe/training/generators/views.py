"""Files and views: how one file, and one row of it, writes an entity as a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Self

from dedupe.training.augment.records import ErrorModel, corrupt_record
from dedupe.training.generators.domain import Column, Domain, Entity, Style

_STRENGTHS = ((0.0, 0.3, 0.8, 1.6), (0.25, 0.30, 0.30, 0.15))
"""Strengths of the errors of a row, and their probabilities."""

_GAP_RATES = ((0.0, 0.08, 0.25, 0.55), (6, 4, 2, 1))
"""Shares of empty values in a row, and their weights."""


@dataclass(frozen=True)
class View:
    """How one row of a file writes an entity: columns and style, with gaps and errors of its own.

    Attributes
    ----------
    columns
        Names and columns of the file, in order.
    style
        Style of the file.
    gaps
        Names of the columns that are empty in this row.
    seed
        Seed of the errors of this row.
    strength
        Multiple of the usual number of errors.
    errors
        Error model of the domain.
    """

    columns: tuple[tuple[str, Column], ...]
    style: Style
    gaps: frozenset[str]
    seed: int
    strength: float
    errors: ErrorModel

    def record(self, entity: Entity) -> dict[str, str]:
        """Write an entity as a record, with the same errors at every call."""
        clean = {
            name: "" if name in self.gaps else column.write(entity, self.style)
            for name, column in self.columns
        }
        return corrupt_record(clean, Random(self.seed), self.strength, self.errors)

    def attributes(self) -> set[str]:
        """Collect the attributes that the filled columns show."""
        return {
            attribute
            for name, column in self.columns
            if name not in self.gaps
            for attribute in column.attributes
        }


@dataclass(frozen=True)
class File:
    """What the rows of one file share: named columns, a style and an error model."""

    columns: tuple[tuple[str, Column], ...]
    style: Style
    errors: ErrorModel

    @classmethod
    def draw(cls, domain: Domain, rng: Random) -> Self:
        """Draw a file of a domain."""
        return cls(_draw_columns(domain, rng), Style.draw(rng), domain.errors)

    def view(self, rng: Random) -> View:
        """Draw the gaps and errors of one row."""
        strength = rng.choices(*_STRENGTHS)[0]
        gaps = _draw_gaps([name for name, _ in self.columns], rng)
        return View(self.columns, self.style, gaps, rng.getrandbits(32), strength, self.errors)


def draw_views(domain: Domain, rng: Random) -> tuple[View, View]:
    """Draw the views of the two records of a pair.

    The label is not known here, so neither the form of a record nor its errors can reveal it.
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


def _column_names(domain: Domain, schema: Sequence[str], rng: Random) -> tuple[str, ...]:
    """Draw unique column names: usual ones, or a stem with a number."""
    if rng.random() < 0.08:
        stem = rng.choice(("col", "Attr", "field", "column_", "c", "V"))
        return tuple(f"{stem}{place}" for place in range(1, len(schema) + 1))
    only_first = rng.random() < 0.35
    names: list[str] = []
    for key in schema:
        known = domain.columns[key].names
        name = known[0] if only_first else rng.choice(known)
        names.append(name if name not in names else key if key not in names else f"{key}_2")
    match rng.randrange(6):
        case 0:
            return tuple(name.upper() for name in names)
        case 1:
            return tuple(name.replace("_", " ").title() for name in names)
    return tuple(names)


def _draw_gaps(names: Sequence[str], rng: Random) -> frozenset[str]:
    """Draw the columns of a row that are empty. The first column never is."""
    rate = rng.choices(*_GAP_RATES)[0]
    return frozenset(name for name in names[1:] if rng.random() < rate)
