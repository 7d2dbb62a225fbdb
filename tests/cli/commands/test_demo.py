"""``dedupe demo``: the sample that ships with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from dedupe.cli.commands.demo import SAMPLE
from tests.cli.callers import Invoke


def sample() -> bytes:
    return files("dedupe.cli").joinpath(SAMPLE).read_bytes()


def test_the_sample_is_small_and_made_up() -> None:
    data = sample()
    rows = pl.read_csv(data, infer_schema=False)
    assert len(data) < 20_000
    assert 60 <= rows.height <= 100
    assert rows["id"].to_list() == [str(number) for number in range(1, rows.height + 1)]
    # Hosts that are reserved for documentation.
    assert rows["email"].drop_nulls().str.ends_with(".example.org").all()


@pytest.mark.model
def test_a_demo_finds_duplicates_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = invoke("demo")
    assert (code, out) == (0, "")
    folder = tmp_path / "dedupe-demo"
    assert (folder / "contacts.csv").read_bytes() == sample()
    merged = pl.read_csv(folder / "contacts.dedupe/merged.csv", infer_schema=False)
    assert 20 <= 80 - merged.height <= 40
    assert err.startswith("The sample is dedupe-demo")
    for command in ("review", "export"):
        assert f"dedupe {command} dedupe-demo/contacts.dedupe" in err.replace("\\", "/")
    # The same command again goes on where an interrupted one stopped.
    code, _, err = invoke("demo")
    assert code == 0 and "nothing had to be computed" in err


def test_a_folder_with_other_files_is_refused(tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "contacts.csv").write_text("name\nAda\n")
    code, out, err = invoke("demo", str(tmp_path))
    assert (code, out) == (2, "") and err.count("\n") == 1 and "is not empty" in err
    assert (tmp_path / "contacts.csv").read_text() == "name\nAda\n"
    assert len(list(tmp_path.iterdir())) == 1
    code, _, err = invoke("demo", str(tmp_path / "contacts.csv"))
    assert code == 2 and err.count("\n") == 1 and "cannot use the folder" in err
