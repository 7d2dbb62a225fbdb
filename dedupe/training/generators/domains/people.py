"""People, by name, birth and address, in many countries and scripts."""

from __future__ import annotations

from collections.abc import Mapping

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import (
    Column,
    Domain,
    Entity,
    Style,
    joined_column,
    single_column,
)
from dedupe.training.generators.domains.person_changes import OTHER_PERSON, SAME_PERSON, vary_person
from dedupe.training.generators.domains.person_facts import birth, make_person


def _full_name(entity: Entity, style: Style) -> str:
    """Write the full name in the order of the file."""
    given = " ".join(filter(None, (entity["given"], entity.get("middle"))))
    name = (
        f"{entity['surname']}, {given}" if style.surname_first else f"{given} {entity['surname']}"
    )
    return style.apply(name)


def _birth_date(entity: Entity, style: Style) -> str:
    """Write the date of birth in the format of the file."""
    year, month, day = birth(entity)
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
    "given": single_column(
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
    "surname": single_column(
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
    "middle": single_column("middle", "middle_name", "mname", "fname_c2", "second_name", "initial"),
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
    "year": single_column("year", "birth_year", "by", "yob", "year_of_birth"),
    "month": single_column("month", "birth_month", "bm", "mob"),
    "day": single_column("day", "birth_day", "bd"),
    "age": single_column("age"),
    "sex": single_column("sex", "gender", "geschlecht"),
    "number": single_column("number", "street_number", "house_no", "hausnummer"),
    "street": single_column("street", "address_1", "street_name", "strasse", "rue", "addr"),
    "unit": single_column("unit", "address_2", "addr2", "apt"),
    "address": joined_column(
        ("number", "street"), "address", "street_address", "addr", "anschrift", joint=" "
    ),
    "full_address": joined_column(
        ("number", "street", "city", "postcode"), "address", "location", "full_address"
    ),
    "city": single_column("city", "suburb", "town", "ort", "ville", "place", "locality"),
    "postcode": single_column("postcode", "zip", "postal_code", "plz", "zip_code"),
    "region": single_column("region", "state", "province", "county"),
    "country": single_column("country", "land", "pays", "country_code"),
    "birth_place": single_column("city", "birth_place", "birthplace"),
    "phone": single_column("phone", "telephone", "tel", "phone_number", "mobile"),
    "email": single_column("email", "e_mail", "mail", "email_address"),
    "job": single_column("job", "occupation", "profession"),
    "company": single_column("company", "employer", "organisation"),
    "national_id": single_column("national_id", "ssn", "soc_sec_id", "member_no"),
}
_NAME_BIRTH_SCHEMAS: tuple[tuple[str, ...], ...] = (
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
_PERSON_SCHEMAS: tuple[tuple[str, ...], ...] = (
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
_BIRTH_CHANGES = (
    "moved", "birth-slip", "swapped-names", "initials", "nickname", "middle-name", "honorific",
)  # fmt: skip
"""Changes that show in a record of name and birth."""
_EVIDENCE = {
    "given": 1.0, "surname": 1.0, "middle": 0.3, "year": 0.7, "month": 0.6, "day": 0.7, "age": 0.4,
    "number": 0.4, "street": 0.7, "unit": 0.2, "city": 0.3, "postcode": 0.4, "region": 0.2,
    "phone": 1.0, "email": 1.5, "company": 0.4, "job": 0.2, "national_id": 2.0,
}  # fmt: skip
_WEAK_ATTRIBUTES = frozenset(
    {
        "middle", "month", "day", "year", "age", "sex", "number", "street", "unit", "city",
        "postcode", "region", "country", "phone", "email", "job", "company",
    }
)  # fmt: skip
PERSON = Domain(
    name="person",
    make=make_person,
    columns=COLUMNS,
    schemas=_PERSON_SCHEMAS,
    different=OTHER_PERSON,
    same=SAME_PERSON,
    vary=vary_person,
    errors=error_models.PEOPLE,
    evidence=_EVIDENCE,
    evidence_needed=2.6,
    weak_attributes=_WEAK_ATTRIBUTES,
)
PERSON_NAME_BIRTH = Domain(
    name="person-name-birth",
    make=make_person,
    columns=COLUMNS,
    schemas=_NAME_BIRTH_SCHEMAS,
    different=OTHER_PERSON,
    same=tuple(change for change in SAME_PERSON if change.kind in _BIRTH_CHANGES),
    errors=error_models.PEOPLE,
    evidence=_EVIDENCE,
    evidence_needed=2.6,
    weak_attributes=_WEAK_ATTRIBUTES,
)
