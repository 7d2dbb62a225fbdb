"""``dedupe review``, ``decisions`` and ``train``."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

import dedupe
from dedupe.cli.commands.review import ORDERS
from dedupe.review.app import Reviewed
from tests.cli.callers import Invoke, RunDedupe
from tests.samples import write_workspace


def test_decisions_are_imported_and_printed(run_folder: Path, run_dedupe: RunDedupe) -> None:
    (run_folder / "labels.csv").write_text("id_a,id_b,label\nr1,r2,different\n")
    imported = run_dedupe("decisions", "people.dedupe", "--import", "labels.csv", cwd=run_folder)
    assert imported.returncode == 0, imported.stderr.decode()
    assert imported.stderr == b"Imported 1 decision. Apply: dedupe export people.dedupe\n"
    printed = run_dedupe("decisions", "people.dedupe", cwd=run_folder)
    rows = list(csv.DictReader(io.StringIO(printed.stdout.decode())))
    assert (rows[-1]["decision"], rows[-1]["reviewer"]) == ("different", "labels.csv")
    jsonl = run_dedupe("decisions", "people.dedupe", "--format", "jsonl", cwd=run_folder)
    assert json.loads(jsonl.stdout.splitlines()[-1])["decision"] == "different"


def test_review_needs_a_terminal_and_training_needs_decisions(
    run_folder: Path, run_dedupe: RunDedupe
) -> None:
    review = run_dedupe("review", "people.dedupe", cwd=run_folder)
    assert review.returncode == 2 and b"terminal" in review.stderr
    early = run_dedupe("train", "people.dedupe", cwd=run_folder)
    assert early.returncode == 2 and b"too few" in early.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--interval-width", "0.2"], "--interval-width is for audits"),
        (["--port", "8000"], "--port is for --web"),
        (["--order", "useful"], "'useful' is not one of 'informative'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    invoke: Invoke, arguments: list[str], message: str
) -> None:
    code, out, err = invoke("review", "w", *arguments)
    assert (code, out) == (2, "")
    assert message in err and err.count("\n") == 1


def test_the_command_offers_every_order_of_the_app() -> None:
    from dedupe.review.order import ORDERS as KNOWN

    assert list(ORDERS) == list(KNOWN)


@pytest.mark.parametrize(
    ("reviewed", "threshold"),
    [(Reviewed(True, 0.47), 0.47), (Reviewed(True), 0.9), (Reviewed(False), None)],
)
def test_leaving_the_app_writes_with_what_was_chosen_last(
    invoke: Invoke,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reviewed: Reviewed,
    threshold: float | None,
) -> None:
    def in_the_app(workspace: str, **_: object) -> Reviewed:
        dedupe.export(workspace, threshold=0.9, format="jsonl")
        (Path(workspace) / "merged.jsonl").unlink()
        return reviewed

    monkeypatch.setattr("dedupe.review.app.review", in_the_app)
    monkeypatch.setattr("dedupe.cli.commands.review.require_terminal", lambda: None)
    write_workspace(tmp_path / "w", {"a": "ada", "b": "adah"}, {("a", "b"): 0.6}, effort="fast")
    code, _, err = invoke("review", str(tmp_path / "w"))
    assert code == 0, err
    assert (tmp_path / "w" / "merged.jsonl").exists() == (threshold is not None)
    if threshold is not None:
        manifest = json.loads((tmp_path / "w" / "manifest.json").read_text())
        assert manifest["config"]["threshold"] == threshold


def test_the_app_in_a_browser_gets_the_options_of_the_command(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[list[str], int]] = []
    monkeypatch.setattr(
        "dedupe.review.web.serve", lambda command, port: served.append((command, port))
    )
    write_workspace(tmp_path / "w", {"a": "ada", "b": "adah"}, {("a", "b"): 0.6})
    code, _, err = invoke(
        "review", str(tmp_path / "w"), "--web", "--audit", "--interval-width", "0.2", "--blind"
    )
    assert (code, err) == (0, "")
    [(command, port)] = served
    assert port == 0
    assert command[:5] == [sys.executable, "-m", "dedupe", "review", str(tmp_path / "w")]
    options = ["--order", "audit", "--interval-width", "0.2", "--blind"]
    assert sorted(command[5:]) == sorted(options)
    assert command[command.index("--interval-width") + 1] == "0.2"


def test_the_log_of_decisions_can_be_made_safe_for_spreadsheets(
    tmp_path: Path, invoke: Invoke
) -> None:
    workspace = str(tmp_path / "w")
    write_workspace(tmp_path / "w", {"a": "ann", "b": "anne"}, {("a", "b"): 0.6})
    (tmp_path / "labels.csv").write_text("id_a,id_b,label\na,b,match\n")
    invoke("decisions", workspace, "--import", f"{tmp_path}/labels.csv", "--reviewer", "=1+1")
    reviewers = [
        next(csv.DictReader(io.StringIO(invoke("decisions", workspace, *options)[1])))["reviewer"]
        for options in ([], ["--safe-csv"])
    ]
    assert reviewers == ["=1+1", "'=1+1"]
