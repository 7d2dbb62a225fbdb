"""Steps give the same of a few texts, by Python, and of many, by polars."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.comparison.values import text_steps
from dedupe.scoring.comparison.values.text_steps import TextSteps, all_matches, listed

TEXT = TextSteps()
STEPS = {
    "replace": TEXT.replace(r"a(\d)", "<${1}>"),
    "replace all": TEXT.replace_all(r"(a)|\b(1)", "$2-$1"),
    "prefix": TEXT.without_prefix("a"),
    "head": TEXT.head(2),
    "tail": TEXT.tail(2),
    "stripped": TEXT.stripped(" a"),
    "stripped at the start": TEXT.stripped_start(" a"),
    "between": TEXT.between("^", "$"),
    "padded": TEXT.padded(3, "."),
    "translated": TEXT.translated({"a": "1", "1": "2"}),
    "extract": TEXT.extract((r"(1)|a", 1), (r"\s(.)$", 1)),
    "extract or else": TEXT.extract((r"^([0-9])", 1), default="0").integer(),
    "contains": TEXT.contains(r"\w\W"),
    "count": TEXT.count(r"a+"),
    "length": TEXT.length(),
    "several": TEXT.extract((r"(\S+)$", 1)).replace_all("a", "b").contains("^b"),
}
TEXT_OF_ANY_KIND = st.text("a1 é٣\u00a0\n\x1c\u0085", max_size=5)
TEXTS = st.lists(TEXT_OF_ANY_KIND, max_size=6)


def by_polars(function: Any, texts: list[Any], *given: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_steps, "FEW", 0)
        return function(pl.Series("value", texts, dtype=pl.String), *given)


@pytest.mark.parametrize("name", list(STEPS))
@given(st.lists(st.none() | TEXT_OF_ANY_KIND, max_size=6))
def test_steps_of_few_and_of_many_texts(name: str, texts: list[Any]) -> None:
    steps = STEPS[name]
    many = by_polars(steps.of, texts)
    assert many.dtype == steps.dtype
    assert steps.of(texts) == many.to_list()
    # A short column is a few texts.
    few = steps.of(pl.Series("value", texts, dtype=pl.String))
    assert few.dtype == steps.dtype
    assert few.to_list() == many.to_list()


@given(TEXTS, st.sampled_from([("a+", 0), (r"(\d)?\s", 1), (r"a(1)|1(a)", 2)]))
def test_matches_in_few_and_in_many_texts(texts: list[str], pattern: tuple[str, int]) -> None:
    rows, found = all_matches(texts, *pattern)
    same_rows, same = by_polars(all_matches, texts, *pattern)
    assert rows.tolist() == same_rows.tolist()
    assert found == listed(same)


def test_truth_values_and_numbers_become_arrays() -> None:
    texts = ["a", "", "aa"]
    for steps, dtype in ((TEXT.contains("a"), np.bool_), (TEXT.length(), np.uint32)):
        few, many = steps.array(texts), by_polars(steps.array, texts)
        assert few.dtype == many.dtype == dtype
        assert few.tolist() == many.tolist()
    assert TEXT.length().array([]).dtype == np.uint32
