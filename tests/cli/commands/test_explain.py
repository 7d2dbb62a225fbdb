"""Explaining a pair and reporting on a run, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import dedupe
from tests.cli.callers import Invoke
from tests.reliability.commands import copied
from tests.samples import people_table

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("explain") / "w.dedupe"
    frame = people_table().with_columns(pl.concat_str("city", pl.lit("\x1b[31m")).alias("city"))
    dedupe.run(frame, output=folder, effort="fast")
    return str(folder)


@pytest.fixture(scope="module")
def pair(workspace: str) -> tuple[str, str]:
    """Return the ids of the most probable pair with different texts."""
    pairs = dedupe.export(workspace).pairs.filter(pl.col("decided_by") != "identical")
    return pairs.sort("probability").select("left_id", "right_id").row(-1)  # type: ignore[return-value]


def test_a_pair_is_explained_in_lines(
    workspace: str, pair: tuple[str, str], invoke: Invoke
) -> None:
    code, out, err = invoke("explain", workspace, *pair)
    assert (code, err) == (0, "")
    head, header, start, *steps = out.splitlines()
    assert head.startswith(f"{pair[0]} and {pair[1]}: probability 0.9")
    assert header.split() == ["why", "log", "odds", "after", "it", "evidence"]
    assert start.startswith("start") and any(step.startswith("first_name") for step in steps)
    assert all(c.isprintable() or c == "\n" for c in out)


def test_a_pair_is_explained_as_json(workspace: str, pair: tuple[str, str], invoke: Invoke) -> None:
    found = json.loads(invoke("explain", workspace, *pair, "--json")[1])
    assert found["proposed"] and found["steps"][0].keys() == {"kind", "label", "text", "log_odds"}


def test_an_unknown_id_is_one_line(workspace: str, invoke: Invoke) -> None:
    code, out, err = invoke("explain", workspace, "r1", "\x1b[31mnobody")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "no record" in err and "\x1b" not in err


def test_a_report_is_written_and_named(workspace: str, tmp_path: Path, invoke: Invoke) -> None:
    code, out, err = invoke("report", workspace, "-o", str(tmp_path / "r.html"))
    assert (code, out) == (0, "") and "r.html" in err
    assert "<!doctype html>" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert invoke("report", workspace, "-q") == (0, "", "")
    assert (Path(workspace) / "report.html").exists()


def test_a_run_writes_its_report(tmp_path: Path, invoke: Invoke) -> None:
    people_table().write_csv(tmp_path / "people.csv")
    code, _, err = invoke("run", str(tmp_path / "people.csv"), "--fast", "--report")
    assert code == 0 and "report.html" in err
    assert (tmp_path / "people.dedupe" / "report.html").exists()
    code, _, err = invoke("run", str(tmp_path / "people.csv"), "--report", "-o", "-")
    assert code == 2 and "--report" in err


def test_a_damaged_stage_that_is_computed_again_is_said_in_one_line(
    workspace: str, pair: tuple[str, str], invoke: Invoke, tmp_path: Path
) -> None:
    folder = copied(Path(workspace), tmp_path / "w.dedupe")
    (file,) = (folder / "stages").glob("statistics-*.parquet")
    file.write_bytes(file.read_bytes()[:-9])
    code, _, err = invoke("explain", str(folder), *pair)
    assert code == 0
    assert err == (
        f"dedupe: {folder}: the statistics of values of the last run cannot be read: computed "
        "again, results may differ slightly\n"
    )
