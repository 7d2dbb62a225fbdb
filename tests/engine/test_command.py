from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from dedupe.cli import main


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    code = end.value.code
    assert isinstance(code, int)
    return code


def test_without_ray_one_line_says_what_to_install(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert exit_code("run", str(file), "--engine", "ray") == 2
    assert capsys.readouterr().err.splitlines() == [
        "dedupe: the engine ray needs the package ray: pip install 'dedupe-tui[ray]'"
    ]
    assert not file.with_suffix(".dedupe").exists()


@pytest.mark.parametrize("engine", ["ray://127.0.0.1:9", "127.0.0.1:9"])
def test_an_address_that_does_not_answer_is_one_line(
    file: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")
    assert exit_code("run", str(file), "--engine", engine) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"dedupe: the Ray cluster {engine} does not answer")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "spark"], "unknown engine 'spark'"),
        (["--engine", "ray", "--review"], "--review does not go with --engine ray"),
        (["--engine", "ray", "-o", "-"], "-o - does not go with --engine ray"),
        (["--engine", "ray", "-o", "out.csv"], "the engine ray writes a folder"),
        (["--engine", "ray", "--exact", "email"], "the engine ray does not support exact"),
    ],
)
def test_wrong_options_are_one_line(
    file: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("run", str(file), *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_dry_run_needs_no_cluster(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("run", str(file), "--engine", "ray", "--dry-run", "--json") == 0
    assert '"memory_mb"' in capsys.readouterr().out


def test_a_dry_run_says_whether_rows_were_counted(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pl.read_csv(file).write_parquet(tmp_path / "people.parquet")
    for path, beginning in ((file, "about "), (tmp_path / "people.parquet", "600 rows\n")):
        assert exit_code("run", str(path), "--engine", "ray", "--dry-run") == 0
        assert capsys.readouterr().err.startswith(beginning)
