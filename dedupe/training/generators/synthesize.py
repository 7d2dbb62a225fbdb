"""Makes labelled pairs of records: what the cross-encoder learns identity from.

A pair is two views of one thing, or of two things that look alike. The views (columns, names,
style, gaps, errors) are drawn before the label is, and the small differences that prove nothing are
made to both labels: neither the form of a record nor its damage gives the label away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from random import Random
from types import MappingProxyType

from dedupe.scoring.augment.records import corrupt_record
from dedupe.training.generators.domain import Change, Domain, File, Thing, View, draw_views
from dedupe.training.generators.people import PERSON, PERSON_NAME_BIRTH
from dedupe.training.generators.products import BEER, OFFER_TITLE, PRODUCT, SOFTWARE
from dedupe.training.generators.sites import ADDRESS, COMPANY, PLACE, RESTAURANT, TITLE_ONLY
from dedupe.training.generators.works import BOOK, FILM, MUSIC, PUBLICATION

__all__ = [
    "DOMAINS",
    "LabelledPair",
    "SyntheticTable",
    "corrupt_record",
    "synthesize_pairs",
    "synthesize_table",
]


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


Written = tuple[dict[str, str], dict[str, str], str]
"""The two records of a pair and the kind of the pair."""


_POSITIVE_RATE = 0.43


_UNRELATED_RATE = 0.15


_SAME_CHANGES = ((0, 1, 2), (0.42, 0.40, 0.18))


_EXACT_COPY_RATE = 0.15


_ATTEMPTS = 12


_COPY_RATES = (0.1, 0.25, 0.45)


_LOOKALIKE_RATES = (0.1, 0.3, 0.5)


_STACKED_RATE = 0.3


_SHARING_RATE = 0.3


_HOME_RATE = 0.6


_COPIES = ((1, 2, 3), (0.7, 0.2, 0.1))


@dataclass(frozen=True)
class LabelledPair:
    """Two records and whether they are one thing.

    Attributes
    ----------
    left, right
        Field to value; a field without a value holds the empty string.
    label
        1 where both are the same thing, 0 where they are not.
    domain
        One of `DOMAINS`.
    kind
        What was done to make the pair, such as "corrupted", "family" or "model-number".
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
        How many pairs.
    seed
        The same seed, domains and versions of this package and of Faker, which many names are from,
        give the same pairs; the first pairs do not depend on `count`.
    domains
        Names from `DOMAINS`; one named twice is made twice as often.

    Yields
    ------
    LabelledPair
        Pairs of all domains in random order, a little under a half of them positive.
    """
    rng = Random(f"dedupe {seed}")
    chosen = [_DOMAINS[name] for name in domains]
    for _ in range(count):
        yield _make_pair(rng.choice(chosen), rng)


@dataclass(frozen=True, eq=False)
class SyntheticTable:
    """A table of n records of one domain, in which some things stand several times.

    Attributes
    ----------
    domain
        One of `DOMAINS`.
    records
        (n,) field to value, as :class:`LabelledPair` has them; of a stacked table the two halves
        have other fields.
    """

    domain: str
    records: tuple[dict[str, str], ...]
    _accounts: tuple[_Account, ...]

    @property
    def things(self) -> tuple[int, ...]:
        """The number of the thing that each row is of, (n,)."""
        return tuple(account.number for account in self._accounts)

    def label(self, a: int, b: int) -> int | None:
        """Return 1 if rows `a` and `b` are one thing, 0 if not; ``None`` if nobody could tell.

        Nobody can tell where too little of one thing is left in both rows, or where nothing that
        two things are told by differs.
        """
        domain, one, other = _DOMAINS[self.domain], self._accounts[a], self._accounts[b]
        views = (one.view, other.view)
        if one.number == other.number:
            enough = _agreement(domain, views, one.told, other.told) >= domain.proof_needed
            return 1 if enough else None
        # What varies at random must neither make a difference nor hide one.
        apart = all(
            _conflict(domain, views, *both) >= 1.0
            for both in ((one.thing, other.thing), (one.told, other.told))
        )
        return 0 if apart and self.records[a] != self.records[b] else None


@dataclass(frozen=True, eq=False)
class _Account:
    """A row before it is written: the thing and its number, what is told of it, and how."""

    number: int
    thing: Thing
    told: Thing
    view: View


def synthesize_table(count: int, seed: int, domain: str) -> SyntheticTable:
    """Make a table with duplicates, to search for candidate pairs as in a real one.

    What two strangers share in such a table - a town, an employer, a common name - they share by
    chance, at the rate of a file: the easy negatives that made pairs lack.

    Parameters
    ----------
    count
        How many rows.
    seed
        The same seed, domain and versions of this package and of Faker give the same table.
    domain
        One of `DOMAINS`.
    """
    rng = Random(f"dedupe table {domain} {seed}")
    kind = _DOMAINS[domain]
    files = [File.draw(kind, rng)]
    files.append(File.draw(kind, rng) if rng.random() < _STACKED_RATE else files[0])
    copies, lookalikes = rng.choice(_COPY_RATES), rng.choice(_LOOKALIKE_RATES)
    home = kind.make(rng).get("locale", "") if rng.random() < _HOME_RATE else ""
    things: list[Thing] = []
    accounts: list[_Account] = []
    number = 0

    def tell(thing: Thing, changes: Sequence[Change], most: int) -> None:
        other = dict(thing)
        for _ in range(most if changes else 0):
            _draw_change(changes, rng).edit(rng, other)
        told = _varied(kind, other, rng)
        accounts.append(_Account(number, other, told, rng.choice(files).view(rng)))

    while len(accounts) < count:
        thing = _make_near(kind, home, rng)
        if things and rng.random() < _SHARING_RATE:
            _share(kind, rng.choice(things), thing, rng)
        things.append(thing)
        tell(thing, (), 0)
        if rng.random() < copies:
            for _ in range(rng.choices(*_COPIES)[0]):
                tell(thing, kind.same, rng.choices(*_SAME_CHANGES)[0])
        number += 1
        if rng.random() < lookalikes:
            tell(thing, kind.different, 1)
            number += 1
    accounts = accounts[:count]
    rng.shuffle(accounts)
    records = tuple(account.view.written(account.told) for account in accounts)
    return SyntheticTable(domain, records, tuple(accounts))


def _make_pair(domain: Domain, rng: Random) -> LabelledPair:
    """Make one pair; the sides are even, so that neither is always the damaged one."""
    positive = rng.random() < _POSITIVE_RATE
    left, right, kind = _make_positive(domain, rng) if positive else _make_negative(domain, rng)
    if rng.random() < 0.5:
        left, right = right, left
    return LabelledPair(left, right, int(positive), domain.name, kind)


def _make_positive(domain: Domain, rng: Random) -> Written:
    """Write one thing twice, so that enough of what identifies it stands on both sides."""
    thing = domain.make(rng)
    for _ in range(_ATTEMPTS):
        views, other, kind = draw_views(domain, rng), dict(thing), "corrupted"
        for _ in range(rng.choices(*_SAME_CHANGES)[0] if domain.same else 0):
            change = _draw_change(domain.same, rng)
            change.edit(rng, other)
            kind = change.kind
        if domain.proof and _agreement(domain, views, thing, other) < domain.proof_needed:
            continue
        left, right = _write(domain, views, thing, other, rng)
        if list(left.values()) != list(right.values()) or rng.random() < _EXACT_COPY_RATE:
            break
    else:
        left, right = _write(domain, views, thing, other, rng)
    return left, right, kind


def _make_negative(domain: Domain, rng: Random) -> Written:
    """Write two things, so that what tells them apart is still there to be read."""
    thing = domain.make(rng)
    if rng.random() >= _UNRELATED_RATE:
        for _ in range(_ATTEMPTS):
            views, other = draw_views(domain, rng), dict(thing)
            change = _draw_change(domain.different, rng)
            change.edit(rng, other)
            if not _told_apart(domain, change, views, thing, other):
                continue
            left, right = _write(domain, views, thing, other, rng)
            if _stay_apart(views, thing, other) and list(left.values()) != list(right.values()):
                return left, right, change.kind
    return *_write(domain, draw_views(domain, rng), thing, domain.make(rng), rng), "unrelated"


def _draw_change(changes: Sequence[Change], rng: Random) -> Change:
    return rng.choices(changes, [change.weight for change in changes])[0]


def _write(
    domain: Domain, views: tuple[View, View], thing: Thing, other: Thing, rng: Random
) -> tuple[dict[str, str], dict[str, str]]:
    """Write both things, each under its own view, after what varies at random has varied."""
    return views[0].written(thing), views[1].written(_varied(domain, other, rng))


def _make_near(domain: Domain, home: str, rng: Random) -> Thing:
    """Make a thing, most often one of the country `home`: few files are of the whole world."""
    thing = domain.make(rng)
    for _ in range(_ATTEMPTS):
        if not home or thing.get("locale", home) == home:
            break
        thing = domain.make(rng)
    return thing


def _share(domain: Domain, one: Thing, other: Thing, rng: Random) -> None:
    """Give a thing some of the facts of another that do not tell the two apart."""
    for role in sorted(domain.weak & one.keys()):
        if rng.random() < 0.4:
            other[role] = one[role]


def _varied(domain: Domain, thing: Thing, rng: Random) -> Thing:
    """Return another account of a thing, in which what proves nothing has changed at random."""
    other = dict(thing)
    if domain.vary is not None:
        domain.vary(rng, other)
    return other


def _stay_apart(views: tuple[View, View], thing: Thing, other: Thing) -> bool:
    """Whether the difference of two things survives the cuts and errors of both views."""
    return all(view.written(thing) != view.written(other) for view in views)


def _told_apart(
    domain: Domain, change: Change, views: tuple[View, View], thing: Thing, other: Thing
) -> bool:
    """Whether two records of things that a change made two can be known to be of two."""
    if change.telling:
        shared = views[0].roles() & views[1].roles()
        return change.telling in shared and thing[change.telling] != other[change.telling]
    return change.faint or _conflict(domain, views, thing, other) >= 1.0


def _conflict(domain: Domain, views: tuple[View, View], thing: Thing, other: Thing) -> float:
    """How much of what both records tell speaks against their being the same thing."""
    return fsum(
        0.5 if role in domain.weak else 1.0
        for role in views[0].roles() & views[1].roles()
        if thing.get(role, "") != other.get(role, "")
    )


def _agreement(domain: Domain, views: tuple[View, View], thing: Thing, other: Thing) -> float:
    """How much of what both records tell speaks for their being the same thing.

    A fact may have moved to another role, as in swapped names; one that only begins in the same
    way, as an initial or a nickname does, counts half.
    """
    shared = views[0].roles() & views[1].roles()
    theirs = {other.get(role, "") for role in shared}

    def share(role: str) -> float:
        value = thing.get(role, "")
        if not value:
            return 0.0
        if value in theirs:
            return 1.0
        return 0.5 if other.get(role, "")[:1].lower() == value[0].lower() else 0.0

    return fsum(domain.proof[role] * share(role) for role in shared & domain.proof.keys())
