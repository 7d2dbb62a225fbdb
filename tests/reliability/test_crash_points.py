"""A command that ends at any of its writes can be repeated, and then nothing is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dedupe.errors import DedupeError, OutputError
from tests.laws import tries
from tests.reliability.commands import COMMANDS, copied, make_inputs, prepared, run, state
from tests.reliability.cuts import Killed, cut, writes_to_try

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("scored_by_likeness")]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_was_killed_at_any_write_is_repeated(name: str, tmp_path: Path) -> None:
    before, command = COMMANDS[name]
    start = prepared(tmp_path / "start", before)
    whole = copied(start, tmp_path / "whole")
    with cut(whole) as counting:
        command(whole)
    expected, kept = state(whole), state(start)["decisions"] if before else []
    assert expected["temporary"] == []
    assert counting.count > 1
    for at in writes_to_try(counting.count, name, tries(3)):
        folder = copied(start, tmp_path / str(at))
        with cut(folder, at), pytest.raises(Killed):
            command(folder)
        command(folder)
        found = state(folder)
        for part, value in expected.items():
            assert found[part] == value, f"write {at} of {counting.count}: {part}"
        assert found["decisions"][: len(kept)] == kept


@pytest.mark.parametrize(
    ("code", "message"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "Read-only file system|its permissions")],
)
@pytest.mark.parametrize("name", ["run", "add", "export of another format", "import"])
def test_a_disk_that_takes_no_more_is_one_line_and_nothing_is_half_written(
    name: str, code: int, message: str, tmp_path: Path
) -> None:
    def error() -> OSError:
        return OSError(code, os.strerror(code))

    before, command = COMMANDS[name]
    start = prepared(tmp_path / "start", before)
    whole = copied(start, tmp_path / "whole")
    with cut(whole, error=error) as counting:
        command(whole)
    expected = state(whole)
    for at in writes_to_try(counting.count, name, tries(2)):
        folder = copied(start, tmp_path / str(at))
        with cut(folder, at, error), pytest.raises(DedupeError, match=message) as raised:
            command(folder)
        assert "\n" not in str(raised.value)
        assert not list(folder.rglob("*.tmp*"))
        command(folder)
        assert state(folder) == expected, f"write {at} of {counting.count}"


@pytest.mark.parametrize("at", range(5))
def test_polars_finds_the_disk_full(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    write = pl.DataFrame.write_parquet

    def full(frame: pl.DataFrame, *arguments: Any, **options: Any) -> None:
        calls.append(frame)
        write(frame, *arguments, **options)
        if len(calls) > at:
            raise pl.exceptions.ComputeError("No space left on device (os error 28)")

    make_inputs(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_parquet", full)
        with pytest.raises(OutputError, match="the disk is full"):
            run(tmp_path)
    assert not list(tmp_path.rglob("*.tmp*"))
    run(tmp_path)
    assert state(tmp_path)["manifest"]["rows"] == 8
