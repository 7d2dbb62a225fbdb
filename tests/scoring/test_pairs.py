"""Pairs of identical text and connected components."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.pairs import PAIRS, components, identical_groups, identical_pairs


def test_equal_texts_are_grouped_and_empty_ones_are_not() -> None:
    firsts, pairs = identical_pairs(pl.Series("text", ["x", "y", "x", "", "x", ""]))
    assert firsts.to_list() == [0, 1, 3, 5]
    assert pairs.select("left", "right").rows() == [(0, 2), (0, 4)]
    assert pairs["probability"].to_list() == [1, 1]
    assert pairs.schema == PAIRS


@given(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=12))
def test_the_group_of_a_record_is_the_first_row_of_its_text(texts: list[str]) -> None:
    _, pairs = identical_pairs(pl.Series("text", texts, dtype=pl.String))
    groups = identical_groups(len(texts), pairs)
    assert groups.dtype == np.uint32
    assert groups.tolist() == [texts.index(text) if text else row for row, text in enumerate(texts)]


@given(st.integers(1, 12), st.data())
def test_a_component_is_named_by_its_smallest_row(n: int, data: st.DataObject) -> None:
    row = st.integers(0, n - 1)
    edges = data.draw(st.lists(st.tuples(row, row), max_size=12))
    expected = list(range(n))
    for _ in range(n):
        for a, b in edges:
            expected[a] = expected[b] = min(expected[a], expected[b])
    left, right = (np.array([edge[side] for edge in edges], dtype=np.int64) for side in (0, 1))
    found = components(n, left, right)
    assert found.dtype == np.uint32
    assert found.tolist() == expected
