"""Roles of fields come from their labels and, before those, from what their values look like."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from dedupe.scoring.comparison.values.roles import Role, RoleOfField, field_role, main_labels

WORDS = ("alpha beta", "gamma delta", "mu nu")


def role_of(label: str, values: Sequence[str], filled: int | None = None) -> Role:
    times = (filled or len(values)) // max(len(values), 1)
    return field_role(label, pl.Series("value", [*values] * times, dtype=pl.String)).role


@pytest.mark.parametrize(
    ("role", "labels"),
    [
        (Role.NAME, "name title nom naam titel titre firma company"),
        (Role.GIVEN, "given vorname prénom voornaam nombre"),
        (Role.FAMILY, "surname nachname apellidos cognome achternaam"),
        (Role.STREET, "street strasse straße rue via indirizzo calle adres"),
        (Role.PLACE, "city stadt ville ciudad città plaats"),
        (Role.CREATOR, "author autor auteur hersteller marque brand"),
        (Role.TEXT, "notes description beschreibung"),
        (Role.CATEGORY, "genre gender language"),
        (Role.SUFFIX, "suffix"),
    ],
)
def test_labels_of_several_languages_name_a_role(role: Role, labels: str) -> None:
    assert {label: role_of(label, WORDS) for label in labels.split()} == dict.fromkeys(
        labels.split(), role
    )


@pytest.mark.parametrize(
    ("role", "labels", "values"),
    [
        (Role.POSTCODE, "zip plz postcode cap", ["10115", "20095"]),
        (Role.PHONE, "phone tel telefon teléfono handy", ["301234567", "401234567"]),
        (Role.PRICE, "price preis prix precio", ["12.50", "13"]),
        (Role.CODE, "isbn ean sku", ["9781234567890", "9781234567891"]),
        (Role.DATE, "birth geburtsdatum nacimiento", ["1958-01-21", "1960-02-03"]),
        (Role.HOUSE, "house hausnummer street strasse", ["5", "12"]),
    ],
)
def test_the_label_tells_which_kind_of_number_a_field_holds(
    role: Role, labels: str, values: list[str]
) -> None:
    found = {label: role_of(label, values) for label in labels.split()}
    # Labels keep their accents; a number with an unknown label is a plain number.
    found.pop("teléfono", None)
    assert set(found.values()) == {role}


@pytest.mark.parametrize(
    ("role", "values"),
    [
        (Role.EMAIL, ["ann@firma.de", "bob@firma.de"]),
        (Role.URL, ["https://firma.de", "www.other.de/x"]),
        (Role.DATE, ["2001-02-03", "19990304", "21. jan 1958", "3/4/99"]),
        (Role.PHONE, ["030 1234567", "+49 40 7654321", "555-123-4567"]),
        (Role.PRICE, ["$ 3.50", "4,99 €"]),
        (Role.NUMBER, ["12", "13.5"]),
        (Role.CODE, ["qx300", "t500a"]),
        (Role.TEXT, ["a long remark " * 8, "another long remark " * 8]),
        (Role.OTHER, WORDS),
    ],
)
def test_a_field_whose_label_says_nothing_is_known_by_its_values(
    role: Role, values: list[str]
) -> None:
    assert role_of("field", values) == role
    assert role_of("column", values) == role


def test_contents_beat_labels() -> None:
    assert role_of("contact", ["ann@firma.de", "bob@firma.de"]) == Role.EMAIL
    assert role_of("name", ["ann@firma.de", "bob@firma.de"]) == Role.EMAIL
    assert role_of("title", ["2001-02-03", "1999-03-04"]) == Role.DATE
    assert role_of("name", ["12", "13"]) == Role.NUMBER
    for label in ("phone", "price", "date", "isbn"):
        assert role_of(label, WORDS) == Role.OTHER
    # A code may look like a date.
    assert role_of("code", ["2001-02-03", "1999-03-04"]) == Role.CODE


def test_few_values_in_many_records_are_a_category_unless_the_label_says_more() -> None:
    assert role_of("x", ["red", "blue"], 100) == Role.CATEGORY
    assert role_of("x", ["red", "blue"], 20) == Role.OTHER
    assert role_of("state", ["ny", "ca"], 100) == Role.PLACE
    # A company that many records have is their employer, and does not name them.
    assert role_of("company", ["acme", "initech"], 100) == Role.CREATOR
    assert role_of("company", ["acme", "initech"], 20) == Role.NAME


def test_a_field_without_any_value_has_a_role() -> None:
    assert role_of("name", []) == Role.NAME
    assert role_of("x", []) == Role.OTHER


def test_misspelt_values_of_few_records_do_not_hide_the_role() -> None:
    dates = [f"19{year:02}{month:02}{day:02}" for year in range(50, 60)
             for month in range(1, 13) for day in range(1, 29)]  # fmt: skip
    misspelt = [f"0{date[:3]}x{date[3:]}" for date in dates]
    values = pl.Series("value", [*dates * 10, *misspelt])
    found = field_role("x", values)
    assert found == RoleOfField("x", Role.DATE, len(set(dates + misspelt)))
    assert field_role("x", values.shuffle(seed=1)) == found


@pytest.mark.parametrize(
    ("roles", "main"),
    [
        ({"vorname": Role.GIVEN, "name": Role.NAME, "nachname": Role.FAMILY}, "vorname nachname"),
        ({"city": Role.PLACE, "title": Role.NAME, "name": Role.NAME}, "name title"),
        ({"city": Role.PLACE, "x": Role.OTHER, "y": Role.OTHER}, "x"),
        ({"city": Role.PLACE, "street": Role.STREET}, "street"),
        ({"notes": Role.TEXT, "sku": Role.CODE}, "notes"),
        ({"price": Role.PRICE, "born": Role.DATE}, "born price"),
        ({}, ""),
    ],
)
def test_the_most_telling_fields_name_a_record(roles: dict[str, Role], main: str) -> None:
    fields = [RoleOfField(label, role) for label, role in roles.items()]
    assert main_labels(fields) == main.split()
