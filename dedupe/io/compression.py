"""Compressed files: what they hold, told by their first bytes and not by their name."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, cast

from dedupe.errors import InputError

ENDINGS = (".gz", ".gzip", ".zst", ".zstd")
"""File endings of compressed files; the ending before it tells the format."""


_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


_BLOCK = 1 << 20


def unpacked(data: bytes, name: str) -> bytes:
    """Return what gzip or zstd `data` holds; other data as it is.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        What it is called in messages.

    Raises
    ------
    InputError
        If the data are cut off or damaged.
    """
    codec = next((codec for magic, codec in _MAGIC.items() if data.startswith(magic)), None)
    if codec is None:
        return data
    whole = io.BytesIO()
    try:
        with _stream(data, codec) as stream:
            while block := stream.read(_BLOCK):
                whole.write(block)
    except (OSError, EOFError, zlib.error) as error:
        reason = str(error).strip().rstrip(".")
        raise InputError(
            f"{name} is no whole {codec} file ({reason}): it is damaged or cut off; copy it again"
        ) from None
    return whole.getvalue()


def _stream(data: bytes, codec: str) -> IO[bytes]:
    if codec == "gzip":
        return gzip.open(io.BytesIO(data))  # type: ignore[return-value]
    import pyarrow as pa

    return cast(IO[bytes], pa.CompressedInputStream(pa.py_buffer(data), codec))


def plain_path(path: Path) -> Path:
    """Return a path without the ending of compression.

    Examples
    --------
    >>> plain_path(Path("contacts.csv.gz")).name
    'contacts.csv'
    """
    return path.with_suffix("") if path.suffix.lower() in ENDINGS else path
