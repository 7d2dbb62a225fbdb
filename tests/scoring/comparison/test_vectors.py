"""Comparison vectors mean the same on either side, in every order of rows and in every file."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.comparison.field_features import CONTACTS, EXCLUSIVE, STRINGS
from dedupe.scoring.comparison.record_table import NUMBERS, record_table
from dedupe.scoring.comparison.scales import EQUAL, UNKNOWN
from dedupe.scoring.comparison.vectors import (
    by_row,
    comparison_vectors,
    feature_names,
    neighbourhood,
)
from tests.laws import examples
from tests.scoring.comparison.samples import (
    RECORDS,
    all_pairs,
    ends,
    features_of,
    texts_of,
    vectors_of,
)

FEW = examples(10)
SIMILARITIES = {
    **{f"{name} {scorer}": name for name, scorer, _ in STRINGS},
    **{name: name for name, _, _ in CONTACTS},
    **{name: name for name in ("date", *NUMBERS)},
    "given name compatible": "given",
    "date digits": "date",
}
"""Features that are :data:`EQUAL` for equal values, and the role group that they compare."""
BY_NAME = {f"{name} by name": name for name in (*EXCLUSIVE, *(name for name, _, _ in CONTACTS))}


def compared(one: dict[str, str], other: dict[str, str], *others: dict[str, str]) -> dict[str, int]:
    """Return the features of two records in a file with others."""
    table = record_table(texts_of([one, other, *others]))
    return features_of(vectors_of(table, *ends([(0, 1)])))[0]


@FEW
@given(RECORDS)
def test_left_and_right_can_be_exchanged(records: list[dict[str, str]]) -> None:
    table = record_table(texts_of(records))
    left, right = all_pairs(len(records))
    np.testing.assert_array_equal(vectors_of(table, left, right), vectors_of(table, right, left))


@pytest.mark.slow
@FEW
@given(RECORDS)
def test_a_pair_alone_has_the_vector_that_it_has_among_others(
    records: list[dict[str, str]],
) -> None:
    table = record_table(texts_of(records))
    left, right = all_pairs(len(records))
    alone = [vectors_of(table, *ends([pair]))[0] for pair in zip(left, right, strict=True)]
    np.testing.assert_array_equal(vectors_of(table, left, right), np.stack(alone))


def test_a_word_in_other_fields_of_either_record_counts_alike() -> None:
    table = record_table(texts_of([{"given": "ann"}, {"name": "ann"}]))
    one, other = features_of(vectors_of(table, *ends([(0, 1), (1, 0)])))
    assert one == other


@pytest.mark.slow
@FEW
@given(RECORDS, st.data())
def test_the_order_of_rows_changes_nothing(
    records: list[dict[str, str]], data: st.DataObject
) -> None:
    texts, (left, right) = texts_of(records), all_pairs(len(records))
    order = np.array(data.draw(st.permutations(range(len(records)))))
    place = np.argsort(order).astype(np.uint32)
    shuffled = record_table(texts.gather(order))
    np.testing.assert_array_equal(
        vectors_of(record_table(texts), left, right),
        vectors_of(shuffled, place[left], place[right]),
    )


@FEW
@given(RECORDS)
def test_a_record_equals_itself_where_it_has_values(records: list[dict[str, str]]) -> None:
    table = record_table(texts_of(records))
    rows = np.arange(len(records), dtype=np.uint32)
    there = {name: group.codes >= 0 for name, group in table.groups.items()}
    # A date or a number that cannot be read is not compared.
    there |= {name: ~np.isnan(values) for name, values in table.numbers.items()}
    if table.dates is not None:
        there["date"] = table.dates[:, 0] > 0
    for row, features in enumerate(features_of(vectors_of(table, rows, rows))):
        for feature, group in SIMILARITIES.items():
            has_value = group in there and there[group][row]
            assert features[feature] == (EQUAL if has_value else UNKNOWN), feature
        assert features["columns different"] == features["conflicts"] == 0
        assert features["bits on both sides alone"] == features["bits on one side alone"] == 0


@pytest.mark.slow
@FEW
@given(RECORDS)
def test_what_one_side_does_not_have_is_unknown(records: list[dict[str, str]]) -> None:
    table = record_table(texts_of(records))
    left, right = all_pairs(len(records))
    found = features_of(vectors_of(table, left, right))
    for a, b, features in zip(left, right, found, strict=True):
        for feature, name in (SIMILARITIES | BY_NAME).items():
            group = table.groups.get(name)
            if group is None or min(group.codes[a], group.codes[b]) < 0:
                assert features[feature] == UNKNOWN, feature


def test_records_without_any_value_can_be_compared() -> None:
    table = record_table(pl.Series("text", ["", "", "name: unknown"]))
    found = features_of(vectors_of(table, *all_pairs(3)))
    for features in found:
        assert {features[feature] for feature in SIMILARITIES | BY_NAME} == {UNKNOWN}
    assert len(vectors_of(table, *ends([]))) == 0


def test_every_file_has_the_same_features() -> None:
    names = feature_names()
    assert len(names) == len(set(names))
    for records in ([{"name": "ann"}] * 2, [{"price": "3"}, {}], [{"x": "a", "email": "a@b.de"}]):
        vectors = vectors_of(record_table(texts_of(records)), *ends([(0, 0)]))
        assert vectors.shape == (1, len(names))
        assert vectors.dtype == np.uint8
        assert vectors.flags.f_contiguous


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [{"name": f"ann {n}", "phone": f"030 123456{n % 3}"} for n in range(9)]
    table, (left, right) = record_table(texts_of(records)), all_pairs(9)
    similarity = np.linspace(-1, 1, len(left), dtype=np.float32)
    around = np.random.default_rng(0).random((len(left), 5)).astype(np.float32)
    whole = comparison_vectors(table, left, right, similarity, around)
    monkeypatch.setattr("dedupe.scoring.comparison.vectors.BLOCK", 7)
    monkeypatch.setattr("dedupe.scoring.comparison.token_features.BLOCK", 2)
    np.testing.assert_array_equal(comparison_vectors(table, left, right, similarity, around), whole)


@pytest.mark.parametrize(
    ("label", "value"),
    [("phone", "030 1234567"), ("email", "info@firma.de"), ("website", "www.firma.de")],
)
def test_a_contact_that_many_names_share_counts_less_than_an_exclusive_one(
    label: str, value: str
) -> None:
    names = ["ann lee", "bob ray", "cleo fox", "dan hill", "eva stone", "fay moor", "gus bay"]
    others = [{"name": name, label: value} for name in names[1:]]
    ann, misspelt = {"name": names[0], label: value}, {"name": "ann leee", label: value}
    name = {"website": "url"}.get(label, label)
    exclusive, shared = compared(ann, misspelt), compared(ann, misspelt, *others)
    assert exclusive[name] == shared[name] == EQUAL
    assert exclusive[f"{name} by name"] > shared[f"{name} by name"] + 40
    assert exclusive[f"{name} shared by"] < shared[f"{name} shared by"]
    # Many records of one name share nothing with others.
    many = compared(ann, ann, ann, ann, ann, ann)
    assert many[f"{name} by name"] == EQUAL


def test_a_rare_word_that_two_records_share_counts_more_than_a_common_one() -> None:
    others = [{"name": f"{first} smith"} for first in ("bob", "cleo", "dan", "eva", "fay", "gus")]
    rare = compared({"name": "ann quill"}, {"name": "al quill"}, *others)
    common = compared({"name": "ann smith"}, {"name": "al smith"}, *others)
    assert rare["rarest shared token"] > common["rarest shared token"]
    assert rare["token bits shared"] > common["token bits shared"]


@pytest.mark.parametrize(
    ("feature", "one", "other"),
    [
        ("codes", "canon t300", "canon t301"),
        ("mass or volumes", "cream 250 ml", "cream 500 ml"),
        ("counts", "soap 6 pack", "soap pack of 12"),
        ("volumes", "saga vol. 2", "saga vol. 3"),
        ("edition numbers", "chess 2nd edition", "chess 3rd edition"),
        ("colours", "shirt red", "shirt blue"),
        ("sizes", "shirt small", "shirt large"),
    ],
)
def test_telling_words_that_differ_conflict(feature: str, one: str, other: str) -> None:
    conflict = compared({"title": one}, {"title": other})
    assert conflict[feature] == 0
    assert conflict["conflicts"] > 0
    same = compared({"title": one}, {"title": f"{one} new"})
    assert same[feature] == EQUAL
    assert same["conflicts"] == 0
    alone = compared({"title": one}, {"title": one.split()[0]})
    assert 0 < alone[feature] < UNKNOWN


@pytest.mark.parametrize(
    ("one", "other", "feature", "high"),
    [
        ({"born": "1958-01-21"}, {"born": "21/1/58"}, "date", True),
        ({"born": "1958-05-04"}, {"born": "1958-04-05"}, "date", True),
        ({"born": "1958-05-04"}, {"born": "1975-11-23"}, "date", False),
        ({"price": "3.50"}, {"price": "$ 3,50"}, "price", True),
        ({"price": "3.50"}, {"price": "35"}, "price", False),
        ({"given": "william"}, {"given": "bill"}, "given name compatible", True),
        ({"given": "william"}, {"given": "w"}, "given name compatible", True),
        ({"given": "william"}, {"given": "anna"}, "given name compatible", False),
        ({"phone": "030 1234567"}, {"phone": "+49 30 1234567"}, "phone", True),
        ({"phone": "030 1234567"}, {"phone": "040 9876543"}, "phone", False),
        ({"postcode": "sw1a 1aa"}, {"postcode": "sw1a1aa"}, "postcode ratio", True),
    ],
)
def test_values_of_a_role_are_compared_by_its_own_rules(
    one: dict[str, str], other: dict[str, str], feature: str, high: bool
) -> None:
    name = {"name": "anna lee"}
    found = compared(name | one, name | other)[feature]
    assert found > UNKNOWN if high else found < UNKNOWN


def test_names_in_the_wrong_order_are_exchanged() -> None:
    one, other = {"given": "anna", "family": "lee"}, {"given": "lee", "family": "anna"}
    assert compared(one, other)["names exchanged"] == EQUAL
    assert compared(one, one)["names exchanged"] == 0
    assert compared(one, {"given": "lee"})["names exchanged"] == 0


def test_the_lead_over_the_other_candidates_of_either_record() -> None:
    left, right = ends([(0, 1), (0, 2), (3, 4)])
    found = neighbourhood(left, right, np.array([0.9, 0.6, 0.5], np.float32), 5)
    # The pair, the best other candidate of 0 and of 1 (none): the smaller lead comes first.
    assert found[:, :2] == pytest.approx(np.array([[0.3, 0.9], [-0.3, 0.6], [0.5, 0.5]]))
    assert found[:, 2:4] == pytest.approx(np.array([[1, 1], [1, 1], [1, 1]]))
    assert found[:, 4] == pytest.approx(np.array([2, 1, 0]) / 3)
    assert len(neighbourhood(*ends([]), np.empty(0, np.float32), 3)) == 0


@given(st.data())
def test_neighbours_do_not_depend_on_sides_nor_on_the_order_of_pairs(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 7))
    left, right = (side.astype(np.uint32) for side in np.triu_indices(n, 1))
    levels = data.draw(st.lists(st.integers(0, 9), min_size=len(left), max_size=len(left)))
    similarity = np.array(levels, dtype=np.float32) / 10
    order = np.array(data.draw(st.permutations(range(len(left)))), dtype=np.int64)
    straight = neighbourhood(left, right, similarity, n)
    np.testing.assert_array_equal(straight, neighbourhood(right, left, similarity, n))
    shuffled = neighbourhood(left[order], right[order], similarity[order], n)
    np.testing.assert_array_equal(straight[order], shuffled)


@given(
    st.lists(
        st.tuples(st.integers(0, 2**31 - 1), st.floats(-1, 1, width=32).map(lambda x: x + 0.0))
    )
)
def test_similarities_are_sorted_within_their_row_from_the_highest(
    found: list[tuple[int, float]],
) -> None:
    ends = np.array([row for row, _ in found], dtype=np.int64)
    similarity = np.array([value for _, value in found], dtype=np.float32)
    row, ranked = by_row(ends, similarity)
    expected = sorted(
        zip(ends.tolist(), similarity.tolist(), strict=True), key=lambda x: (x[0], -x[1])
    )
    assert list(zip(row.tolist(), ranked.tolist(), strict=True)) == expected
