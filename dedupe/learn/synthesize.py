"""Makes labelled pairs of records: what the cross-encoder learns identity from.

A pair is two views of one thing, or of two things that look alike. The views (columns, names,
style, gaps, errors) are drawn before the label is, and the small differences that prove nothing are
made to both labels: neither the form of a record nor its damage gives the label away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from dedupe.learn.corrupt import corrupt_record
from dedupe.learn.domains import Change, Domain, Thing, View, draw_views
from dedupe.learn.goods import BEER, OFFER_TITLE, PRODUCT, SOFTWARE
from dedupe.learn.people import PERSON, PERSON_NAME_BIRTH
from dedupe.learn.sites import ADDRESS, COMPANY, PLACE, RESTAURANT, TITLE_ONLY
from dedupe.learn.works import BOOK, FILM, MUSIC, PUBLICATION

__all__ = ["DOMAINS", "LabelledPair", "corrupt_record", "synthesize_pairs"]

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

_POSITIVE_RATE = 0.43
_UNRELATED_RATE = 0.15
_SAME_CHANGE_RATE = 0.55
_ATTEMPTS = 12


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
        The same seed, domains and version of this package give the same pairs; the first pairs do
        not depend on `count`.
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


def _make_pair(domain: Domain, rng: Random) -> LabelledPair:
    """Make one pair; the sides are even, so that neither is always the damaged one."""
    positive = rng.random() < _POSITIVE_RATE
    left, right, kind = _make_positive(domain, rng) if positive else _make_negative(domain, rng)
    if rng.random() < 0.5:
        left, right = right, left
    return LabelledPair(left, right, int(positive), domain.name, kind)


def _make_positive(domain: Domain, rng: Random) -> tuple[dict[str, str], dict[str, str], str]:
    """Write one thing twice, so that enough of what identifies it stands on both sides."""
    thing = domain.make(rng)
    for _ in range(_ATTEMPTS):
        views = draw_views(domain, rng)
        other, kind = dict(thing), "corrupted"
        if domain.same and rng.random() < _SAME_CHANGE_RATE:
            change = _draw_change(domain.same, rng)
            change.edit(rng, other)
            kind = change.kind
        if _proof(domain, views, thing, other) >= domain.proof_needed:
            break
    return *_write(domain, views, thing, other, rng), kind


def _make_negative(domain: Domain, rng: Random) -> tuple[dict[str, str], dict[str, str], str]:
    """Write two things, so that what tells them apart is still there to be read."""
    thing, other, kind = domain.make(rng), domain.make(rng), "unrelated"
    views = draw_views(domain, rng)
    if rng.random() >= _UNRELATED_RATE:
        for _ in range(_ATTEMPTS):
            views, candidate = draw_views(domain, rng), dict(thing)
            change = _draw_change(domain.different, rng)
            change.edit(rng, candidate)
            if _stay_apart(views, thing, candidate):
                other, kind = candidate, change.kind
                break
    return *_write(domain, views, thing, other, rng), kind


def _draw_change(changes: Sequence[Change], rng: Random) -> Change:
    return rng.choices(changes, [change.weight for change in changes])[0]


def _write(
    domain: Domain, views: tuple[View, View], thing: Thing, other: Thing, rng: Random
) -> tuple[dict[str, str], dict[str, str]]:
    """Write both things, each under its own view."""
    if domain.vary is not None:
        other = dict(other)
        domain.vary(rng, other)
    return views[0].written(thing), views[1].written(other)


def _stay_apart(views: tuple[View, View], thing: Thing, other: Thing) -> bool:
    """Whether the difference of two things survives either view's gaps, cuts and errors."""
    return all(view.written(thing) != view.written(other) for view in views)


def _proof(domain: Domain, views: tuple[View, View], thing: Thing, other: Thing) -> float:
    """How much of what both records show agrees, by the weights of the domain."""
    if not domain.proof:
        return domain.proof_needed
    return _agreement(domain, views, thing, other)


def _agreement(domain: Domain, views: tuple[View, View], thing: Thing, other: Thing) -> float:
    """Add the proof of the columns that both views show and whose values are equal."""
    plain_style = views[0].style
    shown = views[0].proves(thing) & views[1].proves(other)
    return sum(
        domain.proof.get(key, 0.0)
        for key in shown
        if domain.columns[key].write(thing, plain_style)
        == domain.columns[key].write(other, plain_style)
    )
