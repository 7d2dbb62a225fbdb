"""Wrong input and options: one line on stderr, exit code 2, and nothing is written or lost."""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import dedupe
import dedupe.io.formats.database
from dedupe.errors import OptionError
from dedupe.io.dialect import CSV
from dedupe.io.tables import write_table
from dedupe.workspace.folder import Workspace
from dedupe.workspace.json_file import write_json
from tests.cli.callers import Invoke
from tests.samples import people_table

WRONG_TABLES = {
    "no such file": (None, [], "there is no file"),
    "empty": (b"", [], "is empty"),
    "header only": (b"name,city\n", [], "has a header and no rows"),
    "one row": (b"name,city\nada,london\n", [], "one row"),
    "ragged": (b"name,city\nada,london\nbob\n", [], "line 3: 1 field where the header has 2"),
    "too many": (b"name,city\nada,london,x\nbob,rome\n", [], "line 2: 3 fields"),
    "nul": (b"name,city\nada,lon\x00don\nbob,rome\n", [], "NUL character in line 2"),
    "binary": (bytes(range(256)) * 8, [], "binary file"),
    "twice": (b"name,name\nada,bob\nx,y\n", [], "two columns named 'name'"),
    "quote": (b'name,city\n"ada,london\nbob,rome\n', [], "quote"),
    "nulls": (b"name,city\n,\n,\n,\n", [], "no column identifies a record"),
    "encoding": (b"name\nad\xff\nbob\n", ["--encoding", "utf-8"], "is not utf-8"),
    "codec": (b"name\nada\nbob\n", ["--encoding", "klingon"], "unknown encoding"),
    "field": (b"name\nada\nbob\n", ["--fields", "nome"], "no column 'nome'"),
    "id": (b"key,name\n1,ada\n1,bob\n", ["--id", "key"], "'1' twice"),
    "threshold": (b"name\nada\nbob\n", ["--threshold", "2"], "from 0 to 1"),
    "number": (b"name\nada\nbob\n", ["--threshold", "high"], "not a valid float"),
    "preset": (b"name\nada\nbob\n", ["--preset", "bold"], "'bold' is not one of"),
    "rule": (b"name\nada\nbob\n", ["--merge", "name=prettiest"], "prettiest"),
    "no rule": (b"name\nada\nbob\n", ["--merge", "name"], "column=rule"),
    "option": (b"name\nada\nbob\n", ["--treshold", "0.5"], "No such option"),
    "config": (b"name\nada\nbob\n", ["--config", "none.toml"], "cannot read the configuration"),
    "like a column": (b"name\nada\nbob\n", ["--fields", "naem"], "did you mean 'name'?"),
    "like a rule": (b"name\nada\nbob\n", ["--merge", "name=logest"], "did you mean 'longest'?"),
    "both": (b"name\nada\nbob\n", ["-o", "-", "--json"], "use one of them"),
}


@pytest.mark.parametrize("case", WRONG_TABLES)
def test_a_wrong_table_or_option_is_one_line_and_leaves_nothing(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    data, options, message = WRONG_TABLES[case]
    monkeypatch.chdir(tmp_path)
    if data is not None:
        Path("input.csv").write_bytes(data)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = invoke("run", "input.csv", *options)
    assert (code, out) == (2, "")
    assert err.startswith("dedupe: ") and err.count("\n") == 1
    assert message in err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_key_of_the_configuration_that_resembles_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_bytes(b"name\nada\nbob\n")
    Path("o.toml").write_text("treshold = 0.5\n")
    code, _, err = invoke("run", "a.csv", "--config", "o.toml")
    assert code == 2 and "did you mean 'threshold'?" in err
    with pytest.raises(OptionError, match="did you mean 'threshold'"):
        dedupe.run("a.csv", treshold=0.5)


def test_a_missing_workspace_is_named_before_the_missing_terminal(invoke: Invoke) -> None:
    code, _, err = invoke("review", "nope")
    assert code == 2 and "there is no workspace at nope" in err


def test_unknown_ids_of_labels_are_named_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invoke: Invoke, scored_by_likeness: None
) -> None:
    monkeypatch.chdir(tmp_path)
    dedupe.run(people_table(), output="w")
    Path("l.csv").write_text(
        "id_a,id_b,label\nr1,r2,1\n" + "".join(f"x{n},x{n + 1},1\n" for n in range(6))
    )
    code, _, err = invoke("decisions", "w", "--import", "l.csv")
    assert code == 2
    assert "7 ids that the data does not have: 'x0', 'x1', 'x2', 'x3', 'x4' and 2 more" in err
    assert invoke("decisions", "w")[1].count("\n") == 1  # the header


def test_an_empty_folder_is_no_input(tmp_path: Path, invoke: Invoke) -> None:
    code, _, err = invoke("run", str(tmp_path))
    assert (code, err.count("\n")) == (2, 1)
    assert "is a folder without tables" in err


WRONG_SOURCES = {
    "glob": (["profile", "no*.csv"], "no file matches no*.csv"),
    "gzip": (["run", "cut.csv.gz"], "cut.csv.gz is not a complete gzip file"),
    "table": (["run", "crm.db::nobody"], "there is no table 'nobody' in crm.db; it holds crm"),
    "sql": (["run", "sqlite:///crm.db", "--query", "SELEC 1"], "syntax error"),
    "delete": (["run", "sqlite:///crm.db", "--query", "DELETE FROM crm"], "only one SELECT"),
    "url": (["run", "mysql://host/x"], "cannot read mysql://"),
    "no query": (["run", "a.csv", "--query", "SELECT 1"], "a.csv is not a database"),
    "stdout": (["run", "a.csv", "-o", "-", "--format", "sqlite"], "name a folder with -o"),
    "diff": (["diff", "none", "none"], "there is no workspace at none"),
    "diff both": (["diff", "x", "x", "--json", "--format", "csv"], "use one of them"),
}


@pytest.mark.parametrize("case", WRONG_SOURCES)
def test_a_wrong_source_is_one_line_and_leaves_nothing(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    arguments, message = WRONG_SOURCES[case]
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_bytes(b"name\nada\nbob\n")
    Path("cut.csv.gz").write_bytes(gzip.compress(b"name\nada\nbob\n")[:-9])
    people = pl.DataFrame({"name": ["ada", "bob"]})
    write_table(people, Path("crm.db"), format="sqlite", dialect=CSV)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*")}
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("dedupe: ") and err.count("\n") == 1
    assert message in err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*")} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_one_line(tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "input.csv").write_bytes(b"name\nada\nbob\n")
    tmp_path.chmod(0o500)
    code, _, err = invoke("run", str(tmp_path / "input.csv"))
    tmp_path.chmod(0o700)
    assert code == 2 and "cannot write" in err


def test_a_file_in_place_of_the_workspace_is_one_line(tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "input.csv").write_bytes(b"name\nada\nbob\n")
    (tmp_path / "input.dedupe").write_bytes(b"mine")
    code, _, err = invoke("run", str(tmp_path / "input.csv"))
    assert code == 2 and err.count("\n") == 1
    assert (tmp_path / "input.dedupe").read_bytes() == b"mine"


def test_a_missing_workspace_is_one_line(tmp_path: Path, invoke: Invoke) -> None:
    code, _, err = invoke("export", str(tmp_path / "none.dedupe"))
    assert code == 2 and "there is no workspace" in err


# What does not go with a finished run ------------------------------------------------------------


@pytest.fixture
def prepared(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add new records to the copy of a run, and a database for another program to lock."""
    new = people_table()[:2].with_columns(id=pl.Series(["n0", "n1"]))
    new.write_csv(run_folder / "new.csv")
    new.select("id").write_csv(run_folder / "ids.csv")
    new.drop("id").write_csv(run_folder / "nameless.csv")
    with sqlite3.connect(run_folder / "held.sqlite") as holder:
        holder.execute("CREATE TABLE people (id, name)")
    holder.close()
    monkeypatch.setattr(dedupe.io.formats.database, "WAIT", 0.1)
    monkeypatch.chdir(run_folder)
    return run_folder


def other_models(folder: Path) -> None:
    workspace = Workspace(folder / "people.dedupe")
    facts = workspace.facts()
    facts["models"]["bi_encoder"] = "another"
    workspace.write_facts(facts)


def damaged(folder: Path) -> None:
    (scored,) = (folder / "people.dedupe/stages").glob("scored-*.parquet")
    scored.write_bytes(scored.read_bytes()[:-9])


def without_records(folder: Path) -> None:
    (records,) = (folder / "people.dedupe/stages").glob("records-*.parquet")
    records.unlink()


def garbled(folder: Path) -> None:
    for place in ("workspace.json", "stages/workspace.json"):
        (folder / "people.dedupe" / place).write_text("{")


def of_another_version(folder: Path) -> None:
    write_json(folder / "people.dedupe/workspace.json", {"format": 99})


@pytest.mark.parametrize(
    ("arguments", "damage", "message"),
    [
        (["link", "people.csv", "new.csv", "--map", "city"], None, "write it as left=right"),
        (
            ["link", "people.csv", "new.csv", "--map", "city=born", "--map", "city=city"],
            None,
            "'city' is given twice",
        ),
        (
            ["link", "people.csv", "new.csv", "--map", "city=born", "--map", "born=born"],
            None,
            "'born' is mapped to two columns",
        ),
        (["link", "people.csv", "ids.csv"], None, "ids has none of the compared columns"),
        (["add", "people.dedupe", "new.csv", "--id", "no"], None, "no column 'no'"),
        (["add", "people.dedupe", "new.csv"], garbled, "is damaged"),
        (["add", "people.dedupe", "new.csv"], of_another_version, "a newer dedupe"),
        (["match", "people.dedupe"], without_records, "unfinished or damaged"),
        (["match", "people.dedupe"], garbled, "is damaged"),
        (["diff", "people.dedupe", "people.dedupe"], of_another_version, "a newer dedupe"),
        (["link", "people.csv", "new.csv", "--map", "no=name"], None, "has no column 'no'"),
        (["link", "people.csv", "new.csv", "--map", "city=no"], None, "has a column 'no'"),
        (["link", "people.csv", "held.sqlite"], None, "held.sqlite is locked by another process"),
        (["link", "people.csv", "none.csv"], None, "there is no file none.csv"),
        (["link", "people.csv", "people.csv"], None, "two tables or more; people.csv is one"),
        (["link", "people.csv", "new.csv", "--prefer", "no"], None, "there is no table 'no'"),
        (["export", "people.dedupe", "-o", "-", "--table", "matches"], None, "only linked tables"),
        (["add", "people.dedupe", "held.sqlite"], None, "held.sqlite is locked by another"),
        (["add", "people.dedupe", "ids.csv"], None, "none of the compared columns"),
        (["add", "people.dedupe", "nameless.csv"], None, "no id column 'id'"),
        (["add", "people.dedupe", "new.csv", "--to", "people"], None, "--to is for linked tables"),
        (["add", "people.dedupe", "new.csv"], other_models, "made with another bi-encoder"),
        (["add", "people.dedupe", "new.csv"], damaged, "unfinished or damaged"),
        (["match", "people.dedupe"], other_models, "made with another bi-encoder"),
        (["match", "none.dedupe"], None, "there is no workspace at none.dedupe"),
        (["diff", "people.dedupe", "people.dedupe"], damaged, "unfinished or damaged"),
        (["diff", "people.dedupe", "none.dedupe"], None, "there is no workspace"),
    ],
)
def test_an_impossible_request_is_one_line_and_loses_nothing(
    prepared: Path,
    invoke: Invoke,
    arguments: list[str],
    damage: Callable[[Path], None] | None,
    message: str,
) -> None:
    if damage is not None:
        damage(prepared)
    before = {path: path.read_bytes() for path in sorted(prepared.rglob("*")) if path.is_file()}
    holder = sqlite3.connect(prepared / "held.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        code, out, err = invoke(*arguments)
    finally:
        holder.close()
    assert (code, out) == (2, ""), err
    assert message in err
    assert err.startswith("dedupe: ") and err.count("\n") == 1
    after = {path: path.read_bytes() for path in sorted(prepared.rglob("*")) if path.is_file()}
    assert {path: after.get(path) for path in before} == before
