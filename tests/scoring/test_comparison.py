"""Field similarities: in range, symmetric, and what is missing stays missing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe.scoring.comparison
from dedupe.records import record_text
from dedupe.scoring.comparison import (
    MISSING,
    as_numbers,
    compared_fields,
    comparison_vectors,
    layout_of,
    structured,
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
    assert np.isnan(as_numbers(found)[2, 0])


def test_a_label_that_stands_twice_is_one_field() -> None:
    fields = compared_fields(pl.Series(["line: a\nline: b", "line: a b", "line: c"]))
    assert fields[0].codes.tolist() == [0, 0, 1]


def test_few_values_and_many_pairs_give_the_same_similarities() -> None:
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


def test_other_records_are_compared_as_the_layout_says() -> None:
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
    assert structured(compared_fields(pl.Series([person] * 3)))
    assert not structured(compared_fields(pl.Series([person.rsplit("\n", 1)[0]] * 3)))
    wordy = f"{person}\nnote: {'she wrote the first program ' * 3}"
    assert not structured(compared_fields(pl.Series([wordy] * 3)))


def test_a_layout_may_name_what_none_of_these_records_has() -> None:
    layout = [("name", "short"), ("email", "short"), ("*numbers", "numbers")]
    fields = compared_fields(pl.Series(["name: ada", "name: adah"]), layout)
    assert layout_of(fields) == layout
    ends = np.array([0], dtype=np.uint32), np.array([1], dtype=np.uint32)
    features = comparison_vectors(fields, *ends, np.array([0.5], dtype=np.float32))
    assert (features[0, 2:6] == MISSING).all() and (features[0, :2] < MISSING).all()


@given(records=RECORDS, more=st.lists(st.sampled_from(["name: x", "name: é数", "born: 1"])))
def test_few_records_are_taken_apart_as_many_are(
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
