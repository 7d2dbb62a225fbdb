"""The synthesizer: both labels look alike from outside; what tells two things apart can be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.scoring.augment import edits, records
from dedupe.scoring.augment.records import (
    COMMERCIAL,
    LITERARY,
    NOMINAL,
    OFFERED,
    PERSONAL,
    corrupt_record,
    damage,
)
from dedupe.training.generators.domain import Domain, Pool, nudge_digit, other_of
from dedupe.training.generators.people import PERSON
from dedupe.training.generators.products import SOFTWARE
from dedupe.training.generators.sites import _NAMERS
from dedupe.training.generators.synthesize import (
    DOMAINS,
    LabelledPair,
    synthesize_pairs,
    synthesize_table,
)
from dedupe.training.generators.works import BOOK, FILM, write_people

FEW = 250
"""Pairs a domain."""


@pytest.fixture(scope="module")
def pairs() -> dict[str, list[LabelledPair]]:
    return {name: list(synthesize_pairs(FEW, 7, (name,))) for name in DOMAINS}


def share(values: list[bool]) -> float:
    return sum(values) / len(values)


def test_a_seed_gives_the_same_pairs_and_fewer_are_their_beginning() -> None:
    first = list(synthesize_pairs(60, 3))
    assert first == list(synthesize_pairs(60, 3))
    assert first[:20] == list(synthesize_pairs(20, 3))
    assert first != list(synthesize_pairs(60, 4))
    assert list(synthesize_pairs(0, 3)) == []


def test_pairs_do_not_depend_on_the_process() -> None:
    script = (
        "from hashlib import sha256\n"
        "from dedupe.training.generators.synthesize import synthesize_pairs as make\n"
        "print(sha256(repr(list(make(400, 5))).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_only_the_domains_asked_for_are_made_and_unknown_ones_are_refused() -> None:
    assert {pair.domain for pair in synthesize_pairs(30, 1, ("beer", "film"))} == {"beer", "film"}
    assert {pair.domain for pair in synthesize_pairs(600, 1)} == set(DOMAINS)
    with pytest.raises(KeyError, match="cheese"):
        list(synthesize_pairs(1, 1, ("cheese",)))


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_is_balanced_and_holds_texts(
    domain: str, pairs: dict[str, list[LabelledPair]]
) -> None:
    made = pairs[domain]
    assert 0.33 <= share([pair.label == 1 for pair in made]) <= 0.53
    for pair in made:
        for record in (pair.left, pair.right):
            assert record
            assert all(isinstance(k, str) and isinstance(v, str) for k, v in record.items())
            assert any(value.strip() for value in record.values())


@pytest.mark.parametrize("domain", DOMAINS)
def test_negatives_never_read_the_same_and_positives_rarely(
    domain: str, pairs: dict[str, list[LabelledPair]]
) -> None:
    same = {
        label: share(
            [
                list(pair.left.values()) == list(pair.right.values())
                for pair in pairs[domain]
                if pair.label == label
            ]
        )
        for label in (0, 1)
    }
    assert same[0] == 0
    assert same[1] < 0.12


@pytest.mark.parametrize("domain", DOMAINS)
def test_most_negatives_are_hard_and_of_several_kinds(
    domain: str, pairs: dict[str, list[LabelledPair]]
) -> None:
    kinds = Counter(pair.kind for pair in pairs[domain] if pair.label == 0)
    assert len(kinds) >= 3
    assert 0.05 < kinds["unrelated"] / kinds.total() < 0.3


def test_the_form_of_a_record_does_not_give_the_label_away(
    pairs: dict[str, list[LabelledPair]],
) -> None:
    def mean(label: int, measure: str) -> float:
        values = [
            {
                "fields": float(len(record)),
                "empty": sum(not value for value in record.values()) / len(record),
                "length": sum(map(len, record.values())) / 50,
                "upper": float("".join(record.values()).isupper()),
                "other fields": float(list(pair.left) != list(pair.right)),
            }[measure]
            for made in pairs.values()
            for pair in made
            if pair.label == label
            for record in (pair.left, pair.right)
        ]
        return sum(values) / len(values)

    for measure in ("fields", "empty", "length", "upper", "other fields"):
        assert mean(0, measure) == pytest.approx(mean(1, measure), abs=0.04, rel=0.12), measure


def test_neither_side_is_always_the_damaged_one(pairs: dict[str, list[LabelledPair]]) -> None:
    shorter = [
        sum(map(len, pair.left.values())) < sum(map(len, pair.right.values()))
        for pair in pairs["publication"] + pairs["software"]
        if pair.kind in ("fewer-authors", "edition", "terms", "part")
    ]
    assert 0.3 < share(shorter) < 0.7


def test_people_of_many_scripts_are_made(pairs: dict[str, list[LabelledPair]]) -> None:
    made = pairs["person"] + pairs["person-name-birth"] + pairs["company"]
    letters = {char for pair in made for text in pair.left.values() for char in text}
    scripts = {unicodedata.name(char, "").split(" ")[0] for char in letters if char.isalpha()}
    assert scripts >= {"LATIN", "CYRILLIC", "GREEK", "CJK", "ARABIC", "HANGUL", "HEBREW", "THAI"}


def test_no_domain_name_or_kind_is_empty(pairs: dict[str, list[LabelledPair]]) -> None:
    for domain, made in pairs.items():
        assert {pair.domain for pair in made} == {domain}
        assert all(pair.kind for pair in made)


# --- Corruption ---------------------------------------------------------------------------------

any_records = st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=6)
seeds = st.integers(0, 2**32 - 1)


@given(any_records, seeds, st.floats(0, 4))
def test_any_record_can_be_corrupted(record: dict[str, str], seed: int, strength: float) -> None:
    before = dict(record)
    made = corrupt_record(record, Random(seed), strength)
    assert record == before
    assert list(made) == list(record)
    assert all(isinstance(value, str) for value in made.values())
    assert any(made.values()) == any(record.values())
    assert made == corrupt_record(record, Random(seed), strength)


@given(any_records, seeds)
def test_strength_zero_is_an_exact_copy(record: dict[str, str], seed: int) -> None:
    made = corrupt_record(record, Random(seed), 0.0)
    assert made == record
    assert made is not record


EDITS = tuple(
    dict.fromkeys(
        edit
        for habits in (records.GENERAL, PERSONAL, OFFERED, LITERARY, NOMINAL)
        for edit, _ in habits.edits
    )
)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__qualname__)
@settings(max_examples=25)
@given(text=st.text(min_size=1, max_size=40), seed=seeds)
def test_every_edit_takes_any_text(edit: edits.Edit, text: str, seed: int) -> None:
    assert isinstance(edit(text, Random(seed)), str)


def test_more_strength_changes_more() -> None:
    record = {"name": "Wilhelmina Featherstonehaugh", "street": "12 Saint James Street"}

    def changed(strength: float) -> int:
        return sum(corrupt_record(record, Random(seed), strength) != record for seed in range(300))

    assert 0 == changed(0) < changed(0.2) < changed(1) < changed(4)


def test_goods_keep_their_numbers() -> None:
    record = {"title": "canon powershot sx740 20 megapixel", "model": "sx740"}
    kept = [
        "740" in "".join(damage(record, Random(seed), 1.0, COMMERCIAL).values())
        for seed in range(300)
    ]
    assert share(kept) > 0.97


@pytest.mark.parametrize(
    ("edit", "text", "expected"),
    [
        (edits.transliterate, "Иван Щукин", "Ivan Shchukin"),
        (edits.transliterate, "김민수", "gimminsu"),
        (edits.transliterate, "Γιώργος", "Giorgos"),
        (edits.respace_units, "8 gb ddr3 1600 mhz", "8gb ddr3 1600mhz"),
        (edits.rename, "katya", "ekaterina"),
        (edits.swap_words, "Ada Lovelace", "Lovelace Ada"),
    ],
)
def test_edits_write_what_they_say(edit: edits.Edit, text: str, expected: str) -> None:
    assert expected in {edit(text, Random(seed)) for seed in range(40)}


def test_dates_are_written_in_other_orders() -> None:
    forms = {edits.rewrite_date("1980-02-03", Random(seed)) for seed in range(80)}
    assert {"03/02/1980", "19800203", "3 Feb 1980"} <= forms


# --- Parts --------------------------------------------------------------------------------------


def test_a_pool_draws_the_first_values_most_often() -> None:
    pool = Pool.of(["smith", "jones", "", "smith", *map(str, range(200))])
    assert len(pool.values) == 202
    rng = Random(1)
    drawn = Counter(pool.draw(rng) for _ in range(5_000))
    assert drawn["smith"] > 3 * drawn["199"] > 0


def test_people_are_written_in_the_manner_of_a_source() -> None:
    names = "Barbara H. Liskov, Atul Adya"
    assert write_people(names, "full") == names
    assert write_people(names, "initials") == "B. H. Liskov, A. Adya"
    assert write_people(names, "surname-first") == "Liskov, Barbara H.; Adya, Atul"
    assert write_people(names, "surname-initials") == "Liskov BH, Adya A"
    assert write_people(names, "et-al") == "Barbara H. Liskov et al."
    assert write_people("", "et-al") == ""


@given(st.text(alphabet="ab0123456789-", max_size=12), seeds)
def test_a_nudged_digit_is_another_text(text: str, seed: int) -> None:
    assert nudge_digit(Random(seed), text) != text


def test_another_of_one_is_made_up() -> None:
    assert other_of(Random(0), ["one"], "one") != "one"
    assert (
        list(islice((other_of(Random(s), ["one", "two"], "One") for s in range(9)), 9))
        == ["two"] * 9
    )


def test_another_of_one_is_no_other_form_of_it() -> None:
    forms = (("ii", "2"), ("iii", "3"))
    drawn = {other_of(Random(s), ("II", "2", "III"), "II", forms) for s in range(60)}
    assert drawn == {"III"}
    assert {other_of(Random(s), ("II", "2"), "", forms) for s in range(60)} == {"II", "2"}


FORMS = (
    (FILM, "sequel", "part", ("ii", "2")),
    (BOOK, "edition", "edition", ("2nd edition", "second edition")),
    (SOFTWARE, "terms", "terms", ("academic", "education edition", "distilled edition")),
    (SOFTWARE, "terms", "terms", ("", "1 user")),
    (PERSON, "twin", "given", ("kate", "cathy", "catherine", "katie", "katherine", "kathryn")),
)


@pytest.mark.parametrize(("domain", "kind", "role", "forms"), FORMS, ids=lambda one: str(one)[:20])
def test_what_is_written_in_another_form_is_not_another_thing(
    domain: Domain, kind: str, role: str, forms: tuple[str, ...]
) -> None:
    (change,) = (change for change in domain.different if change.kind == kind)
    rng = Random(0)
    for _ in range(300):
        thing = {**domain.make(rng), role: forms[0]}
        if domain is PERSON:
            thing |= {"locale": "en_US", "sex": "f"}
        edited = dict(thing)
        change.edit(rng, edited)
        assert edited == thing or edited[role] == forms[0] or edited[role].lower() not in forms


def test_a_museum_of_art_is_an_art_museum() -> None:
    made = [_NAMERS["museum"](Random(seed)) for seed in range(2_000)]
    read = [[sorted(name.replace(" Of ", " ").split()) for name in both] for both in made]
    assert all(one == other or a != b for (one, other), (a, b) in zip(made, read, strict=True))


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_table_has_duplicates_strangers_and_pairs_nobody_could_tell(domain: str) -> None:
    table = synthesize_table(300, 3, domain)
    assert len(table.records) == 300
    labels = Counter(table.label(a, b) for a in range(300) for b in range(a))
    assert labels[1] > 3
    assert labels[0] > 300 * 299 / 2 * 0.8
    assert all(
        table.label(a, b) is None or table.records[a] != table.records[b] or table.label(a, b) == 1
        for a in range(300)
        for b in range(a)
    )


def test_a_table_is_made_again_by_its_seed() -> None:
    one, again, other = (synthesize_table(200, seed, "person") for seed in (1, 1, 2))
    assert one.records == again.records
    assert one.records != other.records
    assert all(one.label(a, b) == again.label(a, b) for a in range(40) for b in range(a))
    assert all(one.label(a, b) == one.label(b, a) for a in range(40) for b in range(a))


def test_what_varies_at_random_tells_no_two_things_apart() -> None:
    for table in (synthesize_table(300, seed, "address") for seed in range(3)):
        rows = [(row.number, row.thing, row.view.roles()) for row in table._accounts]
        for a, (number, thing, roles) in enumerate(rows):
            for b, (after, lookalike, others) in enumerate(rows):
                if after == number + 1 and table.label(a, b) == 0:
                    assert any(thing[role] != lookalike[role] for role in roles & others)


def test_a_column_of_another_year_is_told_by_its_year() -> None:
    """A column such as "Book Reviews" is the same in every issue, but for its year."""
    made = [
        one for one in synthesize_pairs(6_000, 3, ("publication",)) if one.kind == "other-issue"
    ]
    assert len(made) > 20
    for one in made:
        numbers = [
            set(re.findall(r"\d{4}", " ".join(side.values()))) for side in (one.left, one.right)
        ]
        assert numbers[0] != numbers[1] or not all(numbers)
