"""Decisions and choices of reviewers are translated to row numbers."""

from __future__ import annotations

import polars as pl

from dedupe.config import Config
from dedupe.records.records import make_records
from dedupe.resolution.decisions import (
    CHOICES,
    VALUE_CHOICES,
    chosen_representatives,
    decisions_by_row,
    value_choices_by_row,
)
from tests.resolution.graphs import decisions_of, table

RECORDS = make_records(table(4), Config(fields=("name",)))


def choices_of(*choices: tuple[str, str | None]) -> pl.DataFrame:
    lines = [(record, column, "ann", "2024-01-01", None) for record, column in choices]
    return pl.DataFrame(lines, schema=CHOICES, orient="row")


def test_decisions_keep_their_order_and_name_the_smaller_row_first() -> None:
    found = decisions_by_row(decisions_of([(3, 0, "match"), (1, 2, "different")]), RECORDS)
    assert found.rows() == [(0, 3, "match"), (1, 2, "different")]
    assert found.schema["left"] == found.schema["right"] == pl.UInt32


def test_decisions_about_other_records_are_dropped() -> None:
    assert decisions_by_row(decisions_of([(0, 9, "match"), (9, 8, "match")]), RECORDS).is_empty()


def test_choices_without_a_column_are_representatives_and_the_others_values() -> None:
    choices = choices_of(("r2", None), ("r1", "name"), ("r0", None), ("r3", "gone"), ("r9", "name"))
    assert chosen_representatives(choices, RECORDS) == [2, 0]
    values = value_choices_by_row(choices, RECORDS)
    assert values.rows() == [(1, "name", None)]
    assert values.schema == VALUE_CHOICES


def test_without_choices_nothing_is_chosen() -> None:
    for choices in (None, choices_of()):
        assert chosen_representatives(choices, RECORDS) == []
        assert value_choices_by_row(choices, RECORDS).is_empty()
