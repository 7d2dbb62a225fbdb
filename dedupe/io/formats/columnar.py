"""Parquet, Arrow IPC, JSON lines and Excel."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime

import polars as pl

from dedupe.errors import InputError, OutputError, needs_extra
from dedupe.io.dialect import first_line
from dedupe.io.formats.csv import cell_text
from dedupe.records import column_text

EXCEL_ROWS = 1_048_576
"""Most rows of a sheet, by Excel's specification."""

EXCEL_NUMBERS = ("cluster_size", "confidence", "similarity", "probability")
"""Columns that dedupe adds: they are numbers in Excel, all others are text."""
EXCEL_WIDTH, EXCEL_SAMPLE = 50, 1_000
"""Widest column, in characters, and rows from which the width of a column is told."""
EXCEL_CELL = 32_767
"""Most characters of a cell, by Excel's specification."""

ARROW = b"ARROW1"
"""First bytes of an Arrow IPC file."""

_MIDNIGHT = r"^\d{4}-\d\d-\d\d 00:00:00$"


def parse_parquet(data: bytes, name: str) -> pl.DataFrame:
    """Read Parquet; nested values become JSON text.

    Raises
    ------
    InputError
        If the bytes are not a Parquet file.
    """
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{name} is not a complete Parquet file: {first_line(error)}") from None
    return nested_to_json(frame)


def parse_ipc(data: bytes, name: str) -> pl.DataFrame:
    """Read Arrow IPC (Feather), as a file or a stream; nested values become JSON text.

    Raises
    ------
    InputError
        If the bytes are not Arrow IPC.
    """
    read = pl.read_ipc if data.startswith(ARROW) else pl.read_ipc_stream
    try:
        frame = read(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise InputError(f"{name} is not a complete Arrow IPC file: {first_line(error)}") from None
    return nested_to_json(frame)


def parse_jsonl(data: bytes, name: str) -> pl.DataFrame:
    """Read JSON lines, one object per line; nested values become JSON text.

    Raises
    ------
    InputError
        If a line is not a JSON object; the message names the line.
    """
    try:
        frame = pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
    except (pl.exceptions.PolarsError, ValueError) as error:
        _find_bad_line(data, name)
        raise InputError(f"{name} cannot be read as JSON lines: {first_line(error)}") from None
    if frame.width == 0:
        _find_bad_line(data, name)
        raise InputError(f"{name} is empty: it needs one JSON object per line")
    return nested_to_json(frame)


def parse_excel(data: bytes, name: str) -> pl.DataFrame:
    """Read the first sheet of an Excel workbook; all values become text.

    A column of dates without times of day loses the midnight that Excel adds.

    Raises
    ------
    InputError
        If the bytes are not a workbook, the sheet is empty, or two columns have the same name.
    """
    with needs_extra("excel", "an Excel workbook", InputError):
        import fastexcel

    try:
        book = fastexcel.read_excel(data)
        head = book.load_sheet(0, header_row=None, n_rows=1, dtypes="string").to_polars()
        names = [str(value) for value in head.row(0) if value is not None] if head.height else []
        frame = book.load_sheet(0, dtypes="string").to_polars() if names else pl.DataFrame()
    except fastexcel.FastExcelError as error:
        raise InputError(
            f"{name} is not an Excel workbook that can be read: {first_line(error)}"
        ) from None
    if frame.width == 0:
        raise InputError(f"{name} has an empty first sheet: it needs a header row and rows")
    for column in names:
        if names.count(column) > 1:
            raise InputError(f"{name} has two columns named {column!r}: rename one")
    return frame.with_columns(
        pl.when(pl.col(column).str.contains(_MIDNIGHT).all())
        .then(pl.col(column).str.head(10))
        .otherwise(pl.col(column))
        .fill_null("")
        .alias(column)
        for column in frame.columns
    )


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as Parquet."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def ipc_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as an Arrow IPC file that every version of Arrow reads."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd", compat_level=pl.CompatLevel.oldest())
    return buffer.getvalue()


def jsonl_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as JSON lines."""
    return frame.write_ndjson().encode()


def excel_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as an Excel workbook with a header that stays in sight and filters.

    Values are text, never a formula or a link; only the figures of dedupe are numbers.

    Raises
    ------
    OutputError
        If there are more rows, or longer values, than Excel holds.
    """
    with needs_extra("excel", "an Excel workbook", OutputError):
        import xlsxwriter

    if frame.height + 1 > EXCEL_ROWS:
        raise OutputError(
            f"{frame.height:,} rows are more than an Excel sheet holds: write csv or parquet"
        )
    buffer = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, {"in_memory": True, **plain}) as book:
        # The default date is that of today, and the file would differ from run to run.
        book.set_properties({"created": datetime(2000, 1, 1)})
        sheet = book.add_worksheet("dedupe")
        sheet.freeze_panes(1, 0)
        header = book.add_format({"bold": True})
        for place, column in enumerate(frame.columns):
            sheet.write_string(0, place, column, header)
            series = frame[column]
            if column.removeprefix("dedupe_") in EXCEL_NUMBERS and _finite(series):
                sheet.write_column(1, place, series.to_list())
                continue
            texts = cell_text(series).fill_null("")
            longest = max([len(column) + 3, *texts.head(EXCEL_SAMPLE).str.len_chars()])
            sheet.set_column(place, place, min(longest + 1, EXCEL_WIDTH))
            for row, value in enumerate(texts, start=1):
                if len(value) > EXCEL_CELL:
                    raise OutputError(
                        f"row {row:,} of column {column!r} is longer than an Excel cell holds: "
                        "write csv or parquet"
                    )
                if value:
                    sheet.write_string(row, place, value)
        if frame.width:
            sheet.autofilter(0, 0, frame.height, frame.width - 1)
    return buffer.getvalue()


def _finite(series: pl.Series) -> bool:
    """Tell whether all values are numbers that Excel can hold."""
    return series.dtype.is_numeric() and bool(series.is_finite().fill_null(False).all())


def nested_to_json(frame: pl.DataFrame) -> pl.DataFrame:
    """Convert nested values of a frame to JSON text."""
    return frame.with_columns(column_text(series) for series in frame if series.dtype.is_nested())


def _find_bad_line(data: bytes, name: str) -> None:
    """Raise an error that names the first line that is not a JSON object."""
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InputError(f"{name}, line {number}: not JSON ({error}); mend the line") from None
        if not isinstance(value, dict):
            raise InputError(f"{name}, line {number}: not a JSON object; write one per line")


PARSERS: dict[str, Callable[[bytes, str], pl.DataFrame]] = {
    "parquet": parse_parquet,
    "jsonl": parse_jsonl,
    "xlsx": parse_excel,
    "ipc": parse_ipc,
}
"""Function that reads each format."""

WRITERS: dict[str, Callable[[pl.DataFrame], bytes]] = {
    "parquet": parquet_bytes,
    "jsonl": jsonl_bytes,
    "xlsx": excel_bytes,
    "ipc": ipc_bytes,
}
"""Function that writes each format."""
