"""The parts of a domain: entities, the columns that describe them, and changes of entities.

An *entity* holds every fact about one person, product or paper. A *domain* makes entities, says
which columns its files have, and knows two kinds of changes: those after which the record still
describes the same entity, and those that make a similar other one. :mod:`.views` writes an entity
as a record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Self

from dedupe.training.augment.edits import strip_accents, transliterate
from dedupe.training.augment.records import ErrorModel

Entity = dict[str, str]
"""The facts about one entity, by attribute. An attribute without a value is absent or empty."""

Edit = Callable[[Random, Entity], None]
"""Changes an entity in place."""


class _Constant(Random):
    """A random source with one value: a file applies the same edit to all of its values."""

    def random(self) -> float:
        """Return the value for which :func:`strip_accents` spells accents out."""
        return 0.25


_CONSTANT = _Constant()


@dataclass(frozen=True)
class Style:
    """How one file writes its values.

    Attributes
    ----------
    case
        "keep", "lower", "upper" or "title".
    date
        Order and separators of dates, such as "d/m/y".
    surname_first
        Whether full names begin with the surname.
    joint
        Separator of the parts of a value.
    script
        "own"; "latin" transliterates other scripts; "ascii" also removes accents.
    """

    case: str
    date: str
    surname_first: bool
    joint: str
    script: str = "own"

    @classmethod
    def draw(cls, rng: Random) -> Self:
        """Draw a style. Most files keep the case and write ISO dates."""
        dates = ("y-m-d", "ymd", "d/m/y", "m/d/y", "d.m.y", "y")
        return cls(
            case=rng.choices(("keep", "lower", "upper", "title"), (4, 4, 2, 1))[0],
            date=rng.choices(dates, (8, 4, 3, 3, 2, 1))[0],
            surname_first=rng.random() < 0.3,
            joint=rng.choice((", ", " ", " - ", "; ")),
            script=rng.choices(("own", "latin", "ascii"), (8, 1, 1))[0],
        )

    def apply(self, text: str) -> str:
        """Write a text in the case and the script of the file."""
        if self.script != "own" and not text.isascii():
            text = transliterate(text, _CONSTANT)
            if self.script == "ascii":
                text = strip_accents(text, _CONSTANT)
        match self.case:
            case "lower":
                return text.lower()
            case "upper":
                return text.upper()
            case "title":
                return text.title()
        return text


Writer = Callable[[Entity, Style], str]


@dataclass(frozen=True)
class Column:
    """A column that files of a domain have.

    Attributes
    ----------
    names
        Names that files give the column.
    write
        Writes the value of an entity in the style of a file.
    attributes
        Attributes of the entity that the value shows.
    """

    names: tuple[str, ...]
    write: Writer
    attributes: tuple[str, ...]


def single_column(attribute: str, *names: str) -> Column:
    """Make a column that shows one attribute. Its name is the attribute or one of `names`."""
    return Column(
        (attribute, *names),
        lambda entity, style: style.apply(entity.get(attribute, "")),
        (attribute,),
    )


def joined_column(attributes: Sequence[str], *names: str, joint: str | None = None) -> Column:
    """Make a column that shows several attributes, separated by `joint` or as the file does."""

    def write(entity: Entity, style: Style) -> str:
        parts = [entity[attribute] for attribute in attributes if entity.get(attribute)]
        return style.apply((style.joint if joint is None else joint).join(parts))

    return Column(names, write, tuple(attributes))


@dataclass(frozen=True)
class Change:
    """A change of an entity: to a similar other entity, or to another description of the same one.

    Attributes
    ----------
    kind
        Name of the change in `LabelledPair.kind`.
    edit
        Makes the change in place. Where it does not apply, nothing changes.
    weight
        Weight of the change among the others.
    assumed_different
        Whether the pair is labelled different because little evidence says otherwise, although
        nothing in the records contradicts a match.
    distinguishing
        Attribute that alone distinguishes the two entities: both records must show it, and its
        values must differ.
    """

    kind: str
    edit: Edit
    weight: float = 1.0
    assumed_different: bool = False
    distinguishing: str = ""


@dataclass(frozen=True)
class Domain:
    """One kind of entity, and all that is needed to make labelled pairs of it.

    Attributes
    ----------
    name
        Name in `DOMAINS`.
    make
        Makes an entity.
    columns
        Columns that files of the domain may have, by key.
    schemas
        Sets of columns that files have. The first column of each is never empty.
    different
        Changes that make a similar other entity.
    same
        Changes that leave the entity the same.
    vary
        Changes at random what is no evidence of identity, such as a price or a category. Pairs of
        both labels are varied.
    errors
        Error model of the records.
    evidence
        Weight of an attribute, as evidence for a match, when both records show it and agree.
    evidence_needed
        Least evidence that both records of a matching pair must show.
    weak_attributes
        Attributes that distinguish two entities only when two or more of them differ.
    """

    name: str
    make: Callable[[Random], Entity]
    columns: Mapping[str, Column]
    schemas: Sequence[tuple[str, ...]]
    different: Sequence[Change]
    same: Sequence[Change] = ()
    vary: Edit | None = None
    errors: ErrorModel = field(default_factory=lambda: ErrorModel(edits=()))
    evidence: Mapping[str, float] = field(default_factory=dict)
    evidence_needed: float = 0.0
    weak_attributes: frozenset[str] = frozenset()
