"""Damage to files: bytes changed, lost, repeated or added; also within the parts of a workbook."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

_ADDED = (
    b"\x00",
    b'"',
    b"\r",
    b"\n",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b",",
    b";",
    b"\t",
    b"\xef\xbb\xbf",
    b"\\u0000",
    b"\\ud800",
    b'"":',
    b"[",
    b"]",
    b"{",
    b"}",
    b"NaN",
    b"1e999",
    b"\xfe\xff",
    b"<",
    b"&#0;",
    b'"a":1,"a":2',
)


def damage(rng: Random, path: Path) -> None:
    """Damage a file in one to three ways."""
    data = path.read_bytes()
    if data.startswith(b"PK") and rng.random() < 0.6:
        data = _within_archive(rng, data)
    else:
        for _ in range(rng.randrange(1, 4)):
            data = rng.choice(_WAYS)(rng, data)
    path.write_bytes(data)


def _within_archive(rng: Random, data: bytes) -> bytes:
    parts = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name)
    name = rng.choice(sorted(parts))
    parts[name] = rng.choice(_WAYS)(rng, parts[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return buffer.getvalue()


def _flip(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) or 1)
    changed = bytes([data[at] ^ (1 << rng.randrange(8))]) if data else b""
    return data[:at] + changed + data[at + 1 :]


def _cut(rng: Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _lose(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randrange(1, 20) :]


def _repeat(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at : at + rng.randrange(1, 200)] + data[at:]


def _add(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_ADDED) + data[at:]


def _noise(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.randrange(1, 30)) + data[at:]


_WAYS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip,
    _cut,
    _lose,
    _repeat,
    _add,
    _add,
    _noise,
)
