"""A workspace to review, scored by string likeness: no model is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rapidfuzz import fuzz

from dedupe.scoring.pairs import DECIDERS

NAMES = [
    "Ada Lovelace", "Ada Lovelase", "A. Lovelace", "Grace Hopper", "Grace Hoper", "Alan Turing",
    "Alan Turing", "Edsger Dijkstra", "Edsger Dykstra", "Barbara Liskov", "Donald Knuth",
    "王小明", "王晓明", "محمد علي", "محمّد علي", "🦊 Fox & Co\nLine two", "🦊 Fox and Co",
]  # fmt: skip


def frame() -> pl.DataFrame:
    n = len(NAMES)
    return pl.DataFrame(
        {
            "id": [f"r{i:02}" for i in range(n)],
            "name": NAMES,
            "city": ["London", "london", "", "New York", "NY"] + ["Paris"] * (n - 5),
            "notes": ["x" * 500 if i == 0 else "" if i % 2 else f"note {i}" for i in range(n)],
        }
    )


def score_by_likeness(
    model: Any, candidates: pl.DataFrame, texts: pl.Series, config: Any, progress: Any = None
) -> tuple[pl.DataFrame, dict[str, Any], None]:
    name = [text.split("\n")[0] for text in texts]
    chance = [
        fuzz.ratio(name[a], name[b]) / 100
        for a, b in candidates.select("left", "right").iter_rows()
    ]
    return (
        candidates.select("left", "right", "similarity").with_columns(
            pl.Series("probability", chance, dtype=pl.Float32),
            pl.lit("cross-encoder").cast(DECIDERS).alias("decided_by"),
        ),
        {},
        None,
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import dedupe.pipeline.run

    monkeypatch.setattr(dedupe.pipeline.run, "load_cross_encoder", lambda config: None)
    monkeypatch.setattr(dedupe.pipeline.run, "score_pairs", score_by_likeness)
    dedupe.run(frame(), output=tmp_path / "w.dedupe", threshold=0.9, review_from=0.3)
    return tmp_path / "w.dedupe"
