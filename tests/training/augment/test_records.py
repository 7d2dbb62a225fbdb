"""Any record can be corrupted, repeatably and as much as wanted."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.training.augment.records import PRODUCTS, corrupt_record

pytestmark = pytest.mark.model

any_records = st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=6)
seeds = st.integers(0, 2**32 - 1)


@given(any_records, seeds, st.floats(0, 4))
def test_any_record_can_be_corrupted(record: dict[str, str], seed: int, strength: float) -> None:
    before = dict(record)
    copy = corrupt_record(record, Random(seed), strength)
    assert record == before
    assert list(copy) == list(record)
    assert all(isinstance(value, str) for value in copy.values())
    assert any(copy.values()) == any(record.values())
    assert copy == corrupt_record(record, Random(seed), strength)


@given(any_records, seeds)
def test_strength_zero_is_an_exact_copy(record: dict[str, str], seed: int) -> None:
    copy = corrupt_record(record, Random(seed), 0.0)
    assert copy == record
    assert copy is not record


def test_more_strength_changes_more() -> None:
    record = {"name": "Wilhelmina Featherstonehaugh", "street": "12 Saint James Street"}

    def changed(strength: float) -> int:
        return sum(corrupt_record(record, Random(seed), strength) != record for seed in range(300))

    assert 0 == changed(0) < changed(0.2) < changed(1) < changed(4)


def test_numbers_of_products_survive() -> None:
    record = {"title": "canon powershot sx740 20 megapixel", "model": "sx740"}
    intact = [
        "740" in "".join(corrupt_record(record, Random(seed), 1.0, PRODUCTS).values())
        for seed in range(300)
    ]
    assert sum(intact) / len(intact) > 0.97
