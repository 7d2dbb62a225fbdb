"""The quality of a default run: F1 on the samples must not fall."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import dedupe

SAMPLES = Path(__file__).parent.parent / "samples"
FLOORS = {"contacts": 0.96, "products": 0.909, "publications": 0.966}
"""F1 over pairs that a run must reach: about 0.02 below what it does reach."""


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.quality
@pytest.mark.parametrize("name", FLOORS)
def test_a_default_run_finds_the_duplicates_of_a_sample(name: str, tmp_path: Path) -> None:
    result = dedupe.run(SAMPLES / f"{name}.csv", output=tmp_path / "w.dedupe")
    assert result.workspace is not None
    gold = pl.read_csv(SAMPLES / f"{name}_gold.csv", infer_schema=False)
    assert dedupe.evaluate_workspace(result.workspace, gold).pair_f1 >= FLOORS[name]
