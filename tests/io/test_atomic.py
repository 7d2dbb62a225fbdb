"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dedupe.errors import OutputError
from dedupe.io.atomic import write_atomically


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        write_atomically(tmp_path / "x", lambda path, data=data: path.write_bytes(data) and None)
        assert (tmp_path / "x").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EACCES, "Permission denied"), "Permission denied"),
    ],
)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    error: OSError, message: str, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"old")

    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    with pytest.raises(OutputError, match=message):
        write_atomically(tmp_path / "x", write)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_any_other_exception_leaves_the_old_file_too(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "x", write)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_atomically(tmp_path / "none/x", lambda path: None)


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "x").symlink_to(tmp_path / "there/y")
    for data in (b"one", b"two"):
        write_atomically(tmp_path / "x", lambda path, data=data: path.write_bytes(data) and None)
        assert (tmp_path / "there/y").read_bytes() == data
    assert (tmp_path / "x").is_symlink()
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["y"]


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(tmp_path / "pipe", lambda path: path.write_bytes(b"passed") and None)
        assert os.read(reading, 99) == b"passed"
    finally:
        os.close(reading)
    assert (tmp_path / "pipe").is_fifo()
