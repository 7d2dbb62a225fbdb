"""Databases that several tests of reading and writing share."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from dedupe.io.dialect import CSV
from dedupe.io.tables import write_tables


@pytest.fixture
def people() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [1, 2, 3],
            "name": ["Ada", "Bob", None],
            "weight": [50.5, 61.0, None],
            "code": ["007", "08", ""],
        }
    )


@pytest.fixture
def sqlite(people: pl.DataFrame, tmp_path: Path) -> Path:
    write_tables(
        {"people": people, "towns": people.head(1)}, tmp_path, format="sqlite", dialect=CSV
    )
    return (tmp_path / "results.sqlite").rename(tmp_path / "crm.db")


@pytest.fixture
def duck(people: pl.DataFrame, tmp_path: Path) -> Path:
    write_tables(
        {"people": people, "towns": people.head(1)}, tmp_path, format="duckdb", dialect=CSV
    )
    return (tmp_path / "results.duckdb").rename(tmp_path / "crm.duckdb")


@pytest.fixture(params=["sqlite", "duckdb"])
def database(request: pytest.FixtureRequest) -> tuple[str, Path]:
    fixture = {"sqlite": "sqlite", "duckdb": "duck"}[request.param]
    return request.param, request.getfixturevalue(fixture)
