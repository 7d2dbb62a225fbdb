"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from polars.exceptions import ComputeError

from dedupe.errors import OutputError
from dedupe.io.atomic import is_temporary, write_atomically


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        write_atomically(tmp_path / "x", lambda path, data=data: path.write_bytes(data) and None)
        assert (tmp_path / "x").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").stat().st_mode & 0o444 == 0o444


def _sqlite_full() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full"),
        (ComputeError("No space left on device (os error 28)"), "the disk is full"),
        (RuntimeError('IO Error: Could not write file "x": No space left on device'), "is full"),
        (_sqlite_full(), "the disk is full"),
        (OSError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
        (ComputeError("Permission denied (os error 13)"), "Permission denied"),
    ],
)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    error: Exception, message: str, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"old")

    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    with pytest.raises(OutputError, match=message):
        write_atomically(tmp_path / "x", write)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_fault_that_is_not_of_the_system_stays_what_it_is(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        raise ComputeError("schema mismatch")

    with pytest.raises(ComputeError):
        write_atomically(tmp_path / "x", write)
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_are_told_by_their_names(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        names.append(path.name)

    names: list[str] = []
    write_atomically(tmp_path / "x.csv", write)
    assert all(map(is_temporary, names))
    assert not any(map(is_temporary, ("x.csv", ".x.tmp", "x.csv.0123456789abcdef.tmp")))


def test_any_other_exception_leaves_the_old_file_too(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "x", write)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_atomically(tmp_path / "none/x", lambda path: None)


def test_a_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"mine")
    (tmp_path / "x").symlink_to(tmp_path / "there")
    write_atomically(tmp_path / "x", lambda path: path.write_bytes(b"new") and None)
    assert (tmp_path / "x").read_bytes() == b"new" and not (tmp_path / "x").is_symlink()
    assert (tmp_path / "there").read_bytes() == b"mine"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(tmp_path / "pipe", lambda path: path.write_bytes(b"passed") and None)
        assert os.read(reading, 99) == b"passed"
    finally:
        os.close(reading)
    assert (tmp_path / "pipe").is_fifo()
