"""Compressed files, recognised by their first bytes and not by their names."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, cast

from dedupe.errors import InputError

ENDINGS = (".gz", ".gzip", ".zst", ".zstd")
"""Endings of compressed files; the ending before them tells the format."""

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}

_BLOCK = 1 << 20


def decompressed(data: bytes, name: str) -> bytes:
    """Decompress gzip or zstd; other data are returned as they are.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Name of the file in messages.

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
            f"{name} is not a complete {codec} file ({reason}): it is damaged or cut off; copy it "
            "again"
        ) from None
    return whole.getvalue()


def _stream(data: bytes, codec: str) -> IO[bytes]:
    if codec == "gzip":
        return gzip.open(io.BytesIO(data))  # type: ignore[return-value]
    import pyarrow as pa

    return cast(IO[bytes], pa.CompressedInputStream(pa.py_buffer(data), codec))


def uncompressed_path(path: Path) -> Path:
    """Remove the ending of a compressed file from a path.

    Examples
    --------
    >>> uncompressed_path(Path("contacts.csv.gz")).name
    'contacts.csv'
    """
    return path.with_suffix("") if path.suffix.lower() in ENDINGS else path
