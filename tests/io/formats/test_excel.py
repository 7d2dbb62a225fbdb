"""Workbooks: the sheet is chosen and said, and what a sheet cannot hold is refused before it is
written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from dedupe.config import Config
from dedupe.errors import InputError, OutputError
from dedupe.io.dialect import CSV
from dedupe.io.formats.excel import split_sheet
from dedupe.io.sources import open_input
from dedupe.io.tables import read_table, write_table, write_tables

Rows = Sequence[Sequence[object]]
TABLE: Rows = [["id", "name", "city"], [1, "ann", "oslo"], [2, "bob", "rome"]]
EXPECTED = [("1", "ann", "oslo"), ("2", "bob", "rome")]


def book_of(sheets: Mapping[str, Rows], folder: Path) -> Path:
    with xlsxwriter.Workbook(folder / "book.xlsx") as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return folder / "book.xlsx"


@pytest.mark.parametrize("cover", [[], [["Report"], ["2025"]], [["Report", "of", "2025"]]])
def test_a_cover_is_refused_and_the_sheets_are_named(cover: Rows, tmp_path: Path) -> None:
    book = book_of({"Cover": cover, "Data": TABLE}, tmp_path)
    with pytest.raises(InputError, match="other sheets: 'Data' \\(choose with --sheet\\)"):
        read_table(book)
    for table in (read_table(book, sheet="Data"), read_table(f"{book}::Data")):
        assert table.frame.rows() == EXPECTED
        assert table.notes == ()
    with pytest.raises(InputError, match="has no sheet 'data'; it has 'Cover', 'Data'"):
        read_table(book, sheet="data")


def test_the_sheet_that_is_read_is_said(tmp_path: Path) -> None:
    book = book_of({"A": TABLE, "B": TABLE}, tmp_path)
    assert read_table(book).notes == (
        "sheet 'A' of book.xlsx was read; it also has 'B' (choose with --sheet)",
    )


def test_title_rows_are_refused_and_the_header_is_named(tmp_path: Path) -> None:
    book = book_of({"Data": [["Export 2025"], [], *TABLE]}, tmp_path)
    with pytest.raises(InputError, match=r"row 1 .* 1 of 3 values: .* use --header-row 3"):
        read_table(book)
    assert read_table(book, header_row=3).frame.rows() == EXPECTED
    assert read_table(book, skip_rows=2).frame.rows() == EXPECTED
    assert read_table(book, header=True).frame.columns == ["Export 2025", "column_2", "column_3"]
    assert read_table(book, header=False, skip_rows=3).frame.columns == ["c1", "c2", "c3"]
    with pytest.raises(InputError, match="no rows below row 40"):
        read_table(book, header_row=41)


def test_a_gap_in_a_header_is_no_title(tmp_path: Path) -> None:
    book = book_of({"Data": [[None, "name"], [0, "x"], [1, "y"]]}, tmp_path)
    assert read_table(book).frame.columns == ["column_1", "name"]
    book = book_of({"Data": [["name", "name"], [0, "x"]]}, tmp_path)
    assert read_table(book, rename_duplicates=True).frame.columns == ["name", "name_2"]


def test_two_sheets_of_a_book_are_two_inputs(tmp_path: Path) -> None:
    book = book_of({"A": TABLE, "B": TABLE[:2]}, tmp_path)
    opened = open_input([f"{book}::A", f"{book}::B"], Config())
    assert opened.table(Config()).frame.height == 3
    first, second = (open_input(f"{book}::{name}", Config()) for name in "AB")
    assert first.fingerprint != second.fingerprint
    assert [one.stem for one in (first, second)] == [tmp_path / "book-A", tmp_path / "book-B"]
    assert split_sheet("a/b.csv::c") == ("a/b.csv::c", None)


@pytest.mark.slow
def test_cells_far_apart_are_refused(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "x.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "b")
    with pytest.raises(InputError, match="row 1,048,576 and in column 16,384"):
        read_table(tmp_path / "x.xlsx")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({f"c{n}": ["x"] for n in range(16_385)}), "16,385 columns are more"),
        (pl.DataFrame({"a": ["x"] * 1_048_576}), "1,048,576 rows are more"),
        (pl.DataFrame({"a": ["x", "y" * 32_768]}), "row 2 of column 'a' is longer"),
        (pl.DataFrame({"a": ["x\ufffe"]}), "character U\\+FFFE"),
        (pl.DataFrame({"a\uffff": ["x"]}), "character U\\+FFFF"),
    ],
    ids=["columns", "rows", "cell", "FFFE", "FFFF"],
)
def test_what_a_sheet_cannot_hold_is_refused_before_anything_is_written(
    frame: pl.DataFrame, message: str, tmp_path: Path
) -> None:
    tables = {"first": pl.DataFrame({"a": ["x"]}), "second": frame}
    with pytest.raises(OutputError, match=message):
        write_tables(tables, tmp_path, format="xlsx", dialect=CSV)
    assert list(tmp_path.iterdir()) == []


def test_names_of_output_files_stay_in_their_folder(tmp_path: Path) -> None:
    for name in ("../x", "a/b", "a\\b", "..", ""):
        with pytest.raises(OutputError, match="cannot be the name of an output file"):
            write_tables({name: pl.DataFrame({"a": [1]})}, tmp_path, format="csv", dialect=CSV)
    assert list(tmp_path.iterdir()) == []


def test_a_value_with_nul_is_never_written_to_delimited_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": ["x\x00"]})
    with pytest.raises(OutputError, match="holds a NUL character"):
        write_table(frame, tmp_path / "x.csv", format="csv", dialect=CSV)
    for format in ("parquet", "ipc", "sqlite"):
        write_table(frame, tmp_path / f"x.{format}", format=format, dialect=CSV)
        with pytest.raises(InputError, match="row 1: the value of 'a' holds a NUL"):
            read_table(tmp_path / f"x.{format}")
