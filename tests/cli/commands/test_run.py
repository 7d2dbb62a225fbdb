"""``dedupe run``, ``link`` and ``export``."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import fastexcel
import pytest
from click.testing import CliRunner

from dedupe.cli import cli
from dedupe.errors import OptionError
from dedupe.review.app import Reviewed
from tests.cli.callers import Invoke, RunDedupe
from tests.samples import people_table, write_workspace


def test_a_run_prints_what_was_found_where_it_is_and_what_to_do_next(finished_run: Path) -> None:
    printed = (finished_run / "stderr.txt").read_text()
    assert "7 of 17 rows are duplicates; 10 rows are left after merging" in printed
    assert "id (the id of the row)" in printed
    assert "people.dedupe" in printed and "merged.csv" in printed
    assert "\x1b" not in printed
    assert (finished_run / "stdout.txt").read_bytes() == b""
    assert sorted(p.name for p in (finished_run / "people.dedupe").iterdir() if p.is_file()) == [
        ".lock", "clusters.csv", "manifest.json", "merged.csv", "pairs.csv", "removed.csv",
        "workspace.json",
    ]  # fmt: skip


def test_a_second_run_changes_nothing_and_reports_that(
    run_folder: Path, run_dedupe: RunDedupe
) -> None:
    again = run_dedupe("run", "people.csv", "--json", cwd=run_folder)
    assert json.loads(again.stdout)["unchanged"] is True
    assert again.stderr == b""


def test_json_alone_is_on_stdout(run_folder: Path, run_dedupe: RunDedupe) -> None:
    result = run_dedupe("export", "people.dedupe", "--json", "-o", "elsewhere", cwd=run_folder)
    assert json.loads(result.stdout)["rows"] == 17
    assert result.stderr == b""


def test_a_table_is_printed_from_stdin_to_stdout(run_folder: Path, run_dedupe: RunDedupe) -> None:
    data = (run_folder / "people.csv").read_bytes()
    result = run_dedupe("run", "-", "-o", "-", "--table", "clusters", cwd=run_folder, stdin=data)
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout.decode())))
    assert len(rows) == 17
    assert len({row["cluster_id"] for row in rows}) == 10
    assert not (run_folder / "stdin.dedupe").exists()


def test_the_command_line_takes_precedence_over_a_configuration_file(
    run_folder: Path, run_dedupe: RunDedupe
) -> None:
    (run_folder / "options.toml").write_text(
        'threshold = 0.9\nformat = "jsonl"\n[merge]\ncity = "longest"\n'
    )
    result = run_dedupe(
        "run", "people.csv", "-o", "toml.dedupe", "--config", "options.toml", "--threshold", "0.6",
        "--json", cwd=run_folder,
    )  # fmt: skip
    config = json.loads(result.stdout)["config"]
    assert (config["threshold"], config["format"]) == (0.6, "jsonl")
    assert config["merge"] == {"city": "longest"}
    assert (run_folder / "toml.dedupe/merged.jsonl").exists()


@pytest.mark.parametrize("stopped_by", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_resumes(
    finished_run: Path,
    tmp_path: Path,
    run_dedupe: RunDedupe,
    environment: Mapping[str, str],
    stopped_by: int,
) -> None:
    (tmp_path / "people.csv").write_bytes((finished_run / "people.csv").read_bytes())
    process = subprocess.Popen(
        # Loading the cross-encoder leaves time for the signal.
        [sys.executable, "-m", "dedupe", "run", "people.csv", "--thorough"],
        cwd=tmp_path, env=environment, stderr=subprocess.PIPE,
    )  # fmt: skip
    stages = tmp_path / "people.dedupe/stages"
    for _ in range(12_000):
        if list(stages.glob("candidates-*.json")):
            break
        time.sleep(0.005)
    process.send_signal(stopped_by)
    _, printed = process.communicate(timeout=60)
    # Python ends by SIGINT itself, which shells report as 130 too, if that interrupted an exec().
    assert process.returncode in (130, -stopped_by)
    if stopped_by == signal.SIGINT:
        assert printed.strip() == b"dedupe: Interrupted. Run the same command again to resume."
    assert not (tmp_path / "people.dedupe/manifest.json").exists()
    run_dedupe("run", "people.csv", "--thorough", "-o", "whole", cwd=tmp_path)
    again = run_dedupe("run", "people.csv", "--thorough", "--json", cwd=tmp_path)
    reused = {s["stage"] for s in json.loads(again.stdout)["stages"] if s.get("reused")}
    assert "search" in reused
    for name in ("clusters", "merged", "removed", "pairs"):
        whole = (tmp_path / f"whole/{name}.csv").read_bytes()
        assert (tmp_path / f"people.dedupe/{name}.csv").read_bytes() == whole


def test_a_dry_run_estimates_its_cost_and_writes_nothing(
    tmp_path: Path, run_dedupe: RunDedupe
) -> None:
    people_table().write_csv(tmp_path / "people.csv")
    done = run_dedupe("run", "people.csv", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    costs = json.loads(done.stdout)
    assert costs["rows"] == 17
    assert 0 < costs["cross_encoder_pairs"] <= costs["candidates"] <= 5 * 17
    assert 0 < costs["seconds"] < 60
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_the_review_comes_before_the_export(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run_folder)
    tables_at_review: list[list[str]] = []

    def review(workspace: Path, **_: object) -> Reviewed:
        tables_at_review.append(sorted(path.name for path in workspace.glob("*.csv")))
        return Reviewed(changed=False)

    monkeypatch.setattr("dedupe.review.app.review", review)
    command = ["run", "people.csv", "-o", "reviewed.dedupe", "--review"]
    refused = CliRunner().invoke(cli, command)
    assert isinstance(refused.exception, OptionError) and "terminal" in str(refused.exception)
    assert not Path("reviewed.dedupe").exists() and not tables_at_review
    monkeypatch.setattr("dedupe.cli.commands.run.require_terminal", lambda: None)
    assert CliRunner().invoke(cli, command).exit_code == 0
    assert tables_at_review == [[]]
    assert Path("reviewed.dedupe/merged.csv").exists()


def test_two_tables_are_linked(tmp_path: Path, run_dedupe: RunDedupe) -> None:
    people = people_table().drop("id")
    people.write_csv(tmp_path / "left.csv")
    people.rename({people.columns[0]: "full_name"}).head(4).write_csv(tmp_path / "right.csv")
    done = run_dedupe("link", "left.csv", "right.csv", "--one-to-one", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    summary = json.loads(done.stdout)
    assert summary["links"] >= 3
    assert summary["config"]["link"] == "one-to-one"
    assert summary["linked"]["names"] == ["left", "right"]
    written = (tmp_path / "left-right.dedupe/matches.csv").read_text(encoding="utf-8")
    matches = list(csv.reader(io.StringIO(written)))
    assert matches[0][:3] == ["left_id", "right_id", "probability"]
    assert len(matches) == summary["links"] + 1
    wrong = run_dedupe("link", "left.csv", "right.csv", "--map", "nope=x", cwd=tmp_path)
    assert wrong.returncode == 2 and b"nope" in wrong.stderr


def test_a_target_prints_how_certain_it_is(
    run_folder: Path, tmp_path: Path, run_dedupe: RunDedupe
) -> None:
    target = ("--target-recall", "0.8")
    done = run_dedupe("export", "people.dedupe", "-o", "target", *target, cwd=run_folder)
    assert done.returncode == 0, done.stderr.decode()
    assert "not yet verified by review" in " ".join(done.stderr.decode().split())
    both = run_dedupe("export", "people.dedupe", *target, "--threshold", "0.5", cwd=run_folder)
    assert (both.returncode, len(both.stderr.splitlines())) == (2, 1)
    write_workspace(tmp_path / "1", {"a": "ada", "b": "adah", "c": "bob"}, {("a", "b"): 0.6})
    never = run_dedupe("export", "1", "--target-precision", "0.99", cwd=tmp_path)
    assert (never.returncode, len(never.stderr.splitlines())) == (2, 1)
    assert b"no threshold reaches" in never.stderr


def test_an_exported_table_is_printed(tmp_path: Path, invoke: Invoke) -> None:
    write_workspace(tmp_path / "w", {"a": "ada", "b": "adah", "c": "bob"}, {("a", "b"): 0.6})
    code, out, err = invoke("export", str(tmp_path / "w"), "-o", "-", "--format", "jsonl")
    assert (code, err) == (0, "")
    assert [json.loads(line)["cluster_size"] for line in out.splitlines()] == [2, 1]
    assert not (tmp_path / "w/merged.jsonl").exists()
    book = CliRunner().invoke(
        cli,
        ["export", str(tmp_path / "w"), "-q", "-o", "-", "--format", "xlsx", "--table", "removed"],
    )
    assert book.exit_code == 0, book.output
    (tmp_path / "book.xlsx").write_bytes(book.stdout_bytes)
    assert fastexcel.read_excel(tmp_path / "book.xlsx").sheet_names == ["removed"]
