"""Make people: names, birth dates, addresses, phone numbers and e-mail addresses."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from dedupe.training.generators.domain import Entity
from dedupe.training.generators.locales import Country, country, country_code, draw_locale
from dedupe.training.generators.values import draw_name, draw_word
from dedupe.training.word_lists import words


def draw_given_name(rng: Random, home: Country, sex: str) -> str:
    """Draw a given name, invented in 6 % of the cases."""
    if rng.random() < 0.06:
        return draw_name(rng)
    return (home.men if sex == "m" else home.women).draw(rng)


def draw_surname(rng: Random, home: Country) -> str:
    """Draw a surname, invented in 15 % of the cases in countries with Latin letters."""
    if rng.random() < 0.15 and home.surnames.values[0].isascii():
        return draw_name(rng, words("surname_endings"))
    return home.surnames.draw(rng)


def set_birth(entity: Entity, born: date) -> None:
    """Set the date of birth."""
    entity["year"], entity["month"], entity["day"] = str(born.year), str(born.month), str(born.day)


def draw_birth(rng: Random) -> date:
    """Draw a date of birth, most often from 1925 on."""
    first = 1800 if rng.random() < 0.12 else 1925
    return date(first, 1, 1) + timedelta(days=rng.randrange(365 * 83))


def birth(entity: Entity) -> tuple[int, int, int]:
    """Get year, month and day of birth as numbers."""
    return int(entity["year"]), int(entity["month"]), int(entity["day"])


def set_address(rng: Random, entity: Entity) -> None:
    """Draw house number, street, unit and city."""
    home = country(entity["locale"])
    entity["number"] = str(rng.randint(1, 30) if rng.random() < 0.4 else rng.randint(1, 999))
    entity["street"] = home.streets.draw(rng)
    entity["unit"] = rng.choice(
        (f"apt {rng.randint(1, 60)}", f"unit {rng.randint(1, 20)}", draw_name(rng), "")
    )
    set_city(rng, entity)


def set_city(rng: Random, entity: Entity) -> None:
    """Draw city, postcode and region."""
    entity["city"] = country(entity["locale"]).cities.draw(rng)
    entity["postcode"] = f"{rng.randint(1000, 99999):05d}"[rng.randrange(2) :]
    entity["region"] = draw_word(rng, "regions").title()


def set_phone(rng: Random, entity: Entity) -> None:
    """Draw a phone number, in one of several formats."""
    area, line = rng.randint(200, 989), rng.randint(0, 9_999_999)
    entity["phone"] = rng.choice(
        (
            f"{area}-{line // 10000:03d}-{line % 10000:04d}",
            f"({area}) {line:07d}",
            f"0{area} {line}",
            f"+{rng.randint(1, 98)} {area} {line:07d}",
        )
    )


def set_email(rng: Random, entity: Entity) -> None:
    """Draw an e-mail address, most often made of the name."""
    given, surname = (entity[name].split()[0].lower() for name in ("given", "surname"))
    if not (given + surname).isascii():
        given, surname = draw_name(rng).lower(), draw_name(rng).lower()
    user = rng.choice(
        (
            f"{given}.{surname}",
            f"{given[:1]}{surname}",
            f"{given}{rng.randint(1, 99)}",
            f"{surname}{given[:1]}{rng.randint(1, 99)}",
        )
    )
    host = rng.choice((draw_name(rng).lower(), rng.choice(("mail", "post", "web"))))
    entity["email"] = f"{user}@{host}.{rng.choice(('com', 'org', 'net'))}"


def make_person(rng: Random) -> Entity:
    """Make a person with all attributes that a file may show."""
    locale, sex = draw_locale(rng), rng.choice("mf")
    home = country(locale)
    entity = {
        "locale": locale,
        "country": country_code(locale),
        "sex": sex,
        "given": draw_given_name(rng, home, sex),
        "surname": draw_surname(rng, home),
    }
    if rng.random() < 0.4:
        entity["middle"] = draw_given_name(rng, home, sex)
    set_birth(entity, draw_birth(rng))
    set_address(rng, entity)
    set_phone(rng, entity)
    set_email(rng, entity)
    entity["job"], entity["company"] = draw_word(rng, "jobs"), home.companies.draw(rng)
    entity["national_id"] = str(rng.randint(1_000_000, 999_999_999))
    entity["age"] = str(2024 - int(entity["year"]))
    return entity
