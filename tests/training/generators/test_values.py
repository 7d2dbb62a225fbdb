"""Random values differ where they must, and frequent ones come first."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.training.generators.values import Pool, draw_other, nudge_digit

pytestmark = pytest.mark.model


def test_a_pool_draws_the_first_values_most_often() -> None:
    pool = Pool.of(["smith", "jones", "", "smith", *map(str, range(200))])
    assert len(pool.values) == 202
    rng = Random(1)
    drawn = Counter(pool.draw(rng) for _ in range(5_000))
    assert drawn["smith"] > 3 * drawn["199"] > 0


@given(st.text(alphabet="ab0123456789-", max_size=12), st.integers(0, 2**32 - 1))
def test_a_nudged_digit_makes_another_text(text: str, seed: int) -> None:
    assert nudge_digit(Random(seed), text) != text


def test_another_value_is_invented_where_there_is_none() -> None:
    assert draw_other(Random(0), ["one"], "one") != "one"
    others = (draw_other(Random(s), ["one", "two"], "One") for s in range(9))
    assert list(islice(others, 9)) == ["two"] * 9


def test_another_value_is_no_other_form_of_the_value() -> None:
    forms = (("ii", "2"), ("iii", "3"))
    drawn = {draw_other(Random(s), ("II", "2", "III"), "II", forms) for s in range(60)}
    assert drawn == {"III"}
    assert {draw_other(Random(s), ("II", "2"), "", forms) for s in range(60)} == {"II", "2"}
