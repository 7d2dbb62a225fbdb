"""Lessons about addresses: neighbouring flats and houses, alone or with residents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from dedupe.training.generators.lessons.persons import (
    PERSON_COLUMNS,
    draw_given,
    draw_surname,
    set_home,
)
from dedupe.training.generators.lessons.sites import drop_postcode
from dedupe.training.generators.lessons.styles import Style, write_street
from dedupe.training.generators.lessons.table import (
    Column,
    Facts,
    Group,
    Lesson,
    Plan,
    choose_columns,
    draw_groups,
    raw,
)
from dedupe.training.generators.lessons.vocabulary import (
    draw_home,
    draw_postcode,
    draw_street,
    draw_town,
)
from dedupe.training.generators.lessons.writing import build

_UNITS: Mapping[str, tuple[str, ...]] = {
    "flat": ("Flat {u}", "Apt {u}", "Apt. {u}", "Unit {u}", "Apartment {u}", "#{u}"),
    "de": ("Wohnung {u}", "Whg. {u}", "Whg {u}"),
    "fr": ("Appt {u}", "Appartement {u}", "Apt {u}"),
    "es": ("Piso {u}", "{u}º", "Pta {u}"),
}


def _write_flat(facts: Facts, style: Style, rng: Random) -> str:
    """Write an address with flat, house number and street in one of the usual orders."""
    locale = facts.get("locale", "en_US")
    street = write_street(facts.get("street", ""), style, rng)
    number, unit = facts.get("number", ""), facts.get("unit", "")
    head = number.rstrip("ABCDEF")
    letter = number[len(head) :]
    if letter:
        number = f"{head}{rng.choice(('', '', ' '))}{rng.choice((letter, letter.lower()))}"
    line = f"{number} {street}" if locale[:2] in ("en", "fr") else f"{street} {number}"
    if not unit:
        return line
    if " " not in unit:
        forms = _UNITS["flat"] if locale[:2] == "en" else _UNITS.get(locale[:2], _UNITS["flat"])
        written = style.apply(rng.choice(forms).format(u=unit))
        if locale[:2] == "en" and rng.random() < (0.5 if locale == "en_AU" else 0.2):
            return f"{unit}/{line}"
    else:
        floor, side = unit.split(" ")
        written = style.apply(
            rng.choice(("{f}. floor {s}", "{f}/{t}", "{f} floor, {s}", "Floor {f} {s}")).format(
                f=floor, s=side, t=side[0].upper()
            )
        )
    return f"{written}, {line}" if rng.random() < 0.35 else f"{line}, {written}"


def _write_flat_line(facts: Facts, style: Style, rng: Random) -> str:
    """Write a whole address in one line."""
    parts = [_write_flat(facts, style, rng), style.apply(facts.get("city", ""))]
    postcode = facts.get("postcode", "") if style.blank_postcode else ""
    parts.insert(rng.choice((1, 2)), postcode or facts.get("postcode", "").replace(" ", ""))
    return ", ".join(part for part in parts if part)


_FLAT_COLUMNS: Mapping[str, Column] = {
    **PERSON_COLUMNS,
    "address": Column(
        ("address", "street_address", "address1", "anschrift"),
        _write_flat,
        ("number", "street", "unit"),
    ),
    "full_address": Column(
        ("address", "full_address", "location"),
        _write_flat_line,
        ("number", "street", "unit", "city", "postcode"),
    ),
    "unit": raw("unit", "unit", "flat", "apt", "apartment"),
}


def flats(rng: Random) -> Lesson:
    """Make neighbouring flats and houses, alone or with residents."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("full_address",),
            ("address", "city", "postcode"),
            ("address", "city", "postcode", "region"),
            ("unit", "number", "street", "city", "postcode"),
            ("full_name", "address", "city"),
        )
    )
    columns = choose_columns(
        rng, _FLAT_COLUMNS, schema, ("full_address", "address", "unit", "number", "street", "city")
    )
    residents = "full_name" in columns
    towns = [draw_town(rng, locale) for _ in range(rng.choice((1, 3, 10)))]

    def make(rng: Random) -> Facts:
        facts: Facts = {"locale": locale, "given": draw_given(rng, locale, "f")}
        set_home(rng, facts)
        facts["surname"], facts["city"] = draw_surname(rng, locale), rng.choice(towns)
        facts["number"] = str(rng.randint(1, 140)) + rng.choice(("", "", "", "A", "B"))
        facts["unit"] = rng.choice(("", "", _draw_unit(rng), _draw_floor(rng)))
        return facts

    def lookalikes(rng: Random) -> Group:
        first = make(rng)
        group = [first]
        for _ in range(rng.choice((1, 1, 2, 3, 5))):
            other = dict(first)
            other["given"] = draw_given(rng, locale, rng.choice("mf"))
            other["surname"] = draw_surname(rng, locale)
            head = first["number"].rstrip("AB")
            roll = rng.random()
            if roll < 0.35 and first["unit"]:
                other["unit"] = _next_unit(rng, first["unit"])
            elif roll < 0.5:
                other["number"] = head + rng.choice("ABC")
            elif roll < 0.8:
                other["number"] = str(int(head) + rng.choice((1, 2, 4, 6, 10, 100)))
            elif roll < 0.9:
                other["city"], other["postcode"] = (
                    draw_town(rng, locale),
                    draw_postcode(rng, locale),
                )
            else:
                other["street"] = draw_street(rng, locale)
            group.append(other)
        return group

    def drop_unit(rng: Random, facts: Facts) -> Iterable[str]:
        facts["unit"] = ""
        return ()

    def drop_town(rng: Random, facts: Facts) -> Iterable[str]:
        facts["city"] = ""
        return ()

    telling = {"unit": 1.0, "number": 1.0, "street": 1.0, "city": 1.0}
    evidence = {"street": 0.4, "number": 0.4, "unit": 0.2, "city": 0.2, "postcode": 0.2}
    plan = Plan(
        columns,
        telling,
        {**evidence, "surname": 0.3} if residents else evidence,
        ((drop_postcode, 2), (drop_town, 1), (drop_unit, 1)),
        share=rng.choice((0.08, 0.16, 0.28)),
        gaps=0.5,
    )
    return build("flats", rng, plan, draw_groups(rng, lookalikes, make))


def _draw_unit(rng: Random) -> str:
    """Draw a number of a flat, some with a letter, or a letter alone."""
    number = str(rng.randint(1, 40))
    return rng.choice((number, number, number + rng.choice("ABC"), rng.choice("ABCD")))


def _next_unit(rng: Random, unit: str) -> str:
    """Draw another flat of the same house."""
    if " " in unit:
        return _draw_floor(rng)
    number = unit.rstrip("ABCDEF")
    letter = unit[len(number) :]
    if letter and (not number or rng.random() < 0.7):
        return number + rng.choice([other for other in "ABCDE" if other != letter])
    return str(int(number) + rng.choice((1, 2, 3, 10))) + letter


def _draw_floor(rng: Random) -> str:
    return f"{rng.randint(1, 9)} {rng.choice(('left', 'right', 'middle'))}"
