"""What reaches a terminal is text: nothing from a file or a file name is obeyed by it."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe
import dedupe.pipeline.pairs
from dedupe.cli.console import LOGGER, console, echo_data, log_to_stderr, stop_logging
from dedupe.io.printable import printable, printable_lines
from dedupe.resolution.decisions import Decision
from dedupe.workspace.log.decision_log import DecisionLog
from tests.cli.callers import Invoke
from tests.hostile import HOSTILE, assert_shown_as_text, hostile_table
from tests.samples import by_likeness

FILE = f"{HOSTILE.replace('/', '')}.csv"
ID = f"id {HOSTILE}"


@given(st.text())
def test_text_becomes_printable_and_printable_text_stays(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() and len(shown) == len(text)
    assert printable(shown) == shown
    assert_shown_as_text(printable_lines(text))
    assert printable_lines(text).count("\n") == text.count("\n")


def take_for_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what is captured for a terminal without colours."""
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="module")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a hostile table into the workspace ``w``, beside other hostile files."""
    folder = tmp_path_factory.mktemp("hostile")
    hostile_table().write_csv(folder / FILE)
    with by_likeness():
        dedupe.run(folder / FILE, id=ID, output=folder / "w", threshold=0.9, review_from=0.3)
    with DecisionLog(folder / "w" / "decisions.sqlite") as log:
        log.record(f"r0{HOSTILE}", f"r1{HOSTILE}", Decision.MATCH, f"ada{HOSTILE}")
        log.record(f"r0{HOSTILE}", f"r2{HOSTILE}", Decision.MATCH, f"ada{HOSTILE}")
        log.record(f"r1{HOSTILE}", f"r2{HOSTILE}", Decision.DIFFERENT, f"ada{HOSTILE}")
    (folder / "gold.csv").write_text(f"{ID},cluster_id\nnobody{HOSTILE},1\n")
    (folder / "labels.csv").write_text("id_a,id_b,label\nnobody\x1b[2J,no one,1\n")
    (folder / "wrong.toml").write_text('"na\\u001b[2Jme" = 1\n')
    (folder / "pairs.jsonl").write_text('{"left": {"a": "\\u009b2J"}, "right": {"a": "b"}}\n')
    with sqlite3.connect(folder / "tables.db") as connection:
        connection.execute(f'CREATE TABLE "t {HOSTILE}" (a)')
    connection.close()
    return folder


@pytest.fixture
def folder(
    run_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scored_by_likeness: None
) -> Path:
    """Copy the files into the current folder, where the test may change them."""
    shutil.copytree(run_once, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


COMMANDS = {
    "run": ["run", FILE, "--id", ID, "-o", "w", "-v"],
    "run from a workspace named so": [
        "run",
        FILE,
        "--id",
        ID,
        "-o",
        f"w{HOSTILE.replace('/', '')}",
    ],
    "table": ["run", FILE, "--id", ID, "-o", "-"],
    "json": ["run", FILE, "--id", ID, "-o", "w", "--json"],
    "profile": ["profile", FILE],
    "profile as json": ["profile", FILE, "--json"],
    "link": ["link", FILE, FILE, "-o", "linked"],
    "add": ["add", "w", FILE],
    "export": ["export", "w", "--threshold", "0.4"],
    "exported table": ["export", "w", "-o", "-", "--table", "removed"],
    "decisions": ["decisions", "w"],
    "decisions as json": ["decisions", "w", "--format", "jsonl"],
    "estimate": ["evaluate", "w"],
    "diff": ["diff", "w", "w"],
    "no such file": ["run", f"none {HOSTILE}.csv"],
    "no such workspace": ["review", f"none {HOSTILE}"],
    "no such column": ["run", FILE, "--fields", f"none {HOSTILE}"],
    "no such rule": ["run", FILE, "--merge", f"[/]=none{HOSTILE}"],
    "no such choice": ["run", FILE, "--format", HOSTILE],
    "no such option": ["run", FILE, f"--none{HOSTILE}"],
    "no such command": [HOSTILE],
    "no such key": ["run", FILE, "--config", "wrong.toml"],
    "no such id": ["decisions", "w", "--import", "labels.csv"],
    "no such gold id": ["evaluate", "w", "--gold", "gold.csv"],
    "no such table": ["run", "tables.db::none"],
    "too few decisions": ["train", "w"],
    "score": ["score", "pairs.jsonl", "--fast"],
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_prints_nothing_that_a_terminal_obeys(
    case: str, folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_for_terminal(monkeypatch)
    code, out, err = invoke(*COMMANDS[case])
    assert code != 1 and out + err
    assert_shown_as_text(out)
    assert_shown_as_text(err)


def test_a_summary_shows_markup_as_it_is(
    folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_for_terminal(monkeypatch)
    _, _, err = invoke("run", FILE, "--id", ID, "-o", "w")
    assert "weight [kg]" in err and "[/], " in err


def test_data_that_no_person_reads_stays_as_it_is(folder: Path, invoke: Invoke) -> None:
    _, out, _ = invoke("run", FILE, "--id", ID, "-o", "-", "--table", "clusters")
    assert HOSTILE in out


def test_log_lines_and_messages_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(logging.INFO)
    logging.getLogger(LOGGER).info("read %s", HOSTILE)
    stop_logging()
    console().print(HOSTILE)
    console(stderr=False).print(HOSTILE)
    captured = capsys.readouterr()
    assert captured.err.count("[@click=app.quit]") == 2 and "[@click" in captured.out
    assert_shown_as_text(captured.err + captured.out)


def test_echo_of_data_is_faithful_off_a_terminal(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    echo_data(b"a\x1b\xff\r\n")
    assert capsysbinary.readouterr().out == b"a\x1b\xff\r\n"
