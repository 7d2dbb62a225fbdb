"""Comparison vectors: in range, symmetric, computed once, and missing where a value is missing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe.scoring.comparison
from dedupe.records import record_text
from dedupe.scoring.column_similarity import (
    MISSING,
    Comparison,
    as_floats,
    compared_fields,
    comparison_vectors,
    is_structured,
    layout_of,
)

RECORDS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.text("abc é数", min_size=1, max_size=8),
            "born": st.dates().map(str),
            "notes": st.text("xyz 12", min_size=1, max_size=90),
        },
    ),
    min_size=2,
    max_size=12,
)


@given(records=RECORDS, data=st.data())
def test_similarities_do_not_depend_on_sides_nor_on_the_order_of_rows(
    records: list[dict[str, str]], data: st.DataObject
) -> None:
    texts = [record_text(record.items()) for record in records]
    n = len(texts)
    order = np.array(data.draw(st.permutations(range(n))))
    left, right = (a.astype(np.uint32) for a in np.triu_indices(n, 1))
    cosine = np.full(len(left), 0.5, dtype=np.float32)
    straight = comparison_vectors(compared_fields(pl.Series(texts)), left, right, cosine)
    turned = comparison_vectors(compared_fields(pl.Series(texts)), right, left, cosine)
    np.testing.assert_array_equal(straight, turned)
    shuffled = compared_fields(pl.Series([texts[i] for i in order]))
    place = np.argsort(order).astype(np.uint32)
    np.testing.assert_array_equal(
        comparison_vectors(shuffled, place[left], place[right], cosine), straight
    )


def test_equal_different_and_missing_values() -> None:
    texts = pl.Series(
        ["name: ada\nborn: 1815-12-10", "name: ada\nborn: 1815-12-01", "name: adda", ""]
    )
    fields = compared_fields(texts)
    assert [f.label for f in fields] == ["name", "born", "*words", "*numbers"]
    left, right = np.array([0, 0, 0], np.uint32), np.array([1, 2, 3], np.uint32)
    found = comparison_vectors(fields, left, right, np.array([0.9, 0.5, 0.0], np.float32))
    assert found[0, 0] == 254
    assert 150 < found[1, 0] < 254
    assert (found[2, :-3] == MISSING).all()
    assert found[:, -2].tolist() == [1, 0, 0]
    assert found[:, -1].tolist() == [0, 1, 2]
    assert np.isnan(as_floats(found)[2, 0])


def test_values_of_one_record_with_the_same_label_are_joined() -> None:
    fields = compared_fields(pl.Series(["line: a\nline: b", "line: a b", "line: c"]))
    assert fields[0].codes.tolist() == [0, 0, 1]


def test_a_pair_has_the_same_similarities_among_few_pairs_and_among_many() -> None:
    rng = np.random.default_rng(0)
    states = ["nsw", "vic", "qld", "tas"]
    texts = pl.Series([f"state: {states[i]}" for i in rng.integers(0, 4, 200)])
    left, right = (a.astype(np.uint32) for a in np.triu_indices(200, 1))
    many = comparison_vectors(compared_fields(texts), left, right, np.zeros(len(left), np.float32))
    some = np.sort(rng.permutation(len(left))[:10])
    few = comparison_vectors(
        compared_fields(texts), left[some], right[some], np.zeros(10, np.float32)
    )
    np.testing.assert_array_equal(many[some], few)


def test_a_layout_makes_the_vectors_of_other_records_comparable() -> None:
    texts = pl.Series([f"name: person {n}\nborn: 19{n:02}\nnote: x" for n in range(30)])
    fields = compared_fields(texts)
    layout = layout_of(fields)
    some = pl.Series([texts[3], texts[4], "name: 12", ""])
    again = compared_fields(some, layout)
    assert layout_of(again) == layout
    left, right = np.array([0, 0, 2], np.uint32), np.array([1, 2, 3], np.uint32)
    cosine = np.zeros(3, np.float32)
    found = comparison_vectors(again, left, right, cosine)
    whole = comparison_vectors(fields, left[:1] + 3, right[:1] + 3, cosine[:1])
    assert found.shape[1] == whole.shape[1]
    np.testing.assert_array_equal(found[0], whole[0])
    assert (found[2, :-3] == MISSING).all()


def test_many_short_fields_are_structured_and_free_text_is_not() -> None:
    person = "given: ada\nsurname: lovelace\ntown: london\nborn: 1815-12-10"
    assert is_structured(compared_fields(pl.Series([person] * 3)))
    assert not is_structured(compared_fields(pl.Series([person.rsplit("\n", 1)[0]] * 3)))
    wordy = f"{person}\nnote: {'she wrote the first program ' * 3}"
    assert not is_structured(compared_fields(pl.Series([wordy] * 3)))


def test_a_field_of_the_layout_that_no_record_has_is_missing() -> None:
    layout = [("name", "short"), ("email", "short"), ("*numbers", "numbers")]
    fields = compared_fields(pl.Series(["name: ada", "name: adah"]), layout)
    assert layout_of(fields) == layout
    ends = np.array([0], dtype=np.uint32), np.array([1], dtype=np.uint32)
    features = comparison_vectors(fields, *ends, np.array([0.5], dtype=np.float32))
    assert (features[0, 2:6] == MISSING).all() and (features[0, :2] < MISSING).all()


@given(records=RECORDS, more=st.lists(st.sampled_from(["name: x", "name: é数", "born: 1"])))
def test_few_records_are_split_into_the_same_fields_as_many(
    records: list[dict[str, str]], more: list[str]
) -> None:
    texts = [record_text(record.items()) for record in records]
    texts = pl.Series(["\n".join([text, *more]) for text in texts] + [""])
    layout = layout_of(compared_fields(texts))
    few = compared_fields(texts, layout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedupe.scoring.comparison, "FEW_RECORDS", 0)
        many = compared_fields(texts, layout)
    for one, other in zip(few, many, strict=True):
        assert (one.label, one.kind) == (other.label, other.kind)
        assert one.codes.tolist() == other.codes.tolist()
        assert one.values.tolist() == other.values.tolist()


def candidates_of(n: int) -> pl.DataFrame:
    left, right = np.triu_indices(n, 1)
    order = np.random.default_rng(0).permutation(len(left))
    return pl.DataFrame(
        {
            "left": left[order].astype(np.uint32),
            "right": right[order].astype(np.uint32),
            "similarity": np.linspace(-0.2, 1, len(left), dtype=np.float32),
        }
    )


@given(records=RECORDS, data=st.data())
def test_vectors_that_are_looked_up_are_those_that_would_be_computed(
    records: list[dict[str, str]], data: st.DataObject
) -> None:
    texts = pl.Series([record_text(record.items()) for record in records])
    candidates = candidates_of(len(records))
    comparison = Comparison.of(texts, candidates)
    fields = data.draw(st.permutations(compared_fields(texts)))
    some = np.array(data.draw(st.lists(st.integers(0, candidates.height - 1), max_size=5)), int)
    left, right, similarity = (column.to_numpy()[some] for column in candidates)
    assert comparison.look_up(fields, left, right) is None  # nothing is computed yet
    assert len(comparison.vectors) == candidates.height
    np.testing.assert_array_equal(
        comparison.look_up(fields, left, right),
        comparison_vectors(fields, left, right, similarity),
    )


def test_vectors_of_other_fields_or_other_pairs_are_not_looked_up() -> None:
    texts = pl.Series([f"name: person {n}\nborn: 19{n:02}" for n in range(4)])
    comparison = Comparison.of(texts, candidates_of(4).filter(pl.col("left") > 0))
    assert len(comparison.vectors) == 3
    one, two, three = (np.array([row], np.uint32) for row in (1, 2, 3))
    zero = np.array([0], np.uint32)
    assert comparison.look_up(comparison.fields, two, three) is not None
    assert comparison.look_up(comparison.fields, zero, one) is None
    assert comparison.look_up(comparison.fields[:1], two, three) is None
