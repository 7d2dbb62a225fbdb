"""Synthetic pairs and tables: form does not reveal the label, and labels can be read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from dedupe.training.generators.synthesize import (
    DOMAINS,
    LabelledPair,
    synthesize_pairs,
    synthesize_table,
)

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def pairs() -> dict[str, list[LabelledPair]]:
    return {name: list(synthesize_pairs(250, 7, (name,))) for name in DOMAINS}


def share(values: list[bool]) -> float:
    return sum(values) / len(values)


def test_a_seed_gives_the_same_pairs_and_fewer_pairs_are_their_beginning() -> None:
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


def test_only_the_given_domains_are_drawn_and_unknown_ones_are_refused() -> None:
    assert {pair.domain for pair in synthesize_pairs(30, 1, ("beer", "film"))} == {"beer", "film"}
    assert {pair.domain for pair in synthesize_pairs(600, 1)} == set(DOMAINS)
    with pytest.raises(KeyError, match="cheese"):
        list(synthesize_pairs(1, 1, ("cheese",)))


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_is_balanced_and_holds_texts(
    domain: str, pairs: dict[str, list[LabelledPair]]
) -> None:
    chosen = pairs[domain]
    assert 0.33 <= share([pair.label == 1 for pair in chosen]) <= 0.53
    for pair in chosen:
        for record in (pair.left, pair.right):
            assert record
            assert all(isinstance(k, str) and isinstance(v, str) for k, v in record.items())
            assert any(value.strip() for value in record.values())


@pytest.mark.parametrize("domain", DOMAINS)
def test_non_matches_never_have_equal_values_and_matches_rarely(
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
def test_most_non_matches_are_hard_and_of_several_kinds(
    domain: str, pairs: dict[str, list[LabelledPair]]
) -> None:
    kinds = Counter(pair.kind for pair in pairs[domain] if pair.label == 0)
    assert len(kinds) >= 3
    assert 0.05 < kinds["unrelated"] / kinds.total() < 0.3


def test_the_form_of_a_record_does_not_reveal_the_label(
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


def test_either_side_can_be_the_changed_one(pairs: dict[str, list[LabelledPair]]) -> None:
    shorter = [
        sum(map(len, pair.left.values())) < sum(map(len, pair.right.values()))
        for pair in pairs["publication"] + pairs["software"]
        if pair.kind in ("fewer-authors", "edition", "terms", "part")
    ]
    assert 0.3 < share(shorter) < 0.7


def test_no_domain_name_or_kind_is_empty(pairs: dict[str, list[LabelledPair]]) -> None:
    for domain, made in pairs.items():
        assert {pair.domain for pair in made} == {domain}
        assert all(pair.kind for pair in made)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_table_has_matches_and_non_matches_and_unlabelled_pairs(domain: str) -> None:
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


def test_a_seed_gives_the_same_table() -> None:
    table, again, other = (synthesize_table(200, seed, "person") for seed in (1, 1, 2))
    assert table.records == again.records
    assert table.records != other.records
    assert all(table.label(a, b) == again.label(a, b) for a in range(40) for b in range(a))
    assert all(table.label(a, b) == table.label(b, a) for a in range(40) for b in range(a))


def test_random_variation_distinguishes_no_two_entities() -> None:
    for table in (synthesize_table(300, seed, "address") for seed in range(3)):
        rows = [(row.number, row.entity, row.view.attributes()) for row in table._rows]
        for a, (number, entity, attributes) in enumerate(rows):
            for b, (next_number, lookalike, others) in enumerate(rows):
                if next_number == number + 1 and table.label(a, b) == 0:
                    shared = attributes & others
                    assert any(entity[name] != lookalike[name] for name in shared)
