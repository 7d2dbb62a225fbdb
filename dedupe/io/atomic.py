"""Atomic writing: a file is complete or not there at all."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from dedupe.errors import OutputError

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp(-journal|-wal|-shm|\.wal)?")
"""Names of the files that are being written, and of what a database keeps beside them."""

_CODE_IN_TEXT = re.compile(r"\(os error (\d+)\)")
"""How polars quotes the error of the system."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_atomically(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside `target`, and rename it to `target` when it is complete.

    Parameters
    ----------
    target
        The file to be made or replaced. A link is replaced, not followed: a folder from somebody
        else could lead anywhere. A pipe or a device is written to directly, because it must not
        become a file.
    write
        Writes to the path that it gets. If it fails, `target` does not change.

    Raises
    ------
    OutputError
        If there is no space, no permission, or no such folder.
    """
    temporary: Path | None = None
    with output_errors(target):
        try:
            if target.is_fifo() or target.is_char_device():
                write(target)
                return
            temporary = _made_beside(target)
            write(temporary)
            _flush(temporary)
            temporary.replace(target)
            temporary = None
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)


def write_bytes_atomically(target: Path, data: bytes) -> None:
    """Write bytes as :func:`write_atomically` does."""

    def write(path: Path) -> None:
        path.write_bytes(data)

    write_atomically(target, write)


@contextmanager
def output_errors(target: Path) -> Iterator[None]:
    """Turn what the system says of a write to `target` into one line.

    Raises
    ------
    OutputError
        If there is no space, no permission, or no such folder.
    """
    try:
        yield
    except Exception as error:
        found = _system_error(error)
        if found is None:
            raise
        raise write_error(target, found) from error


def write_error(target: Path, error: OSError) -> OutputError:
    """Say in one line what the system says of a write to `target`."""
    return OutputError(_reason(target, error))


def remove_temporary_files(folder: Path) -> None:
    """Remove the files that writers which were killed left in a folder.

    Nobody else may be writing to the folder.
    """
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if is_temporary(path.name):
            path.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Tell by its name whether a file was being written by :func:`write_atomically`."""
    return _TEMPORARY.fullmatch(name) is not None


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _made_beside(target: Path) -> Path:
    """Make an empty file of a unique name, with the permissions of any new file."""
    while True:
        path = target.with_name(f".{target.name}.{token_hex(8)}.tmp")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        return path


def _system_error(error: Exception) -> OSError | None:
    """Return the error of the system behind an exception; ``None`` if there is none.

    Libraries that write by themselves raise exceptions of their own: polars, SQLite and DuckDB.
    """
    if isinstance(error, OSError):
        return error
    text = str(error)
    if (found := _CODE_IN_TEXT.search(text)) is not None:
        code = int(found[1])
        return OSError(code, os.strerror(code))
    full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    if full or os.strerror(errno.ENOSPC) in text:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return None


def _reason(target: Path, error: OSError) -> str:
    if error.errno in _FULL:
        return (
            f"cannot write {target}: the disk is full; make room and repeat the command, or name "
            "another folder with -o"
        )
    if not target.parent.is_dir():
        return f"cannot write {target}: there is no folder {target.parent}"
    return f"cannot write {target}: {error.strerror or error}; name another folder with -o"
