"""What a run is given: files, stacks of files, tables of several libraries."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.inputs import given

ROWS = {"name": ["ada", "bob"], "city": ["rome", "oslo"]}


def test_a_file_is_hashed_before_it_is_parsed(tmp_path: Path) -> None:
    pl.DataFrame(ROWS).write_csv(tmp_path / "a.b.csv")
    found = given(tmp_path / "a.b.csv", Config())
    assert found.parsed is None and len(found.fingerprint) == 64
    assert found.names == ["a.b.csv"]
    assert found.stem == tmp_path / "a.b"
    assert found.table(Config()).frame.equals(pl.DataFrame(ROWS))


def test_files_are_stacked_with_the_name_of_each(tmp_path: Path) -> None:
    pl.DataFrame(ROWS).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"name": ["eve"], "age": [7]}).write_parquet(tmp_path / "b.parquet")
    frame = given([tmp_path / "a.csv", tmp_path / "b.parquet"], Config()).table(Config()).frame
    assert frame.select("name", "city", "source").rows() == [
        ("ada", "rome", "a.csv"), ("bob", "oslo", "a.csv"), ("eve", "", "b.parquet"),
    ]  # fmt: skip
    assert frame["age"].to_list() == [None, None, 7]


def test_columns_of_several_types_are_stacked_as_text(tmp_path: Path) -> None:
    pl.DataFrame({"name": ["ada"], "age": ["07"]}).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"name": ["eve"], "age": [7]}).write_parquet(tmp_path / "b.parquet")
    frame = given([tmp_path / "a.csv", tmp_path / "b.parquet"], Config()).table(Config()).frame
    assert frame["age"].to_list() == ["07", "7"]


def test_tables_of_other_libraries_are_the_same_table() -> None:
    tables = [pl.DataFrame(ROWS), pl.LazyFrame(ROWS), pd.DataFrame(ROWS), pa.table(ROWS)]
    found = [given(table, Config()) for table in tables]
    assert len({one.fingerprint for one in found}) == 1
    assert all(one.table(Config()).frame.equals(pl.DataFrame(ROWS)) for one in found)
    assert found[0].stem is None and found[0].names == ["table"]
    other = given(pl.DataFrame({**ROWS, "city": ["rome", "bonn"]}), Config())
    assert other.fingerprint != found[0].fingerprint


@pytest.mark.parametrize(
    ("source", "message"),
    [([], "no input"), (["-", "a.csv"], "cannot be stacked"), (7, "cannot read a int")],
)
def test_what_is_no_input_is_one_clear_line(source: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        given(source, Config())  # type: ignore[arg-type]
