"""Postal addresses."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Domain, Entity
from dedupe.training.generators.domains.sites import SITE_COLUMNS, set_site, set_town, vary_site
from dedupe.training.generators.locales import country, country_code, draw_locale
from dedupe.training.generators.values import draw_other, nudge_digit


def make_address(rng: Random) -> Entity:
    """Make a postal address."""
    entity = {"locale": draw_locale(rng)}
    entity["country"] = country_code(entity["locale"])
    set_town(rng, entity)
    set_site(rng, entity)
    entity["unit"] = rng.choice(
        (
            "",
            "",
            f"apt {rng.randint(1, 80)}",
            f"suite {rng.randint(100, 900)}",
            f"floor {rng.randint(1, 30)}",
        )
    )
    return entity


def _next_door(rng: Random, entity: Entity) -> None:
    """Change to another unit or house number."""
    if entity["unit"] and rng.random() < 0.5:
        entity["unit"] = nudge_digit(rng, entity["unit"])
    else:
        entity["number"] = draw_other(
            rng,
            [str(int(entity["number"]) + d) for d in (-10, -2, -1, 1, 2, 4, 10, 20, 100)],
            entity["number"],
        ).lstrip("-")


def _other_street(rng: Random, entity: Entity) -> None:
    """Change to another street."""
    entity["street"] = draw_other(rng, country(entity["locale"]).streets.values, entity["street"])


def _other_town(rng: Random, entity: Entity) -> None:
    """Change to another city."""
    set_town(rng, entity)


def _postcode_error(rng: Random, entity: Entity) -> None:
    """Drop the postcode or mistake a digit of it."""
    entity["postcode"] = rng.choice(("", nudge_digit(rng, entity["postcode"])))


ADDRESS = Domain(
    name="address",
    make=make_address,
    columns=SITE_COLUMNS,
    schemas=(
        ("address", "city", "postcode"),
        ("number", "street", "unit", "city", "region", "postcode"),
        ("full_address",),
        ("address", "unit", "city", "region", "country"),
    ),
    different=(
        Change("next-door", _next_door, 4),
        Change("other-street", _other_street, 2),
        Change("other-town", _other_town, 3),
    ),
    same=(Change("postcode", _postcode_error, 1),),
    vary=vary_site,
    errors=error_models.SITES,
    evidence={
        "street": 1.0,
        "number": 1.0,
        "city": 1.0,
        "postcode": 0.5,
    },
    evidence_needed=2.4,
)
