"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import mkstemp

from dedupe.errors import OutputError


def write_atomically(target: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a file beside `target`, and put it in its place when it is whole.

    Parameters
    ----------
    target
        The file to be made or replaced.
    write
        Writes to the path it is given. If it fails, `target` is as it was.

    Raises
    ------
    OutputError
        If the system refuses: no space, no permission, no such folder.
    """
    temporary: Path | None = None
    try:
        handle, name = mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        _flush(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
        temporary = None
    except OSError as error:
        raise OutputError(_reason(target, error)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    # The mask can only be read by setting it; temporary files are made private whatever it says.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _reason(target: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"cannot write {target}: the disk is full; make room, or name another folder with -o"
    if not target.parent.is_dir():
        return f"cannot write {target}: there is no folder {target.parent}"
    return f"cannot write {target}: {error.strerror or error}; name another folder with -o"
