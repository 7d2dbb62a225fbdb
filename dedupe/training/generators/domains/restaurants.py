"""Restaurants."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Domain, Entity
from dedupe.training.generators.domains.sites import (
    SITE_COLUMNS,
    SITE_EVIDENCE,
    change_contact,
    draw_phone,
    neighbour_of,
    open_branch,
    set_site,
    set_town,
    vary_site,
)
from dedupe.training.generators.locales import ENGLISH, country, draw_locale
from dedupe.training.generators.values import draw_name, draw_word, nudge_digit


def _draw_restaurant_name(rng: Random, city: str) -> str:
    """Make the name of a restaurant."""
    home = country(rng.choice(ENGLISH))
    street = home.streets.draw(rng)
    surname = rng.choice((draw_name(rng), home.surnames.draw(rng), home.men.draw(rng)))
    return draw_word(rng, "restaurant_names").format(
        p=surname, k=draw_word(rng, "restaurant_kinds"), q=draw_word(rng, "work_adjectives"),
        n=draw_word(rng, "work_nouns"), m=draw_word(rng, "work_nouns"), street=street, city=city,
        s=draw_word(rng, "chains"),
    )  # fmt: skip


def make_restaurant(rng: Random) -> Entity:
    """Make a restaurant with address, phone number and cuisine."""
    entity = {
        "locale": rng.choice(ENGLISH) if rng.random() < 0.75 else draw_locale(rng),
        "kinds": draw_word(rng, "cuisines"),
    }
    set_town(rng, entity)
    set_site(rng, entity)
    entity["name"] = _draw_restaurant_name(rng, entity["city"])
    return entity


def _alias(rng: Random, entity: Entity) -> None:
    """Write the name in another form."""
    name = entity["name"]
    entity["name"] = rng.choice(
        (
            f"{name} restaurant",
            f"the {name}",
            name.removeprefix("the "),
            name.replace("'s", ""),
            f"{name} ({entity['city']})",
            f"{name} {draw_word(rng, 'restaurant_kinds')}",
        )
    )


def _same_house(rng: Random, entity: Entity) -> None:
    """Change to another restaurant of the same house, such as its café."""
    rooms = ("cafe", "dining room", "bar", "express", "to go", "bakery", "(hotel)")
    entity["name"] = f"{entity['name']} {rng.choice(rooms)}"
    entity["phone"] = draw_phone(rng)
    entity["number"] = nudge_digit(rng, entity["number"])


RESTAURANT = Domain(
    name="restaurant",
    make=make_restaurant,
    columns=SITE_COLUMNS,
    schemas=(
        ("name", "address", "city", "phone", "kinds"),
        ("name", "address", "city", "phone"),
        ("name", "address", "city", "kinds"),
        ("name", "full_address", "phone"),
        ("name", "phone", "kinds", "address", "city", "postcode"),
    ),
    different=(
        Change("branch", open_branch, 4),
        Change("neighbour", neighbour_of(make_restaurant), 3),
        Change("same-house", _same_house, 1),
    ),
    same=(Change("alias", _alias, 2), Change("moved", change_contact, 1)),
    vary=vary_site,
    errors=error_models.SITES,
    evidence=SITE_EVIDENCE,
    evidence_needed=2.6,
    weak_attributes=frozenset({"phone", "kinds", "postcode", "number", "region"}),
)
