"""Labelled data as training reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dedupe.training.comparison.data import LabelledPairs, lesson_pairs
from dedupe.training.generators.synthesize import synthesize_pairs
from dedupe.training.recipe import Recipe


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def small() -> Recipe:
    """A recipe of few pairs."""
    return Recipe(
        synthetic=60,
        people=20,
        per_table=80,
        lessons=1,
        per_lesson=25,
        synthetic_again=8,
        people_again=10,
        per_lesson_again=15,
        rehearsed=50,
        batch=8,
    )


@pytest.fixture
def one_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    """One kind of lesson instead of all of them."""
    vectors, labels, left, right = lesson_pairs("twins", 0, 1)
    sides = (np.array(side, dtype=object) for side in (left, right))
    lesson = LabelledPairs("twins", "lesson", vectors, labels, *sides)
    for sets in ("synthetic_sets", "lesson_sets"):
        monkeypatch.setattr(f"dedupe.training.data_mix.{sets}", lambda *_: [lesson])
