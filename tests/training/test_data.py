"""Labelled pairs from benchmark folders: no record of one part is seen in another."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dedupe.training.data import (
    TextPair,
    as_they_come,
    balanced,
    hardest,
    labelled_folders,
    origins,
    published_pairs,
    shuffled_fields,
    table_candidates,
    table_folders,
)
from dedupe.training.generators.synthesize import synthesize_pairs


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one set of published pairs and one full table."""
    data = tmp_path_factory.mktemp("data")
    (data / "published").mkdir()
    pairs = list(synthesize_pairs(90, 0, ("person",)))
    for at, part in enumerate(("train", "valid", "test")):
        lines = [
            json.dumps({"left": p.left, "right": p.right, "label": p.label})
            for p in pairs[at * 30 : at * 30 + 30]
        ]
        (data / "published" / f"pairs_{part}.jsonl").write_text("\n".join(lines) + "\n")
    (data / "table").mkdir()
    rows, gold = [], []
    for number, pair in enumerate(synthesize_pairs(400, 1, ("person",))):
        for side in (pair.left, pair.right):
            rows.append({"id": str(len(rows)), "name": " ".join(side.values())})
            cluster = number if pair.label else len(rows) + 10_000
            gold.append({"id": rows[-1]["id"], "cluster_id": str(cluster)})
    pl.DataFrame(rows).write_csv(data / "table/records.csv")
    pl.DataFrame(gold).write_csv(data / "table/clusters.csv")
    return data


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
    even = balanced(pairs, 50, seed=0)
    assert len(even) <= 50
    assert sum(pair.label for pair in even) <= 20
    for choose in (balanced, as_they_come):
        assert choose(pairs, 50, seed=0) == choose(pairs, 50, seed=0)
        assert choose(pairs, 50, seed=0) != choose(pairs, 50, seed=1)
    rate = sum(pair.label for pair in pairs) / len(pairs)
    some = as_they_come(pairs, len(pairs) // 2, seed=0)
    assert abs(sum(pair.label for pair in some) / len(some) - rate) < 0.1


def test_the_hardest_pairs_come_first_and_twice() -> None:
    pairs = [TextPair(f"a: {i}", "a: x", int(i < 10), "set") for i in range(1_000)]
    probabilities = np.array([1.0] * 9 + [0.2] + [0.6] * 30 + [0.0] * 960, dtype=np.float32)
    chosen = hardest(pairs, probabilities, 200, seed=0)
    count = Counter(chosen)
    assert count[pairs[9]] == 2 and count[pairs[0]] == 1
    assert all(count[pair] == 2 for pair in pairs[10:40])
    assert len(count) == 10 + 30 + 40


def test_shuffling_fields_keeps_values_and_label() -> None:
    pair = TextPair("a: x\nb: y y\nc: z", "a: p\nc: q", 1, "set")
    rng = random.Random(0)
    forms = {shuffled_fields(pair, rng) for _ in range(300)}
    assert len(forms) > 6
    for form in forms:
        words = sorted(w for w in f"{form.left} {form.right}".split() if not w.endswith(":"))
        assert words == sorted(["x", "y", "y", "z", "p", "q"])
        assert (form.label, form.origin) == (1, "set")


def test_origins_are_given_by_name() -> None:
    pairs = [TextPair("a", "b", 1, name) for name in ("z", "a", "z")]
    assert [(name, len(some)) for name, some in origins(pairs)] == [("a", 1), ("z", 2)]
