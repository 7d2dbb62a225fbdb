"""Tokens of values: things that are written in several ways have the same token and class."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.comparison.values import text_steps
from dedupe.scoring.comparison.values.roles import Role
from dedupe.scoring.comparison.values.tokens import CLASSES, MAYBE, Tokens, tokens_of_columns


def tokens(value: str, role: Role = Role.NAME) -> set[tuple[str, str]]:
    """Return the tokens of one value with the name of their class; those that may match end in ?"""
    return {
        (token, CLASSES[kind % MAYBE] + "?" * (kind >= MAYBE))
        for _, token, kind in rows(tokens_of_columns([[value]], [role]))
    }


def rows(found: Tokens) -> list[tuple[int, str, int]]:
    return list(zip(found.value.tolist(), found.token, found.classes.tolist(), strict=True))


def of_class(kind: str, value: str, role: Role = Role.NAME) -> set[str]:
    return {token for token, name in tokens(value, role) if name == kind}


SAME = [
    ("code", "canon t-300", "canon t300"),
    ("code", "canon qx-t300", "canon qxt300"),
    ("code", "pump t12.345.678", "pump t12345678"),
    ("code", "screws 5.0 x 50", "screws 5x50"),
    ("code", "screws 5,0 × 50 × 2", "screws 5x50x2"),
    ("mass or volume", "cream 250 ml", "cream 0.25 l"),
    ("mass or volume", "cream 250ml", "cream 25 cl"),
    ("mass or volume", "flour 0,5 kg", "flour 500 g"),
    ("data", "stick 64 gb", "stick 64gb"),
    ("count", "soap 6 pack", "soap pack of 6"),
    ("count", "soap 6-pack", "soap box of 6"),
    ("volume", "saga vol. 2", "saga volume ii"),
    ("volume", "saga bd. 2", "saga band 2"),
    ("volume", "saga vol. 2", "saga tome 2"),
    ("edition number", "chess 2nd ed.", "chess second edition"),
    ("edition number", "chess 2nd revised edition", "chess 2. auflage"),
    ("version", "writer v2", "writer version 2.0"),
]


@pytest.mark.parametrize(("kind", "one", "other"), SAME)
def test_two_notations_of_one_thing_have_one_token(kind: str, one: str, other: str) -> None:
    assert len(of_class(kind, one)) == 1
    assert of_class(kind, one) == of_class(kind, other)


def test_signs_and_legal_forms_are_words() -> None:
    assert tokens("acme & sons g.m.b.h.") == tokens("acme and sons gmbh")


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("code", "canon t300", "canon t301"),
        ("mass or volume", "cream 250 ml", "cream 500 ml"),
        ("mass or volume", "cream 250 ml", "cream 250 g"),
        ("count", "soap 6 pack", "soap pack of 12"),
        ("volume", "saga vol. 2", "saga vol. iii"),
        ("edition number", "chess 2nd ed.", "chess third edition"),
    ],
)
def test_things_that_differ_have_tokens_of_one_class(kind: str, one: str, other: str) -> None:
    assert len(of_class(kind, one)) == len(of_class(kind, other)) == 1
    assert of_class(kind, one) != of_class(kind, other)


@pytest.mark.parametrize("value", ["qx-t300", "qx t300", "qxt300", "qx.t/300"])
def test_a_field_of_codes_has_one_code_without_punctuation(value: str) -> None:
    assert tokens(value, Role.CODE) == {("qxt300", "code")}


def test_two_words_may_be_a_code() -> None:
    assert ("nx500", "code?") in tokens("samsung nx 500")
    assert of_class("code", "samsung nx500") == {"nx500"}
    assert ("nx500", "code?") not in tokens("samsung nx 500", Role.TEXT)


def test_words_years_numbers_and_initials() -> None:
    assert tokens("42 1999 12345 j. o'neil red") == {
        ("j", "initial"), ("oneil", "word"), ("1999", "year"), ("42", "number"),
        ("12345", "code"), ("red", "colour"),
    }  # fmt: skip


def test_numbers_in_words_and_other_notations_are_standard_words() -> None:
    assert tokens("tres and second street") == {
        ("tres", "word"), ("and", "word"), ("2", "number"), ("st", "word"),
    }  # fmt: skip
    assert tokens("müller gruppe") == tokens("mueller group")


@pytest.mark.parametrize("street", ["high st", "high street", "high str."])
def test_a_flat_a_house_and_its_letter(street: str) -> None:
    words = {("high", "word"), ("st", "word")}
    house, letter, flat = ("house=12", "house"), ("house letter=a", "house letter"), "flat"
    assert tokens(f"12 {street}", Role.STREET) == {house, *words}
    assert tokens(f"12a {street}", Role.STREET) == {house, letter, *words}
    assert tokens(f"{street} 12 a", Role.STREET) == {house, letter, *words}
    expected = {house, ("flat=3", flat), *words}
    for notation in ("3/12 {}", "flat 3, 12 {}", "unit 3 12 {}", "12 {} apt 3", "12 {} #3"):
        assert tokens(notation.format(street), Role.STREET) == expected
    assert tokens(f"flat 3, 12a {street}", Role.STREET) == expected | {letter}
    assert tokens(f"3/12a {street}", Role.STREET) == expected | {letter}
    assert tokens(f"flat a, 12 {street}", Role.STREET) == {house, letter, *words}


def test_notations_of_a_street() -> None:
    assert len({frozenset(tokens(f"haupt{kind} 5", Role.STREET)) for kind in (
        "strasse", "straße", "str.", "str"
    )}) == 1  # fmt: skip
    assert tokens("5 low road", Role.STREET) == tokens("005 low rd.", Role.STREET)


@pytest.mark.parametrize("value", ["12", "12.0", "012"])
def test_a_field_of_house_numbers(value: str) -> None:
    assert tokens(value, Role.HOUSE) == {("house=12", "house")}


def test_generations_are_suffixes_in_names_of_persons() -> None:
    for role in (Role.GIVEN, Role.FAMILY, Role.SUFFIX):
        assert of_class("suffix", "jr.", role) == of_class("suffix", "junior", role) == {"jr"}
        assert of_class("suffix", "senior", role) == {"sr"}
    assert of_class("suffix", "john iii", Role.GIVEN) == {"3"}
    # In the name of a person, black is no colour.
    assert {kind for _, kind in tokens("john black", Role.FAMILY)} == {"word"}


@pytest.mark.parametrize("role", [Role.PHONE, Role.EMAIL, Role.URL, Role.DATE, Role.NUMBER])
def test_contacts_dates_and_numbers_have_no_tokens(role: Role) -> None:
    assert tokens("anna 5 2nd ed", role) == set()


VALUES = st.lists(
    st.lists(
        st.sampled_from(
            [
                "a", "b", "ns", "é", "ß", "12", "7", "5.0", "x", "ml", "l", "kg", "vol", "2nd",
                "ed", "iv", "v", "flat", "apt", "no", "#", "/", "-", ".", ",", "'", "j.r.r",
                "g.m.b.h", "and", "&", "co", "hauptstrasse", "pack of", "500", "nx", "red", "jr",
                "1999",
            ]
        ),
        max_size=7,
    ).flatmap(lambda words: st.sampled_from([" ".join(words), "".join(words)])),
    max_size=8,
)  # fmt: skip


@given(VALUES, st.sampled_from(list(Role)))
def test_the_tokens_of_a_value_do_not_depend_on_other_values(values: list[str], role: Role) -> None:
    together = rows(tokens_of_columns([values], [role]))
    assert [number for number, _, _ in together] == sorted(number for number, _, _ in together)
    for number, value in enumerate(values):
        alone = rows(tokens_of_columns([[value]], [role]))
        found = [(token, kind) for of_value, token, kind in together if of_value == number]
        assert [(token, kind) for _, token, kind in alone] == found


@given(VALUES, st.sampled_from(list(Role)))
def test_few_and_many_values_have_the_same_tokens(values: list[str], role: Role) -> None:
    few = tokens_of_columns([values], [role])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_steps, "FEW", 0)
        many = tokens_of_columns([pl.Series("value", values, dtype=pl.String)], [role])
    assert rows(few) == rows(many)
    assert few.value.dtype == many.value.dtype == np.uint32
    assert few.classes.dtype == many.classes.dtype == np.uint8
