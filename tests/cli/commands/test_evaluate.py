"""``dedupe evaluate`` and ``diff``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from dedupe.resolution.decisions import Decision
from tests.cli.callers import Invoke, RunDedupe
from tests.samples import people_table, write_workspace

NAMES = {"a": "ada", "b": "adah", "c": "bob"}


def test_evaluate_prints_the_measures(run_folder: Path, run_dedupe: RunDedupe) -> None:
    gold = people_table().select("id", pl.col("born").alias("cluster_id"))
    gold.write_csv(run_folder / "gold.csv")
    command = ("evaluate", "people.dedupe", "--gold", "gold.csv")
    plain = run_dedupe(*command, cwd=run_folder).stdout.decode()
    assert "pair_f1" in plain and plain.startswith("At threshold 0.5:\n")
    measures = json.loads(run_dedupe(*command, "--json", cwd=run_folder).stdout)
    assert {
        "pair_precision", "pair_recall", "pair_f1", "bcubed_f1", "candidate_recall",
        "candidates_per_record",
    } <= set(measures)  # fmt: skip


def test_evaluate_without_gold_prints_an_estimate(run_folder: Path, run_dedupe: RunDedupe) -> None:
    plain = run_dedupe("evaluate", "people.dedupe", cwd=run_folder)
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert "recall_of_all" in plain.stdout.decode()
    found = json.loads(run_dedupe("evaluate", "people.dedupe", "--json", cwd=run_folder).stdout)
    assert (found["basis"], found["drawn"], found["recall"]["low"]) == ("model", 0, None)
    wrong = run_dedupe("evaluate", "people.dedupe", "--across", "city", cwd=run_folder)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)


def test_evaluate_measures_at_the_threshold_of_the_files_or_another(
    tmp_path: Path, invoke: Invoke
) -> None:
    workspace, gold = str(tmp_path / "w"), str(tmp_path / "gold.csv")
    write_workspace(tmp_path / "w", NAMES, {("a", "b"): 0.6, ("b", "c"): 0.55}, effort="fast")
    (tmp_path / "gold.csv").write_text("id,cluster_id\na,1\nb,1\nc,2\n")

    def found_pairs(*options: str) -> tuple[float, int]:
        code, out, err = invoke("evaluate", workspace, "--gold", gold, "--json", *options)
        assert (code, err) == (0, "")
        measures = json.loads(out)
        return measures["threshold"], measures["found_pairs"]

    assert found_pairs("--threshold", "0.7") == (0.7, 0)
    assert found_pairs("--threshold", "0.58") == (0.58, 1)
    assert found_pairs()[0] == 0.5
    assert invoke("export", workspace, "--threshold", "0.7", "-q")[0] == 0
    assert found_pairs() == (0.7, 0)
    for options in ((), ("--gold", gold)):
        first = invoke("evaluate", workspace, *options)[1].splitlines()[0]
        assert first == "At threshold 0.7:"
    code, _, err = invoke("evaluate", workspace, "--threshold", "7")
    assert code == 2 and err.count("\n") == 1


def test_a_missed_limit_is_one_line_and_exit_code_3(tmp_path: Path, invoke: Invoke) -> None:
    workspace, gold = str(tmp_path / "w"), str(tmp_path / "gold.csv")
    write_workspace(tmp_path / "w", NAMES, {("a", "b"): 0.6, ("b", "c"): 0.55}, effort="fast")
    (tmp_path / "gold.csv").write_text("id,cluster_id\na,1\nb,1\nc,1\n")
    measured = ("evaluate", workspace, "--gold", gold, "--json")
    code, out, err = invoke(*measured, "--min-f1", "0.5", "--min-recall", "0.3")
    assert (code, err) == (0, "")
    code, out, err = invoke(*measured, "--min-precision", "1", "--min-recall", "0.9")
    assert code == 3 and json.loads(out)["pair_recall"] == pytest.approx(1 / 3)
    assert err == "dedupe: pair_recall is 0.3333, below 0.9\n"
    code, out, err = invoke("evaluate", workspace, "--min-recall", "0.5")
    assert code == 3 and "recall_of_all" in out
    assert "no interval yet" in err and err.count("\n") == 1
    code, _, err = invoke("export", workspace, "--max-cluster", "1")
    assert code == 3 and err.startswith("dedupe: the largest cluster has 2 rows, above max_cluster")
    assert err.count("\n") == 1 and not (tmp_path / "w" / "merged.csv").exists()
    assert invoke("evaluate", workspace, "--min-f1", "1.1")[0] == 2


def test_an_estimate_names_its_basis_and_a_verified_target_its_probability(
    tmp_path: Path, run_dedupe: RunDedupe
) -> None:
    couples = [(f"a{i:02}", f"b{i:02}") for i in range(70)]
    names = {key: f"person {key}" for couple in couples for key in couple}
    scores = {couple: 0.9 if i % 2 else 0.1 for i, couple in enumerate(couples)}
    decisions = [Decision.MATCH if i % 2 else Decision.DIFFERENT for i in range(70)]
    decided = [(*couple, decision) for couple, decision in zip(couples, decisions, strict=True)]
    write_workspace(tmp_path / "w", names, scores, decisions=decided)
    target = ("--target-precision", "0.9")
    exported = run_dedupe("export", "w", "-o", "target", *target, cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr.decode()
    printed = " ".join(exported.stderr.decode().split())
    assert "from 70 random pairs), reached with a probability of 100%" in printed
    estimated = run_dedupe("evaluate", "w", cwd=tmp_path).stdout.decode()
    assert "random pairs of these            70" in estimated and "95% interval" in estimated
    assert "Unbiased" in estimated
    write_workspace(tmp_path / "few", names, scores)
    unreviewed = run_dedupe("evaluate", "few", cwd=tmp_path).stdout.decode()
    assert "random pairs of these             0" in unreviewed
    assert "interval" not in unreviewed and "Unbiased" not in unreviewed


def test_diff_prints_a_table_json_and_a_list_of_records(tmp_path: Path, invoke: Invoke) -> None:
    before, after = str(tmp_path / "1"), str(tmp_path / "2")
    write_workspace(tmp_path / "1", NAMES, {("a", "b"): 0.6})
    write_workspace(tmp_path / "2", NAMES, {("a", "b"): 0.6}, threshold=0.7)
    code, out, err = invoke("diff", before, after)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"before    {before}: 3 records in 2 clusters",
        f"after     {after}: 3 records in 3 clusters",
        "records   3 same (matched by the id column 'id')",
        "clusters  1 same, 1 split",
        "differs   threshold: 0.5, now 0.7",
        "",
        "change  clusters  records  why",
        "split   1 > 2     a, b     threshold 0.5, now 0.7: a and b have 0.6",
    ]
    found = json.loads(invoke("diff", before, after, "--json")[1])
    assert found["clusters"]["split"] == 1
    assert found["changes"][0]["causes"] == ["threshold"]
    listing = invoke("diff", before, after, "--format", "csv")[1]
    rows = list(csv.DictReader(io.StringIO(listing)))
    assert [(row["change"], row["id_after"], row["record"]) for row in rows] == [
        ("split", "a", "same"),
        ("split", "b", "same"),
    ]
    limited = invoke("diff", before, after, "--limit", "0")[1]
    assert limited.splitlines()[-1] == "1 more: --limit N, --format csv or --json"
    same = invoke("diff", before, before)[1]
    assert same.splitlines()[-1] == "The clusters are the same."
