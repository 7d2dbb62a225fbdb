"""Atomic writing: a file is complete or not there at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from dedupe.errors import OutputError


def write_atomically(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside `target`, and rename it to `target` when it is complete.

    Parameters
    ----------
    target
        The file to be made or replaced; for a link, the file that it leads to. A pipe or a device
        is written to directly, because it must not become a file.
    write
        Writes to the path that it gets. If it fails, `target` does not change.

    Raises
    ------
    OutputError
        If there is no space, no permission, or no such folder.
    """
    temporary: Path | None = None
    try:
        if target.is_fifo() or target.is_char_device():
            write(target)
            return
        place = target.resolve() if target.is_symlink() else target
        temporary = _made_beside(place)
        write(temporary)
        _flush(temporary)
        temporary.replace(place)
        temporary = None
    except OSError as error:
        raise OutputError(_reason(target, error)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


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


def _reason(target: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"cannot write {target}: the disk is full; make room, or name another folder with -o"
    if not target.parent.is_dir():
        return f"cannot write {target}: there is no folder {target.parent}"
    return f"cannot write {target}: {error.strerror or error}; name another folder with -o"
