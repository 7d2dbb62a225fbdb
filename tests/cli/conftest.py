"""The command line, run as a process or called in this one, and a finished run to work on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dedupe.cli import main
from tests.cli.callers import Completed, Invoke, RunDedupe
from tests.samples import people_table

STARTS_A_PROCESS = {"run_dedupe", "finished_run", "run_folder"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start the command line."""
    for item in items:
        if STARTS_A_PROCESS & set(getattr(item, "fixturenames", ())):
            item.add_marker("model")


@pytest.fixture(scope="session")
def environment() -> Mapping[str, str]:
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}


@pytest.fixture(scope="session")
def run_dedupe(environment: Mapping[str, str]) -> RunDedupe:
    """Run the command line as a process."""

    def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> Completed:
        return subprocess.run(
            [sys.executable, "-m", "dedupe", *arguments],
            cwd=cwd, input=stdin, capture_output=True, env=environment, check=False, timeout=300,
        )  # fmt: skip

    return run


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Call the entry point in this process."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, run_dedupe: RunDedupe) -> Path:
    """Run ``dedupe run people.csv`` in a folder that no test changes.

    The folder also has what the run printed: ``stdout.txt`` and ``stderr.txt``.
    """
    folder = tmp_path_factory.mktemp("finished")
    people_table().write_csv(folder / "people.csv")
    result = run_dedupe("run", "people.csv", cwd=folder)
    assert result.returncode == 0, result.stderr.decode()
    (folder / "stderr.txt").write_bytes(result.stderr)
    (folder / "stdout.txt").write_bytes(result.stdout)
    return folder


@pytest.fixture
def run_folder(finished_run: Path, tmp_path: Path) -> Path:
    """Copy the finished run into a folder that the test may change."""
    return shutil.copytree(finished_run, tmp_path / "run")
