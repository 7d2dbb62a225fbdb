"""Pairs of identical text and connected components."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.pairs import (
    PAIRS,
    SAME_FROM,
    components,
    identical_groups,
    identical_pairs,
    judged_identical,
    of_own_record,
)


def scored(*rows: tuple[int, int, float]) -> pl.DataFrame:
    """Make scored pairs of left row, right row and probability."""
    left, right, probability = zip(*rows, strict=True) if rows else ((), (), ())
    decided_by = ["identical" if a == b else "comparison" for a, b in zip(left, right, strict=True)]
    return pl.DataFrame(
        {
            "left": left,
            "right": right,
            "similarity": [1.0] * len(rows),
            "probability": probability,
            "decided_by": decided_by,
            "reason": [""] * len(rows),
        },
        schema=PAIRS,
    )


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


def test_pairs_of_a_record_with_itself_are_selected() -> None:
    pairs = scored((0, 0, 0.9), (0, 1, 0.2), (2, 2, 0.1))
    assert of_own_record(pairs)["left"].to_list() == [0, 2]


def test_identical_records_are_one_unless_their_group_says_next_to_nothing() -> None:
    texts = ["name: ann lee", "city: rome", "name: ann lee", "city: rome", "city: rome"]
    _, identical = identical_pairs(pl.Series("text", texts))
    judged = judged_identical(identical, scored((0, 0, 0.97), (0, 1, 0.3), (1, 1, 0.2)))
    assert judged.schema == PAIRS
    assert judged.select("left", "right", "decided_by").rows() == [
        (0, 2, "identical"), (1, 3, "comparison"), (1, 4, "comparison"),
    ]  # fmt: skip
    # What counts as one record is certain; the others keep the probability of their group.
    assert judged["probability"].to_list() == pl.Series([1, 0.2, 0.2], dtype=pl.Float32).to_list()
    assert judged["similarity"].to_list() == [1, 1, 1]


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=9),
    st.lists(st.floats(0, 1, width=32), min_size=9, max_size=9),
)
def test_a_group_of_identical_records_is_certain_from_the_limit_on(
    texts: list[str], probability: list[float]
) -> None:
    firsts, identical = identical_pairs(pl.Series("text", texts))
    own = scored(*((row, row, probability[row]) for row in firsts))
    judged = judged_identical(identical, own)
    assert judged.select("left", "right").equals(identical.select("left", "right"))
    for left, found, by in judged.select("left", "probability", "decided_by").rows():
        same = probability[left] >= SAME_FROM
        assert found == (1 if same else probability[left])
        assert by == ("identical" if same else "comparison")


def test_identical_records_whose_group_was_not_scored_are_one() -> None:
    _, identical = identical_pairs(pl.Series("text", ["a", "a"]))
    assert judged_identical(identical, scored()).equals(identical)
    assert judged_identical(identical.head(0), scored((0, 0, 0.9))).is_empty()
