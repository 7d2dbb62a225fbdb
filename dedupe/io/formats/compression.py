"""Compressed files, recognised by their first bytes, and the limit of what they unpack to."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import IO, cast

from dedupe.errors import InputError

ENDINGS = (".gz", ".gzip", ".zst", ".zstd")
"""Endings of compressed files; the ending before them tells the format."""

ZIP = b"PK\x03\x04"
"""First bytes of a ZIP archive, which newer workbooks are."""

RATIO = 100
"""Times its size that a file may unpack to. Tables are rarely more than 30 times smaller when
compressed; files that are made to exhaust the memory are up to 1,000 times smaller."""

ALWAYS = 1 << 28
"""Bytes that any file may unpack to (0.25 GB): a small file may be very repetitive."""

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}

_BLOCK = 1 << 20


def unpacked_limit(packed: int, gigabytes: float | None = None) -> int:
    """Return how many bytes a file may have in memory.

    Parameters
    ----------
    packed
        Size of the file.
    gigabytes
        The limit that the user names.

    Returns
    -------
    int
        Without a named limit :data:`RATIO` times the size, at least :data:`ALWAYS`, and at most
        half of the memory of the machine.
    """
    if gigabytes is not None:
        return int(gigabytes * 1e9)
    return min(max(ALWAYS, RATIO * packed), half_of_memory())


def half_of_memory() -> int:
    """Return half of the memory of the machine, in bytes; 4 GB where that is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):
        return 4 * 10**9


def too_large(name: str, limit: int) -> InputError:
    """Make the error for a file that unpacks to more than the limit."""
    return InputError(
        f"{name} takes more than {limit / 1e9:.2g} GB when it is unpacked: if you trust it and "
        "have the memory, give a higher limit with --max-unpacked GB"
    )


def decompressed(data: bytes, name: str, gigabytes: float | None = None) -> bytes:
    """Decompress gzip or zstd; other data are returned as they are.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Name of the file in messages.
    gigabytes
        As for :func:`unpacked_limit`.

    Raises
    ------
    InputError
        If the data are cut off or damaged, or unpack to more than the limit.
    """
    codec = next((codec for magic, codec in _MAGIC.items() if data.startswith(magic)), None)
    if codec is None:
        return data
    limit = unpacked_limit(len(data), gigabytes)
    whole = io.BytesIO()
    try:
        with _stream(data, codec) as stream:
            while block := stream.read(_BLOCK):
                whole.write(block)
                if whole.tell() > limit:
                    raise too_large(name, limit)
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
