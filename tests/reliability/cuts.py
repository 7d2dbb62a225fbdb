"""Cut a command off at one of its writes, in this process.

Python reports every file that is opened, renamed or removed to an audit hook. The hook raises at
the chosen write. After that it raises at every further write as well, so that no handler tidies up:
the folder is left as a process that was killed leaves it. An error of the system, such as a full
disk, is raised once instead, and the command may tidy up.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dedupe.workspace.log.file as log_file
from dedupe.io.atomic import is_temporary

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
NEVER = 1 << 30
EVERY_WRITE = bool(os.environ.get("DEDUPE_EVERY_WRITE"))
"""Try every write of every command, which takes minutes, instead of some of them."""


class Killed(BaseException):
    """Stands for the end of the process."""


@dataclass
class Cut:
    """Counts the writes inside a folder, and raises at one of them.

    A file under a temporary name does not count until it is renamed: killed before, it is not
    there for anybody. A disk may be full before.
    """

    folder: Path
    at: int = NEVER
    error: Callable[[], BaseException] = Killed
    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self) -> None:
        with self._lock:
            self.count += 1
            count = self.count
        if count == self.at or (count > self.at and self.error is Killed):
            raise self.error()

    def commit(self, *, done: bool) -> None:
        """Count the end of a transaction of SQLite, which has errors of its own."""
        if self.error is Killed:
            self.step()
        elif not done:
            try:
                self.step()
            except OSError as error:
                raise _sqlite_error(error) from error


def _sqlite_error(error: OSError) -> sqlite3.OperationalError:
    full = error.errno == errno.ENOSPC
    found = sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
    found.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_READONLY
    return found


_active: list[Cut] = []


def _written(event: str, arguments: tuple[Any, ...]) -> Any:
    """Return the path that an event writes to; ``None`` if it only reads."""
    if event == "open":
        path, mode, flags = arguments
        if os.path.isdir(path):  # noqa: PTH112 - the library of locks tries what it can do
            return None
        writes = any(c in mode for c in "wax+") if mode else bool(flags & WRITING)
        killed = _active[0].error is Killed
        counts = writes and not (killed and is_temporary(Path(os.fsdecode(path)).name))
        return path if counts else None
    if event == "os.mkdir" and os.path.isdir(arguments[0]):  # noqa: PTH112 - it may be bytes
        return None  # nothing is written
    if event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"):
        return arguments[0]
    return None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active:
        return
    path = _written(event, arguments)
    if not isinstance(path, str | os.PathLike):
        return
    path = Path(os.fsdecode(path))
    # The system releases the lock of a process that ends; the library tries what it can do.
    is_lock = path.name == ".lock" or path.name.startswith(".filelock-probe-")
    if path.is_relative_to(_active[0].folder) and not is_lock:
        _active[0].step()


@contextmanager
def cut(
    folder: Path, at: int = NEVER, error: Callable[[], BaseException] = Killed
) -> Iterator[Cut]:
    """Cut off what runs inside at its write number `at`, counted from 1."""
    if not getattr(sys, "_dedupe_cut_hook", False):
        sys.addaudithook(_hook)  # it stays for good, and does nothing outside of this context
        sys._dedupe_cut_hook = True  # type: ignore[attr-defined]
    cutting = Cut(folder, at, error)
    transaction = log_file._transaction

    @contextmanager
    def counted(connection: Any, kind: str = "IMMEDIATE") -> Iterator[None]:
        with transaction(connection, kind):
            yield
            if kind == "IMMEDIATE":
                cutting.commit(done=False)
        if kind == "IMMEDIATE":
            cutting.commit(done=True)

    log_file._transaction = counted
    _active.append(cutting)
    try:
        yield cutting
    finally:
        _active.clear()
        log_file._transaction = transaction


def writes_to_try(count: int, name: str, tried: int) -> list[int]:
    """Choose among `count` writes: all of them, or some that differ from command to command."""
    if EVERY_WRITE:
        return list(range(1, count + 1))
    step = max(count // tried, 1)
    return list(range(1 + (7 * len(name)) % step, count + 1, step))
