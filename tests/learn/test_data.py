"""Labelled pairs from benchmark folders: no record of one part is seen in another."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from dedupe.learn.data import (
    TextPair,
    labelled_folders,
    origins,
    published_pairs,
    shuffled_fields,
    table_folders,
    table_pairs,
)
from dedupe.learn.synthesize import synthesize_pairs


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
    for part in ("train", "valid", "test"):
        pairs = table_pairs(data / "table", part, 10_000, seed=0)
        assert {pair.label for pair in pairs} == {0, 1}
        seen[part] = {text for pair in pairs for text in (pair.left, pair.right)}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["valid"]
    assert not seen["valid"] & seen["test"]


def test_a_cap_holds_and_the_choice_is_seeded(data: Path) -> None:
    pairs = table_pairs(data / "table", "train", 50, seed=0)
    assert len(pairs) <= 50
    assert sum(pair.label for pair in pairs) <= 20
    assert pairs == table_pairs(data / "table", "train", 50, seed=0)
    assert pairs != table_pairs(data / "table", "train", 50, seed=1)


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
