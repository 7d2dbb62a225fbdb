"""Memory that is freed and taken again a thousand times, kept for the next time."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Parameters of glibc's ``mallopt``, by their numbers in ``malloc.h``."""
_USUAL = {_TRIM_THRESHOLD: 128 << 10, _TOP_PAD: 0, _MMAP_MAX: 65_536}
_KEEPING = {_TRIM_THRESHOLD: (1 << 31) - 1, _TOP_PAD: 64 << 20, _MMAP_MAX: 0}


@contextmanager
def pages_kept() -> Iterator[None]:
    """Let freed memory stay with the process for the time being, and give it back at the end.

    By itself glibc returns each large block to the system when it is freed. A model that takes and
    frees the same blocks for every batch then spends a tenth of its time on fresh pages, which the
    system must fill with zeros. Afterwards the parameters have the values that glibc begins with,
    but it no longer adapts them to what is freed. Does nothing where there is no glibc, or where
    the environment says how it shall allocate.

    References
    ----------
    The GNU C Library, "Malloc Tunable Parameters".
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    _set(libc, _KEEPING)
    try:
        yield
    finally:
        _set(libc, _USUAL)
        libc.malloc_trim(0)


def _set(libc: ctypes.CDLL, parameters: dict[int, int]) -> None:
    for name, value in parameters.items():
        libc.mallopt(name, value)


def _glibc() -> ctypes.CDLL | None:
    if any(name.startswith("MALLOC_") for name in os.environ):
        return None
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):  # no such library on Windows
        return None
    known = all(hasattr(libc, name) for name in ("gnu_get_libc_version", "mallopt", "malloc_trim"))
    return libc if known else None
