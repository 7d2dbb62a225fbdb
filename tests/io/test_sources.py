"""Inputs: files, folders, globs, databases, tables of several libraries."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.dialect import CSV
from dedupe.io.sources import open_input, open_inputs
from dedupe.io.tables import write_tables

ROWS = {"name": ["ada", "bob"], "city": ["rome", "oslo"]}


def test_a_file_is_hashed_before_it_is_parsed(tmp_path: Path) -> None:
    pl.DataFrame(ROWS).write_csv(tmp_path / "a.b.csv")
    opened = open_input(tmp_path / "a.b.csv", Config())
    assert opened.parsed is None and len(opened.fingerprint) == 64
    assert opened.names == ["a.b.csv"]
    assert opened.stem == tmp_path / "a.b"
    assert opened.table(Config()).frame.equals(pl.DataFrame(ROWS))


@pytest.mark.parametrize("names", [["a.csv"], ["b.csv", "a.csv"]])
def test_a_file_that_changes_after_it_was_hashed_is_refused(
    names: list[str], tmp_path: Path
) -> None:
    for name in names:
        pl.DataFrame(ROWS).write_csv(tmp_path / name)
    opened = open_input([tmp_path / name for name in names], Config())
    pl.DataFrame(ROWS).reverse().write_csv(tmp_path / "a.csv")
    message = r"^a\.csv changed while it was read: run again$"
    with pytest.raises(InputError, match=message):
        opened.table(Config())
    if len(names) > 1:
        with pytest.raises(InputError, match=message):
            opened.linked(Config())


def test_files_are_stacked_with_the_name_of_each(tmp_path: Path) -> None:
    pl.DataFrame(ROWS).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"name": ["eve"], "age": [7]}).write_parquet(tmp_path / "b.parquet")
    frame = open_input([tmp_path / "a.csv", tmp_path / "b.parquet"], Config()).table(Config()).frame
    assert frame.select("name", "city", "source").rows() == [
        ("ada", "rome", "a.csv"), ("bob", "oslo", "a.csv"), ("eve", "", "b.parquet"),
    ]  # fmt: skip
    assert frame["age"].to_list() == [None, None, 7]


def test_columns_of_several_types_are_stacked_as_text(tmp_path: Path) -> None:
    pl.DataFrame({"name": ["ada"], "age": ["07"]}).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"name": ["eve"], "age": [7]}).write_parquet(tmp_path / "b.parquet")
    frame = open_input([tmp_path / "a.csv", tmp_path / "b.parquet"], Config()).table(Config()).frame
    assert frame["age"].to_list() == ["07", "7"]


def test_tables_of_other_libraries_are_read_the_same() -> None:
    tables = [pl.DataFrame(ROWS), pl.LazyFrame(ROWS), pd.DataFrame(ROWS), pa.table(ROWS)]
    opened = [open_input(table, Config()) for table in tables]
    assert len({table.fingerprint for table in opened}) == 1
    assert all(table.table(Config()).frame.equals(pl.DataFrame(ROWS)) for table in opened)
    assert opened[0].stem is None and opened[0].names == ["table"]
    other = open_input(pl.DataFrame({**ROWS, "city": ["rome", "bonn"]}), Config())
    assert other.fingerprint != opened[0].fingerprint


@pytest.mark.parametrize(
    ("source", "message"),
    [([], "no input"), (["-", "a.csv"], "cannot be stacked"), (7, "cannot read a int")],
)
def test_an_unusable_input_is_one_clear_line(source: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_input(source, Config())  # type: ignore[arg-type]


# Folders and globs ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tables in a folder ``data``, beside files that are none; the current folder is above it."""
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "old.dedupe").mkdir()
    for name in (
        "b.csv",
        "a10.csv",
        "a9.csv",
        "B.tsv",
        ".hidden.csv",
        "sub/b.csv",
        "old.dedupe/c.csv",
    ):
        (data / name).write_text(f"name,city\n{name},rome\n")
    (data / "c.csv.gz").write_bytes(gzip.compress(b"name,city\nc.csv.gz,rome\n"))
    (data / "notes.md").write_text("# Not a table\n")
    monkeypatch.chdir(tmp_path)
    return data


def test_a_folder_stands_for_its_tables_sorted_by_name(folder: Path) -> None:
    opened = open_input("data", Config())
    assert opened.names == ["B.tsv", "a10.csv", "a9.csv", "b.csv", "c.csv.gz"]
    table = opened.table(Config()).frame
    assert table["name"].to_list() == table["source"].to_list() == opened.names
    assert opened.stem == Path("data")
    assert open_input(folder, Config()).fingerprint == opened.fingerprint
    assert open_input("data/", Config()).stem == Path("data")


def test_the_current_folder_gives_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert open_input(".", Config()).stem == folder


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("data/a*.csv", ["a10.csv", "a9.csv"]),
        ("data/[ab].csv", ["b.csv"]),
        ("data/?.*", ["B.tsv", "b.csv", "c.csv.gz"]),
        ("data/**/b.csv", ["b.csv", "sub/b.csv"]),
    ],
)
def test_a_glob_stands_for_its_matches_sorted_by_path(
    pattern: str, names: list[str], folder: Path
) -> None:
    opened = open_input(pattern, Config())
    assert opened.names == names
    frame = opened.table(Config()).frame
    if len(names) > 1:
        assert frame["source"].to_list() == names
    assert opened.stem == Path(opened.paths[0].split(".")[0])


def test_a_file_is_read_once_and_in_the_order_named(folder: Path) -> None:
    opened = open_input(["data/c.csv.gz", "data/a*.csv", "data", str(folder / "b.csv")], Config())
    assert opened.names == ["c.csv.gz", "a10.csv", "a9.csv", "B.tsv", "b.csv"]
    assert opened.stem == Path("data/c")


def test_a_file_whose_name_looks_like_a_glob_is_that_file(folder: Path) -> None:
    (folder / "b[1].csv").write_text("name\nada\n")
    (folder / "b1.csv").write_text("name\nbob\n")
    assert open_input("data/b[1].csv", Config()).names == ["b[1].csv"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("data/*.xlsx", r"no file matches data/\*\.xlsx"),
        ("data/old*", "no file matches"),
        ("empty", "empty is a folder without tables"),
        (["data", "none.csv"], "there is no file none.csv"),
    ],
)
def test_a_name_without_tables_is_one_clear_line(
    source: object, message: str, folder: Path
) -> None:
    (folder.parent / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        open_input(source, Config())  # type: ignore[arg-type]


# Databases ----------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Path:
    tables = {"people": pl.DataFrame(ROWS), "more": pl.DataFrame({"name": ["eve"], "age": [7]})}
    write_tables(tables, tmp_path, format="sqlite", dialect=CSV)
    return (tmp_path / "results.sqlite").rename(tmp_path / "crm.db")


def test_a_table_of_a_database_is_an_input(database: Path) -> None:
    opened = open_input(f"{database}::people", Config())
    assert opened.table(Config()).frame.equals(pl.DataFrame(ROWS))
    assert opened.names == ["crm.db::people"]
    assert opened.stem == database.with_name("crm-people")


def test_a_query_is_identified_by_its_result(database: Path) -> None:
    config = Config(query="SELECT name FROM people ORDER BY name DESC")
    opened = open_input(f"sqlite:///{database}", config)
    assert opened.table(config).frame["name"].to_list() == ["bob", "ada"]
    assert opened.stem == database.with_name("crm")
    other = open_input(
        f"sqlite:///{database}", Config(query="SELECT name FROM people ORDER BY name")
    )
    assert other.fingerprint != opened.fingerprint


def test_tables_of_a_database_are_linked_as_they_were_hashed(database: Path) -> None:
    opened = open_input([f"{database}::people", f"{database}::more"], Config())
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM people")
    table, linked = opened.linked(Config())
    assert table.frame["source"].to_list() == ["crm-people", "crm-people", "crm-more"]
    assert linked.names == ("crm-people", "crm-more")


def test_tables_of_a_database_and_files_are_stacked(database: Path, tmp_path: Path) -> None:
    pl.DataFrame({"name": ["zoe"]}).write_csv(tmp_path / "z.csv")
    opened = open_input([f"{database}::people", f"{database}::more", tmp_path / "z.csv"], Config())
    assert opened.table(Config()).frame.select("name", "source").rows() == [
        ("ada", "crm.db::people"), ("bob", "crm.db::people"), ("eve", "crm.db::more"),
        ("zoe", "z.csv"),
    ]  # fmt: skip


def test_tables_of_the_same_name_in_several_databases_have_different_names(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_tables(
            {"t": pl.DataFrame({"x": ["1"]}), "u": pl.DataFrame({"x": ["2"]})},
            tmp_path / folder, format="sqlite", dialect=CSV,
        )  # fmt: skip
    paths = [f"{tmp_path}/{name}/results.sqlite::t" for name in ("a", "b")]
    opened = open_input(paths, Config())
    assert opened.names == ["a/results.sqlite::t", "b/results.sqlite::t"]
    assert opened.table(Config()).frame["source"].to_list() == opened.names


def test_a_query_reads_one_database(database: Path, tmp_path: Path) -> None:
    pl.DataFrame(ROWS).write_csv(tmp_path / "a.csv")
    config = Config(query="SELECT * FROM people")
    with pytest.raises(InputError, match="name no other input"):
        open_input([f"sqlite:///{database}", tmp_path / "a.csv"], config)
    with pytest.raises(InputError, match=r"a\.csv is not a database"):
        open_input(tmp_path / "a.csv", config)
    with pytest.raises(InputError, match="stdin is not a database"):
        open_input("-", config)


def test_stacked_tables_of_different_columns_are_noted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,x\n")
    (tmp_path / "b.csv").write_text("id,phone\n2,y\n")
    (note,) = open_input(tmp_path, Config()).table(Config()).notes
    assert "'name' (in 1), 'phone' (in 1)" in note and "dedupe link" in note
    (tmp_path / "b.csv").write_text("name,id\ny,2\n")
    assert open_input(tmp_path, Config()).table(Config()).notes == ()


def test_names_of_tables_are_fit_for_files_of_every_system(tmp_path: Path) -> None:
    files = []
    for folder, name in enumerate(["a.csv", "A.csv", "..csv", "a:b?.csv", "e\u0301.csv", "é.csv"]):
        (tmp_path / str(folder)).mkdir()
        files.append(tmp_path / str(folder) / name)
        files[-1].write_text("id,name\n1,x\n2,y\n")
    _, linked = open_inputs(files, Config(link="many-to-many")).linked(Config())
    assert linked.names == ("a", "A-2", "csv", "a_b_", "e\u0301", "é-2")
    assert open_input(tmp_path / "2" / "..csv", Config()).stem == tmp_path / "2" / "..csv"


def test_tables_in_memory_hold_no_nul() -> None:
    with pytest.raises(InputError, match="the table, row 2: the value of 'a' holds a NUL"):
        open_input(pl.DataFrame({"a": ["x", "\x00"]}), Config())
