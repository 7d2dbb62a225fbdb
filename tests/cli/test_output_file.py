"""``-o FILE`` writes one table, in the format of its ending."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.cli.callers import Invoke
from tests.samples import people_table

pytestmark = pytest.mark.usefixtures("scored_by_likeness")


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    people_table().write_csv(tmp_path / "people.csv", separator=";")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_writes_the_merged_table_to_a_file_and_keeps_its_workspace(
    people: Path, invoke: Invoke
) -> None:
    code, out, err = invoke("run", "people.csv", "-o", "out.csv")
    assert (code, out) == (0, ""), err
    assert "out.csv" in err and "people.dedupe" in err
    assert (people / "out.csv").read_bytes() == (people / "people.dedupe/merged.csv").read_bytes()
    code, out, _ = invoke("run", "people.csv", "-o", "out.parquet", "--table", "pairs", "--json")
    assert json.loads(out)["file"] == "out.parquet" and json.loads(out)["unchanged"]
    pairs = pl.read_csv(people / "people.dedupe/pairs.csv", separator=";")
    assert pl.read_parquet(people / "out.parquet").height == pairs.height
    assert not list((people / "people.dedupe").glob("*.parquet"))


@pytest.mark.slow
def test_a_link_writes_its_matches_to_a_file(people: Path, invoke: Invoke) -> None:
    people_table().head(9).write_csv(people / "others.csv")
    assert invoke("link", "people.csv", "others.csv", "-o", "out.jsonl", "-q")[0] == 0
    matches = pl.read_csv(people / "people-others.dedupe/matches.csv", separator=";")
    assert pl.read_ndjson(people / "out.jsonl").columns == matches.columns


def test_an_export_to_a_file_changes_nothing_in_the_workspace(people: Path, invoke: Invoke) -> None:
    assert invoke("run", "people.csv", "-q")[0] == 0
    files = {p: p.read_bytes() for p in (people / "people.dedupe").rglob("*") if p.is_file()}
    code, _, err = invoke("export", "people.dedupe", "-o", "out.csv", "--threshold", "1")
    assert code == 0 and "out.csv" in err and "/tmp/dedupe-" not in err
    assert {p: p.read_bytes() for p in files} == files
    rows = pl.read_csv(people / "out.csv", separator=";").height
    assert rows > pl.read_csv(people / "people.dedupe/merged.csv", separator=";").height


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "people.csv"], "is an input, which is never written to"),
        (["-o", "./people.csv"], "is an input, which is never written to"),
        (["-o", "out.csv", "--format", "parquet"], "contradict each other"),
        (["-o", "none/out.csv"], "there is no folder none"),
    ],
)
def test_what_cannot_be_is_one_line(
    people: Path, invoke: Invoke, options: list[str], message: str
) -> None:
    before = (people / "people.csv").read_bytes()
    code, out, err = invoke("run", "people.csv", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert (people / "people.csv").read_bytes() == before
    assert not (people / "people.dedupe").exists()


def test_a_folder_stays_one_whatever_its_name(people: Path, invoke: Invoke) -> None:
    (people / "old.csv").mkdir()
    assert invoke("run", "people.csv", "-o", "old.csv", "-q")[0] == 0
    assert (people / "old.csv/merged.csv").exists()
