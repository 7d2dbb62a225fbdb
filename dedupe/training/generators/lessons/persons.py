"""Facts about people, the columns that show them, and changes of a person's records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from random import Random

from dedupe.training.augment.edits import NICKNAMES, transliterate
from dedupe.training.generators.lessons.styles import (
    Style,
    write_date,
    write_phone,
    write_postcode,
    write_street,
)
from dedupe.training.generators.lessons.table import Column, Facts, Variant, column, raw
from dedupe.training.generators.lessons.vocabulary import (
    draw_email,
    draw_phone,
    draw_postcode,
    draw_street,
    draw_town,
    home_of,
)
from dedupe.training.generators.values import draw_name, draw_word
from dedupe.training.word_lists import words

_NUMBER_LAST = frozenset({"de", "es", "it", "nl", "pl", "pt", "sv", "tr"})
"""Languages in which the house number follows the street."""

_SUFFIXES = {
    "Sr": ("Sr", "Sr.", "Senior", "sr."),
    "Jr": ("Jr", "Jr.", "Junior", "jnr"),
    "II": ("II", "2nd", "ii"),
    "III": ("III", "3rd", "iii"),
    "IV": ("IV", "4th"),
}


def draw_given(rng: Random, locale: str, sex: str) -> str:
    """Draw a given name."""
    home = home_of(locale)
    return (home.men if sex == "m" else home.women).draw(rng)


def draw_other_given(rng: Random, locale: str, sex: str, taken: Sequence[str]) -> str:
    """Draw a given name that is neither one of `taken` nor a form of it."""
    for _ in range(20):
        given = draw_given(rng, locale, sex)
        forms = {given.lower(), *NICKNAMES.get(given.lower(), ())}
        if not forms & {name.lower() for name in taken}:
            return given
    return draw_name(rng)


def draw_surname(rng: Random, locale: str) -> str:
    """Draw a surname: a common one, an invented one, or a double one."""
    roll = rng.random()
    if roll < 0.2:
        return draw_name(rng, words("surname_endings"))
    if roll < 0.25:
        return f"{home_of(locale).surnames.draw(rng)}-{home_of(locale).surnames.draw(rng)}"
    return home_of(locale).surnames.draw(rng)


def draw_birth(rng: Random, first: int = 1930, last: int = 2004) -> str:
    """Draw a date of birth between two years."""
    return (date(first, 1, 1) + timedelta(days=rng.randrange((last - first) * 365))).isoformat()


def set_home(rng: Random, facts: Facts) -> None:
    """Draw an address."""
    locale = facts["locale"]
    facts["number"] = str(rng.randint(1, 60) if rng.random() < 0.6 else rng.randint(1, 2400))
    facts["street"] = draw_street(rng, locale)
    facts["unit"] = rng.choice(("", "", "", f"{rng.randint(1, 40)}"))
    facts["city"] = draw_town(rng, locale)
    facts["postcode"] = draw_postcode(rng, locale)
    facts["region"] = draw_word(rng, "regions").title()


def make_person(rng: Random, locale: str) -> Facts:
    """Make a person who shares nothing with others but the country."""
    sex = rng.choice("mf")
    facts: Facts = {
        "locale": locale,
        "country": locale[-2:],
        "sex": sex,
        "given": draw_given(rng, locale, sex),
        "surname": draw_surname(rng, locale),
        "birth": draw_birth(rng),
    }
    if rng.random() < 0.4:
        facts["middle"] = draw_given(rng, locale, sex)
    set_home(rng, facts)
    facts["phone"] = draw_phone(rng, locale)
    facts["email"] = draw_email(rng, facts["given"], facts["surname"])
    facts["job"] = draw_word(rng, "jobs").capitalize()
    return facts


def write_address(facts: Facts, style: Style, rng: Random) -> str:
    """Write unit, number and street in the order of the country."""
    street = write_street(facts.get("street", ""), style, rng)
    number, unit = facts.get("number", ""), facts.get("unit", "")
    last = facts.get("locale", "en_US")[:2] in _NUMBER_LAST
    line = f"{street} {number}" if last else f"{number} {street}"
    if facts.get("care"):
        line = style.apply(f"c/o {facts['care']}, ") + line
    if not unit:
        return line
    if last:
        return f"{line}{style.apply(rng.choice((' / ', '/', ', ')))}{unit}"
    word = style.apply(rng.choice(("Apt ", "Flat ", "Unit ", "#")))
    return f"{word}{unit}, {line}" if rng.random() < 0.3 else f"{line} {word}{unit}"


def write_place(facts: Facts, style: Style, rng: Random) -> str:
    """Write a whole address in one line."""
    line = write_address(facts, style, rng)
    postcode = write_postcode(facts.get("postcode", ""), style)
    city = style.apply(facts.get("city", ""))
    if facts.get("locale", "en")[:2] == "en":
        return style.joint.join(part for part in (line, city, postcode) if part.strip())
    return style.joint.join(part for part in (line, f"{postcode} {city}".strip()) if part.strip())


def write_full_name(facts: Facts, style: Style, rng: Random) -> str:
    """Write the full name in the order of the source."""
    given = " ".join(filter(None, (facts.get("given"), facts.get("middle"))))
    surname, suffix = facts.get("surname", ""), facts.get("suffix", "")
    if suffix:
        suffix = rng.choice(_SUFFIXES[suffix])
    if style.surname_first:
        text = ", ".join(filter(None, (surname, f"{given} {suffix}".strip())))
    else:
        text = f"{given} {surname} {suffix}".strip()
    return style.apply(text)


def _write_suffix(facts: Facts, style: Style, rng: Random) -> str:
    suffix = facts.get("suffix", "")
    return style.apply(rng.choice(_SUFFIXES[suffix])) if suffix else ""


def _write_sex(facts: Facts, style: Style, rng: Random) -> str:
    words_of = {"m": ("m", "M", "male"), "f": ("f", "F", "female")}
    forms = words_of.get(facts.get("sex", ""), ("",))
    return style.apply(forms[style.phone % len(forms)])


PERSON_COLUMNS: Mapping[str, Column] = {
    "given": column("given", "first_name", "given_name", "fname", "forename", "vorname", "prenom"),
    "middle": column("middle", "middle_name", "mname", "second_name"),
    "surname": column("surname", "last_name", "family_name", "lname", "nachname", "apellido"),
    "suffix": Column(("suffix", "name_suffix", "generation"), _write_suffix, ("suffix",), 0.0),
    "full_name": Column(
        ("name", "full_name", "contact_name", "customer", "person"),
        write_full_name,
        ("given", "middle", "surname", "suffix"),
        2.0,
    ),
    "birth": Column(
        ("date_of_birth", "dob", "birth_date", "birthday", "geburtsdatum"),
        lambda facts, style, rng: write_date(facts.get("birth", ""), style),
        ("birth",),
        0.0,
    ),
    "sex": Column(("sex", "gender"), _write_sex, ("sex",), 0.0),
    "number": raw("number", "house_number", "number", "house_no", "hausnummer"),
    "street": Column(
        ("street", "street_name", "strasse", "address_1"),
        lambda facts, style, rng: write_street(facts.get("street", ""), style, rng),
        ("street",),
    ),
    "address": Column(
        ("address", "street_address", "addr", "address_line_1", "anschrift"),
        write_address,
        ("number", "street", "unit"),
    ),
    "full_address": Column(
        ("address", "full_address", "location"),
        write_place,
        ("number", "street", "unit", "city", "postcode"),
    ),
    "city": column("city", "city", "town", "suburb", "ort", "ville", typos=0.7),
    "postcode": Column(
        ("postcode", "zip", "postal_code", "plz"),
        lambda facts, style, rng: write_postcode(facts.get("postcode", ""), style),
        ("postcode",),
        0.0,
    ),
    "region": column("region", "state", "region", "county", "province", typos=0.3),
    "country": raw("country", "country", "country_code", "land"),
    "phone": Column(
        ("phone", "telephone", "tel", "phone_number", "mobile"),
        lambda facts, style, rng: write_phone(facts["phone"], style) if facts.get("phone") else "",
        ("phone",),
        0.0,
    ),
    "email": Column(
        ("email", "e_mail", "mail", "email_address"),
        lambda facts, style, rng: (
            facts.get("email", "").upper() if style.case == "upper" else facts.get("email", "")
        ),
        ("email",),
        0.3,
    ),
    "job": column("job", "occupation", "job_title", "profession", typos=0.3),
    "company": column("company", "company", "employer", "organisation"),
}


def use_nickname(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the given name as a nickname or another form."""
    forms = NICKNAMES.get(facts.get("given", "").lower())
    if forms and not facts.get("nicknamed"):
        facts["nicknamed"] = "yes"
        facts["given"] = rng.choice(forms).capitalize()
    return ()


def use_initial(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the given name as an initial."""
    if len(facts.get("given", "")) > 2:
        facts["given"] = facts["given"][0] + rng.choice((".", ""))
    return ()


def romanize(rng: Random, facts: Facts) -> Iterable[str]:
    """Write names of other scripts in Latin letters."""
    for name in ("given", "middle", "surname", "street", "city"):
        written = transliterate(facts.get(name, ""), rng)
        if written != facts.get(name, ""):
            facts[name] = written.title()
    return ()


def change_middle(rng: Random, facts: Facts) -> Iterable[str]:
    """Drop the middle name, or write its initial."""
    if facts.get("middle"):
        facts["middle"] = rng.choice(("", f"{facts['middle'][0]}.", facts["middle"][0]))
    return ()


def marry(rng: Random, facts: Facts) -> Iterable[str]:
    """Change the surname of a woman, or append another one."""
    if facts.get("sex") != "f":
        return ()
    other = draw_surname(rng, facts["locale"])
    facts["surname"] = f"{facts['surname']}-{other}" if rng.random() < 0.3 else other
    return ("surname",)


def move(rng: Random, facts: Facts) -> Iterable[str]:
    """Move to another address, often in the same town."""
    city, region = facts.get("city", ""), facts.get("region", "")
    set_home(rng, facts)
    if rng.random() < 0.5:
        facts["city"], facts["region"] = city, region
        return ("number", "street", "unit", "postcode")
    return ("number", "street", "unit", "postcode", "city", "region")


def change_phone(rng: Random, facts: Facts) -> Iterable[str]:
    """Change the phone number."""
    facts["phone"] = draw_phone(rng, facts["locale"])
    return ("phone",)


def change_email(rng: Random, facts: Facts) -> Iterable[str]:
    """Change the e-mail address."""
    facts["email"] = draw_email(rng, facts.get("given") or "mail", facts.get("surname") or "post")
    return ("email",)


def swap_names(rng: Random, facts: Facts) -> Iterable[str]:
    """Swap given name and surname."""
    del rng
    facts["given"], facts["surname"] = facts.get("surname", ""), facts.get("given", "")
    return ()


def swap_day(rng: Random, facts: Facts) -> Iterable[str]:
    """Swap day and month of the date of birth, or mistake its year or day."""
    if facts.get("birth", "").count("-") != 2:
        return ()
    year, month, day = facts["birth"].split("-")
    if int(day) <= 12 and rng.random() < 0.7:
        month, day = day, month
    elif rng.random() < 0.5:
        year = str(int(year) + rng.choice((-10, -1, 1, 10)))
    else:
        day = f"{min(max(int(day) + rng.choice((-1, 1)), 1), 28):02d}"
    facts["birth"] = f"{year}-{month}-{day}"
    return ()


def join_names(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the middle name with the given name, or drop one half of a double surname."""
    if facts.get("middle") and rng.random() < 0.5:
        facts["given"] = f"{facts['given']} {facts.pop('middle')}"
    elif "-" in facts.get("surname", ""):
        facts["surname"] = rng.choice(
            (*facts["surname"].split("-"), facts["surname"].replace("-", " "))
        )
    return ()


TOLD_APART: Mapping[str, float] = {
    "given": 1.0,
    "birth": 1.0,
    "surname": 1.0,
    "suffix": 1.0,
    "email": 0.3,
    "phone": 0.3,
    "street": 0.4,
    "number": 0.2,
    "city": 0.3,
}
"""What tells two people apart."""

SAME_PERSON: Mapping[str, float] = {
    "surname": 0.3,
    "given": 0.25,
    "birth": 0.4,
    "email": 0.5,
    "phone": 0.45,
    "street": 0.3,
    "number": 0.1,
    "city": 0.1,
    "postcode": 0.1,
    "middle": 0.1,
}
"""What two records of one person share."""

USUAL_CHANGES: Sequence[tuple[Variant, float]] = (
    (use_nickname, 2),
    (use_initial, 0.7),
    (change_middle, 1),
    (move, 1),
    (change_phone, 1),
    (change_email, 1),
    (marry, 0.4),
    (join_names, 0.5),
    (swap_names, 0.2),
)

PERSON_SCHEMAS: Sequence[tuple[str, ...]] = (
    ("given", "surname", "birth", "address", "city", "postcode", "phone"),
    ("given", "surname", "email", "phone", "address", "city", "postcode", "country"),
    ("full_name", "birth", "address", "city"),
    ("full_name", "email", "phone", "full_address"),
    (
        "surname",
        "given",
        "middle",
        "birth",
        "sex",
        "number",
        "street",
        "city",
        "postcode",
        "region",
    ),
    ("given", "middle", "surname", "birth", "phone", "email"),
    ("full_name", "full_address", "phone", "birth"),
    ("given", "surname", "sex", "birth", "city", "region", "email", "job"),
)
