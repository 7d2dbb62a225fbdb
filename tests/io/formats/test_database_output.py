"""Database output: all tables of a run in one file, which is replaced as a whole."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dedupe.errors import InputError, OutputError
from dedupe.io.dialect import CSV
from dedupe.io.tables import read_table, write_table, write_tables


def test_other_formats_of_a_run_are_removed_only_if_tidy(
    people: pl.DataFrame, tmp_path: Path
) -> None:
    tables = {"people": people}
    write_tables(tables, tmp_path, format="csv", dialect=CSV)
    write_tables(tables, tmp_path, format="sqlite", dialect=CSV, tidy=False)
    assert {file.name for file in tmp_path.iterdir()} == {"people.csv", "results.sqlite"}
    write_tables(tables, tmp_path, format="duckdb", dialect=CSV)
    assert [file.name for file in tmp_path.iterdir()] == ["results.duckdb"]


def test_a_database_is_replaced_as_a_whole_or_not_at_all(
    people: pl.DataFrame, database: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, path = database
    target = path.with_name(f"results.{kind}")
    write_tables({"a": people}, path.parent, format=kind, dialect=CSV)
    before = target.read_bytes()
    bad = {"a": people, "b": pl.DataFrame({"Name": [1], "name": [2]})}
    with pytest.raises(OutputError, match="differ in case only"):
        write_tables(bad, path.parent, format=kind, dialect=CSV)
    assert target.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == {path.name, target.name}
    write_tables({"c": people}, path.parent, format=kind, dialect=CSV)
    assert_frame_equal(read_table(f"{target}::c").frame, people)
    with pytest.raises(InputError, match="no table 'a'"):
        read_table(f"{target}::a")


def test_sqlite_keeps_numbers_and_writes_the_rest_as_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "yes": [True, None],
            "day": [date(2020, 1, 2), None],
            "list": [[1, 2], None],
            "huge": pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
            'a "name"': ["x", "y"],
        }
    )
    write_table(frame, tmp_path / "x.sqlite", format="sqlite", dialect=CSV)
    assert read_table(tmp_path / "x.sqlite").frame.rows() == [
        (1, "2020-01-02", "[1,2]", str(2**64 - 1), "x"),
        (None, None, None, "0", "y"),
    ]


def test_writing_duckdb_without_the_package_names_the_extra(
    people: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(OutputError, match="DuckDB needs the package duckdb: pip install"):
        write_tables({"a": people}, tmp_path, format="duckdb", dialect=CSV)
    assert list(tmp_path.iterdir()) == []


def test_duckdb_leaves_nothing_open(duck: Path) -> None:
    with closing(duckdb.connect(str(duck))) as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchall() == [(3,)]
