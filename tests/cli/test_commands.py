"""The command line, run as a process: what it prints, where, and with which exit code."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import dedupe.cli.commands
import dedupe.io.database
import dedupe.pipeline.incremental.match
import dedupe.scoring.cross_encoder
import dedupe.scoring.score
from dedupe.errors import InputError, OptionError
from dedupe.io.dialect import CSV
from dedupe.io.tables import write_table
from dedupe.pipeline.incremental.match import MATCHES
from dedupe.resolution.decisions import Decision
from tests.evaluation.test_compare_runs import make
from tests.pipeline.test_run import table

ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}


def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "dedupe", *arguments],
        cwd=cwd, input=stdin, capture_output=True, env=ENVIRONMENT, check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    table().write_csv(folder / "people.csv")
    result = run("run", "people.csv", cwd=folder)
    assert result.returncode == 0, result.stderr.decode()
    (folder / "stderr.txt").write_bytes(result.stderr)
    (folder / "stdout.txt").write_bytes(result.stdout)
    return folder


def test_a_run_says_what_was_found_where_it_is_and_what_to_do_next(done: Path) -> None:
    said = (done / "stderr.txt").read_text()
    assert "7 of 17 rows are duplicates: 10 are left after merging" in said
    assert "id (the id of the row)" in said
    assert "people.dedupe" in said and "merged.csv" in said
    assert "\x1b" not in said
    assert (done / "stdout.txt").read_bytes() == b""
    assert sorted(p.name for p in (done / "people.dedupe").iterdir() if p.is_file()) == [
        ".lock", "clusters.csv", "manifest.json", "merged.csv", "pairs.csv", "removed.csv",
        "workspace.json",
    ]  # fmt: skip


def test_a_second_run_is_instant_and_says_so(done: Path) -> None:
    start = time.perf_counter()
    again = run("run", "people.csv", "--json", cwd=done)
    seconds = time.perf_counter() - start
    help_start = time.perf_counter()
    run("--help", cwd=done)
    start_up = time.perf_counter() - help_start
    assert json.loads(again.stdout)["unchanged"] is True
    assert again.stderr == b""
    assert seconds < start_up + 2


def test_json_goes_to_stdout_alone(done: Path) -> None:
    result = run("export", "people.dedupe", "--json", "-o", "elsewhere", cwd=done)
    assert json.loads(result.stdout)["rows"] == 17
    assert result.stderr == b""


def test_a_table_is_printed_from_stdin_to_stdout(done: Path) -> None:
    data = (done / "people.csv").read_bytes()
    result = run("run", "-", "-o", "-", "--table", "clusters", cwd=done, stdin=data)
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout.decode())))
    assert len(rows) == 17
    assert len({row["cluster_id"] for row in rows}) == 10
    assert not (done / "stdin.dedupe").exists()


def test_evaluate_prints_the_figures(done: Path) -> None:
    table().select("id", pl.col("born").alias("cluster_id")).write_csv(done / "gold.csv")
    plain = run("evaluate", "people.dedupe", "--gold", "gold.csv", cwd=done).stdout.decode()
    assert "pair_f1" in plain
    figures = json.loads(
        run("evaluate", "people.dedupe", "--gold", "gold.csv", "--json", cwd=done).stdout
    )
    assert {
        "pair_precision", "pair_recall", "pair_f1", "bcubed_f1", "candidate_recall",
        "candidates_per_record",
    } <= set(figures)  # fmt: skip


def test_evaluate_without_gold_prints_an_estimate(done: Path) -> None:
    plain = run("evaluate", "people.dedupe", cwd=done)
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert "What the model expects" in plain.stdout.decode()
    found = json.loads(run("evaluate", "people.dedupe", "--json", cwd=done).stdout)
    assert (found["basis"], found["drawn"], found["recall"]["low"]) == ("model", 0, None)
    wrong = run("evaluate", "people.dedupe", "--across", "city", cwd=done)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)


def test_options_are_read_from_a_file_and_the_command_line_wins(done: Path) -> None:
    (done / "options.toml").write_text(
        'threshold = 0.9\nformat = "jsonl"\n[merge]\ncity = "longest"\n'
    )
    result = run(
        "run", "people.csv", "-o", "toml.dedupe", "--config", "options.toml", "--threshold", "0.6",
        "--json", cwd=done,
    )  # fmt: skip
    config = json.loads(result.stdout)["config"]
    assert (config["threshold"], config["format"]) == (0.6, "jsonl")
    assert config["merge"] == {"city": "longest"}
    assert (done / "toml.dedupe/merged.jsonl").exists()


def test_profile_prints_a_table_and_json(tmp_path: Path) -> None:
    data = "id,mail,city\n1,a@x.org,Rome\n2,b@x.org,\n3,c@x.org,Oslo \x1b[31m\n"
    (tmp_path / "people.csv").write_text(data)
    plain = run("profile", "people.csv", cwd=tmp_path)
    assert (plain.returncode, plain.stderr) == (0, b"")
    lines = plain.stdout.decode().splitlines()
    assert lines[0] == "people.csv: 3 rows, 3 columns"
    assert lines[2].split() == ["id", "code", "100.0%", "3", "the", "id", "of", "the", "row",
                                "1,", "2,", "3"]  # fmt: skip
    assert lines[3].split()[:5] == ["mail", "email", "100.0%", "3", "compared"]
    assert b"\x1b" not in plain.stdout
    stdin = run("profile", "-", "--ignore", "city", "--json", cwd=tmp_path, stdin=data.encode())
    found = json.loads(stdin.stdout)
    assert (found["input"], found["rows"], found["id_column"]) == (["stdin"], 3, "id")
    assert found["columns"][2]["use"] == "left out: ignored as asked"
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_diff_prints_a_table_json_and_a_listing(tmp_path: Path) -> None:
    make(tmp_path / "1", {"a": "ada", "b": "adah", "c": "bob"}, {("a", "b"): 0.6})
    make(tmp_path / "2", {"a": "ada", "b": "adah", "c": "bob"}, {("a", "b"): 0.6}, threshold=0.7)
    plain = run("diff", "1", "2", cwd=tmp_path)
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert plain.stdout.decode().splitlines() == [
        "before    1: 3 records in 2 clusters",
        "after     2: 3 records in 3 clusters",
        "records   3 same (matched by the id column 'id')",
        "clusters  1 same, 1 split",
        "differs   threshold: 0.5, now 0.7",
        "",
        "change  clusters  records  why",
        "split   1 > 2     a, b     threshold 0.5, now 0.7: a and b have 0.6",
    ]
    found = json.loads(run("diff", "1", "2", "--json", cwd=tmp_path).stdout)
    assert found["clusters"]["split"] == 1
    assert found["changes"][0]["causes"] == ["threshold"]
    listing = run("diff", "1", "2", "--format", "csv", cwd=tmp_path).stdout.decode()
    rows = list(csv.DictReader(io.StringIO(listing)))
    assert [(row["change"], row["id_after"], row["record"]) for row in rows] == [
        ("split", "a", "same"),
        ("split", "b", "same"),
    ]
    same = run("diff", "1", "1", cwd=tmp_path).stdout.decode()
    assert same.splitlines()[-1] == "The clusters are the same."


@pytest.mark.parametrize("stopped_by", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_cut_off_goes_on(done: Path, tmp_path: Path, stopped_by: int) -> None:
    (tmp_path / "people.csv").write_bytes((done / "people.csv").read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-m", "dedupe", "run", "people.csv"],
        cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE,
    )  # fmt: skip
    stages = tmp_path / "people.dedupe/stages"
    for _ in range(1200):
        if list(stages.glob("candidates-*.json")):
            break
        time.sleep(0.05)
    process.send_signal(stopped_by)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGKILL)
    if stopped_by == signal.SIGINT:
        assert len(said.decode().strip().splitlines()) == 1 and b"goes on from there" in said
    assert not (tmp_path / "people.dedupe/manifest.json").exists()
    again = run("run", "people.csv", "--json", cwd=tmp_path)
    reused = {s["stage"] for s in json.loads(again.stdout)["stages"] if s.get("reused")}
    assert "search" in reused
    for name in ("clusters", "merged", "removed", "pairs"):
        whole = (done / f"people.dedupe/{name}.csv").read_bytes()
        assert (tmp_path / f"people.dedupe/{name}.csv").read_bytes() == whole


# Wrong input: one line, exit code 2, nothing written -----------------------------------------


def invoke(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        dedupe.cli.commands.main(arguments)
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


BAD = {
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
    "nulls": (b"name,city\n,\n,\n,\n", [], "no column says who a record is"),
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
    "both": (b"name\nada\nbob\n", ["-o", "-", "--json"], "use one of them"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_input_is_one_line_and_leaves_nothing(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, options, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    if data is not None:
        Path("input.csv").write_bytes(data)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = invoke(["run", "input.csv", *options], capsys)
    assert code == 2
    assert out == ""
    assert err.startswith("dedupe: ") and err.count("\n") == 1
    assert message in err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_no_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = invoke(["run", str(tmp_path)], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "is a folder without tables" in err


WRONG = {
    "glob": (["profile", "no*.csv"], "no file matches no*.csv"),
    "gzip": (["run", "cut.csv.gz"], "cut.csv.gz is no whole gzip file"),
    "table": (["run", "crm.db::nobody"], "there is no table 'nobody' in crm.db; it holds crm"),
    "sql": (["run", "sqlite:///crm.db", "--query", "SELEC 1"], "syntax error"),
    "delete": (["run", "sqlite:///crm.db", "--query", "DELETE FROM crm"], "only one SELECT"),
    "url": (["run", "mysql://host/x"], "cannot read mysql://"),
    "no query": (["run", "a.csv", "--query", "SELECT 1"], "a.csv is no database"),
    "stdout": (["run", "a.csv", "-o", "-", "--format", "sqlite"], "name a folder with -o"),
    "diff": (["diff", "none", "none"], "there is no workspace at none"),
    "diff both": (["diff", "x", "x", "--json", "--format", "csv"], "use one of them"),
}


@pytest.mark.parametrize("case", WRONG)
def test_other_wrong_input_is_one_line_and_leaves_nothing(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = WRONG[case]
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_bytes(b"name\nada\nbob\n")
    Path("cut.csv.gz").write_bytes(gzip.compress(b"name\nada\nbob\n")[:-9])
    people = pl.DataFrame({"name": ["ada", "bob"]})
    write_table(people, Path("crm.db"), format="sqlite", dialect=CSV)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*")}
    code, out, err = invoke(arguments, capsys)
    assert (code, out) == (2, "")
    assert err.startswith("dedupe: ") and err.count("\n") == 1
    assert message in err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*")} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "input.csv").write_bytes(b"name\nada\nbob\n")
    tmp_path.chmod(0o500)
    code, _, err = invoke(["run", str(tmp_path / "input.csv")], capsys)
    tmp_path.chmod(0o700)
    assert code == 2 and "cannot write" in err


def test_a_file_in_the_place_of_the_workspace_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "input.csv").write_bytes(b"name\nada\nbob\n")
    (tmp_path / "input.dedupe").write_bytes(b"mine")
    code, _, err = invoke(["run", str(tmp_path / "input.csv")], capsys)
    assert code == 2 and err.count("\n") == 1
    assert (tmp_path / "input.dedupe").read_bytes() == b"mine"


def test_a_workspace_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = invoke(["export", str(tmp_path / "none.dedupe")], capsys)
    assert code == 2 and "there is no workspace" in err


def test_a_fault_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import dedupe.pipeline.run

    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(dedupe.pipeline.run, "run", fault)
    code, _, err = invoke(["run", "input.csv"], capsys)
    assert code == 1
    assert err.count("\n") == 1 and "division by zero" in err


# What loads what ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["import dedupe", "import dedupe.cli.commands; dedupe.cli.commands.cli.get_help"]
)
def test_the_heavy_libraries_are_loaded_only_when_used(code: str) -> None:
    probe = f"import sys; {code}; print([m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


HEAVY = ("torch", "faiss", "textual", "transformers", "sentence_transformers", "polars", "scipy")


@pytest.mark.parametrize("name", sorted(dedupe.cli.commands.cli.commands))
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(dedupe.cli.commands.cli, [name, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_program(shell: str) -> None:
    result = CliRunner().invoke(dedupe.cli.commands.cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_DEDUPE_COMPLETE" in result.output


def test_public_names_are_what_is_listed() -> None:
    for name in dedupe.__all__:
        assert getattr(dedupe, name) is not None
    assert dir(dedupe) == sorted(dedupe.__all__)
    with pytest.raises(AttributeError):
        _ = dedupe.nothing_of_the_kind


def test_pairs_are_scored_in_a_stream(tmp_path: Path) -> None:
    pairs = [
        {"left": {"name": "Ada Lovelace"}, "right": {"name": "Lovelace, Ada"}, "note": "kept"},
        {"left": {"name": "Ada Lovelace"}, "right": {"name": "Alan Turing"}},
    ]
    lines = "\n".join(json.dumps(pair) for pair in pairs).encode()
    done = run("score", "-", cwd=tmp_path, stdin=lines)
    assert done.returncode == 0, done.stderr.decode()
    scored = [json.loads(line) for line in done.stdout.splitlines()]
    assert [{k: v for k, v in one.items() if k != "probability"} for one in scored] == pairs
    assert scored[0]["probability"] > 0.5 > scored[1]["probability"]
    (tmp_path / "pairs.jsonl").write_bytes(lines + b"\n{}\n")
    wrong = run("score", "pairs.jsonl", "-o", "out.jsonl", cwd=tmp_path)
    assert wrong.returncode == 2
    assert b"pair 3" in wrong.stderr and len(wrong.stderr.splitlines()) == 1
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "closed", "code", "said"),
    [
        ("profile people.csv -o none", "<&- >&- 2>&-", 2, ""),
        ("score -", "<&-", 0, ""),
        ("run -", "<&-", 2, "stdin is empty"),
        ("profile people.csv --json", ">&-", 0, ""),
    ],
)
def test_closed_streams_are_empty_ones(
    done: Path, arguments: str, closed: str, code: int, said: str
) -> None:
    line = f'"{sys.executable}" -m dedupe {arguments} {closed}'
    found = subprocess.run(
        ["sh", "-c", line], cwd=done, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert (found.returncode, found.stdout) == (code, "")
    assert said in found.stderr and len(found.stderr.splitlines()) == bool(said)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"left": {"a": "\\ud800x"}, "right": {"a": "北京"}, "k": 1}', ""),
        ('\ufeff{"left": {"a": null}, "right": {}, "probability": "mine"}\r', ""),
        ('{"left": {"a": ' + "[" * 99_999 + "]" * 99_999 + '}, "right": {}}', "too deep"),
    ],
    ids=["half-a-character", "byte-order-mark", "deep"],
)
def test_any_line_of_pairs_is_written_again_or_named(
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    says: str,
) -> None:
    monkeypatch.setattr(dedupe.scoring.cross_encoder, "load_cross_encoder", lambda _: None)
    monkeypatch.setattr(
        dedupe.scoring.score,
        "scored_batches",
        lambda pairs, _: (([pair], [0.25]) for pair in pairs),
    )
    (tmp_path / "pairs.jsonl").write_text("\n" + line + "\n", encoding="utf-8", newline="")
    with pytest.raises(SystemExit) as ended:
        dedupe.cli.commands.main(["score", str(tmp_path / "pairs.jsonl")])
    out, err = capsysbinary.readouterr()
    assert ended.value.code == (2 if says else 0)
    assert says in err.decode() and err.count(b"\n") == bool(says)
    if not says:
        expected = {**json.loads(line.lstrip("\ufeff")), "probability": 0.25}
        assert json.loads(out) == expected


def test_a_reader_who_has_had_enough_is_no_fault(tmp_path: Path) -> None:
    lines = "".join(f'{{"left": {{"a": "{n}"}}, "right": {{"a": "x"}}}}\n' for n in range(9_000))
    (tmp_path / "pairs.jsonl").write_text(lines)
    script = (
        "import dedupe.cli.commands, dedupe.scoring.cross_encoder, dedupe.scoring.score\n"
        "dedupe.scoring.cross_encoder.load_cross_encoder = lambda _: None\n"
        "dedupe.scoring.score.scored_batches = lambda pairs, _: "
        "(([pair], [0.5]) for pair in pairs)\n"
        "dedupe.cli.commands.main(['score', 'pairs.jsonl'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, env=ENVIRONMENT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().endswith(b'"probability": 0.5}\n')
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_two_tables_are_linked(tmp_path: Path) -> None:
    people = table().drop("id")
    people.write_csv(tmp_path / "left.csv")
    people.rename({people.columns[0]: "full_name"}).head(4).write_csv(tmp_path / "right.csv")
    done = run("link", "left.csv", "right.csv", "--one-to-one", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    summary = json.loads(done.stdout)
    assert summary["links"] >= 3
    assert summary["linked"]["names"] == ["left", "right"]
    written = (tmp_path / "left-right.dedupe/matches.csv").read_text(encoding="utf-8")
    matches = list(csv.reader(io.StringIO(written)))
    assert matches[0][:3] == ["left_id", "right_id", "probability"]
    assert len(matches) == summary["links"] + 1
    wrong = run("link", "left.csv", "right.csv", "--map", "nope=x", cwd=tmp_path)
    assert wrong.returncode == 2 and b"nope" in wrong.stderr


def test_decisions_go_in_and_out(done: Path) -> None:
    (done / "labels.csv").write_text("id_a,id_b,label\nr1,r2,different\n")
    imported = run("decisions", "people.dedupe", "--import", "labels.csv", cwd=done)
    assert imported.returncode == 0, imported.stderr.decode()
    printed = run("decisions", "people.dedupe", cwd=done)
    rows = list(csv.DictReader(io.StringIO(printed.stdout.decode())))
    assert (rows[-1]["decision"], rows[-1]["reviewer"]) == ("different", "labels.csv")
    lines = run("decisions", "people.dedupe", "--format", "jsonl", cwd=done).stdout.splitlines()
    assert json.loads(lines[-1])["decision"] == "different"


def test_the_review_app_needs_a_terminal(done: Path) -> None:
    asked = run("review", "people.dedupe", cwd=done)
    assert asked.returncode == 2 and b"terminal" in asked.stderr
    early = run("train", "people.dedupe", cwd=done)
    assert early.returncode == 2 and b"too few" in early.stderr


def test_a_dry_run_says_what_it_would_cost_and_writes_nothing(tmp_path: Path) -> None:
    table().write_csv(tmp_path / "people.csv")
    done = run("run", "people.csv", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    costs = json.loads(done.stdout)
    assert costs["rows"] == 17
    assert 0 < costs["cross_encoder_pairs"] <= costs["candidates"] <= 5 * 17
    assert 0 < costs["seconds"] < 60
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_new_records_are_matched_in_a_stream(done: Path) -> None:
    before = sorted(path.name for path in (done / "people.dedupe").rglob("*"))
    known = table().drop("id").row(0, named=True)
    lines = "\n".join(json.dumps(one) for one in (known, dict.fromkeys(known, "zzz")))
    asked = run("match", "people.dedupe", cwd=done, stdin=lines.encode())
    assert asked.returncode == 0, asked.stderr.decode()
    first, second = (json.loads(line) for line in asked.stdout.splitlines())
    clusters = {
        row["id"]: row["cluster_id"]
        for row in csv.DictReader(io.StringIO((done / "people.dedupe/clusters.csv").read_text()))
    }
    assert first["record"] == known
    assert first["matches"][0]["id"] == "r0"
    assert first["matches"][0]["probability"] > 0.9
    assert all(clusters[one["id"]] == one["cluster_id"] for one in first["matches"])
    assert second["matches"] == []
    wrong = run("match", "people.dedupe", cwd=done, stdin=b'{"nothing": "x"}')
    assert wrong.returncode == 2 and b"columns compared" in wrong.stderr
    assert sorted(path.name for path in (done / "people.dedupe").rglob("*")) == before


class NoMatches:
    """Stands in for a matcher that knows the column name, and finds nothing."""

    def __init__(self, workspace: str) -> None:
        self.asked: list[dict[str, object]] = []

    def match(self, frame: pl.DataFrame, **_: object) -> pl.DataFrame:
        if "name" not in frame.columns:
            raise InputError("the new records have none of the columns compared: name")
        assert frame["name"].to_list() in (["ann"], ['{"first":"ann"}'], ["1.5"], [None])
        return pl.DataFrame(schema=MATCHES)


@pytest.mark.parametrize(
    ("arguments", "stdin", "answers", "says"),
    [
        ([], b"", 0, ""),
        ([], b'{"name": "ann"}\n\n{"name": null, "x": 1}\n', 2, ""),
        ([], b'{"name": {"first": "ann"}}\n{"name": 1.5}', 2, ""),
        ([], b'{"name": "ann"}\n{"name": ', 1, "stdin, line 2 is not JSON"),
        ([], b"[1]\n", 0, "stdin, line 1 is no JSON object"),
        ([], b'{"name": "ann"}\n{}\n', 1, "record 2 of stdin: the new records have none of"),
        ([], b'{"name": "ann\xff"}\n', 0, "stdin, line 1 is not JSON"),
        (["--input", "csv"], b"", 0, ""),
        (["--input", "csv"], b"name\tx\nann\t1\n", 1, ""),
        (["--input", "csv"], b"name,x\nann,1\nann\n", 1, "line 3: 1 field where the header has 2"),
        (["--input", "csv"], b"x\n1\n", 0, "record 1 of stdin: the new records have none of"),
        (["--least", "2"], b"", 0, "2.0 is not in the range"),
        (["--most", "0"], b"", 0, "0 is not in the range"),
    ],
)
def test_a_stream_of_matches_ends_at_what_cannot_be_read(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    stdin: bytes,
    answers: int,
    says: str,
) -> None:
    monkeypatch.setattr(dedupe.pipeline.incremental.match, "Matcher", NoMatches)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    with pytest.raises(SystemExit) as ended:
        dedupe.cli.commands.main(["match", "w", *arguments])
    out, err = capsysbinary.readouterr()
    assert [json.loads(line)["matches"] for line in out.splitlines()] == [[]] * answers
    assert ended.value.code == (2 if says else 0)
    assert says in err.decode() and err.count(b"\n") == bool(says)


@pytest.fixture
def taken(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run, new records beside it, and a database that another program holds."""
    folder = tmp_path / "taken"
    shutil.copytree(done, folder)
    new = table()[:2].with_columns(id=pl.Series(["n0", "n1"]))
    new.write_csv(folder / "new.csv")
    new.select("id").write_csv(folder / "ids.csv")
    new.drop("id").write_csv(folder / "nameless.csv")
    with sqlite3.connect(folder / "held.sqlite") as holder:
        holder.execute("CREATE TABLE people (id, name)")
    holder.close()
    monkeypatch.setattr(dedupe.io.database, "WAIT", 0.1)
    monkeypatch.chdir(folder)
    return folder


def other_models(folder: Path) -> None:
    file = folder / "people.dedupe/workspace.json"
    facts = json.loads(file.read_text())
    facts["models"]["bi_encoder"] = "another"
    file.write_text(json.dumps(facts))


def damaged(folder: Path) -> None:
    (scored,) = (folder / "people.dedupe/stages").glob("scored-*.parquet")
    scored.write_bytes(scored.read_bytes()[:-9])


def without_records(folder: Path) -> None:
    (records,) = (folder / "people.dedupe/stages").glob("records-*.parquet")
    records.unlink()


def garbled(folder: Path) -> None:
    (folder / "people.dedupe/workspace.json").write_text("{")


def of_another_version(folder: Path) -> None:
    (folder / "people.dedupe/workspace.json").write_text('{"format": 99}')


@pytest.mark.parametrize(
    ("arguments", "spoil", "says"),
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
            "'born' is said to be two columns",
        ),
        (["link", "people.csv", "ids.csv"], None, "ids has none of the columns compared"),
        (["add", "people.dedupe", "new.csv", "--id", "no"], None, "no column 'no'"),
        (["add", "people.dedupe", "new.csv"], garbled, "is damaged"),
        (["add", "people.dedupe", "new.csv"], of_another_version, "another version"),
        (["match", "people.dedupe"], without_records, "unfinished or damaged"),
        (["match", "people.dedupe"], garbled, "is damaged"),
        (["diff", "people.dedupe", "people.dedupe"], of_another_version, "another version"),
        (["link", "people.csv", "new.csv", "--map", "no=name"], None, "has no column 'no'"),
        (["link", "people.csv", "new.csv", "--map", "city=no"], None, "has a column 'no'"),
        (["link", "people.csv", "held.sqlite"], None, "held.sqlite is locked by another process"),
        (["link", "people.csv", "none.csv"], None, "there is no file none.csv"),
        (["link", "people.csv", "people.csv"], None, "two tables or more; people.csv is one"),
        (["link", "people.csv", "new.csv", "--prefer", "no"], None, "there is no table 'no'"),
        (["export", "people.dedupe", "-o", "-", "--table", "matches"], None, "of linked tables"),
        (["add", "people.dedupe", "held.sqlite"], None, "held.sqlite is locked by another"),
        (["add", "people.dedupe", "ids.csv"], None, "none of the columns compared"),
        (["add", "people.dedupe", "nameless.csv"], None, "no id column 'id'"),
        (["add", "people.dedupe", "new.csv", "--to", "people"], None, "only linked ones"),
        (["add", "people.dedupe", "new.csv"], other_models, "made by another bi-encoder"),
        (["add", "people.dedupe", "new.csv"], damaged, "unfinished or damaged"),
        (["match", "people.dedupe"], other_models, "made by another bi-encoder"),
        (["match", "none.dedupe"], None, "there is no workspace at none.dedupe"),
        (["diff", "people.dedupe", "people.dedupe"], damaged, "unfinished or damaged"),
        (["diff", "people.dedupe", "none.dedupe"], None, "there is no workspace"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_lost(
    taken: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    spoil: Callable[[Path], None] | None,
    says: str,
) -> None:
    if spoil is not None:
        spoil(taken)
    before = {path: path.read_bytes() for path in sorted(taken.rglob("*")) if path.is_file()}
    holder = sqlite3.connect(taken / "held.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(SystemExit) as ended:
            dedupe.cli.commands.main(arguments)
    finally:
        holder.close()
    said = capsys.readouterr()
    assert ended.value.code == 2, said.err
    assert said.out == "" and says in said.err
    assert said.err.startswith("dedupe: ") and said.err.count("\n") == 1
    left = {path: path.read_bytes() for path in sorted(taken.rglob("*")) if path.is_file()}
    assert {path: left.get(path) for path in before} == before


def test_a_broken_index_costs_nothing_but_time(taken: Path) -> None:
    for vectors in (taken / "people.dedupe/stages").glob("index-*.vectors"):
        vectors.write_bytes(vectors.read_bytes()[:100])
    added = run("add", "people.dedupe", "new.csv", cwd=taken)
    assert added.returncode == 0, added.stderr.decode()
    assert b"the search index was missing or damaged: it was made anew" in added.stderr
    assert len((taken / "people.dedupe/clusters.csv").read_text().splitlines()) == 1 + 17 + 2


def test_a_threshold_by_goal_says_how_sure_it_is(done: Path, tmp_path: Path) -> None:
    asked = run("export", "people.dedupe", "-o", "goal", "--target-recall", "0.8", cwd=done)
    assert asked.returncode == 0, asked.stderr.decode()
    assert "no reviewed pairs have checked" in " ".join(asked.stderr.decode().split())
    both = run("export", "people.dedupe", "--target-recall", "0.8", "--threshold", "0.5", cwd=done)
    assert (both.returncode, len(both.stderr.splitlines())) == (2, 1)
    make(tmp_path / "1", {"a": "ada", "b": "adah", "c": "bob"}, {("a", "b"): 0.6})
    never = run("export", "1", "--target-precision", "0.99", cwd=tmp_path)
    assert (never.returncode, len(never.stderr.splitlines())) == (2, 1)
    assert b"no threshold reaches" in never.stderr


def test_what_is_given_beside_a_file_of_options_wins(tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.write_text('threshold = 0.6\ntarget_recall = 0.8\nfields = ["name"]\n')
    for given, chosen in (
        ({"target_precision": 0.9, "preset": None}, {"target_precision": 0.9}),
        ({"threshold": 0.7}, {"threshold": 0.7}),
        ({"seed": 1}, {"threshold": 0.6, "target_recall": 0.8, "seed": 1}),
    ):
        found = dedupe.cli.commands._with_file(file, given)
        assert found == {"fields": ["name"], **chosen}
    assert dedupe.cli.commands._with_file(None, {"seed": 2, "id": None}) == {"seed": 2}


def test_a_checked_goal_says_its_probability_and_an_estimate_what_it_rests_on(
    tmp_path: Path,
) -> None:
    couples = [(f"a{i:02}", f"b{i:02}") for i in range(70)]
    names = {key: f"person {key}" for couple in couples for key in couple}
    scores = {couple: 0.9 if i % 2 else 0.1 for i, couple in enumerate(couples)}
    decisions = [Decision.MATCH if i % 2 else Decision.DIFFERENT for i in range(70)]
    said = [(*couple, decision) for couple, decision in zip(couples, decisions, strict=True)]
    make(tmp_path / "w", names, scores, decisions=said)
    asked = run("export", "w", "-o", "goal", "--target-precision", "0.9", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr.decode()
    told = " ".join(asked.stderr.decode().split())
    assert "from 70 drawn pairs); it is reached with a probability of 100%" in told
    found = run("evaluate", "w", cwd=tmp_path)
    assert b"Unbiased: from 70 pairs drawn by lot" in found.stdout
    make(tmp_path / "few", names, scores, decisions=said[:0])
    found = run("evaluate", "few", cwd=tmp_path)
    assert b"What the model expects" in found.stdout


@pytest.mark.parametrize("arguments", [[], ["completion"], ["run"], ["review"]])
def test_help_keeps_its_lines(arguments: list[str]) -> None:
    said = run(*arguments, "--help", cwd=Path.cwd()).stdout.decode()
    assert "\\b" not in said and "\b" not in said
    if not arguments:
        assert "\n    dedupe run contacts.csv " in said


def test_the_review_comes_before_the_export(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(done)
    seen: list[list[str]] = []

    def review(place: Path, **_: object) -> bool:
        seen.append(sorted(path.name for path in place.glob("*.csv")))
        return False

    monkeypatch.setattr("dedupe.review.app.review", review)
    command = ["run", "people.csv", "-o", "reviewed.dedupe", "--review"]
    refused = CliRunner().invoke(dedupe.cli.commands.cli, command)
    assert isinstance(refused.exception, OptionError) and "terminal" in str(refused.exception)
    assert not Path("reviewed.dedupe").exists() and not seen
    monkeypatch.setattr(dedupe.cli.commands, "_need_terminal", lambda: None)
    assert CliRunner().invoke(dedupe.cli.commands.cli, command).exit_code == 0
    assert seen == [[]]
    assert Path("reviewed.dedupe/merged.csv").exists()
