"""The pairs of a stage come from the train parts; sources that are left out come in the second."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dedupe.training import data_mix
from dedupe.training.data_mix import (
    first_stage_pairs,
    read_tables,
    second_stage_pairs,
)
from dedupe.training.recipe import Recipe

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("one_lesson")]


def test_the_first_stage_learns_train_parts_lessons_and_synthetic_pairs(
    data: Path, small: Recipe, tmp_path: Path
) -> None:
    tables = read_tables(data)
    pairs = first_stage_pairs(data, tables, small, tmp_path)
    counts = Counter(pair.origin for pair in pairs)
    assert counts["published"] == 30
    assert counts["synthetic"] == 80
    assert counts["twins"] == 25
    assert 0 < counts["table"] <= 80
    assert pairs == first_stage_pairs(data, tables, small, tmp_path)


def test_sources_that_are_left_out_are_learnt_in_the_second_stage(
    data: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_mix, "LEFT_OUT", ("published",))
    monkeypatch.setattr(data_mix, "BENCHMARKS", ("published",))
    first = first_stage_pairs(data, read_tables(data), small, tmp_path)
    assert "published" not in {pair.origin for pair in first}
    second = second_stage_pairs(data, first, small, tmp_path)
    assert Counter(pair.origin for pair in second)["published"] == 30
    assert len(second) == 30 + 15 + 8 + 10 + 50
    assert Counter(pair.origin for pair in second)["twins"] >= 15
    assert len(set(second) & set(first)) >= 40
    without = second_stage_pairs(data, first, small, tmp_path, ["published"])
    assert "published" not in {pair.origin for pair in without}
    assert len(without) == 15 + 8 + 10 + 50


def test_tables_can_be_left_out(data: Path) -> None:
    assert list(read_tables(data)) == ["table"]
    assert list(read_tables(data, ["table"])) == []


def test_some_pairs_have_free_text(data: Path, small: Recipe, tmp_path: Path) -> None:
    pairs = first_stage_pairs(data, {}, small, tmp_path)
    assert any(len(pair.left) + len(pair.right) > 300 for pair in pairs)


def test_figures_are_of_the_test_parts_and_the_calibration_of_the_valid_parts(
    data: Path, small: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = read_tables(data)
    counts = Counter(pair.origin for pair in data_mix.tested_pairs(data, tables, small))
    assert counts["published"] == 30 and 0 < counts["table"] <= 20
    valid = data_mix.calibration_pairs(data, tables, small)
    assert {pair for pair in valid if pair.origin == "table"} <= set(tables["table"]["valid"])
    counts = Counter(pair.origin for pair in valid)
    assert counts["published"] == 30 and 0 < counts["table"] <= 80 // 6
    monkeypatch.setattr(data_mix, "NEVER_LEARNT", ("published",))
    valid = data_mix.calibration_pairs(data, tables, small)
    assert {pair.origin for pair in valid} == {"table"}
