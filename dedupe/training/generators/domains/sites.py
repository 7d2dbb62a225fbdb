"""What restaurants, companies and addresses share: columns, addresses, phone numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from dedupe.training.augment.edits import abbreviate
from dedupe.training.generators.domain import Column, Edit, Entity, joined_column, single_column
from dedupe.training.generators.locales import country
from dedupe.training.generators.values import draw_word, nudge_digit


def draw_phone(rng: Random) -> str:
    """Draw a phone number, in one of three formats."""
    area, line = rng.randint(201, 989), rng.randint(0, 9_999_999)
    return rng.choice(
        (
            f"{area}/{line // 10000:03d}-{line % 10000:04d}",
            f"{area}-{line // 10000:03d}-{line % 10000:04d}",
            f"({area}) {line // 10000:03d} {line % 10000:04d}",
        )
    )


def set_site(rng: Random, entity: Entity) -> None:
    """Draw house number, street and phone number."""
    home = country(entity["locale"])
    entity["number"] = str(rng.randint(1, 9999 if rng.random() < 0.3 else 250))
    entity["street"] = home.streets.draw(rng)
    entity["phone"] = draw_phone(rng)


def set_town(rng: Random, entity: Entity) -> None:
    """Draw city, postcode and region."""
    entity["city"] = country(entity["locale"]).cities.draw(rng)
    entity["postcode"] = f"{rng.randint(10000, 99999)}"
    entity["region"] = draw_word(rng, "regions").title()


def open_branch(rng: Random, entity: Entity) -> None:
    """Change to a branch, in half of the cases in another city."""
    if rng.random() < 0.5:
        set_town(rng, entity)
    set_site(rng, entity)


def open_branch_elsewhere(rng: Random, entity: Entity) -> None:
    """Change to a branch in another city."""
    set_town(rng, entity)
    set_site(rng, entity)


def vary_site(rng: Random, entity: Entity) -> None:
    """Vary the form of the street, the category and the form of the phone number."""
    if rng.random() < 0.3 and entity["street"].isascii():
        entity["street"] = abbreviate(entity["street"], rng)
    if rng.random() < 0.25 and entity.get("kinds"):
        entity["kinds"] = draw_word(rng, "cuisines")
    if rng.random() < 0.3:
        digits = "".join(c for c in entity["phone"] if c.isdigit())
        entity["phone"] = rng.choice(
            (digits, f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", f"+1 {digits}")
        )


def change_contact(rng: Random, entity: Entity) -> None:
    """Change the phone number, the house number or the street."""
    match rng.randrange(3):
        case 0:
            entity["phone"] = draw_phone(rng)
        case 1:
            entity["number"] = nudge_digit(rng, entity["number"])
        case _:
            entity["street"] = country(entity["locale"]).streets.draw(rng)


def neighbour_of(make: Callable[[Random], Entity]) -> Edit:
    """Make a change to another entity at the same address."""

    def edit(rng: Random, entity: Entity) -> None:
        other = make(rng)
        for attribute in ("name", "phone", "kinds", "website", "trade", "form"):
            if attribute in entity:
                entity[attribute] = other.get(attribute, "")
        if rng.random() < 0.5:
            entity["number"] = nudge_digit(rng, entity["number"])

    return edit


SITE_COLUMNS: Mapping[str, Column] = {
    "name": single_column("name", "title", "restaurant", "business_name"),
    "address": joined_column(("number", "street"), "address", "addr", "street", joint=" "),
    "full_address": joined_column(
        ("number", "street", "city", "region", "postcode"), "address", "location"
    ),
    "number": single_column("number", "house_number", "street_number"),
    "street": single_column("street", "street_name", "road"),
    "unit": single_column("unit", "apt", "suite", "address_2"),
    "city": single_column("city", "town", "locality", "place"),
    "postcode": single_column("postcode", "zip", "postal_code"),
    "region": single_column("region", "state", "county", "province"),
    "phone": single_column("phone", "telephone", "tel"),
    "kinds": single_column("kinds", "type", "cuisine", "category"),
    "website": single_column("website", "url", "web", "domain"),
    "country": single_column("country", "nation"),
    "trade": single_column("trade", "industry", "sector"),
}
SITE_EVIDENCE = {
    "name": 2.0, "number": 0.3, "street": 0.7, "phone": 1.5, "city": 0.5, "website": 1.5,
    "postcode": 0.4,
}  # fmt: skip
