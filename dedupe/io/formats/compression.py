"""Compressed files, recognised by their first bytes, and the limit of what they unpack to."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import re
import struct
import zipfile
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

_DAMAGED_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""Errors of zipfile for archives that are damaged, encrypted or packed in unknown ways."""

_BLOCK = 1 << 20

_CELLS = 1 << 28
"""Most cells of the rectangle that the cells of a sheet span: each takes memory, filled or not."""

_LAST_ROW = re.compile(rb'<row [^>]*?\br="(\d+)"')
_FAR_COLUMN = re.compile(rb'r="([A-Z]{3})\d')


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


def check_archive(data: bytes, name: str, gigabytes: float | None = None) -> None:
    """Check that a workbook that is a ZIP archive is complete and keeps to the limit.

    The parts are unpacked and thrown away, because what an archive says about them may be wrong.

    Raises
    ------
    InputError
        If it is damaged, unpacks to more than the limit, or has cells so far apart that the
        rectangle between them does not fit in memory.
    """
    limit, total = unpacked_limit(len(data), gigabytes), 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for part in archive.infolist():
                rows = columns = 0
                with archive.open(part) as stream:
                    while block := stream.read(_BLOCK):
                        total += len(block)
                        if total > limit:
                            raise too_large(name, limit)
                        if "worksheets/" in part.filename:
                            rows = max(rows, _last_row(block))
                            columns = max(columns, _far_column(block))
                if rows * columns > _CELLS:
                    raise InputError(
                        f"{name} has cells in row {rows:,} and in column {columns:,}, and a sheet "
                        f"of {rows * columns:,} cells does not fit in memory: delete the cells "
                        "outside of the table"
                    )
    except _DAMAGED_ARCHIVE as error:
        raise InputError(
            f"{name} is not an Excel workbook that can be read: {error or 'it is damaged'}"
        ) from None


def _last_row(block: bytes) -> int:
    found = _LAST_ROW.findall(block[max(block.rfind(b"<row "), 0) :])
    return int(found[-1][:7]) if found else 0


def _far_column(block: bytes) -> int:
    """Return the number of the last column of three letters; 0 if there is none."""
    last = max(_FAR_COLUMN.findall(block), default=b"")
    number = 0
    for letter in last:
        number = number * 26 + letter - ord("A") + 1
    return number


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
