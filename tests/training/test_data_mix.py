"""The pairs of a round come from the train parts, and later rounds have other pairs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dedupe.models.loading import MODELS
from dedupe.training.data_mix import first_round_pairs, later_round_pairs, read_tables
from dedupe.training.generators.synthesize import DOMAINS
from dedupe.training.recipe import Recipe

pytestmark = pytest.mark.model


def test_the_first_round_learns_train_parts_and_synthetic_pairs(data: Path, small: Recipe) -> None:
    tables = read_tables(data)
    pairs = first_round_pairs(data, tables, small)
    counts = Counter(pair.origin for pair in pairs)
    assert counts["published"] == 40
    assert counts["synthetic"] == 80
    assert 0 < counts["table"] <= 80
    assert pairs == first_round_pairs(data, tables, small)


def test_sets_can_be_left_out(data: Path, small: Recipe) -> None:
    left_out = ("published", "table")
    pairs = first_round_pairs(data, read_tables(data, left_out), small, left_out)
    assert {pair.origin for pair in pairs} == {"synthetic"}


def test_later_rounds_have_other_pairs_synthetic_tables_and_free_text(
    data: Path, small: Recipe
) -> None:
    tables = read_tables(data)
    pairs = later_round_pairs(data, tables, MODELS / "cross-encoder", small, 2)
    counts = Counter(pair.origin for pair in pairs)
    assert {f"made-{domain}" for domain in DOMAINS} <= counts.keys()
    assert counts["published"] == 40  # ten of them twice
    assert counts["synthetic"] == 40
    assert 0 < counts["table"] <= 160
    first = {
        pair.left for pair in first_round_pairs(data, tables, small) if pair.origin == "synthetic"
    }
    assert not first & {pair.left for pair in pairs if pair.origin == "synthetic"}
    assert any(len(pair.left) + len(pair.right) > 300 for pair in pairs)
