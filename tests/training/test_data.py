"""Labelled pairs from benchmark folders: no record of one part is seen in another."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dedupe.training.data import (
    TextPair,
    balanced_sample,
    by_origin,
    labelled_folders,
    published_pairs,
    rearrange_fields,
    sample_pairs,
    table_candidates,
    table_folders,
)

pytestmark = pytest.mark.model


def test_folders_are_found_by_what_they_hold(data: Path) -> None:
    assert [folder.name for folder in labelled_folders(data)] == ["published"]
    assert [folder.name for folder in table_folders(data)] == ["table"]


def test_published_pairs_are_read_as_record_texts(data: Path) -> None:
    pairs = published_pairs(data / "published", "train")
    assert len(pairs) == 30
    assert {pair.label for pair in pairs} == {0, 1}
    assert all(": " in pair.left and pair.origin == "published" for pair in pairs)


def test_the_parts_of_a_table_share_no_record(data: Path) -> None:
    seen: dict[str, set[str]] = {}
    found = table_candidates(data / "table")
    assert list(found) == ["train", "valid", "test"]
    for part, pairs in found.items():
        assert {pair.label for pair in pairs} == {0, 1}
        seen[part] = {text for pair in pairs for text in (pair.left, pair.right)}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["valid"]
    assert not seen["valid"] & seen["test"]


def test_caps_hold_and_choices_are_seeded(data: Path) -> None:
    pairs = table_candidates(data / "table")["train"]
    even = balanced_sample(pairs, 50, seed=0)
    assert len(even) <= 50
    assert sum(pair.label for pair in even) <= 20
    for choose in (balanced_sample, sample_pairs):
        assert choose(pairs, 50, seed=0) == choose(pairs, 50, seed=0)
        assert choose(pairs, 50, seed=0) != choose(pairs, 50, seed=1)
    rate = sum(pair.label for pair in pairs) / len(pairs)
    some = sample_pairs(pairs, len(pairs) // 2, seed=0)
    assert abs(sum(pair.label for pair in some) / len(some) - rate) < 0.1


def test_shuffling_fields_keeps_values_and_label() -> None:
    pair = TextPair("a: x\nb: y y\nc: z", "a: p\nc: q", 1, "set")
    rng = random.Random(0)
    forms = {rearrange_fields(pair, rng) for _ in range(300)}
    assert len(forms) > 6
    for form in forms:
        words = sorted(w for w in f"{form.left} {form.right}".split() if not w.endswith(":"))
        assert words == sorted(["x", "y", "y", "z", "p", "q"])
        assert (form.label, form.origin) == (1, "set")


def test_origins_are_given_by_name() -> None:
    pairs = [TextPair("a", "b", 1, name) for name in ("z", "a", "z")]
    assert [(name, len(some)) for name, some in by_origin(pairs)] == [("a", 1), ("z", 2)]
