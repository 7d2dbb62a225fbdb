"""Parquet and Arrow IPC."""

from __future__ import annotations

import io

import polars as pl

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.dialect import Dialect, Parsed, first_line
from dedupe.io.formats.compression import half_of_memory, too_large
from dedupe.records.value_text import column_text

ARROW = b"ARROW1"
"""First bytes of an Arrow IPC file."""

_VALUE = 8
"""Bytes in memory that a value has at least, however small its file is."""

_DAMAGED = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    LookupError,
    MemoryError,  # a damaged length
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
)
"""Errors of polars and Arrow for files that are damaged."""


def parse_parquet(data: bytes, name: str, config: Config) -> Parsed:
    """Read Parquet; nested values become JSON text.

    Raises
    ------
    InputError
        If the bytes are not a Parquet file, or hold more values than ``max_unpacked`` allows.
    """
    try:
        _check_parquet(data, name, config)
        frame = pl.read_parquet(io.BytesIO(data))
    except _DAMAGED as error:
        raise InputError(f"{name} is not a complete Parquet file: {first_line(error)}") from None
    return Parsed(nested_to_json(frame), Dialect(format="parquet"))


def parse_ipc(data: bytes, name: str, config: Config) -> Parsed:
    """Read Arrow IPC (Feather), as a file or a stream; nested values become JSON text.

    Raises
    ------
    InputError
        If the bytes are not Arrow IPC, or are damaged.
    """
    read = pl.read_ipc if data.startswith(ARROW) else pl.read_ipc_stream
    try:
        _check_ipc(data)
        frame = read(io.BytesIO(data))
    except _DAMAGED as error:
        raise InputError(f"{name} is not a complete Arrow IPC file: {first_line(error)}") from None
    return Parsed(nested_to_json(frame), Dialect(format="ipc"))


def _check_ipc(data: bytes) -> None:
    """Check that a file is complete: polars would print the trace of an internal fault."""
    import pyarrow as pa

    source = pa.BufferReader(data)
    is_file = data.startswith(ARROW)
    try:
        opened = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
        opened.read_all().validate(full=True)
    except pa.ArrowNotImplementedError:
        pass  # polars has types that Arrow does not have


def _check_parquet(data: bytes, name: str, config: Config) -> None:
    """Refuse a file whose values do not fit in memory: repeated ones take no room in the file.

    Check that it is complete as well: polars would print the trace of an internal fault.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        facts = pq.read_metadata(pa.BufferReader(data))
    except (pa.ArrowException, OSError, ValueError):
        return  # polars reads more kinds, and names what is damaged
    limit = int(config.max_unpacked * 1e9) if config.max_unpacked else half_of_memory()
    if facts.num_rows * facts.num_columns * _VALUE > limit:
        raise too_large(name, limit)
    try:
        for _ in pq.ParquetFile(pa.BufferReader(data)).iter_batches():
            pass
    except pa.ArrowNotImplementedError:
        pass  # polars has types that Arrow does not have


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as Parquet."""
    buffer = io.BytesIO()
    empty = [s for s in frame if isinstance(s.dtype, pl.Struct) and not s.dtype.fields]
    frame.with_columns(map(column_text, empty)).write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def ipc_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as an Arrow IPC file that every version of Arrow reads."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd", compat_level=pl.CompatLevel.oldest())
    return buffer.getvalue()


def nested_to_json(frame: pl.DataFrame) -> pl.DataFrame:
    """Convert nested values of a frame to JSON text."""
    return frame.with_columns(column_text(series) for series in frame if series.dtype.is_nested())
