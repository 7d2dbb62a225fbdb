"""Excel workbooks: one sheet is read, and every value of an input is text."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from dedupe.config import Config
from dedupe.errors import InputError, OutputError, needs_extra
from dedupe.io.dialect import Dialect, Parsed, first_line
from dedupe.io.formats.compression import ZIP
from dedupe.io.formats.csv_output import cell_text
from dedupe.io.formats.header import column_names, data_in_header, placeholder_names
from dedupe.io.formats.workbook_size import check_workbook

if TYPE_CHECKING:
    from fastexcel import ExcelReader
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

ENDINGS = (".xlsx", ".xlsm", ".xls", ".ods")
"""Endings of workbooks."""

ROWS, COLUMNS, CELL = 1_048_576, 16_384, 32_767
"""Most rows and columns of a sheet, and characters of a cell, by Excel's specification."""

SHEET_NAME = 31
"""Most characters of the name of a sheet."""

NUMBERS = ("cluster_size", "confidence", "similarity", "probability")
"""Columns that dedupe adds: they are numbers in Excel, all others are text."""

WIDTH, SAMPLE = 50, 1_000
"""Widest column, in characters, and rows from which the width of a column is told."""

_MIDNIGHT = r"^\d{4}-\d\d-\d\d 00:00:00$"

_ABOVE = 20
"""Rows at the beginning among which the header is looked for."""

_LISTED = 8

_NOT_IN_XML = ("\ufffe", "\uffff")

_NOT_IN_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f\ufffe\uffff]")


def split_sheet(source: str) -> tuple[str, str | None]:
    """Split ``book.xlsx::SHEET`` into the path and the name of the sheet.

    Examples
    --------
    >>> split_sheet("a/book.xlsx::Data"), split_sheet("a.csv")
    (('a/book.xlsx', 'Data'), ('a.csv', None))
    """
    path, separator, sheet = source.rpartition("::")
    if separator and sheet and path.lower().endswith(ENDINGS) and not Path(source).exists():
        return path, sheet
    return source, None


def parse_excel(data: bytes, name: str, config: Config) -> Parsed:
    """Read a sheet of an Excel workbook; all values become text.

    A column of dates without times of day loses the midnight that Excel adds.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Name of the file in messages.
    config
        ``sheet``, ``header``, ``header_row``, ``skip_rows``, ``rename_duplicates`` and
        ``max_unpacked`` are used.

    Raises
    ------
    InputError
        If the bytes are not a workbook, there is no such sheet, it is empty or begins with other
        rows than the header, or two columns have the same name.
    """
    with needs_extra("excel", "an Excel workbook", InputError):
        import fastexcel
    if data.startswith(ZIP):
        check_workbook(data, name, config.max_unpacked)
    try:
        book = fastexcel.read_excel(data)
        sheets = list(book.sheet_names)
        sheet = _chosen(sheets, config.sheet, name)
        rows, first_column = _rows(book, sheet)
    except (fastexcel.FastExcelError, pl.exceptions.PanicException, ValueError) as error:
        raise InputError(
            f"{name} is not an Excel workbook that can be read: {first_line(error)}"
        ) from None
    others = [other for other in sheets if other != sheet] if config.sheet is None else []
    hint = f"; other sheets: {_listed(others)} (choose with --sheet)" if others else ""
    where = f"sheet {sheet!r} of {name}"
    if not rows.height or not rows.width:
        raise InputError(f"{where} is empty: it needs a header row and rows{hint}")
    skipped = config.skip_rows if config.header_row is None else config.header_row - 1
    first, body, first_row = _split(rows, where, config, skipped, hint)
    if config.header is False:
        names = placeholder_names(body.width)
    else:
        names = column_names(first, where, rename_duplicates=config.rename_duplicates)
    if body.is_empty() or (body.width == 1 and others):
        what = "has a header and no rows" if body.is_empty() else "has one column only"
        if body.is_empty() or config.header is None:
            raise InputError(f"{where} {what}: there is nothing to compare{hint}")
    frame = _without_midnight(body.rename(dict(zip(body.columns, names, strict=True))))
    notes: tuple[str, ...] = ()
    if others:
        notes = (f"{where} was read; it also has {_listed(others)} (choose with --sheet)",)
    if config.header is None:
        notes += data_in_header(first, frame, where)
    return Parsed(frame, Dialect(format="xlsx"), notes, first_row, first_column)


def _chosen(sheets: Sequence[str], named: str | None, name: str) -> str:
    if not sheets:
        raise InputError(f"{name} has no sheets")
    if named is None:
        return sheets[0]
    if named not in sheets:
        raise InputError(f"{name} has no sheet {named!r}; it has {_listed(sheets)}")
    return named


def _listed(sheets: Sequence[str]) -> str:
    more = f" and {len(sheets) - _LISTED} more" if len(sheets) > _LISTED else ""
    return ", ".join(repr(sheet) for sheet in sheets[:_LISTED]) + more


def _rows(book: ExcelReader, sheet: str) -> tuple[pl.DataFrame, int]:
    """Read all rows of a sheet from row 1 as text.

    A row that is blank to its end is left out, and so are empty columns before the first.

    Returns
    -------
    tuple
        The rows, and the number of their first column in the sheet, from 1.
    """
    loaded = book.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
    frame: pl.DataFrame = loaded.to_polars()
    if not frame.width:
        return frame, 1
    first_column = loaded.available_columns()[0].absolute_index + 1
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series().arg_true()
    return (frame.head(int(filled[-1]) + 1) if len(filled) else frame.clear()), first_column


def _split(
    rows: pl.DataFrame, where: str, config: Config, skipped: int, hint: str
) -> tuple[list[str], pl.DataFrame, int]:
    """Split a sheet into the header and the rows below it, and count the rows above these.

    Blank rows above the header are passed over.

    Returns
    -------
    tuple
        The header, the rows below it, and the number of the first of them in the sheet, from 1.
    """
    rows = rows.slice(skipped)
    filled = rows.select(pl.sum_horizontal(pl.all().is_not_null().cast(pl.UInt32))).to_series()
    blank = int((filled > 0).arg_max() or 0)
    if not (filled > 0).any():
        raise InputError(f"{where} has no rows below row {skipped:,}: give a smaller --header-row")
    rows, filled = rows.slice(blank), filled.slice(blank)
    widest = max(filled.head(_ABOVE))
    # A missing name leaves a gap in a header, a title stands in the first cell.
    few = 2 * int(filled[0]) < widest + (rows.row(0)[0] is not None)
    if config.header is None and config.header_row is None and few:
        header = skipped + blank + int((2 * filled.head(_ABOVE) >= widest).arg_max() or 0) + 1
        raise InputError(
            f"row {skipped + blank + 1} of {where} has {filled[0]} of {widest} values: if row "
            f"{header} is the header, use --header-row {header}; if not, use --header{hint}"
        )
    first = [value or "" for value in rows.row(0)]
    above = skipped + blank + 1
    return (first, rows, above) if config.header is False else (first, rows.slice(1), above + 1)


def _without_midnight(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(pl.col(column).str.contains(_MIDNIGHT).all())
        .then(pl.col(column).str.head(10))
        .otherwise(pl.col(column))
        .fill_null("")
        .alias(column)
        for column in frame.columns
    )


def check_excel(frame: pl.DataFrame) -> None:
    """Check that a sheet can hold a frame.

    Raises
    ------
    OutputError
        If it has more rows or columns, longer values or other characters than Excel holds.
    """
    if frame.height + 1 > ROWS:
        raise OutputError(
            f"{frame.height:,} rows are more than an Excel sheet holds: write csv or parquet"
        )
    if frame.width > COLUMNS:
        raise OutputError(
            f"{frame.width:,} columns are more than an Excel sheet holds: write csv or parquet"
        )
    for column in frame:
        values = _cells(column)
        too_long = (values.str.len_chars() > CELL).arg_true()
        if len(too_long) or len(column.name) > CELL:
            row = f"row {int(too_long[0]) + 1:,}" if len(too_long) else "the name"
            raise OutputError(
                f"{row} of column {column.name[:80]!r} is longer than an Excel cell holds: write "
                "csv or parquet"
            )
        for character in _NOT_IN_XML:
            if character in column.name or values.str.contains(character, literal=True).any():
                raise OutputError(
                    f"column {column.name!r} holds the character U+{ord(character):04X}, which an "
                    "Excel workbook cannot hold: write csv or parquet"
                )


def write_excel(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Write tables as the sheets of one Excel workbook; the same tables give the same bytes.

    Each sheet has a header that stays in sight, and filters. Values are text, never a formula or a
    link; only the figures of dedupe are numbers.

    Parameters
    ----------
    tables
        Tables by name.
    path
        File of the workbook.

    Raises
    ------
    OutputError
        As :func:`check_excel`.
    """
    for frame in tables.values():
        check_excel(frame)
    buffer = io.BytesIO()
    with plain_workbook(buffer) as book:
        header = book.add_format({"bold": True})
        for name, frame in zip(_sheet_names(tables), tables.values(), strict=True):
            _fill(book.add_worksheet(name), frame, header)
    path.write_bytes(buffer.getvalue())


def _fill(sheet: Worksheet, frame: pl.DataFrame, header: Format) -> None:
    """Write a frame into an empty sheet."""
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(frame.columns):
        sheet.write_string(0, place, column, header)
        series = frame[column]
        if column.removeprefix("dedupe_") in NUMBERS and _finite(series):
            sheet.write_column(1, place, series.to_list())
            continue
        cells = _cells(series)
        longest = max([len(column) + 3, *cells.head(SAMPLE).str.len_chars()])
        sheet.set_column(place, place, min(longest + 1, WIDTH))
        for row, value in enumerate(cells, start=1):
            if value:
                sheet.write_string(row, place, value)
    if frame.width:
        sheet.autofilter(0, 0, frame.height, frame.width - 1)


def _sheet_names(tables: Iterable[str]) -> list[str]:
    """Name a sheet after each table, within what Excel allows: names differ in more than case."""
    names: list[str] = []
    for table in tables:
        name = _NOT_IN_SHEET_NAME.sub("_", table)[:SHEET_NAME]
        # An apostrophe may stand neither first nor last.
        name = re.sub("^'|'$", "_", name)
        taken = {other.lower() for other in names}
        number, numbered = 1, name
        while numbered.lower() in taken:
            number += 1
            numbered = f"{name[: SHEET_NAME - len(str(number)) - 1]}~{number}"
        names.append(numbered)
    return names


def plain_workbook(buffer: BinaryIO) -> Workbook:
    """Make a workbook, for use in a ``with`` statement, that takes text for nothing but text.

    The same content gives the same bytes.

    Raises
    ------
    OutputError
        If the package that writes workbooks is not installed.
    """
    with needs_extra("excel", "an Excel workbook", OutputError):
        import xlsxwriter

    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, **plain})
    # The default date is that of today, and the file would differ from run to run.
    book.set_properties({"created": datetime(2000, 1, 1)})
    return book


def cell_address(row: int, column: int) -> str:
    """Name a cell as a spreadsheet does, from the numbers of its row and column, from 1.

    Examples
    --------
    >>> cell_address(7, 2), cell_address(1, 28)
    ('B7', 'AB1')
    """
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"


def _finite(series: pl.Series) -> bool:
    """Tell whether all values are numbers that Excel can hold."""
    return series.dtype.is_numeric() and bool(series.is_finite().fill_null(False).all())


def _cells(column: pl.Series) -> pl.Series:
    return cell_text(column).fill_null("")
