"""Changes of people: the same person described differently, and similar other people."""

from __future__ import annotations

from random import Random

from dedupe.scoring.comparison.values.word_data import nicknames
from dedupe.training.augment.edits import replace_nickname
from dedupe.training.generators.domain import Change, Entity
from dedupe.training.generators.domains.person_facts import (
    birth,
    draw_birth,
    draw_given_name,
    draw_surname,
    make_person,
    set_address,
    set_birth,
    set_email,
    set_phone,
)
from dedupe.training.generators.locales import country
from dedupe.training.generators.values import draw_other, draw_word, nudge_digit


def _new_given_name(rng: Random, entity: Entity) -> None:
    """Draw another given name that is no form of the old one."""
    if rng.random() < 0.5:
        entity["sex"] = rng.choice("mf")
    home, old = country(entity["locale"]), entity["given"]
    names = (home.men if entity["sex"] == "m" else home.women).values
    entity["given"] = draw_other(rng, names, old, nicknames())
    entity["middle"] = ""


def _new_birth(rng: Random, entity: Entity) -> None:
    """Draw another date of birth."""
    set_birth(entity, draw_birth(rng))
    entity["age"] = str(2024 - int(entity["year"]))


def _family(rng: Random, entity: Entity) -> None:
    """Change to another member of the family at the same address."""
    _new_given_name(rng, entity)
    _new_birth(rng, entity)
    set_email(rng, entity)
    entity["national_id"] = str(rng.randint(1_000_000, 999_999_999))
    if rng.random() < 0.5:
        set_phone(rng, entity)


def _twin(rng: Random, entity: Entity) -> None:
    """Change to a twin: another given name, the same date of birth and address."""
    _new_given_name(rng, entity)
    set_email(rng, entity)
    entity["national_id"] = nudge_digit(rng, entity["national_id"])


def _new_contacts(rng: Random, entity: Entity) -> None:
    """Draw other contact data, except for half of the phone numbers."""
    entity["national_id"] = str(rng.randint(1_000_000, 999_999_999))
    entity["job"] = draw_word(rng, "jobs")
    entity["company"] = country(entity["locale"]).companies.draw(rng)
    set_email(rng, entity)
    if rng.random() < 0.5:
        set_phone(rng, entity)


def _namesake(rng: Random, entity: Entity) -> None:
    """Change to a namesake who was born on another day and lives elsewhere."""
    _new_birth(rng, entity)
    _move(rng, entity)
    _new_contacts(rng, entity)
    set_phone(rng, entity)


def _near_namesake(rng: Random, entity: Entity) -> None:
    """Change to a namesake elsewhere whose date of birth is similar."""
    _similar_birth(rng, entity)
    born = entity["year"], entity["month"], entity["day"]
    _namesake(rng, entity)
    entity["year"], entity["month"], entity["day"] = born


def _similar_birth(rng: Random, entity: Entity) -> None:
    """Change to a namesake at the same address: two parts of the date of birth differ."""
    year, month, day = birth(entity)
    parts = rng.sample(("year", "month", "day"), rng.choice((2, 2, 3)))
    if "year" in parts:
        year += rng.choice((-30, -25, -9, -5, -3, -2, -1, 1, 2, 3, 5, 9, 25, 30))
    if "month" in parts:
        month = rng.choice([m for m in range(1, 13) if m != month])
    if "day" in parts:
        day = rng.choice([d for d in range(1, 29) if d != day])
    entity["year"], entity["month"], entity["day"] = str(year), str(month), str(day)
    _new_contacts(rng, entity)


def _parent(rng: Random, entity: Entity) -> None:
    """Change to a parent with the same name and address."""
    _new_birth(rng, entity)
    _new_contacts(rng, entity)


def _neighbour(rng: Random, entity: Entity) -> None:
    """Change to a neighbour with another name."""
    entity["surname"] = draw_other(
        rng, country(entity["locale"]).surnames.values, entity["surname"]
    )
    _family(rng, entity)
    set_phone(rng, entity)


def _same_birthday(rng: Random, entity: Entity) -> None:
    """Change to a person with the same date of birth and perhaps one of the names."""
    born = entity["year"], entity["month"], entity["day"]
    other = make_person(rng)
    if rng.random() < 0.5:
        other["given"] = entity["given"]
    elif rng.random() < 0.5:
        other["surname"] = entity["surname"]
    entity.update(other)
    entity["year"], entity["month"], entity["day"] = born


def _colleague(rng: Random, entity: Entity) -> None:
    """Change to a colleague: the same company, its address and its e-mail domain."""
    company, host = entity["company"], entity["email"].partition("@")[2]
    place = {
        attribute: entity[attribute]
        for attribute in ("number", "street", "city", "postcode", "region")
    }
    other = make_person(rng)
    entity.update(other)
    entity.update(place, company=company, email=f"{other['email'].partition('@')[0]}@{host}")


def _same_given_name(rng: Random, entity: Entity) -> None:
    """Change to a person with the same given name in the same city."""
    given, city = entity["given"], entity["city"]
    entity.update(make_person(rng))
    entity["given"], entity["city"] = given, city


def _same_surname(rng: Random, entity: Entity) -> None:
    """Change to a person with the same surname in the same city."""
    surname, city = entity["surname"], entity["city"]
    entity.update(make_person(rng))
    entity["surname"], entity["city"] = surname, city


def _move(rng: Random, entity: Entity) -> None:
    """Move to another address, in four of ten cases in the same city."""
    if rng.random() < 0.4:
        city = entity["city"], entity["postcode"], entity["region"]
        set_address(rng, entity)
        entity["city"], entity["postcode"], entity["region"] = city
    else:
        set_address(rng, entity)


def _marry(rng: Random, entity: Entity) -> None:
    """Change or extend the surname."""
    new = draw_surname(rng, country(entity["locale"]))
    entity["surname"] = rng.choice(
        (new, f"{entity['surname']}-{new}", f"{entity['surname']} {new}")
    )


def _birth_error(rng: Random, entity: Entity) -> None:
    """Mistake one part of the date of birth, or swap day and month."""
    year, month, day = birth(entity)
    match rng.randrange(4):
        case 0:
            entity["year"] = str(year + rng.choice((-10, -1, 1, 10, -2, 2)))
        case 1:
            entity["month"] = str(min(12, max(1, month + rng.choice((-1, 1)))))
        case 2:
            entity["day"] = str(min(28, max(1, day + rng.choice((-10, -1, 1, 10, -2, 2)))))
        case _:
            if day <= 12:
                entity["month"], entity["day"] = str(day), str(month)


def _swap_names(rng: Random, entity: Entity) -> None:
    """Swap given name and surname."""
    del rng
    entity["given"], entity["surname"] = entity["surname"], entity["given"]


def _initials(rng: Random, entity: Entity) -> None:
    """Abbreviate given names to initials."""
    dot = rng.choice(("", "."))
    if rng.random() < 0.5 or not entity.get("middle"):
        entity["given"] = entity["given"][:1] + dot
    if entity.get("middle"):
        entity["middle"] = entity["middle"][:1] + dot


def _nickname(rng: Random, entity: Entity) -> None:
    """Replace the given name by a nickname, or the other way round."""
    entity["given"] = replace_nickname(entity["given"], rng)


def _middle_name(rng: Random, entity: Entity) -> None:
    """Drop the middle name, use it as the given name, or add one."""
    if entity.get("middle"):
        if rng.random() < 0.4:
            entity["given"] = entity["middle"]
        entity["middle"] = ""
    else:
        entity["middle"] = draw_given_name(rng, country(entity["locale"]), entity["sex"])


def vary_person(rng: Random, entity: Entity) -> None:
    """Vary job, phone number and unit."""
    if rng.random() < 0.1:
        entity["job"] = draw_word(rng, "jobs")
    if rng.random() < 0.15:
        set_phone(rng, entity)
    if rng.random() < 0.1:
        entity["unit"] = ""


def _honorific(rng: Random, entity: Entity) -> None:
    """Add a title before the name or a suffix after it."""
    if rng.random() < 0.6:
        title = rng.choice(("Dr", "Dr.", "Mr", "Mrs", "Ms", "Sir", "Rev.", "Prof."))
        entity["given"] = f"{title} {entity['given']}"
    else:
        entity["surname"] = f"{entity['surname']} {rng.choice(('Jr', 'Jr.', 'III', 'Esq', 'PhD'))}"


SAME_PERSON = (
    Change("moved", _move, 3),
    Change("married", _marry, 1),
    Change("birth-slip", _birth_error, 3),
    Change("swapped-names", _swap_names, 1.5),
    Change("initials", _initials, 2),
    Change("nickname", _nickname, 3),
    Change("middle-name", _middle_name, 1.5),
    Change("honorific", _honorific, 0.8),
    Change("new-phone", set_phone, 1),
    Change("new-email", set_email, 1),
)
OTHER_PERSON = (
    Change("family", _family, 4),
    Change("twin", _twin, 2),
    Change("namesake", _namesake, 3),
    Change("near-namesake", _near_namesake, 2),
    Change("birth-date", _similar_birth, 2),
    Change("parent", _parent, 1),
    Change("neighbour", _neighbour, 2),
    Change("same-birthday", _same_birthday, 2, assumed_different=True),
    Change("colleague", _colleague, 2),
    Change("same-given-name", _same_given_name, 1, assumed_different=True),
    Change("same-surname", _same_surname, 1, assumed_different=True),
)
