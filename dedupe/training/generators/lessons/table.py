"""The parts of a lesson: facts of entities, the columns that show them, and the plan of a file.

A kind of lesson makes *groups* of entities that share much, such as the members of a household,
and a *plan* that says which columns the file has and what tells its entities apart.
:mod:`.writing` makes the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.training.generators.lessons.styles import Style

Facts = dict[str, str]
"""The facts about one entity, by attribute. An attribute without a value is absent or empty.

An entity with the attribute ``alone`` has one record.
"""

Group = list[Facts]
"""Entities that look alike."""

Variant = Callable[[Random, Facts], Iterable[str]]
"""Changes the facts of one record in place; returns the attributes that are no evidence now."""

Writer = Callable[[Facts, Style, Random], str]
"""Writes the value of a column from facts, without those that the record omits."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A table of n records with known clusters.

    Attributes
    ----------
    kind
        One of the keys of `LESSONS`.
    frame
        n rows; text columns of which the first is ``id``.
    labels
        Cluster of each row, (n,) int64.
    """

    kind: str
    frame: pl.DataFrame
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """A column that files may have.

    Attributes
    ----------
    names
        Names that files give the column.
    write
        Writes its value.
    attributes
        Attributes that the value shows.
    typos
        Weight of the column among those that get typing errors.
    """

    names: tuple[str, ...]
    write: Writer
    attributes: tuple[str, ...]
    typos: float = 1.0


@dataclass(frozen=True)
class Plan:
    """What a file of one kind consists of.

    Attributes
    ----------
    columns
        Columns of the file in order, by key.
    telling
        Weight of an attribute that differs, as evidence for two entities; 1 suffices.
    evidence
        Weight of an attribute that two records of one entity share; 1 suffices.
    variants
        Changes of a record, with their weights.
    most
        Largest number of such changes in a record.
    usual
        Change of most records, such as another price.
    placeholders
        Texts that stand for an empty value, by key of the column.
    placeholder_rate
        Share of the values of these columns that are replaced by them.
    keep
        Columns that are never empty.
    share
        Share of the entities with several records; ``None`` draws one.
    gaps
        Multiple of the usual shares of empty values.
    errors
        Multiple of the usual number of typing errors.
    allow_equal
        Whether records of two entities may be written alike.
    absent_tells
        Attributes whose absence tells as much as a value, such as "live" in the title of a song.
    """

    columns: Mapping[str, Column]
    telling: Mapping[str, float]
    evidence: Mapping[str, float]
    variants: Sequence[tuple[Variant, float]] = ()
    most: int = 2
    usual: Variant | None = None
    placeholders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    placeholder_rate: float = 0.2
    keep: frozenset[str] = frozenset()
    share: float | None = None
    gaps: float = 1.0
    errors: float = 1.0
    allow_equal: bool = False
    absent_tells: frozenset[str] = frozenset()


def draw_groups(
    rng: Random,
    lookalikes: Callable[[Random], Group],
    single: Callable[[Random], Facts] | None = None,
    entities: int | None = None,
) -> list[Group]:
    """Draw groups of entities that look alike, and single entities between them.

    Parameters
    ----------
    rng
        Source of every random choice.
    lookalikes
        Makes a group.
    single
        Makes an entity of its own; ``None`` if all are in groups.
    entities
        Number of entities; ``None`` draws one, mostly between 30 and 200.
    """
    wanted = entities or rng.choice((40, 40, 60, 80, 100, 120, 150, 180))
    rate = rng.choice((0.3, 0.5, 0.7)) if single is not None else 1.0
    groups: list[Group] = []
    count = 0
    while count < wanted:
        group = lookalikes(rng) if single is None or rng.random() < rate else [single(rng)]
        groups.append(group)
        count += len(group)
    return groups


def choose_columns(
    rng: Random, columns: Mapping[str, Column], schema: Sequence[str], keep: Iterable[str] = ()
) -> dict[str, Column]:
    """Choose the columns of a schema, without some that are not in `keep`, in some order."""
    kept = frozenset(keep)
    rate = rng.choice((0.0, 0.1, 0.3, 0.5))
    keys = [key for key in schema if key in kept or rng.random() >= rate]
    if rng.random() < 0.3:
        rng.shuffle(keys)
    return {key: columns[key] for key in keys}


def column(attribute: str, *names: str, typos: float = 1.0, write: Writer | None = None) -> Column:
    """Make a column that shows one attribute, as text in the style of the source."""

    def plain(facts: Facts, style: Style, rng: Random) -> str:
        del rng
        return style.apply(facts.get(attribute, ""))

    return Column(names or (attribute,), write or plain, (attribute,), typos)


def raw(attribute: str, *names: str) -> Column:
    """Make a column that shows one attribute as it is, without errors."""
    return Column(
        names or (attribute,), lambda facts, style, rng: facts.get(attribute, ""), (attribute,), 0.0
    )


def format_lesson(lesson: Lesson, rows: int = 25) -> str:
    """Format the first rows of a lesson, sorted by cluster, to look at them."""
    order = sorted(range(len(lesson.labels)), key=lambda i: int(lesson.labels[i]))
    lines = [" | ".join(("label", *lesson.frame.columns))]
    for i in order[:rows]:
        values = ("" if value is None else value for value in lesson.frame.row(i))
        lines.append(" | ".join((str(lesson.labels[i]), *values)))
    return "\n".join(lines)
