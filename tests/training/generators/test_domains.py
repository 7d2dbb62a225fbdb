"""Domains: changes to another entity leave no other form of the same entity."""

from __future__ import annotations

import re
import unicodedata
from random import Random

import pytest

from dedupe.training.generators.domain import Domain
from dedupe.training.generators.domains.authors import write_people
from dedupe.training.generators.domains.books import BOOK
from dedupe.training.generators.domains.films import FILM
from dedupe.training.generators.domains.people import PERSON
from dedupe.training.generators.domains.software import SOFTWARE
from dedupe.training.generators.domains.title_names import NAME_PAIRS
from dedupe.training.generators.synthesize import synthesize_pairs

pytestmark = pytest.mark.model


def test_people_are_written_in_the_manner_of_a_source() -> None:
    names = "Barbara H. Liskov, Atul Adya"
    assert write_people(names, "full") == names
    assert write_people(names, "initials") == "B. H. Liskov, A. Adya"
    assert write_people(names, "surname-first") == "Liskov, Barbara H.; Adya, Atul"
    assert write_people(names, "surname-initials") == "Liskov BH, Adya A"
    assert write_people(names, "et-al") == "Barbara H. Liskov et al."
    assert write_people("", "et-al") == ""


FORMS = (
    (FILM, "sequel", "part", ("ii", "2")),
    (BOOK, "edition", "edition", ("2nd edition", "second edition")),
    (SOFTWARE, "terms", "terms", ("academic", "education edition", "student edition")),
    (SOFTWARE, "terms", "terms", ("", "1 user")),
    (PERSON, "twin", "given", ("kate", "cathy", "catherine", "katie", "katherine", "kathryn")),
)


@pytest.mark.parametrize(
    ("domain", "kind", "attribute", "forms"), FORMS, ids=lambda value: str(value)[:20]
)
def test_another_form_of_a_value_makes_no_other_entity(
    domain: Domain, kind: str, attribute: str, forms: tuple[str, ...]
) -> None:
    (change,) = (change for change in domain.different if change.kind == kind)
    rng = Random(0)
    for _ in range(300):
        entity = {**domain.make(rng), attribute: forms[0]}
        if domain is PERSON:
            entity |= {"locale": "en_US", "sex": "f"}
        edited = dict(entity)
        change.edit(rng, edited)
        unchanged = edited == entity or edited[attribute] == forms[0]
        assert unchanged or edited[attribute].lower() not in forms


def test_a_museum_of_art_is_an_art_museum() -> None:
    pairs = [NAME_PAIRS["museum"](Random(seed)) for seed in range(2_000)]
    words = [[sorted(name.replace(" Of ", " ").split()) for name in pair] for pair in pairs]
    for (name, other), (left, right) in zip(pairs, words, strict=True):
        assert name == other or left != right


def test_people_have_names_of_many_scripts() -> None:
    letters = {
        char
        for domain in ("person", "person-name-birth", "company")
        for pair in synthesize_pairs(250, 7, (domain,))
        for text in pair.left.values()
        for char in text
    }
    scripts = {unicodedata.name(char, "").split(" ")[0] for char in letters if char.isalpha()}
    assert scripts >= {"LATIN", "CYRILLIC", "GREEK", "CJK", "ARABIC", "HANGUL", "HEBREW", "THAI"}


def test_issues_of_a_recurring_column_differ_in_their_year() -> None:
    pairs = [
        pair for pair in synthesize_pairs(6_000, 3, ("publication",)) if pair.kind == "other-issue"
    ]
    assert len(pairs) > 20
    for pair in pairs:
        left, right = (
            set(re.findall(r"\d{4}", " ".join(record.values())))
            for record in (pair.left, pair.right)
        )
        assert left != right or not (left and right)
