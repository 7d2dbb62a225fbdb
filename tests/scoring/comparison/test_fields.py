"""Few records are read by Python and many by polars: both read the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe.scoring.comparison.values.fields as fields
from dedupe.scoring.comparison.values.columns import MANY, for_each, together
from dedupe.scoring.comparison.values.fields import (
    Column,
    Field,
    fields_of,
    joined_column,
    numbered,
)
from dedupe.scoring.comparison.values.text_steps import Texts, listed, series

WORDS = st.text("abé: 東\x00", max_size=4)
LINES = st.tuples(st.sampled_from(["a", "b", "", "é:"]), st.sampled_from([": ", ":"]), WORDS)
TEXTS = st.lists(st.lists(LINES.map("".join), max_size=4).map("\n".join), max_size=6)
TABLES = st.integers(0, 5).flatmap(
    lambda n: st.lists(
        st.lists(st.none() | WORDS, min_size=n, max_size=n), min_size=2, max_size=3
    )
)  # fmt: skip


def assert_same_column(one: Column, other: Column) -> None:
    assert listed(one[0]) == listed(other[0])
    np.testing.assert_array_equal(one[1], other[1])


@given(TEXTS, st.none() | st.lists(st.sampled_from("abc"), unique=True))
def test_fields_of_few_and_of_many_records(texts: list[str], labels: list[str] | None) -> None:
    column = pl.Series("text", texts, dtype=pl.String)
    few = fields_of(column, labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "FEW", 0)
        many = fields_of(column, labels)
    assert list(few) == list(many)
    for label, field in few.items():
        np.testing.assert_array_equal(field.rows, many[label].rows)
        assert field.values == listed(many[label].values)


@given(st.lists(WORDS))
def test_few_and_many_values_are_numbered_alike(values: list[str]) -> None:
    few = numbered(values)
    assert_same_column(few, numbered(pl.Series("value", values, dtype=pl.String)))
    assert [few[0][code] for code in few[1].tolist()] == values
    assert few[0] == sorted(set(values))


@given(TABLES, st.booleans())
def test_columns_of_few_and_of_many_records_are_joined_alike(
    table: Sequence[Sequence[str | None]], all_values: bool
) -> None:
    columns = []
    for column in table:
        rows = np.array([row for row, value in enumerate(column) if value is not None], dtype=int)
        values = pl.Series("value", [value for value in column if value is not None], pl.String)
        columns.append(Field(rows, values).coded(len(column)))
    few = joined_column(columns, all_values=all_values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "FEW", 0)
        assert_same_column(few, joined_column(columns, all_values=all_values))


def test_columns_are_handled_together_or_each() -> None:
    calls: list[int] = []

    def shortened(values: Texts) -> Texts:
        calls.append(len(values))
        return series(values).str.head(1)

    short = [pl.Series(["ab", "cd"]), pl.Series([], dtype=pl.String), pl.Series(["ef"])]
    assert [listed(part) for part in together(shortened, short)] == [["a", "c"], [], ["e"]]
    assert calls == [3]
    long = pl.Series(["xy"]).new_from_index(0, MANY)
    assert [len(part) for part in together(shortened, [long, long])] == [MANY, MANY]
    assert calls == [3, MANY, MANY]
    assert for_each(len, [short, short], MANY) == [3, 3]
