"""People: names, births, addresses, in many countries and scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random

from dedupe.scoring.augment import words as word_forms
from dedupe.scoring.augment.edits import rename
from dedupe.scoring.augment.records import PERSONAL
from dedupe.training import words
from dedupe.training.generators.domain import (
    Change,
    Column,
    Domain,
    Pool,
    Style,
    Thing,
    draw_name,
    joined,
    nudge_digit,
    other_of,
    plain,
)

ENGLISH = ("en_US", "en_GB", "en_AU", "en_CA", "en_IN")


WESTERN = (
    "de_DE", "fr_FR", "es_ES", "es_MX", "it_IT", "pl_PL", "pt_BR", "nl_NL", "sv_SE", "tr_TR",
    "vi_VN",
)  # fmt: skip


OTHER_SCRIPTS = (
    "ru_RU", "el_GR", "ja_JP", "zh_CN", "ko_KR", "ar_AA", "hi_IN", "he_IL", "th_TH", "uk_UA",
)  # fmt: skip


_DRAWS = 260


@dataclass(frozen=True)
class Country:
    """Pools of the names that one country's records are full of."""

    women: Pool
    men: Pool
    surnames: Pool
    streets: Pool
    cities: Pool
    companies: Pool


@cache
def country(locale: str) -> Country:
    """Draw the pools of a locale; the same ones in every process."""
    from faker import Faker

    fake = Faker(locale)
    fake.seed_instance(20_250_101)

    def pool(*sources: str) -> Pool:
        for source in sources:
            make: Callable[[], str] | None = getattr(fake, source, None)
            if make is not None:
                return Pool.of([make() for _ in range(_DRAWS)])
        raise LookupError(f"no {sources[0]} in locale {locale}")

    return Country(
        women=pool("first_name_female", "first_name"),
        men=pool("first_name_male", "first_name"),
        surnames=pool("last_name"),
        streets=pool("street_name", "road_name", "town", "street_address"),
        cities=Pool.of(words.ITALIAN_TOWNS) if locale == "it_IT" else pool("city", "city_name"),
        companies=pool("company"),
    )


def country_code(locale: str) -> str:
    """Return the code of the country of a locale; the Arabic one has none of its own."""
    return "EG" if locale == "ar_AA" else locale[-2:]


def draw_locale(rng: Random) -> str:
    """Draw a locale: half of them English, most of the rest in Latin letters."""
    return rng.choice(rng.choices((ENGLISH, WESTERN, OTHER_SCRIPTS), (50, 35, 15))[0])


def _given(rng: Random, home: Country, sex: str) -> str:
    return (
        draw_name(rng)
        if rng.random() < 0.06
        else (home.men if sex == "m" else home.women).draw(rng)
    )


def _surname(rng: Random, home: Country) -> str:
    if rng.random() < 0.15 and home.surnames.values[0].isascii():
        return draw_name(rng, words.SURNAME_ENDS)
    return home.surnames.draw(rng)


def _set_birth(thing: Thing, born: date) -> None:
    thing["year"], thing["month"], thing["day"] = str(born.year), str(born.month), str(born.day)


def _draw_birth(rng: Random) -> date:
    first = 1800 if rng.random() < 0.12 else 1925
    return date(first, 1, 1) + timedelta(days=rng.randrange(365 * 83))


def _birth(thing: Thing) -> tuple[int, int, int]:
    return int(thing["year"]), int(thing["month"]), int(thing["day"])


def _set_address(rng: Random, thing: Thing) -> None:
    home = country(thing["locale"])
    thing["number"] = str(rng.randint(1, 30) if rng.random() < 0.4 else rng.randint(1, 999))
    thing["street"] = home.streets.draw(rng)
    thing["unit"] = rng.choice(
        (f"apt {rng.randint(1, 60)}", f"unit {rng.randint(1, 20)}", draw_name(rng), "")
    )
    _set_city(rng, thing)


def _set_city(rng: Random, thing: Thing) -> None:
    thing["city"] = country(thing["locale"]).cities.draw(rng)
    thing["postcode"] = f"{rng.randint(1000, 99999):05d}"[rng.randrange(2) :]
    thing["region"] = rng.choice(words.REGIONS).title()


def _set_phone(rng: Random, thing: Thing) -> None:
    area, line = rng.randint(200, 989), rng.randint(0, 9_999_999)
    thing["phone"] = rng.choice(
        (
            f"{area}-{line // 10000:03d}-{line % 10000:04d}",
            f"({area}) {line:07d}",
            f"0{area} {line}",
            f"+{rng.randint(1, 98)} {area} {line:07d}",
        )
    )


def _set_email(rng: Random, thing: Thing) -> None:
    given, surname = (thing[role].split()[0].lower() for role in ("given", "surname"))
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
    thing["email"] = f"{user}@{host}.{rng.choice(('com', 'org', 'net'))}"


def make_person(rng: Random) -> Thing:
    """Make a person with every fact that a file may hold."""
    locale, sex = draw_locale(rng), rng.choice("mf")
    home = country(locale)
    thing = {
        "locale": locale,
        "country": country_code(locale),
        "sex": sex,
        "given": _given(rng, home, sex),
        "surname": _surname(rng, home),
    }
    if rng.random() < 0.4:
        thing["middle"] = _given(rng, home, sex)
    _set_birth(thing, _draw_birth(rng))
    _set_address(rng, thing)
    _set_phone(rng, thing)
    _set_email(rng, thing)
    thing["job"], thing["company"] = rng.choice(words.JOBS), home.companies.draw(rng)
    thing["national_id"] = str(rng.randint(1_000_000, 999_999_999))
    thing["age"] = str(2024 - int(thing["year"]))
    return thing


def _full_name(thing: Thing, style: Style) -> str:
    given = " ".join(filter(None, (thing["given"], thing.get("middle"))))
    name = f"{thing['surname']}, {given}" if style.surname_first else f"{given} {thing['surname']}"
    return style.written(name)


def _birth_date(thing: Thing, style: Style) -> str:
    year, month, day = _birth(thing)
    match style.date:
        case "ymd":
            return f"{year}{month:02d}{day:02d}"
        case "d/m/y":
            return f"{day:02d}/{month:02d}/{year}"
        case "m/d/y":
            return f"{month:02d}/{day:02d}/{year}"
        case "d.m.y":
            return f"{day}.{month}.{year}"
        case _:
            return f"{year}-{month:02d}-{day:02d}"


COLUMNS: Mapping[str, Column] = {
    "given": plain(
        "given",
        "given_name",
        "first_name",
        "fname",
        "name_1",
        "forename",
        "vorname",
        "fname_c1",
        "prenom",
        "nombre",
    ),
    "surname": plain(
        "surname",
        "last_name",
        "lname",
        "name_2",
        "family_name",
        "nachname",
        "lname_c1",
        "nom",
        "apellido",
    ),
    "middle": plain("middle", "middle_name", "mname", "fname_c2", "second_name", "initial"),
    "full_name": Column(
        ("name", "full_name", "person", "customer", "contact_name"),
        _full_name,
        ("given", "middle", "surname"),
    ),
    "birth": Column(
        ("date_of_birth", "dob", "birth_date", "born", "geburtsdatum", "birthday"),
        _birth_date,
        ("year", "month", "day"),
    ),
    "year": plain("year", "birth_year", "by", "yob", "year_of_birth"),
    "month": plain("month", "birth_month", "bm", "mob"),
    "day": plain("day", "birth_day", "bd"),
    "age": plain("age"),
    "sex": plain("sex", "gender", "geschlecht"),
    "number": plain("number", "street_number", "house_no", "hausnummer"),
    "street": plain("street", "address_1", "street_name", "strasse", "rue", "addr"),
    "unit": plain("unit", "address_2", "addr2", "apt"),
    "address": joined(
        ("number", "street"), "address", "street_address", "addr", "anschrift", joint=" "
    ),
    "full_address": joined(
        ("number", "street", "city", "postcode"), "address", "location", "full_address"
    ),
    "city": plain("city", "suburb", "town", "ort", "ville", "place", "locality"),
    "postcode": plain("postcode", "zip", "postal_code", "plz", "zip_code"),
    "region": plain("region", "state", "province", "county"),
    "country": plain("country", "land", "pays", "country_code"),
    "birth_place": plain("city", "birth_place", "birthplace"),
    "phone": plain("phone", "telephone", "tel", "phone_number", "mobile"),
    "email": plain("email", "e_mail", "mail", "email_address"),
    "job": plain("job", "occupation", "profession"),
    "company": plain("company", "employer", "organisation"),
    "national_id": plain("national_id", "ssn", "soc_sec_id", "member_no"),
}


_NAME_BIRTH: tuple[tuple[str, ...], ...] = (
    ("surname", "given", "year", "month", "day"),
    ("given", "surname", "year", "month", "day"),
    ("given", "middle", "surname", "year", "month", "day"),
    ("surname", "given", "birth"),
    ("full_name", "birth"),
    ("surname", "given", "middle", "birth", "sex"),
    ("surname", "given", "year", "month", "day", "sex"),
    ("full_name", "birth", "birth_place"),
    ("given", "surname", "birth", "city"),
)


_PERSON: tuple[tuple[str, ...], ...] = (
    ("surname", "given", "number", "street", "unit", "city", "postcode", "region", "birth"),
    (
        "surname",
        "given",
        "number",
        "street",
        "unit",
        "city",
        "postcode",
        "region",
        "birth",
        "national_id",
    ),
    ("given", "surname", "birth", "city", "email"),
    ("given", "surname", "email", "phone", "company", "address", "city", "postcode"),
    ("given", "surname", "company", "email", "phone", "address", "city", "postcode", "country"),
    ("full_name", "address", "city", "phone"),
    ("full_name", "email", "phone", "company", "job"),
    ("full_name", "full_address", "phone"),
    ("full_name", "birth", "birth_place", "postcode", "job", "sex"),
    ("given", "surname", "birth", "birth_place", "job", "sex"),
    ("surname", "given", "middle", "number", "street"),
    ("surname", "given", "middle", "sex", "age", "address", "city", "region", "postcode", "phone"),
    ("surname", "given", "birth", "address", "postcode"),
    ("email", "full_name", "company"),
    ("surname", "given", "address", "city", "postcode"),
)


def _new_given(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.5:
        thing["sex"] = rng.choice("mf")
    home, old = country(thing["locale"]), thing["given"]
    names = (home.men if thing["sex"] == "m" else home.women).values
    thing["given"] = other_of(rng, names, old, word_forms.NICKNAMES)
    thing["middle"] = ""


def _new_birth(rng: Random, thing: Thing) -> None:
    _set_birth(thing, _draw_birth(rng))
    thing["age"] = str(2024 - int(thing["year"]))


def _family(rng: Random, thing: Thing) -> None:
    _new_given(rng, thing)
    _new_birth(rng, thing)
    _set_email(rng, thing)
    thing["national_id"] = str(rng.randint(1_000_000, 999_999_999))
    if rng.random() < 0.5:
        _set_phone(rng, thing)


def _twin(rng: Random, thing: Thing) -> None:
    _new_given(rng, thing)
    _set_email(rng, thing)
    thing["national_id"] = nudge_digit(rng, thing["national_id"])


def _new_contacts(rng: Random, thing: Thing) -> None:
    """Give what even a namesake in the same house has of their own, and often the telephone."""
    thing["national_id"] = str(rng.randint(1_000_000, 999_999_999))
    thing["job"] = rng.choice(words.JOBS)
    thing["company"] = country(thing["locale"]).companies.draw(rng)
    _set_email(rng, thing)
    if rng.random() < 0.5:
        _set_phone(rng, thing)


def _namesake(rng: Random, thing: Thing) -> None:
    _new_birth(rng, thing)
    _move(rng, thing)
    _new_contacts(rng, thing)
    _set_phone(rng, thing)


def _near_namesake(rng: Random, thing: Thing) -> None:
    _two_birth_parts(rng, thing)
    year = thing["year"], thing["month"], thing["day"]
    _namesake(rng, thing)
    thing["year"], thing["month"], thing["day"] = year


def _two_birth_parts(rng: Random, thing: Thing) -> None:
    year, month, day = _birth(thing)
    parts = rng.sample(("year", "month", "day"), rng.choice((2, 2, 3)))
    if "year" in parts:
        year += rng.choice((-30, -25, -9, -5, -3, -2, -1, 1, 2, 3, 5, 9, 25, 30))
    if "month" in parts:
        month = rng.choice([m for m in range(1, 13) if m != month])
    if "day" in parts:
        day = rng.choice([d for d in range(1, 29) if d != day])
    thing["year"], thing["month"], thing["day"] = str(year), str(month), str(day)
    _new_contacts(rng, thing)


def _parent(rng: Random, thing: Thing) -> None:
    _new_birth(rng, thing)
    _new_contacts(rng, thing)


def _neighbour(rng: Random, thing: Thing) -> None:
    thing["surname"] = other_of(rng, country(thing["locale"]).surnames.values, thing["surname"])
    _family(rng, thing)
    _set_phone(rng, thing)


def _same_birthday(rng: Random, thing: Thing) -> None:
    born = thing["year"], thing["month"], thing["day"]
    other = make_person(rng)
    if rng.random() < 0.5:
        other["given"] = thing["given"]
    elif rng.random() < 0.5:
        other["surname"] = thing["surname"]
    thing.update(other)
    thing["year"], thing["month"], thing["day"] = born


def _colleague(rng: Random, thing: Thing) -> None:
    firm, domain = thing["company"], thing["email"].partition("@")[2]
    place = {role: thing[role] for role in ("number", "street", "city", "postcode", "region")}
    other = make_person(rng)
    thing.update(other)
    thing.update(place, company=firm, email=f"{other['email'].partition('@')[0]}@{domain}")


def _same_given(rng: Random, thing: Thing) -> None:
    given, city = thing["given"], thing["city"]
    thing.update(make_person(rng))
    thing["given"], thing["city"] = given, city


def _same_surname(rng: Random, thing: Thing) -> None:
    surname, city = thing["surname"], thing["city"]
    thing.update(make_person(rng))
    thing["surname"], thing["city"] = surname, city


def _move(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.4:
        city = thing["city"], thing["postcode"], thing["region"]
        _set_address(rng, thing)
        thing["city"], thing["postcode"], thing["region"] = city
    else:
        _set_address(rng, thing)


def _marry(rng: Random, thing: Thing) -> None:
    new = _surname(rng, country(thing["locale"]))
    thing["surname"] = rng.choice((new, f"{thing['surname']}-{new}", f"{thing['surname']} {new}"))


def _birth_slip(rng: Random, thing: Thing) -> None:
    year, month, day = _birth(thing)
    match rng.randrange(4):
        case 0:
            thing["year"] = str(year + rng.choice((-10, -1, 1, 10, -2, 2)))
        case 1:
            thing["month"] = str(min(12, max(1, month + rng.choice((-1, 1)))))
        case 2:
            thing["day"] = str(min(28, max(1, day + rng.choice((-10, -1, 1, 10, -2, 2)))))
        case _:
            if day <= 12:
                thing["month"], thing["day"] = str(day), str(month)


def _swap_names(rng: Random, thing: Thing) -> None:
    del rng
    thing["given"], thing["surname"] = thing["surname"], thing["given"]


def _initials(rng: Random, thing: Thing) -> None:
    dot = rng.choice(("", "."))
    if rng.random() < 0.5 or not thing.get("middle"):
        thing["given"] = thing["given"][:1] + dot
    if thing.get("middle"):
        thing["middle"] = thing["middle"][:1] + dot


def _nickname(rng: Random, thing: Thing) -> None:
    thing["given"] = rename(thing["given"], rng)


def _middle_name(rng: Random, thing: Thing) -> None:
    if thing.get("middle"):
        if rng.random() < 0.4:
            thing["given"] = thing["middle"]
        thing["middle"] = ""
    else:
        thing["middle"] = _given(rng, country(thing["locale"]), thing["sex"])


def _vary(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.1:
        thing["job"] = rng.choice(words.JOBS)
    if rng.random() < 0.15:
        _set_phone(rng, thing)
    if rng.random() < 0.1:
        thing["unit"] = ""


def _honorific(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.6:
        address = rng.choice(("Dr", "Dr.", "Mr", "Mrs", "Ms", "Sir", "Rev.", "Prof."))
        thing["given"] = f"{address} {thing['given']}"
    else:
        thing["surname"] = f"{thing['surname']} {rng.choice(('Jr', 'Jr.', 'III', 'Esq', 'PhD'))}"


_SAME_PERSON = (
    Change("moved", _move, 3),
    Change("married", _marry, 1),
    Change("birth-slip", _birth_slip, 3),
    Change("swapped-names", _swap_names, 1.5),
    Change("initials", _initials, 2),
    Change("nickname", _nickname, 3),
    Change("middle-name", _middle_name, 1.5),
    Change("honorific", _honorific, 0.8),
    Change("new-phone", _set_phone, 1),
    Change("new-email", _set_email, 1),
)


_OTHER_PERSON = (
    Change("family", _family, 4),
    Change("twin", _twin, 2),
    Change("namesake", _namesake, 3),
    Change("near-namesake", _near_namesake, 2),
    Change("birth-date", _two_birth_parts, 2),
    Change("parent", _parent, 1),
    Change("neighbour", _neighbour, 2),
    Change("same-birthday", _same_birthday, 2, faint=True),
    Change("colleague", _colleague, 2),
    Change("same-given-name", _same_given, 1, faint=True),
    Change("same-surname", _same_surname, 1, faint=True),
)


_BIRTH_KINDS = (
    "moved",
    "birth-slip",
    "swapped-names",
    "initials",
    "nickname",
    "middle-name",
    "honorific",
)


_PROOF = {
    "given": 1.0, "surname": 1.0, "middle": 0.3, "year": 0.7, "month": 0.6, "day": 0.7, "age": 0.4,
    "number": 0.4, "street": 0.7, "unit": 0.2, "city": 0.3, "postcode": 0.4, "region": 0.2,
    "phone": 1.0, "email": 1.5, "company": 0.4, "job": 0.2, "national_id": 2.0,
}  # fmt: skip


_WEAK = frozenset(
    {
        "middle", "month", "day", "year", "age", "sex", "number", "street", "unit", "city",
        "postcode", "region", "country", "phone", "email", "job", "company",
    }
)  # fmt: skip


PERSON = Domain(
    name="person",
    make=make_person,
    columns=COLUMNS,
    schemas=_PERSON,
    different=_OTHER_PERSON,
    same=_SAME_PERSON,
    vary=_vary,
    habits=PERSONAL,
    proof=_PROOF,
    proof_needed=2.6,
    weak=_WEAK,
)


PERSON_NAME_BIRTH = Domain(
    name="person-name-birth",
    make=make_person,
    columns=COLUMNS,
    schemas=_NAME_BIRTH,
    different=_OTHER_PERSON,
    same=tuple(change for change in _SAME_PERSON if change.kind in _BIRTH_KINDS),
    habits=PERSONAL,
    proof=_PROOF,
    proof_needed=2.6,
    weak=_WEAK,
)
