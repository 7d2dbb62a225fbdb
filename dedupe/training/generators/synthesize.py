"""Synthetic labelled pairs and tables, from which the cross-encoder learns.

A pair consists of two views of one entity, or of two entities that look alike. The views (columns,
names, style, gaps, errors) are drawn before the label, and the small differences that are no
evidence are made to pairs of both labels: neither the form of a record nor its errors reveal the
label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from random import Random
from types import MappingProxyType

from dedupe.training.generators.domain import Change, Domain, Entity
from dedupe.training.generators.domains.addresses import ADDRESS
from dedupe.training.generators.domains.beer import BEER
from dedupe.training.generators.domains.books import BOOK
from dedupe.training.generators.domains.companies import COMPANY
from dedupe.training.generators.domains.films import FILM
from dedupe.training.generators.domains.music import MUSIC
from dedupe.training.generators.domains.people import PERSON, PERSON_NAME_BIRTH
from dedupe.training.generators.domains.places import PLACE
from dedupe.training.generators.domains.products import OFFER_TITLE, PRODUCT
from dedupe.training.generators.domains.publications import PUBLICATION
from dedupe.training.generators.domains.restaurants import RESTAURANT
from dedupe.training.generators.domains.software import SOFTWARE
from dedupe.training.generators.domains.titles import TITLE_ONLY
from dedupe.training.generators.views import File, View, draw_views

_DOMAINS: Mapping[str, Domain] = MappingProxyType(
    {
        domain.name: domain
        for domain in (
            PERSON,
            PERSON_NAME_BIRTH,
            COMPANY,
            ADDRESS,
            PRODUCT,
            SOFTWARE,
            OFFER_TITLE,
            PUBLICATION,
            BOOK,
            MUSIC,
            FILM,
            RESTAURANT,
            BEER,
            PLACE,
            TITLE_ONLY,
        )
    }
)

DOMAINS: tuple[str, ...] = tuple(_DOMAINS)
"""Names of the domains."""

_MATCH_RATE = 0.43
"""Share of matching pairs."""

_UNRELATED_RATE = 0.15
"""Share of the pairs of different entities that were drawn independently of each other."""

_SAME_CHANGES = ((0, 1, 2), (0.42, 0.40, 0.18))
"""Numbers of changes between two descriptions of one entity, and their probabilities."""

_EXACT_COPY_RATE = 0.15
"""Share of matching pairs with equal values that are accepted."""

_ATTEMPTS = 12
"""Attempts to draw views and a change that fit each other."""

_DUPLICATE_RATES = (0.1, 0.25, 0.45)
"""Shares of the entities of a table that have more than one record; one is drawn per table."""

_LOOKALIKE_RATES = (0.1, 0.3, 0.5)
"""Shares of the entities of a table that have a similar other entity."""

_STACKED_RATE = 0.3
"""Share of tables that stack two files with columns of their own."""

_SHARING_RATE = 0.3
"""Share of entities that share weak attributes with another entity of their table."""

_HOME_RATE = 0.6
"""Share of tables whose entities are of one country."""

_DUPLICATES = ((1, 2, 3), (0.7, 0.2, 0.1))
"""Numbers of further records of an entity, and their probabilities."""

Records = tuple[dict[str, str], dict[str, str]]
"""The two records of a pair."""


@dataclass(frozen=True)
class LabelledPair:
    """Two records and whether they describe one entity.

    Attributes
    ----------
    left, right
        Field to value; a field without a value holds the empty string.
    label
        1 for a match, 0 for two entities.
    domain
        One of `DOMAINS`.
    kind
        Last change that was made, such as "corrupted", "family" or "model-number".
    """

    left: dict[str, str]
    right: dict[str, str]
    label: int
    domain: str
    kind: str


def synthesize_pairs(
    count: int, seed: int, domains: Sequence[str] = DOMAINS
) -> Iterator[LabelledPair]:
    """Make labelled pairs.

    Parameters
    ----------
    count
        Number of pairs.
    seed
        The same seed, domains and versions of this package and of Faker (the source of many names)
        give the same pairs. The first pairs do not depend on `count`.
    domains
        Names from `DOMAINS`. A name that is given twice is drawn twice as often.

    Yields
    ------
    LabelledPair
        Pairs of all domains in random order, a little under half of them matches.
    """
    rng = Random(f"dedupe {seed}")
    chosen = [_DOMAINS[name] for name in domains]
    for _ in range(count):
        yield _make_pair(rng.choice(chosen), rng)


@dataclass(frozen=True, eq=False)
class SyntheticTable:
    """A table of n records of one domain, with duplicates.

    Attributes
    ----------
    domain
        One of `DOMAINS`.
    records
        (n,) field to value, as in :class:`LabelledPair`. The halves of a stacked table have
        different fields.
    """

    domain: str
    records: tuple[dict[str, str], ...]
    _rows: tuple[_Row, ...]

    @property
    def entities(self) -> tuple[int, ...]:
        """Number of the entity that each record describes, (n,)."""
        return tuple(row.number for row in self._rows)

    def label(self, a: int, b: int) -> int | None:
        """Label the pair of rows `a` and `b`.

        Returns
        -------
        int or None
            1 for a match, 0 for two entities. ``None`` if the records do not suffice to decide:
            too little is left of one entity, or nothing that distinguishes two entities differs.
        """
        domain, left, right = _DOMAINS[self.domain], self._rows[a], self._rows[b]
        views = (left.view, right.view)
        if left.number == right.number:
            evidence = _evidence(domain, views, left.description, right.description)
            return 1 if evidence >= domain.evidence_needed else None
        # Random variation must neither make a difference nor hide one.
        distinct = all(
            _conflict(domain, views, *entities) >= 1.0
            for entities in (
                (left.entity, right.entity),
                (left.description, right.description),
            )
        )
        return 0 if distinct and self.records[a] != self.records[b] else None


@dataclass(frozen=True, eq=False)
class _Row:
    """A row before it is written.

    Attributes
    ----------
    number
        Number of the entity.
    entity
        The entity after the changes of this row.
    description
        The same after random variation.
    view
        How the row is written.
    """

    number: int
    entity: Entity
    description: Entity
    view: View


def synthesize_table(count: int, seed: int, domain: str) -> SyntheticTable:
    """Make a table with duplicates, to search for candidate pairs as in a real one.

    Unrelated records of the table share values, such as a town, an employer or a common name, as
    often as records of a real file: these are the easy negatives that single pairs lack.

    Parameters
    ----------
    count
        Number of rows.
    seed
        The same seed, domain and versions of this package and of Faker give the same table.
    domain
        One of `DOMAINS`.
    """
    rng = Random(f"dedupe table {domain} {seed}")
    kind = _DOMAINS[domain]
    files = [File.draw(kind, rng)]
    files.append(File.draw(kind, rng) if rng.random() < _STACKED_RATE else files[0])
    duplicate_rate, lookalike_rate = rng.choice(_DUPLICATE_RATES), rng.choice(_LOOKALIKE_RATES)
    home = kind.make(rng).get("locale", "") if rng.random() < _HOME_RATE else ""
    entities: list[Entity] = []
    rows: list[_Row] = []
    number = 0

    def add_row(entity: Entity, changes: Sequence[Change], most: int) -> None:
        changed = dict(entity)
        for _ in range(most if changes else 0):
            _draw_change(changes, rng).edit(rng, changed)
        description = _vary(kind, changed, rng)
        rows.append(_Row(number, changed, description, rng.choice(files).view(rng)))

    while len(rows) < count:
        entity = _make_at_home(kind, home, rng)
        if entities and rng.random() < _SHARING_RATE:
            _share_weak_attributes(kind, rng.choice(entities), entity, rng)
        entities.append(entity)
        add_row(entity, (), 0)
        if rng.random() < duplicate_rate:
            for _ in range(rng.choices(*_DUPLICATES)[0]):
                add_row(entity, kind.same, rng.choices(*_SAME_CHANGES)[0])
        number += 1
        if rng.random() < lookalike_rate:
            add_row(entity, kind.different, 1)
            number += 1
    rows = rows[:count]
    rng.shuffle(rows)
    records = tuple(row.view.record(row.description) for row in rows)
    return SyntheticTable(domain, records, tuple(rows))


def _make_at_home(domain: Domain, home: str, rng: Random) -> Entity:
    """Make an entity, of the locale `home` if a few attempts yield one."""
    entity = domain.make(rng)
    for _ in range(_ATTEMPTS):
        if not home or entity.get("locale", home) == home:
            break
        entity = domain.make(rng)
    return entity


def _share_weak_attributes(domain: Domain, source: Entity, target: Entity, rng: Random) -> None:
    """Copy some weak attributes of one entity to another."""
    for attribute in sorted(domain.weak_attributes & source.keys()):
        if rng.random() < 0.4:
            target[attribute] = source[attribute]


def _make_pair(domain: Domain, rng: Random) -> LabelledPair:
    """Make one pair. The changed record is on either side with equal probability."""
    match = rng.random() < _MATCH_RATE
    (left, right), kind = _make_match(domain, rng) if match else _make_difference(domain, rng)
    if rng.random() < 0.5:
        left, right = right, left
    return LabelledPair(left, right, int(match), domain.name, kind)


def _make_match(domain: Domain, rng: Random) -> tuple[Records, str]:
    """Write one entity twice, with enough evidence of its identity in both records."""
    entity = domain.make(rng)
    for _ in range(_ATTEMPTS):
        views, other, kind = draw_views(domain, rng), dict(entity), "corrupted"
        for _ in range(rng.choices(*_SAME_CHANGES)[0] if domain.same else 0):
            change = _draw_change(domain.same, rng)
            change.edit(rng, other)
            kind = change.kind
        if domain.evidence and _evidence(domain, views, entity, other) < domain.evidence_needed:
            continue
        records = _write(domain, views, entity, other, rng)
        if not _have_equal_values(records) or rng.random() < _EXACT_COPY_RATE:
            break
    else:
        records = _write(domain, views, entity, other, rng)
    return records, kind


def _make_difference(domain: Domain, rng: Random) -> tuple[Records, str]:
    """Write two entities such that what distinguishes them is left in the records."""
    entity = domain.make(rng)
    if rng.random() >= _UNRELATED_RATE:
        for _ in range(_ATTEMPTS):
            views, other = draw_views(domain, rng), dict(entity)
            change = _draw_change(domain.different, rng)
            change.edit(rng, other)
            if not _is_distinguishable(domain, change, views, entity, other):
                continue
            records = _write(domain, views, entity, other, rng)
            if _survives_errors(views, entity, other) and not _have_equal_values(records):
                return records, change.kind
    return _write(domain, draw_views(domain, rng), entity, domain.make(rng), rng), "unrelated"


def _have_equal_values(records: Records) -> bool:
    left, right = records
    return list(left.values()) == list(right.values())


def _draw_change(changes: Sequence[Change], rng: Random) -> Change:
    return rng.choices(changes, [change.weight for change in changes])[0]


def _write(
    domain: Domain, views: tuple[View, View], entity: Entity, other: Entity, rng: Random
) -> Records:
    """Write both entities, each in its own view, the second one after random variation."""
    return views[0].record(entity), views[1].record(_vary(domain, other, rng))


def _vary(domain: Domain, entity: Entity, rng: Random) -> Entity:
    """Copy an entity and vary at random what is no evidence of identity."""
    other = dict(entity)
    if domain.vary is not None:
        domain.vary(rng, other)
    return other


def _survives_errors(views: tuple[View, View], entity: Entity, other: Entity) -> bool:
    """Tell whether two entities differ in both views, after gaps and errors."""
    return all(view.record(entity) != view.record(other) for view in views)


def _is_distinguishable(
    domain: Domain, change: Change, views: tuple[View, View], entity: Entity, other: Entity
) -> bool:
    """Tell whether the records of an entity and of a changed one show that they are two."""
    attribute = change.distinguishing
    if attribute:
        shared = views[0].attributes() & views[1].attributes()
        return attribute in shared and entity[attribute] != other[attribute]
    return change.assumed_different or _conflict(domain, views, entity, other) >= 1.0


def _conflict(domain: Domain, views: tuple[View, View], entity: Entity, other: Entity) -> float:
    """Sum the weights of the attributes that both records show and that differ."""
    return fsum(
        0.5 if attribute in domain.weak_attributes else 1.0
        for attribute in views[0].attributes() & views[1].attributes()
        if entity.get(attribute, "") != other.get(attribute, "")
    )


def _evidence(domain: Domain, views: tuple[View, View], entity: Entity, other: Entity) -> float:
    """Sum the evidence of the attributes that both records show and that agree.

    A value may have moved to another attribute, as in swapped names. Values that only begin with
    the same letter, as initials and nicknames do, count half.
    """
    shared = views[0].attributes() & views[1].attributes()
    others = {other.get(attribute, "") for attribute in shared}

    def agreement(attribute: str) -> float:
        value = entity.get(attribute, "")
        if not value:
            return 0.0
        if value in others:
            return 1.0
        return 0.5 if other.get(attribute, "")[:1].lower() == value[0].lower() else 0.0

    return fsum(
        domain.evidence[attribute] * agreement(attribute)
        for attribute in shared & domain.evidence.keys()
    )
